"""Page texts in watches, posts, answers and /why."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from html import escape

import pytest

from bot.client.services import open_services
from bot.core.models import Feed
from tests.support.discord_world import World, open_world
from tests.support.feed_server import FeedServer, make_rss
from tests.support.interactions import read_message_text, read_reply_text
from tests.support.scenario import START, run_why

TEASER = "A small firm in Leeds has built a battery that charges in four minutes…"
PAGE_REMAINDER = (
    "The cells lose a tenth of their capacity after two thousand charges, the engineers say, which is what "
    "others lose after half as many. Production is planned in a hall that once made looms for Huddersfield."
)
PAGE = (
    "<html><head><meta charset=utf-8></head><body><article><p>A small firm in Leeds has built a battery that "
    f"charges in four minutes.</p><p>{PAGE_REMAINDER}</p></article></body></html>"
)


@pytest.fixture(params=["search", "always"])
async def world(request, settings, clock, empty_database) -> AsyncIterator[World]:
    shutil.copy(empty_database, settings.database)
    full_text_settings = replace(settings, full_text=request.param)
    async with open_services(full_text_settings, clock) as newsroom, open_world(newsroom, clock) as opened_world:
        yield opened_world


class TeaserFeed:
    """A followed feed of teasers and the pages that they link to."""

    def __init__(self, world: World, server: FeedServer) -> None:
        self.world, self.server = world, server
        self.entries: list[str] = []
        self.feed: Feed | None = None

    async def publish_teaser(self, number: int, teaser: str = TEASER, page: str = PAGE) -> str:
        """Publish and post an article whose page is not fetched yet; return its URL."""
        path = f"/a/{number}"
        self.server.serve(path, page, content_type="text/html")
        link = f"{self.server.origin}{path}"
        self.entries.insert(
            0,
            f"<item><title>Battery {number}</title><link>{link}</link><guid>g{number}</guid>"
            f"<description>{escape(teaser)}</description></item>",
        )
        url = self.server.serve("/feed", make_rss(*self.entries))
        if self.feed is None:
            self.feed = await self.world.follow(url)
        await self.world.poll(self.feed)
        await self.world.deliver()
        return link

    async def read_due_pages(self) -> None:
        """Fetch the pages that are due and deliver the notifications."""
        await self.world.bot.services.full_text_fetcher.fetch_due([self.feed.id], max_seconds=30, wait_for_host=False)
        await self.world.deliver()

    def list_notifications(self) -> list[str]:
        """List the notifications of watches that the reader got."""
        direct_message_texts = map(read_message_text, self.world.posts(self.world.reader.user.dm_channel))
        return [notice for notice in direct_message_texts if notice.startswith("New for")]


@pytest.fixture
async def teaser_feed(world, feed_server) -> TeaserFeed:
    new_teaser_feed = TeaserFeed(world, feed_server)
    await new_teaser_feed.publish_teaser(1)
    await new_teaser_feed.read_due_pages()
    return new_teaser_feed


async def test_watch_matches_words_of_page(teaser_feed):
    await teaser_feed.world.reader.slash(teaser_feed.world.news, "watch add", query="huddersfield")
    await teaser_feed.publish_teaser(2)
    assert teaser_feed.list_notifications() == []
    await teaser_feed.read_due_pages()
    (notice,) = teaser_feed.list_notifications()
    assert "Battery 2" in notice


async def test_watch_matched_by_teaser_is_not_notified_again(teaser_feed):
    await teaser_feed.world.reader.slash(teaser_feed.world.news, "watch add", query="battery")
    await teaser_feed.publish_teaser(2)
    await teaser_feed.read_due_pages()
    await teaser_feed.world.advance(3600)
    await teaser_feed.world.deliver()
    assert len(teaser_feed.list_notifications()) == 1


async def test_watch_ignores_pages_of_backlog(world, feed_server):
    teaser_feed = TeaserFeed(world, feed_server)
    await world.follow(feed_server.serve("/other", make_rss(title="Other")))
    await world.run_as_reader("watch add", query="huddersfield")
    await teaser_feed.publish_teaser(1)
    await teaser_feed.read_due_pages()
    assert teaser_feed.list_notifications() == []


async def test_post_does_not_wait_for_page_nor_count_as_corrected(teaser_feed):
    await teaser_feed.publish_teaser(2)
    post = teaser_feed.world.posts()[-1]
    assert teaser_feed.server.count("/a/2") == 0
    assert "four minutes…" in read_message_text(post)
    await teaser_feed.read_due_pages()
    await teaser_feed.world.advance(3600)
    await teaser_feed.world.deliver()
    assert len(teaser_feed.world.posts()) == 2
    assert "Corrected" not in read_message_text(teaser_feed.world.posts()[-1])


async def test_page_text_is_posted_only_with_setting(teaser_feed):
    await teaser_feed.publish_teaser(2, teaser="")
    await teaser_feed.read_due_pages()
    await teaser_feed.world.advance(3600)
    await teaser_feed.world.deliver()
    post_text = read_message_text(teaser_feed.world.posts()[-1])
    shows_page_text = teaser_feed.world.bot.services.settings.full_text == "always"
    assert ("A small firm in Leeds" in post_text) == shows_page_text
    assert "Corrected" not in post_text


async def test_answer_quotes_page(teaser_feed):
    answer = await teaser_feed.world.reader.slash(
        teaser_feed.world.news, "ask", question="What did the hall in which production is planned once make?"
    )
    assert "once made looms" in read_reply_text(answer)


@pytest.mark.parametrize(
    ("options", "expected_text"),
    [
        ({}, "I read the page"),
        ({"page": "<html><body><p>Nothing.</p></body></html>"}, "I found no article on it."),
    ],
)
async def test_why_reports_page_fetch(teaser_feed, options, expected_text):
    link = await teaser_feed.publish_teaser(2, **options)
    answer = await teaser_feed.world.reader.slash(teaser_feed.world.news, "why", link=link)
    assert "I’m about to read the page" in read_reply_text(answer)
    await teaser_feed.read_due_pages()
    answer = await teaser_feed.world.reader.slash(teaser_feed.world.news, "why", link=link)
    assert expected_text in read_reply_text(answer)
    assert f"<t:{START}:f>" in read_reply_text(answer)


async def test_why_reports_robots_txt(world, feed_server):
    feed_server.serve("/robots.txt", "User-agent: *\nDisallow: /", content_type="text/plain")
    teaser_feed = TeaserFeed(world, feed_server)
    link = await teaser_feed.publish_teaser(1)
    await teaser_feed.read_due_pages()
    reply_text = await run_why(world, link)
    assert "Its publisher doesn’t allow bots (robots.txt)." in reply_text
