"""Following a list on a page as if it were a feed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from bot.client.services import Services
from bot.core.models import DispatchKind, Feed
from bot.core.user_errors import RequestRejected
from bot.feeds import fetch_errors
from bot.feeds.discover import convert_list_to_feed
from bot.feeds.fetch_errors import FeedError
from bot.posting.wording import refusal_sentences
from tests.support.clocks import ManualClock
from tests.support.feed_server import FeedServer
from tests.support.outbox_scenario import CHANNEL, SERVER, deliver_pending, deliver_titles, poll_feed

HOUR, DAY = 3_600, 86_400
WORDS = "The council said on Monday that the work begins before winter and that it ends late in the spring."


class Story(NamedTuple):
    """An item of a page; `age` is in days before the start of the test, None without a date."""

    number: int
    age: float | None = None
    path: str = "/news/{}"
    words: str = ""

    @property
    def title(self) -> str:
        return f"Story number {self.number} of the old town"


Render = Callable[[Story, str, str], str]


def render_plain(story: Story, link: str, date: str) -> str:
    time = f"<time datetime={date}>{date}</time>" if date else ""
    return f"<article class=post><h2><a href={link}>{story.title}</a></h2>{time}<p>{story.words}</p></article>"


def render_card(story: Story, link: str, date: str) -> str:
    time = f"<span title={date}>lately</span>" if date else ""
    return (
        f"<section><div class='card x{story.number}'><a class=t href={link}><h3>{story.title}</h3></a>"
        f"<div>{time}<p>{story.words}</p></div></div></section>"
    )


def render_page(clock: ManualClock, stories: Sequence[Story], render: Render = render_plain, around: str = "{}") -> str:
    started_at = 1_780_000_000
    parts = []
    for story in stories:
        date = "" if story.age is None else datetime.fromtimestamp(started_at - story.age * DAY, UTC).date().isoformat()
        parts.append(render(story, story.path.format(story.number), date))
    menu = "<nav><a href=/about>About our old paper</a><a href=/ads>Place a small advert</a></nav>"
    body = around.format("".join(parts))
    return f"<html lang=en><head><title>Town News</title></head><body>{menu}<h1>News</h1>{body}</body></html>"


def make_dated_stories(*numbers: int) -> list[Story]:
    """Make stories of which number 5 is of today, and each lower number a day older."""
    return [Story(number, 5 - number) for number in numbers]


def make_undated_stories(*numbers: int) -> list[Story]:
    return [Story(number) for number in numbers]


class Site:
    """A page at /news and the feed of its list that a channel follows."""

    def __init__(self, newsroom: Services, server: FeedServer, clock: ManualClock) -> None:
        self.newsroom, self.server, self.clock = newsroom, server, clock
        self.feed: Feed | None = None

    def serve_stories(
        self, stories: Sequence[Story], render: Render = render_plain, around: str = "<main>{}</main>"
    ) -> str:
        markup = render_page(self.clock, stories, render, around)
        return self.server.serve("/news", markup, content_type="text/html; charset=utf-8")

    async def follow(self, stories: Sequence[Story], channel: int = CHANNEL) -> list[str]:
        """Follow the list and return the titles that are posted at once."""
        discovery = await self.newsroom.follow_service.resolve(self.serve_stories(stories), SERVER)
        list_discovery = convert_list_to_feed(discovery, discovery.page_lists.lists[0])
        follow_outcome = await self.newsroom.follow_service.follow(list_discovery, server_id=SERVER, channel_id=channel)
        self.feed = follow_outcome.feed
        return await deliver_titles(self.newsroom, channel)

    async def poll(self, hours: float = 1) -> list[str]:
        """Poll again some hours later and return the titles of new posts."""
        assert self.feed is not None
        self.clock.advance(hours * HOUR)
        self.feed = await poll_feed(self.newsroom, self.feed)
        return await deliver_titles(self.newsroom)


@pytest.fixture
def site(newsroom, feed_server, clock) -> Site:
    return Site(newsroom, feed_server, clock)


def list_titles(*numbers: int) -> list[str]:
    return [Story(number).title for number in numbers]


@pytest.mark.parametrize("make_stories", [make_dated_stories, make_undated_stories])
async def test_new_item_of_list_is_posted_once(site, make_stories):
    assert await site.follow(make_stories(5, 4, 3, 2, 1)) == list_titles(5)
    assert site.feed.title == "Town News"
    assert await site.poll() == []
    site.serve_stories(make_stories(7, 6, 5, 4, 3))
    assert await site.poll() == list_titles(6, 7)
    assert await site.poll() == []


@pytest.mark.parametrize("make_stories", [make_dated_stories, make_undated_stories])
@pytest.mark.parametrize("around", ["<div id=app><div><ul class=z>{}</ul></div></div>", "<main>{}</main>"])
async def test_redesign_posts_no_old_items(site, make_stories, around):
    await site.follow(make_stories(5, 4, 3, 2, 1))
    site.serve_stories(make_stories(5, 4, 3, 2, 1, 0, -1, -2, -3, -4), render_card, around)  # with more items
    assert await site.poll() == []
    site.serve_stories(make_stories(6, 5, 4, 3, 2, 1, 0, -1, -2, -3), render_card, around)
    assert await site.poll() == list_titles(6)


@pytest.mark.parametrize("make_stories", [make_dated_stories, make_undated_stories])
async def test_item_with_new_link_is_not_posted_again(site, make_stories):
    await site.follow(make_stories(5, 4, 3, 2, 1))
    site.serve_stories(
        [story._replace(path="/archive/{}.html?s=1") for story in make_stories(6, 5, 4, 3, 2, 1)], render_card
    )
    assert await site.poll() == list_titles(6)
    site.serve_stories([story._replace(path="/archive/{}.html?s=2") for story in make_stories(7, 6, 5, 4, 3, 2)])
    assert await site.poll() == list_titles(7)
    assert await site.poll() == []


async def test_list_is_recognised_when_all_items_are_new(site):
    await site.follow(make_undated_stories(5, 4, 3, 2, 1))
    site.serve_stories(make_undated_stories(10, 9, 8, 7, 6))
    assert await site.poll() == list_titles(6, 7, 8, 9, 10)


async def test_items_appended_at_end_are_posted(site):
    await site.follow(make_undated_stories(1, 2, 3, 4))
    site.serve_stories(make_undated_stories(1, 2, 3, 4, 5, 6))
    assert await site.poll() == list_titles(5, 6)
    site.serve_stories(make_undated_stories(1, 2, 3, 4, 5, 6, 7))
    assert await site.poll() == list_titles(7)


async def test_older_item_that_moves_up_is_not_posted(site):
    await site.follow(make_undated_stories(9, 8, 7, 6, 5))
    site.serve_stories(make_undated_stories(9, 8, 6, 5, 4))
    assert await site.poll() == []
    site.serve_stories(make_undated_stories(10, 9, 8, 6, 5))
    assert await site.poll() == list_titles(10)


async def test_first_words_of_item_are_its_excerpt(site, newsroom):
    stories = [
        story._replace(words=WORDS if story.number == 5 else "23 replies") for story in make_dated_stories(5, 4, 3)
    ]
    await site.follow(stories)
    summary_by_title = {
        article.title: article.summary for article in await newsroom.store.articles.list_newest(None, limit=9)
    }
    assert summary_by_title == {list_titles(5)[0]: WORDS, list_titles(4)[0]: "", list_titles(3)[0]: ""}


def render_shop_link(story: Story, link: str, date: str) -> str:
    return f"<p><a class=m href=/shop{link}>Buy a nice thing {story.number} for your home</a></p>"


async def test_lost_list_sends_one_alert_with_remedy(site, newsroom):
    await site.follow(make_dated_stories(5, 4, 3, 2, 1))
    site.serve_stories(make_dated_stories(9, 8, 7, 6), render_shop_link)
    dispatches = []
    for _ in range(30):
        assert site.feed is not None
        site.clock.advance(HOUR)
        site.feed = await poll_feed(newsroom, site.feed)
        dispatches += [dispatch for dispatch, _articles in await deliver_pending(newsroom)]
    assert [dispatch.kind for dispatch in dispatches] == [DispatchKind.FEED_ALERT]
    assert "can’t find the list of “Town News” anymore" in dispatches[0].payload
    assert "Add the page again" in dispatches[0].payload
    assert site.feed.error == fetch_errors.LIST_NOT_FOUND
    site.serve_stories(make_dated_stories(7, 6, 5, 4, 3))
    site.feed = await poll_feed(newsroom, site.feed)
    back = await deliver_pending(newsroom)
    assert [article.title for _dispatch, articles in back for article in articles] == list_titles(6, 7)
    assert "is back" in next(notice.payload for notice, _ in back if notice.kind is DispatchKind.FEED_ALERT)


async def test_page_that_needs_javascript_is_refused(site, newsroom):
    app = "<html><body><div id=app></div><script src=/app.js></script></body></html>"
    await site.follow(make_dated_stories(3, 2, 1))
    url = site.server.serve("/news", app, content_type="text/html")
    await site.poll()
    assert site.feed.error == fetch_errors.REQUIRES_JAVASCRIPT
    with pytest.raises(RequestRejected) as declined:
        await newsroom.follow_service.resolve(url, SERVER)
    assert "only works with JavaScript" in refusal_sentences.refusal_sentence(declined.value.reason)


async def test_page_disallowed_by_robots_txt_is_neither_offered_nor_polled(site, newsroom, feed_server):
    await site.follow(make_dated_stories(3, 2, 1))
    request_count = feed_server.count("/news")
    feed_server.serve("/robots.txt", "User-agent: *\nDisallow: /news", content_type="text/plain")
    site.serve_stories(make_dated_stories(4, 3, 2, 1))
    assert await site.poll(hours=25) == []  # robots.txt is fetched again after a day
    assert feed_server.count("/news") == request_count
    assert site.feed.error == fetch_errors.ROBOTS_DISALLOWED
    with pytest.raises(FeedError) as error:
        await newsroom.follow_service.resolve(feed_server.origin + "/news", SERVER)
    assert "robots.txt" in str(refusal_sentences.find_error_sentence(error.value))


async def test_two_lists_of_page_are_feeds_with_own_urls(site, newsroom):
    second = "".join(render_shop_link(story, f"/{story.number}", "") for story in make_dated_stories(5, 4, 3, 2, 1))
    url = site.serve_stories(make_dated_stories(5, 4, 3, 2, 1), around=f"<main>{{}}</main><div id=shop>{second}</div>")
    discovery = await newsroom.follow_service.resolve(url, SERVER)
    list_discoveries = [convert_list_to_feed(discovery, page_list) for page_list in discovery.page_lists.lists]
    assert len({list_discovery.feeds[0].url for list_discovery in list_discoveries}) == len(list_discoveries) == 2
    for list_discovery in list_discoveries:
        again = await newsroom.follow_service.resolve(list_discovery.feeds[0].url, SERVER)
        assert again.parsed_feed.entries == list_discovery.parsed_feed.entries if list_discovery.parsed_feed else False


async def test_list_survives_permanent_redirect(site, feed_server):
    await site.follow(make_dated_stories(5, 4, 3))
    feed_server.serve("/stories", render_page(site.clock, make_dated_stories(6, 5, 4, 3)), content_type="text/html")
    feed_server.redirect("/news", "/stories")
    assert await site.poll() == list_titles(6)
    for _ in range(5):
        await site.poll(hours=24)
    assert site.feed.url.startswith(f"{feed_server.origin}/stories#")
