"""A list of a page is followed like a feed: what is new is posted once, whatever becomes of the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from bot.client.services import Services
from bot.core.models import DispatchKind, Feed
from bot.core.user_errors import RequestRejected
from bot.feeds import fetch_errors
from bot.feeds.discover import list_as_feed
from bot.feeds.fetch_errors import FeedError
from bot.posting.wording import refusal_sentences
from tests.answers.desk import CHANNEL, SERVER, polled, sent, titles
from tests.clocks import ManualClock
from tests.feed_server import FeedServer

HOUR, DAY = 3_600, 86_400
WORDS = "The council said on Monday that the work begins before winter and that it ends late in the spring."


class Story(NamedTuple):
    """An item of a page; `age` is in days before the test began, None where the page tells no date."""

    number: int
    age: float | None = None
    path: str = "/news/{}"
    words: str = ""

    @property
    def title(self) -> str:
        return f"Story number {self.number} of the old town"


Render = Callable[[Story, str, str], str]


def plain(story: Story, link: str, date: str) -> str:
    time = f"<time datetime={date}>{date}</time>" if date else ""
    return (
        f"<article class=post><h2><a href={link}>{story.title}</a></h2>{time}<p>{story.words}</p></article>"
    )


def cards(story: Story, link: str, date: str) -> str:
    time = f"<span title={date}>lately</span>" if date else ""
    return (
        f"<section><div class='card x{story.number}'><a class=t href={link}><h3>{story.title}</h3></a>"
        f"<div>{time}<p>{story.words}</p></div></div></section>"
    )


def page(clock: ManualClock, stories: Sequence[Story], render: Render = plain, around: str = "{}") -> str:
    began = 1_780_000_000
    parts = []
    for story in stories:
        date = (
            ""
            if story.age is None
            else datetime.fromtimestamp(began - story.age * DAY, UTC).date().isoformat()
        )
        parts.append(render(story, story.path.format(story.number), date))
    menu = "<nav><a href=/about>About our old paper</a><a href=/ads>Place a small advert</a></nav>"
    body = around.format("".join(parts))
    return f"<html lang=en><head><title>Town News</title></head><body>{menu}<h1>News</h1>{body}</body></html>"


def dated(*numbers: int) -> list[Story]:
    """Stories of which the fifth is of today, and each one before it a day older."""
    return [Story(number, 5 - number) for number in numbers]


def undated(*numbers: int) -> list[Story]:
    return [Story(number) for number in numbers]


class Site:
    """A page at /news and the feed that a channel made of its list."""

    def __init__(self, newsroom: Services, server: FeedServer, clock: ManualClock) -> None:
        self.newsroom, self.server, self.clock = newsroom, server, clock
        self.feed: Feed | None = None

    def show(self, stories: Sequence[Story], render: Render = plain, around: str = "<main>{}</main>") -> str:
        markup = page(self.clock, stories, render, around)
        return self.server.serve("/news", markup, content_type="text/html; charset=utf-8")

    async def follow(self, stories: Sequence[Story], channel: int = CHANNEL) -> list[str]:
        """What is posted at once."""
        found = await self.newsroom.follow_service.resolve(self.show(stories), SERVER)
        chosen = list_as_feed(found, found.page.lists[0])
        done = await self.newsroom.follow_service.follow(chosen, server_id=SERVER, channel_id=channel)
        self.feed = done.feed
        return await titles(self.newsroom, channel)

    async def poll(self, hours: float = 1) -> list[str]:
        """What one more poll brings, some hours later."""
        assert self.feed is not None
        self.clock.advance(hours * HOUR)
        self.feed = await polled(self.newsroom, self.feed)
        return await titles(self.newsroom)


@pytest.fixture
def site(newsroom, feed_server, clock) -> Site:
    return Site(newsroom, feed_server, clock)


def names(*numbers: int) -> list[str]:
    return [Story(number).title for number in numbers]


@pytest.mark.parametrize("made", [dated, undated])
async def test_what_is_new_on_a_page_is_posted_once(site, made):
    assert await site.follow(made(5, 4, 3, 2, 1)) == names(5)
    assert site.feed.title == "Town News"
    assert await site.poll() == []
    site.show(made(7, 6, 5, 4, 3))
    assert await site.poll() == names(6, 7)
    assert await site.poll() == []


@pytest.mark.parametrize("made", [dated, undated])
@pytest.mark.parametrize("around", ["<div id=app><div><ul class=z>{}</ul></div></div>", "<main>{}</main>"])
async def test_a_redesign_posts_nothing_old(site, made, around):
    await site.follow(made(5, 4, 3, 2, 1))
    site.show(made(5, 4, 3, 2, 1, 0, -1, -2, -3, -4), cards, around)  # and shows more of them
    assert await site.poll() == []
    site.show(made(6, 5, 4, 3, 2, 1, 0, -1, -2, -3), cards, around)
    assert await site.poll() == names(6)


@pytest.mark.parametrize("made", [dated, undated])
async def test_what_gets_other_links_is_not_news(site, made):
    await site.follow(made(5, 4, 3, 2, 1))
    site.show([story._replace(path="/archive/{}.html?s=1") for story in made(6, 5, 4, 3, 2, 1)], cards)
    assert await site.poll() == names(6)
    site.show([story._replace(path="/archive/{}.html?s=2") for story in made(7, 6, 5, 4, 3, 2)])
    assert await site.poll() == names(7)
    assert await site.poll() == []


async def test_a_busy_page_of_which_nothing_is_left_is_still_its_list(site):
    await site.follow(undated(5, 4, 3, 2, 1))
    site.show(undated(10, 9, 8, 7, 6))
    assert await site.poll() == names(6, 7, 8, 9, 10)


async def test_a_list_that_grows_at_its_end_is_read_to_the_end(site):
    await site.follow(undated(1, 2, 3, 4))
    site.show(undated(1, 2, 3, 4, 5, 6))
    assert await site.poll() == names(5, 6)
    site.show(undated(1, 2, 3, 4, 5, 6, 7))
    assert await site.poll() == names(7)


async def test_what_comes_after_what_was_removed_is_backlog(site):
    await site.follow(undated(9, 8, 7, 6, 5))
    site.show(undated(9, 8, 6, 5, 4))
    assert await site.poll() == []
    site.show(undated(10, 9, 8, 6, 5))
    assert await site.poll() == names(10)


async def test_the_first_words_of_an_item_are_its_excerpt_and_numbers_are_not(site, newsroom):
    stories = [story._replace(words=WORDS if story.number == 5 else "23 replies") for story in dated(5, 4, 3)]
    await site.follow(stories)
    kept = {article.title: article.summary for article in await newsroom.store.articles.newest(None, limit=9)}
    assert kept == {names(5)[0]: WORDS, names(4)[0]: "", names(3)[0]: ""}


def other(story: Story, link: str, date: str) -> str:
    return f"<p><a class=m href=/shop{link}>Buy a nice thing {story.number} for your home</a></p>"


async def test_a_lost_list_is_told_once_with_its_remedy_and_posts_nothing(site, newsroom):
    await site.follow(dated(5, 4, 3, 2, 1))
    site.show(dated(9, 8, 7, 6), other)
    told = []
    for _ in range(30):
        assert site.feed is not None
        site.clock.advance(HOUR)
        site.feed = await polled(newsroom, site.feed)
        told += [dispatch for dispatch, _articles in await sent(newsroom)]
    assert [dispatch.kind for dispatch in told] == [DispatchKind.FEED_ALERT]
    assert "can’t find the list of “Town News” anymore" in told[0].payload
    assert "Add the page again" in told[0].payload
    assert site.feed.error == fetch_errors.LIST_NOT_FOUND
    site.show(dated(7, 6, 5, 4, 3))
    site.feed = await polled(newsroom, site.feed)
    back = await sent(newsroom)
    assert [article.title for _dispatch, articles in back for article in articles] == names(6, 7)
    assert "is back" in next(each.payload for each, _ in back if each.kind is DispatchKind.FEED_ALERT)


async def test_a_page_that_needs_its_scripts_says_so_at_once_and_later(site, newsroom):
    app = "<html><body><div id=app></div><script src=/app.js></script></body></html>"
    await site.follow(dated(3, 2, 1))
    url = site.server.serve("/news", app, content_type="text/html")
    await site.poll()
    assert site.feed.error == fetch_errors.REQUIRES_JAVASCRIPT
    with pytest.raises(RequestRejected) as declined:
        await newsroom.follow_service.resolve(url, SERVER)
    assert "only works with JavaScript" in refusal_sentences.refusal_sentence(declined.value)


async def test_a_page_that_robots_txt_keeps_to_itself_is_neither_offered_nor_polled(
    site, newsroom, feed_server
):
    await site.follow(dated(3, 2, 1))
    asked = feed_server.count("/news")
    feed_server.serve("/robots.txt", "User-agent: *\nDisallow: /news", content_type="text/plain")
    site.show(dated(4, 3, 2, 1))
    assert await site.poll(hours=25) == []  # after a day robots.txt is asked for anew
    assert feed_server.count("/news") == asked
    assert site.feed.error == fetch_errors.ROBOTS_DISALLOWED
    with pytest.raises(FeedError) as error:
        await newsroom.follow_service.resolve(feed_server.origin + "/news", SERVER)
    assert "robots.txt" in str(refusal_sentences.sentence_for(error.value))


async def test_two_lists_of_a_page_are_two_feeds_and_each_is_found_by_its_address(site, newsroom):
    second = "".join(other(story, f"/{story.number}", "") for story in dated(5, 4, 3, 2, 1))
    url = site.show(dated(5, 4, 3, 2, 1), around=f"<main>{{}}</main><div id=shop>{second}</div>")
    found = await newsroom.follow_service.resolve(url, SERVER)
    both = [list_as_feed(found, each) for each in found.page.lists]
    assert len({each.feeds[0].url for each in both}) == len(both) == 2
    for each in both:
        again = await newsroom.follow_service.resolve(each.feeds[0].url, SERVER)
        assert again.parsed.entries == each.parsed.entries if each.parsed else False


async def test_a_page_that_moves_for_good_keeps_its_list(site, feed_server):
    await site.follow(dated(5, 4, 3))
    feed_server.serve("/stories", page(site.clock, dated(6, 5, 4, 3)), content_type="text/html")
    feed_server.redirect("/news", "/stories")
    assert await site.poll() == names(6)
    for _ in range(5):
        await site.poll(hours=24)
    assert site.feed.url.startswith(f"{feed_server.origin}/stories#")
