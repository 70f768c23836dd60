"""Ingest quotas and fair shares of feeds and servers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from aiohttp import web

from bot.client.services import Services
from bot.core.models import Dispatch, DispatchKind, Feed
from bot.polling import ingest_quota
from bot.posting.wording.post_explanations import explain_link
from bot.store.records.source_records import OverQuotaKind
from tests.polling.test_poller_loop import run_poller, wait_until_polled
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.outbox_scenario import CHANNEL, SERVER, deliver_pending, follow_feed, poll_feed
from tests.support.wire.waiting import wait_until


def list_alert_texts(deliveries: Sequence[tuple[Dispatch, object]]) -> list[str]:
    return [dispatch.payload for dispatch, _ in deliveries if dispatch.kind is DispatchKind.FEED_ALERT]


@pytest.fixture
def small_quotas(monkeypatch) -> None:
    """Quotas of ten entries per feed and about eleven articles per server; requested before `newsroom`."""
    monkeypatch.setattr(ingest_quota, "FEED_QUOTA_ENTRIES", 10)
    monkeypatch.setattr(ingest_quota, "SERVER_QUOTA_BYTES", 50_000)
    monkeypatch.setattr(ingest_quota, "MIN_ENTRIES_OF_NEW_FEED", 1)


async def count_posts_and_alerts(newsroom: Services) -> tuple[int, list[str]]:
    """Deliver what is pending and return the number of posted articles and the alerts."""
    deliveries = await deliver_pending(newsroom)
    return sum(len(articles) for _, articles in deliveries), list_alert_texts(deliveries)


async def test_entries_beyond_feed_quota_are_counted_and_not_posted(small_quotas, newsroom, feed_server, clock):
    first = [make_rss_item(number) for number in range(5)]
    feed = await poll_feed(newsroom, await follow_feed(newsroom, feed_server.serve("/", make_rss(*first))))
    await count_posts_and_alerts(newsroom)
    clock.advance(600)
    flood = [make_rss_item(number) for number in range(100, 120)]
    feed_server.serve("/", make_rss(*flood, *first))
    feed = await poll_feed(newsroom, feed)
    post_count, alerts = await count_posts_and_alerts(newsroom)
    assert post_count == 5
    assert len(alerts) == 1
    assert alerts[0].startswith("The feed “Example News” brings more articles than I can keep.")
    overflow = await newsroom.store.quota_overflows.get_by_feed(feed.id)
    assert (overflow.kind, overflow.entry_count, overflow.first_at) == (OverQuotaKind.ENTRIES, 15, clock.now())
    assert feed.next_poll_at - clock.now() >= ingest_quota.FIRST_CHANGE_WAIT_SECONDS // 4
    explanation = await explain_link(newsroom.store, "https://news.example/articles/119")
    assert [(omission.feed.id, omission.dropped_at) for omission in explanation.dropped_entries] == [
        (feed.id, overflow.first_at)
    ]
    # They are not new while they stay in the document, even with quota left.
    clock.advance(10**6)
    feed_server.serve("/", make_rss(make_rss_item(121), *flood, *first))
    await poll_feed(newsroom, feed)
    assert await count_posts_and_alerts(newsroom) == (1, [])


@pytest.mark.parametrize("titles", ["the same", "others"])
async def test_feed_that_renames_entries_is_silenced_with_one_alert(newsroom, feed_server, clock, titles):
    feed = await follow_feed(
        newsroom, feed_server.serve("/", make_rss(*(make_rss_item(number) for number in range(5))))
    )
    post_count = 0
    alerts: list[str] = []
    for poll_number in range(1, 30):
        feed = await poll_feed(newsroom, feed)
        clock.advance(max(feed.next_poll_at - clock.now(), 0))
        numbers = range(poll_number * 100, poll_number * 100 + 5)
        title = "Story {}" if titles == "the same" else "Story {} of {}"
        entries = [
            make_rss_item(number, title=title.format(number % 100, poll_number), body="Words.") for number in numbers
        ]
        feed_server.serve("/", make_rss(*entries))
        count, new_alerts = await count_posts_and_alerts(newsroom)
        post_count += count
        alerts += new_alerts
    assert post_count <= 1 + 6 * 5
    assert len(alerts) == 1
    assert "renames all its entries" in alerts[0]
    assert await newsroom.store.articles.count() <= 7 * 5
    # Entries that keep their names are distinguished again.
    feed = await poll_feed(newsroom, feed)
    feed_server.serve("/", make_rss(make_rss_item(9999, title="Fresh"), *entries))
    clock.advance(86_400)
    await poll_feed(newsroom, feed)
    assert await count_posts_and_alerts(newsroom) == (1, [])


async def test_alternating_titles_are_edited_rarely_with_one_alert(newsroom, feed_server, clock):
    feed = await follow_feed(newsroom, feed_server.serve("/", make_rss()))
    feed = await poll_feed(newsroom, feed)
    edits = 0
    alerts: list[str] = []
    for poll_number in range(60):
        entries = [make_rss_item(number, title=f"Title {number} {'AB'[poll_number % 2]}") for number in range(5)]
        feed_server.serve("/", make_rss(*entries))
        feed = await poll_feed(newsroom, feed)
        clock.advance(600)
        alerts += (await count_posts_and_alerts(newsroom))[1]
        due = await newsroom.store.dispatches.list_dispatches_to_edit(clock.now(), 100)
        for dispatch in due:
            await newsroom.store.dispatches.mark_edited(dispatch.id, due_at=dispatch.edit_due_at)
        edits += len(due)
    assert 5 * ingest_quota.MAX_FREE_CHANGES <= edits <= 5 * (ingest_quota.MAX_FREE_CHANGES + 4)
    assert len(alerts) == 1
    assert "keeps changing its articles" in alerts[0]


async def test_quota_of_server_does_not_affect_other_server(small_quotas, newsroom, feed_server):
    feeds: list[Feed] = []
    for number in range(5):
        url = feed_server.serve(f"/{number}", make_rss(make_rss_item(number * 100), title=f"Feed {number}"))
        server = SERVER if number < 4 else SERVER + 1
        feed = await follow_feed(newsroom, url, channel=CHANNEL + server - SERVER, server=server)
        feeds.append(await poll_feed(newsroom, feed))
        items = [make_rss_item(number * 100 + item_number) for item_number in range(4)]
        feed_server.serve(f"/{number}", make_rss(*items, title=f"Feed {number}"))
    for feed in feeds:
        await poll_feed(newsroom, feed)
    counts = [len(await newsroom.store.articles.list_newest([feed.id], limit=99)) for feed in feeds]
    assert counts[0] == 4
    assert counts[3] < 4
    assert counts[4] == 4


async def test_slow_feeds_of_one_server_do_not_delay_another(newsroom, feed_server):
    release = asyncio.Event()

    async def drip(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response(text=make_rss(make_rss_item(1)), content_type="application/rss+xml")

    publishers = [await FeedServer().start(f"127.0.1.{number}") for number in range(1, 51)]
    try:
        for publisher in publishers:
            await follow_feed(newsroom, publisher.handle("/", drip))
        async with run_poller(newsroom):

            async def are_slow_polls_started() -> bool:
                return sum(len(publisher.visits) for publisher in publishers) >= 16

            await wait_until(are_slow_polls_started)
            feed = await follow_feed(
                newsroom, feed_server.serve("/", make_rss(make_rss_item(2))), CHANNEL + 1, SERVER + 1
            )
            newsroom.poller.wake()
            await wait_until_polled(newsroom, feed)
            assert not release.is_set()
            release.set()
    finally:
        for publisher in publishers:
            await publisher.stop()


async def test_many_feeds_of_one_host_leave_room_for_others(newsroom, feed_server, publishers_of_one_host):
    other_server = await FeedServer().start("127.0.0.9")
    try:
        async with run_poller(newsroom):
            feed = await follow_feed(newsroom, other_server.serve("/", make_rss(make_rss_item(1))))
            newsroom.poller.wake()
            await wait_until_polled(newsroom, feed)

            async def has_backlog() -> bool:
                return newsroom.poller.hosts.get(publishers_of_one_host[0].url).get_backlog_seconds(SERVER) >= 20

            await wait_until(has_backlog)
    finally:
        await other_server.stop()


@pytest.fixture
async def publishers_of_one_host(newsroom, feed_server) -> list[Feed]:
    async def answer_slowly(request: web.Request) -> web.Response:
        await asyncio.sleep(0.01)
        return web.Response(text=make_rss(make_rss_item(1)), content_type="application/rss+xml")

    return [await follow_feed(newsroom, feed_server.handle(f"/{number}", answer_slowly)) for number in range(150)]
