"""The poller's loop: timing, concurrency and survival of failures."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from bot.client.services import Services, open_services
from bot.core.models import Feed
from bot.polling import due_feeds, due_queue, poll_result_writer
from bot.polling.due_queue import PollJob, PollQueue
from bot.polling.host_throttle import Host
from bot.polling.intake import Intake
from bot.store import StoreError
from bot.store.sources.feeds import Feeds
from bot.store.sources.polls import Polls
from tests.support.feed_server import FeedServer, make_rss, make_rss_item
from tests.support.outbox_scenario import deliver_titles, follow_feed
from tests.support.wire.waiting import wait_until


@asynccontextmanager
async def run_poller(newsroom: Services) -> AsyncIterator[None]:
    task = asyncio.create_task(newsroom.poller.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def load_last_poll(newsroom: Services, feed: Feed) -> int | None:
    stored_feed = await newsroom.store.feeds.get(feed.id)
    return stored_feed.last_poll_at


async def wait_until_polled(newsroom: Services, *feeds: Feed, after: int = -1) -> None:
    async def are_polled() -> bool:
        times = [await load_last_poll(newsroom, feed) for feed in feeds]
        return all(time is not None and time > after for time in times)

    await wait_until(are_polled)


@pytest.fixture
async def publishers() -> AsyncIterator[Callable[[int], FeedServer]]:
    """A function that returns the feed server with this index, each on its own host from 127.0.0.2 on."""
    servers = [await FeedServer().start(f"127.0.0.{number}") for number in range(2, 6)]
    yield servers.__getitem__
    for server in servers:
        await server.stop()


async def test_poller_sleeps_until_next_feed_is_due(newsroom, feed_server, clock):
    feed = await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1)), etag=False))
    async with run_poller(newsroom):
        await wait_until_polled(newsroom, feed)
        due = (await newsroom.store.feeds.get(feed.id)).next_poll_at
        while clock.now() < due - 1:
            clock.advance(min(30, due - 1 - clock.now()))
            await asyncio.sleep(0.01)
        assert feed_server.count("/") == 1
        before = clock.now()
        clock.advance(2)
        while feed_server.count("/") == 1:  # the poller may have read the clock and not sleep yet
            await asyncio.sleep(0.01)
            clock.advance(0.1)
        await wait_until_polled(newsroom, feed, after=before)
    assert feed_server.count("/") == 2


async def test_wake_polls_feed_that_was_just_followed(newsroom, feed_server):
    async with run_poller(newsroom):
        await asyncio.sleep(0.05)
        feed = await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1))))
        newsroom.poller.wake()
        await wait_until_polled(newsroom, feed)
    assert await deliver_titles(newsroom) == ["Article 1"]


async def test_recorded_articles_notify_outbox(newsroom, feed_server):
    notifications: list[str] = []
    newsroom.cluster_events.subscribe("outbox", lambda: notifications.append("outbox"))
    feed = await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1))))
    async with run_poller(newsroom):
        await wait_until_polled(newsroom, feed)
    assert notifications == ["outbox"]


async def test_unfollowed_feed_is_not_polled(newsroom, feed_server):
    feed = await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1))))
    await newsroom.store.subscriptions.unfollow(200, feed.id)
    async with run_poller(newsroom):
        newsroom.poller.wake()
        await asyncio.sleep(0.1)
    assert feed_server.count("/") == 0


async def test_failing_feed_does_not_stop_others(newsroom, feed_server, monkeypatch):
    original_classify = Intake.classify

    async def classify_or_fail(self, feed, document, **options):
        if feed.url.endswith("/bad"):
            raise ZeroDivisionError
        return await original_classify(self, feed, document, **options)

    monkeypatch.setattr(Intake, "classify", classify_or_fail)
    bad = await follow_feed(newsroom, feed_server.serve("/bad", make_rss(make_rss_item(1))))
    fine = await follow_feed(newsroom, feed_server.serve("/fine", make_rss(make_rss_item(2))))
    async with run_poller(newsroom):
        await wait_until_polled(newsroom, bad, fine)
    assert await deliver_titles(newsroom) == ["Article 2"]


async def test_temporary_store_failure_does_not_end_loop(newsroom, feed_server, clock, monkeypatch):
    feed = await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1))))
    failing = True
    due = Feeds.list_due
    call_count = 0

    async def list_due_or_fail(self, *args):
        nonlocal call_count
        call_count += 1
        if failing:
            raise StoreError("the disk is full")
        return await due(self, *args)

    monkeypatch.setattr(Feeds, "list_due", list_due_or_fail)
    async with run_poller(newsroom):
        await asyncio.sleep(0.05)
        assert call_count < 3  # it backs off
        failing = False
        clock.advance(poll_result_writer.ERROR_BACKOFF_SECONDS)
        await wait_until_polled(newsroom, feed)
    assert await deliver_titles(newsroom) == ["Article 1"]


async def test_poll_that_cannot_be_recorded_is_repeated(newsroom, feed_server, clock, monkeypatch):
    feed = await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1))))
    record = Polls.record
    failures = 1

    async def fail_once_then_record(self, *args, **kwargs):
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreError("the disk is full")
        return await record(self, *args, **kwargs)

    monkeypatch.setattr(Polls, "record", fail_once_then_record)
    async with run_poller(newsroom):
        while await load_last_poll(newsroom, feed) is None:
            clock.advance(1)
            await asyncio.sleep(0.01)
    assert not failures
    assert await deliver_titles(newsroom) == ["Article 1"]


async def test_host_gets_one_request_at_a_time(newsroom, publishers):
    requests_by_host: dict[str, int] = {}
    max_requests_by_host: dict[str, int] = {}
    max_hosts = 0

    def make_slow_handler(name: str):
        async def answer(request: web.Request) -> web.Response:
            nonlocal max_hosts
            requests_by_host[name] = requests_by_host.get(name, 0) + 1
            max_requests_by_host[name] = max(max_requests_by_host.get(name, 0), requests_by_host[name])
            max_hosts = max(max_hosts, sum(map(bool, requests_by_host.values())))
            await asyncio.sleep(0.03)
            requests_by_host[name] -= 1
            return web.Response(text=make_rss(make_rss_item(1)), content_type="application/rss+xml")

        return answer

    feeds = [
        await follow_feed(newsroom, publishers(host).handle(f"/{n}", make_slow_handler(str(host))))
        for host in range(4)
        for n in range(4)
    ]
    async with run_poller(newsroom):
        await wait_until_polled(newsroom, *feeds)
    assert max_requests_by_host == {"0": 1, "1": 1, "2": 1, "3": 1}
    assert max_hosts > 1


async def test_poll_concurrency_is_limited_by_setting(settings, clock, publishers):
    concurrent = max_concurrent = 0

    async def answer_slowly(request: web.Request) -> web.Response:
        nonlocal concurrent, max_concurrent
        concurrent += 1
        max_concurrent = max(max_concurrent, concurrent)
        await asyncio.sleep(0.02)
        concurrent -= 1
        return web.Response(text=make_rss(make_rss_item(1)), content_type="application/rss+xml")

    async with open_services(replace(settings, poll_concurrency=2), clock) as newsroom:
        feeds = [
            await follow_feed(newsroom, publishers(host).handle(f"/{n}", answer_slowly))
            for host in range(4)
            for n in range(2)
        ]
        async with run_poller(newsroom):
            await wait_until_polled(newsroom, *feeds)
    assert max_concurrent == 2


@pytest.mark.parametrize("is_any_left_out", [False, True])
async def test_due_feeds_are_queried_again_only_if_some_were_left_out(
    newsroom, publishers, monkeypatch, is_any_left_out
):
    query_count = 0
    list_due_for_polling = Feeds.list_due_for_polling

    async def count_and_list(*arguments, **options):
        nonlocal query_count
        query_count += 1
        return await list_due_for_polling(*arguments, **options)

    monkeypatch.setattr(Feeds, "list_due_for_polling", count_and_list)
    monkeypatch.setattr(due_queue, "MAX_QUEUED_FEEDS_PER_TENANT", 2)
    if is_any_left_out:
        monkeypatch.setattr(due_feeds, "BATCH_SIZE", 2)
    feeds = [await follow_feed(newsroom, publishers(host).serve("/", make_rss(make_rss_item(1)))) for host in range(4)]
    async with run_poller(newsroom):
        await wait_until_polled(newsroom, *feeds)  # The clock stands still, so that no query is due by its time.
    assert (query_count > 1) == is_any_left_out


async def test_finished_job_is_freed_by_reference_counting(newsroom, feed_server, clock):
    await follow_feed(newsroom, feed_server.serve("/", make_rss(make_rss_item(1))))
    (due_feed,) = await newsroom.store.feeds.list_due_for_polling(clock.now(), 1)
    queue = PollQueue(clock, 1, on_tenant_drained=lambda: None)
    gc.disable()
    try:
        queue.enqueue(Host(clock), due_feed)
        queue.release_job(await queue.wait_for_job())
        assert not [job for job in gc.get_objects() if type(job) is PollJob and job.feed is due_feed]
    finally:
        gc.enable()


async def test_retry_after_postpones_queued_feeds_without_request(newsroom, feed_server, clock):
    feeds = [
        await follow_feed(newsroom, feed_server.serve(f"/{n}", "", status=503, headers={"Retry-After": "3600"}))
        for n in range(5)
    ]

    async def are_postponed() -> bool:
        dues: list[int] = [(await newsroom.store.feeds.get(feed.id)).next_poll_at for feed in feeds]
        return min(dues) > 0

    async with run_poller(newsroom):
        await wait_until(are_postponed)
    assert len(feed_server.visits) == 1
    for feed in feeds:
        assert (await newsroom.store.feeds.get(feed.id)).next_poll_at >= clock.now() + 3600


async def test_unchanged_polls_are_written_in_batches(newsroom, feed_server, clock, monkeypatch):
    feeds = [await follow_feed(newsroom, feed_server.serve(f"/{n}", make_rss(make_rss_item(1)))) for n in range(30)]
    for feed in feeds:
        await newsroom.poller.poll(feed)
    writes: list[int] = []
    original_record = Polls.record_unchanged

    async def record_and_count(self, feeds, unchanged, alerts, **owner):
        writes.append(len(feeds) + len(unchanged))
        await original_record(self, feeds, unchanged, alerts, **owner)

    monkeypatch.setattr(Polls, "record_unchanged", record_and_count)
    before = clock.now()
    clock.advance(86_400)
    async with run_poller(newsroom):
        await wait_until_polled(newsroom, *feeds, after=before)
    assert sum(writes) == 30
    assert len(writes) < 10


async def test_stopped_poller_leaves_no_partial_state_and_resumes(newsroom, feed_server):
    request_started = asyncio.Event()
    release = asyncio.Event()

    async def answer_slowly(request: web.Request) -> web.Response:
        request_started.set()
        await release.wait()
        return web.Response(text=make_rss(make_rss_item(1)), content_type="application/rss+xml")

    feed = await follow_feed(newsroom, feed_server.handle("/", answer_slowly))
    async with run_poller(newsroom):
        await request_started.wait()
    assert await load_last_poll(newsroom, feed) is None
    release.set()
    async with run_poller(newsroom):
        await wait_until_polled(newsroom, feed)
    assert await deliver_titles(newsroom) == ["Article 1"]


async def test_unchanged_polls_are_written_on_stop(newsroom, feed_server, clock, monkeypatch):
    monkeypatch.setattr(poll_result_writer, "FLUSH_INTERVAL_SECONDS", 3600)
    feed = await follow_feed(newsroom, feed_server.serve("/", "", status=500))
    async with run_poller(newsroom):
        await wait_until(lambda: feed_server.count("/"))
        await asyncio.sleep(0.1)
        assert await load_last_poll(newsroom, feed) is None
    assert await load_last_poll(newsroom, feed) == clock.now()
