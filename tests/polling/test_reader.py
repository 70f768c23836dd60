"""Fetching the full texts of articles from their pages."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from html import escape

import pytest
from aiohttp import web

from bot.cli.article_files import import_lines
from bot.client.services import Services, open_services
from bot.core.models import Article
from bot.feeds import fetch_errors
from bot.polling.full_text_fetcher import MAX_ATTEMPTS
from bot.store.content import page_fetches
from bot.store.records.content_records import PageFetchOutcome
from tests.support.feed_server import FeedServer, make_rss
from tests.support.outbox_scenario import follow_feed, poll_feed
from tests.support.shared_data import require_shared_path

TEASER = "A small firm in Leeds has built a battery that charges in four minutes…"
FULL_TEXT_END = (
    "The cells lose a tenth of their capacity after two thousand charges, the engineers say, which is what "
    "others lose after half as many. Production is planned in a hall that once made looms for Huddersfield."
)
PAGE = f"""<!doctype html><html><head><meta charset=utf-8><title>Battery - Courier</title></head><body>
<nav><a href=/>Home</a></nav><article><h1>Battery</h1>
<p>A small firm in Leeds has built a battery that charges in four minutes, and showed it on Tuesday.</p>
<p>{FULL_TEXT_END}</p><p>Read more: Trams return</p></article><footer>All rights
    reserved</footer></body></html>"""


@pytest.fixture
async def reading_newsroom(settings, clock):
    async with open_services(replace(settings, full_text="search"), clock) as newsroom:
        yield newsroom


def build_item(number: int, link: str, text: str = TEASER) -> str:
    return (
        f"<item><title>Battery {number}</title><link>{escape(link)}</link><guid>g{number}</guid>"
        f"<description>{escape(text)}</description></item>"
    )


def serve_feed_with_pages(server: FeedServer, *numbers: int, text: str = TEASER) -> str:
    """Serve a feed with an entry for each number, and their pages."""
    for number in numbers:
        server.serve(f"/a/{number}", PAGE, content_type="text/html")
    links = [build_item(number, f"{server.origin}/a/{number}", text) for number in numbers]
    return server.serve("/feed", make_rss(*links))


async def poll_and_fetch_pages(newsroom: Services, url: str) -> list[Article]:
    """Poll a feed, fetch the pages that are due and return its articles, newest first."""
    feed = await poll_feed(newsroom, await follow_feed(newsroom, url))
    await newsroom.full_text_fetcher.fetch_due([feed.id], max_seconds=30, wait_for_host=False)
    return await newsroom.store.articles.list_newest([feed.id], limit=200)


async def load_fetch_outcome(newsroom: Services, article: Article) -> str | None:
    return (await newsroom.store.page_fetches.load_by_article_ids([article.id]))[article.id].outcome


async def test_search_finds_words_of_page_only(reading_newsroom, feed_server):
    (article,) = await poll_and_fetch_pages(reading_newsroom, serve_feed_with_pages(feed_server, 1))
    assert article.text == TEASER
    assert article.body.endswith(FULL_TEXT_END)
    assert "rights" not in article.body
    assert article.updated_at is None
    assert article.corrected_at is None
    page = await reading_newsroom.searcher.search("looms Huddersfield", feed_ids=None, limit=5)
    assert [hit.article.id for hit in page.results] == [article.id]
    assert "looms" in page.results[0].snippet
    assert await load_fetch_outcome(reading_newsroom, article) == PageFetchOutcome.FETCHED


async def test_page_text_survives_change_of_entry(reading_newsroom, feed_server):
    url = serve_feed_with_pages(feed_server, 1)
    (article,) = await poll_and_fetch_pages(reading_newsroom, url)
    feed_server.serve("/feed", make_rss(build_item(1, article.url, TEASER + " A correction.")))
    (again,) = await poll_and_fetch_pages(reading_newsroom, url)
    assert again.id == article.id
    assert again.text.endswith("A correction.")
    assert again.body == article.body
    assert feed_server.count("/a/1") == 1
    assert feed_server.count("/robots.txt") == 1


async def test_page_of_complete_article_is_not_fetched(reading_newsroom, feed_server):
    (article,) = await poll_and_fetch_pages(
        reading_newsroom, serve_feed_with_pages(feed_server, 1, text=f"{TEASER[:-1]}.\n\n{FULL_TEXT_END * 5}")
    )
    assert feed_server.count("/a/1") == 0
    assert not await reading_newsroom.store.page_fetches.load_by_article_ids([article.id])


async def test_no_page_is_fetched_when_setting_is_never(newsroom, feed_server):
    (article,) = await poll_and_fetch_pages(newsroom, serve_feed_with_pages(feed_server, 1))
    assert article.body == TEASER
    assert feed_server.count("/a/1") == 0


async def test_only_newest_pages_of_backlog_are_fetched(reading_newsroom, feed_server):
    articles = await poll_and_fetch_pages(reading_newsroom, serve_feed_with_pages(feed_server, *range(20)))
    outcomes = [await load_fetch_outcome(reading_newsroom, article) for article in articles]
    assert (
        outcomes
        == [PageFetchOutcome.FETCHED] * page_fetches.MAX_BACKLOG_FETCHES + [PageFetchOutcome.BACKLOG_SKIPPED] * 15
    )


async def test_pages_of_feed_are_limited_per_day(reading_newsroom, feed_server, clock, monkeypatch):
    monkeypatch.setattr(page_fetches, "MAX_FETCHES_PER_DAY", 3)
    await poll_and_fetch_pages(reading_newsroom, serve_feed_with_pages(feed_server, 0))
    clock.advance(3600)
    articles = await poll_and_fetch_pages(reading_newsroom, serve_feed_with_pages(feed_server, *range(6)))
    outcomes = [await load_fetch_outcome(reading_newsroom, article) for article in articles]
    assert outcomes.count(PageFetchOutcome.FETCHED) == 3
    assert outcomes.count(PageFetchOutcome.TOO_MANY) == 3
    clock.advance(page_fetches.DAY_SECONDS - 1800)  # Two pages were fetched within a day.
    article, *_ = await poll_and_fetch_pages(reading_newsroom, serve_feed_with_pages(feed_server, 6))
    assert await load_fetch_outcome(reading_newsroom, article) == PageFetchOutcome.FETCHED


async def test_feed_with_many_pages_does_not_delay_others(reading_newsroom, feed_server, clock):
    quiet = await follow_feed(reading_newsroom, serve_feed_with_pages(feed_server, 1))
    await poll_feed(reading_newsroom, quiet)
    loud = await follow_feed(
        reading_newsroom, feed_server.serve("/loud", make_rss(build_item(99, f"{feed_server.origin}/l")))
    )
    await poll_feed(reading_newsroom, loud)
    clock.advance(3600)
    feed_server.serve("/loud", make_rss(*(build_item(n, f"{feed_server.origin}/l/{n}") for n in range(100, 150))))
    await poll_feed(reading_newsroom, loud)
    pages_to_read = await reading_newsroom.store.page_fetches.claim_due(2)
    assert {page.url.removeprefix(feed_server.origin) for page in pages_to_read} == {"/l/100", "/a/1"}


async def test_page_with_secret_url_is_not_fetched(reading_newsroom, feed_server):
    feed_server.serve("/a/1", PAGE, content_type="text/html")
    link = f"{feed_server.origin}/a/1?token=0123456789abcdef0123456789abcdef"
    (article,) = await poll_and_fetch_pages(reading_newsroom, feed_server.serve("/feed", make_rss(build_item(1, link))))
    assert await load_fetch_outcome(reading_newsroom, article) == PageFetchOutcome.PRIVATE
    assert feed_server.count("/a/1") == 0


async def test_pages_of_feed_with_password_are_not_fetched(reading_newsroom, feed_server):
    url = serve_feed_with_pages(feed_server, 1).replace("http://", "http://me:secret@")
    feed = await reading_newsroom.store.feeds.add(url, server_id=1)
    await reading_newsroom.poller.poll(feed)
    await reading_newsroom.full_text_fetcher.fetch_due([feed.id], max_seconds=30, wait_for_host=False)
    (article,) = await reading_newsroom.store.articles.list_newest([feed.id], limit=5)
    assert await load_fetch_outcome(reading_newsroom, article) == PageFetchOutcome.PRIVATE
    assert feed_server.count("/a/1") == 0


@pytest.mark.parametrize("agent", ["*", "Telex", "telex"])
async def test_page_disallowed_by_robots_txt_is_not_fetched(reading_newsroom, feed_server, agent):
    feed_server.serve("/robots.txt", f"User-agent: {agent}\nDisallow: /a/\n", content_type="text/plain")
    (article,) = await poll_and_fetch_pages(reading_newsroom, serve_feed_with_pages(feed_server, 1))
    assert await load_fetch_outcome(reading_newsroom, article) == fetch_errors.ROBOTS_DISALLOWED
    assert article.body == TEASER
    assert feed_server.count("/a/1") == 0


async def test_failing_page_is_tried_limited_times(reading_newsroom, feed_server, clock):
    url = serve_feed_with_pages(feed_server, 1)
    feed_server.serve("/a/1", status=503, content_type="text/html")
    (article,) = await poll_and_fetch_pages(reading_newsroom, url)
    assert await load_fetch_outcome(reading_newsroom, article) == "http-503"
    for _ in range(9):
        clock.advance(7200)
        await reading_newsroom.full_text_fetcher.fetch_due([article.feed_id], max_seconds=30, wait_for_host=False)
    assert feed_server.count("/a/1") == MAX_ATTEMPTS
    (page_fetch,) = (await reading_newsroom.store.page_fetches.load_by_article_ids([article.id])).values()
    assert (page_fetch.outcome, page_fetch.due_at) == ("http-503", None)


async def test_page_is_fetched_at_second_attempt(reading_newsroom, feed_server, clock):
    url = serve_feed_with_pages(feed_server, 1)
    feed_server.serve("/a/1", status=500, content_type="text/html")
    (article,) = await poll_and_fetch_pages(reading_newsroom, url)
    serve_feed_with_pages(feed_server, 1)
    clock.advance(7200)
    assert (
        await reading_newsroom.full_text_fetcher.fetch_due([article.feed_id], max_seconds=30, wait_for_host=False) == 1
    )


async def test_interrupted_page_fetch_is_repeated_after_restart(settings, clock, feed_server):
    settings = replace(settings, full_text="search")
    request_started = asyncio.Event()

    async def answer_never(_request: web.Request) -> web.Response:
        request_started.set()
        await asyncio.sleep(60)
        return web.Response()

    async with open_services(settings, clock) as newsroom:
        feed = await poll_feed(newsroom, await follow_feed(newsroom, serve_feed_with_pages(feed_server, 1)))
        feed_server.handle("/a/1", answer_never)
        task = asyncio.create_task(newsroom.full_text_fetcher.run())
        await asyncio.wait_for(request_started.wait(), 20)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    serve_feed_with_pages(feed_server, 1)
    clock.advance(3600)
    async with open_services(settings, clock) as newsroom:
        assert await newsroom.full_text_fetcher.fetch_due([feed.id], max_seconds=30, wait_for_host=False) == 1


async def test_loop_fetches_due_pages(reading_newsroom, feed_server):
    feed = await poll_feed(reading_newsroom, await follow_feed(reading_newsroom, serve_feed_with_pages(feed_server, 1)))
    has_read_page = asyncio.Event()
    reading_newsroom.cluster_events.subscribe("outbox", has_read_page.set)
    task = asyncio.create_task(reading_newsroom.full_text_fetcher.run())
    await asyncio.wait_for(has_read_page.wait(), 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    (article,) = await reading_newsroom.store.articles.list_newest([feed.id], limit=5)
    assert article.body.endswith(FULL_TEXT_END)


async def test_page_of_two_feeds_is_fetched_once(reading_newsroom, feed_server):
    url = serve_feed_with_pages(feed_server, 1)
    await poll_and_fetch_pages(reading_newsroom, url)
    other_url = feed_server.serve("/other", make_rss(build_item(1, f"{feed_server.origin}/a/1"), title="Other"))
    (article,) = await poll_and_fetch_pages(reading_newsroom, other_url)
    assert article.body.endswith(FULL_TEXT_END)
    assert feed_server.count("/a/1") == 1


async def test_consent_form_is_not_stored_as_article(reading_newsroom, feed_server):
    url = serve_feed_with_pages(feed_server, 1)
    words = "We and our 812 partners store cookies on devices to measure audiences and to choose content. "
    feed_server.serve("/a/1", f"<html><body><p>{words * 9}</p></body></html>", content_type="text/html")
    (article,) = await poll_and_fetch_pages(reading_newsroom, url)
    assert await load_fetch_outcome(reading_newsroom, article) == fetch_errors.UNRELATED_PAGE
    assert article.body == TEASER


async def test_purging_texts_deletes_page_text(reading_newsroom, feed_server, clock):
    (article,) = await poll_and_fetch_pages(reading_newsroom, serve_feed_with_pages(feed_server, 1))
    clock.advance(86_400)
    assert await reading_newsroom.store.articles.purge_texts(clock.now()) == 1
    forgotten = await reading_newsroom.store.articles.get(article.id)
    assert forgotten.body == ""
    page = await reading_newsroom.searcher.search("looms Huddersfield", feed_ids=None, limit=5)
    assert not page.results


async def test_page_of_purged_article_is_not_fetched(reading_newsroom, feed_server, clock):
    feed = await poll_feed(reading_newsroom, await follow_feed(reading_newsroom, serve_feed_with_pages(feed_server, 1)))
    clock.advance(86_400)
    await reading_newsroom.store.articles.purge_texts(clock.now())
    assert await reading_newsroom.full_text_fetcher.fetch_due([feed.id], max_seconds=30, wait_for_host=False) == 0
    assert feed_server.count("/a/1") == 0


async def test_search_ignores_boilerplate_of_imported_article(newsroom):
    seed_text = (require_shared_path("seed") / "article.fr.txt").read_text(encoding="utf-8")
    row = json.dumps({"url": "https://news.example/seed", "title": "Amazon et la police", "text": seed_text})
    await import_lines(newsroom, io.BytesIO(row.encode()))
    (article,) = await newsroom.store.articles.list_newest(None, limit=5)
    assert article.text.split() == seed_text.split()
    assert "Crédits" not in article.body
    for words, expected_count in (
        ("Rekognition", 1),
        ("OpenMIC", 0),
        ("justlogopremiumblack", 0),
        ("innovations bar", 0),
    ):
        page = await newsroom.searcher.search(words, feed_ids=None, limit=5)
        assert len(page.results) == expected_count
