"""Real feeds and their recorded versions, from HTTP to the outbox."""

from __future__ import annotations

import asyncio
import calendar
import io
import json
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import feedparser
import pytest

from bot.client.services import Services, open_services
from bot.core.models import Feed
from bot.polling.poll_recorder import PollOutcome
from bot.text.urls import canonicalize
from tests.support.clocks import ManualClock
from tests.support.feed_server import FeedServer
from tests.support.outbox_scenario import deliver_pending, follow_feed
from tests.support.shared_data import require_shared_path

TYPES = {".atom": "application/atom+xml", ".rdf": "application/rdf+xml", ".rss": "text/xml; charset=utf-8"}
FOLDERS = ("en_blogs_2026", "en_tech", "fr")
POLLS = 20
"""Number of polls replayed of each feed; `benchmarks/moves.py` replays more."""


@pytest.mark.parametrize("folder", FOLDERS)
async def test_repeated_poll_of_real_feed_adds_no_article(folder, newsroom, feed_server):
    files = sorted(path for path in require_shared_path(f"feeds/real/{folder}").iterdir() if path.suffix in TYPES)[::12]

    def serve(path: Path, end: bytes = b""):
        body = path.read_bytes() + end
        return feed_server.serve(f"/{path.name}", body, content_type=TYPES[path.suffix], etag=False)

    feeds = {path: await newsroom.store.feeds.add(serve(path)) for path in files}
    first = await _poll_all(newsroom, feeds)
    empty = [path.name for path in files if not first[path].new_count and _has_entries(path)]
    assert empty == []
    assert {report.outcome for report in first.values()} == {PollOutcome.NEW}
    count = await newsroom.store.articles.count()
    assert count == sum(report.new_count for report in first.values())
    # Other bytes, same entries: all of them are parsed and compared again.
    for path in files:
        serve(path, b"<!-- again -->")
    again = await _poll_all(newsroom, {path: report.feed for path, report in first.items()})
    assert {report.outcome for report in again.values()} == {PollOutcome.UNCHANGED}
    assert await newsroom.store.articles.count() == count


async def _poll_all(newsroom: Services, feeds: dict[Path, Feed]):
    reports = await asyncio.gather(*(newsroom.poller.poll(feed, wait_for_host=False) for feed in feeds.values()))
    return dict(zip(feeds, reports, strict=True))


def _has_entries(path: Path) -> bool:
    return bool(feedparser.parse(io.BytesIO(path.read_bytes())).entries)


@pytest.mark.parametrize("name", ["claude", "cursor", "npr", "ollama"])
async def test_each_new_entry_of_recorded_feed_is_posted_once(name, settings, feed_server):
    with (require_shared_path(f"feeds/replay/{name}") / "truth.jsonl").open() as lines:
        history = [json.loads(line) for line in islice(lines, POLLS)]
    clock = ManualClock(_parse_timestamp(history[0]["poll"]))
    async with open_services(replace(settings, catch_up_after=100), clock) as newsroom:
        feed = await follow_feed(newsroom, feed_server.origin + "/feed")
        (first,) = await _poll_version(newsroom, feed, feed_server, clock, name, history[0])
        backlog = await newsroom.store.articles.list_newest([feed.id], limit=1000)
        assert first == backlog[0].url
        seen_urls = {article.url for article in backlog}
        withdrawn: set[str] = set()
        for version in history[1:]:
            posted = await _poll_version(newsroom, feed, feed_server, clock, name, version)
            new = {canonicalize(entry["link"]) for entry in version["new"]} - seen_urls  # what came back is not new
            assert sorted(posted) == sorted(new), version["poll"]
            seen_urls |= new
            stored_articles = await newsroom.store.articles.list_newest([feed.id], limit=1000)
            now_withdrawn = {article.url for article in stored_articles if article.retracted_at is not None}
            assert withdrawn <= now_withdrawn, "retracted although it came back"
            withdrawn = now_withdrawn
        assert await newsroom.store.articles.count() == len(seen_urls)


async def _poll_version(
    newsroom: Services, feed: Feed, server: FeedServer, clock: ManualClock, name: str, version: dict[str, str]
) -> list[str]:
    clock.advance(_parse_timestamp(version["poll"]) - clock.now())
    server.serve("/feed", (require_shared_path(f"feeds/replay/{name}") / f"{version['poll']}.xml").read_bytes())
    stored = await newsroom.store.feeds.get(feed.id)
    assert stored is not None
    report = await newsroom.poller.poll(stored, wait_for_host=False)
    assert report.error_code is None
    return [article.url for _, articles in await deliver_pending(newsroom) for article in articles]


def _parse_timestamp(stamp: str) -> int:
    return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
