"""The rate limiter of requests to Discord."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bot.posting.sending import request_quota
from bot.posting.sending.rate_limiter import MAX_UNSENT_SECONDS, RateLimiter
from bot.posting.sending.request_quota import MAX_REQUESTS_PER_SECOND
from tests.support.clocks import ManualClock
from tests.support.feed_server import FeedServer
from tests.support.wire.waiting import wait_until

# Who shares a database has first to be given a part of the budget: see `test_request_budget`.
pytestmark = pytest.mark.parametrize("database_engine", ["sqlite"])
MESSAGES_PATH = "/api/v10/channels/1/messages"


@pytest.fixture
def rate_limiter(clock, store) -> RateLimiter:
    return RateLimiter(clock, store, lambda channel_id: channel_id, {})


@pytest.fixture
async def session(rate_limiter) -> AsyncIterator[aiohttp.ClientSession]:
    trace = aiohttp.TraceConfig()
    rate_limiter.attach(trace)
    async with aiohttp.ClientSession(trace_configs=[trace]) as opened:
        yield opened


async def fetch_url(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(url) as response:
        await response.read()


@asynccontextmanager
async def send_while_unconnected(
    rate_limiter: RateLimiter, feed_server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[list[asyncio.Task[None]], asyncio.Event]]:
    """Send two requests at a limit of one, which connect once the yielded event is set; the second waits its turn."""
    monkeypatch.setattr(request_quota, "MAX_REQUESTS_PER_SECOND", 1)
    connected = asyncio.Event()

    async def connect_slowly(*_parameters: object) -> None:
        await connected.wait()

    trace = aiohttp.TraceConfig()
    rate_limiter.attach(trace)
    trace.on_request_start.append(connect_slowly)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        url = feed_server.serve(MESSAGES_PATH, "[]")
        tasks = [asyncio.create_task(fetch_url(session, url)) for _ in range(2)]
        await wait_until(lambda: rate_limiter.waiting_count == 1)
        yield tasks, connected


async def send_requests(
    rate_limiter: RateLimiter, session: aiohttp.ClientSession, url: str, times: int
) -> list[asyncio.Task[None]]:
    """Send requests in tasks, one after the other, until one has to wait; return the tasks."""

    tasks: list[asyncio.Task[None]] = []
    waiting_count = rate_limiter.waiting_count
    while len(tasks) < times and rate_limiter.waiting_count == waiting_count:
        tasks.append(asyncio.create_task(fetch_url(session, url)))
        await wait_until(lambda: tasks[-1].done() or rate_limiter.waiting_count > waiting_count)
    return tasks


async def finish_tasks(clock: ManualClock, tasks: list[asyncio.Task[None]]) -> None:
    while not all(task.done() for task in tasks):
        clock.advance(1)
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)


async def test_requests_beyond_budget_wait_for_next_second(rate_limiter, session, feed_server, clock):
    tasks = await send_requests(rate_limiter, session, feed_server.serve(MESSAGES_PATH, "[]"), 60)
    assert feed_server.count(MESSAGES_PATH) == MAX_REQUESTS_PER_SECOND
    assert rate_limiter.waiting_count == 1
    await finish_tasks(clock, tasks)
    assert rate_limiter.response_count_by_status[200] == MAX_REQUESTS_PER_SECOND + 1


async def test_gateway_comes_before_posts_and_reactions_last(rate_limiter, session, feed_server, clock, monkeypatch):
    monkeypatch.setattr(request_quota, "MAX_REQUESTS_PER_SECOND", 1)  # so that one goes and the others wait
    post, reaction, gateway = MESSAGES_PATH, f"{MESSAGES_PATH}/2/reactions/x/@me", "/api/v10/gateway/bot"
    paths = (post, reaction, reaction, post, post, gateway, gateway)
    tasks = [task for path in paths for task in await send_requests(rate_limiter, session, feed_server.serve(path), 1)]
    assert rate_limiter.waiting_count == len(paths) - 1
    await finish_tasks(clock, tasks)
    assert [visit.path for visit in feed_server.visits] == [
        *(post, gateway, gateway),
        *(post, post, reaction, reaction),
    ]


async def test_request_not_sent_in_time_waits_again(rate_limiter, feed_server, clock, monkeypatch):
    async with send_while_unconnected(rate_limiter, feed_server, monkeypatch) as (tasks, connected):
        clock.advance(request_quota.MAX_TRANSIT_SECONDS + request_quota.WINDOW_SECONDS)
        await wait_until(
            lambda: rate_limiter.waiting_count == 0
        )  # the first no longer counts, so the second may start too
        clock.advance(MAX_UNSENT_SECONDS + 0.1)
        connected.set()
        await wait_until(lambda: feed_server.count(MESSAGES_PATH) == 1 and rate_limiter.waiting_count == 1)
        await finish_tasks(clock, tasks)
        assert feed_server.count(MESSAGES_PATH) == 2


async def test_response_frees_slot_after_a_second(rate_limiter, feed_server, clock, monkeypatch):
    async with send_while_unconnected(rate_limiter, feed_server, monkeypatch) as (tasks, connected):
        connected.set()
        await wait_until(tasks[0].done)
        clock.advance(request_quota.WINDOW_SECONDS)
        await wait_until(lambda: rate_limiter.waiting_count == 0)
        await asyncio.gather(*tasks)


async def test_interaction_response_never_waits(rate_limiter, session, feed_server, clock):
    tasks = await send_requests(rate_limiter, session, feed_server.serve(MESSAGES_PATH, "[]"), 60)
    for path in ("/api/v10/interactions/1/token/callback", "/api/v10/webhooks/1/token/messages/@original"):
        url = feed_server.serve(path, "[]")
        assert all(task.done() for task in await send_requests(rate_limiter, session, url, 3))
    await finish_tasks(clock, tasks)


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_invalid_requests_slow_down_for_ten_minutes(
    rate_limiter, session, feed_server, clock, monkeypatch, status
):
    monkeypatch.setattr(request_quota, "MAX_INVALID_REQUESTS", 20)
    url = feed_server.serve(MESSAGES_PATH, "[]", status=status)
    while rate_limiter.response_count_by_status[status] < 20:
        await finish_tasks(clock, await send_requests(rate_limiter, session, url, 20))
    clock.advance(5)
    tasks = await send_requests(rate_limiter, session, url, 5)
    assert len(tasks) == 2  # one went, one waits
    await finish_tasks(clock, tasks)
    clock.advance(601)
    tasks = await send_requests(rate_limiter, session, feed_server.serve(MESSAGES_PATH, "[]"), MAX_REQUESTS_PER_SECOND)
    assert all(task.done() for task in tasks)


async def test_shared_rate_limit_does_not_count_as_invalid(rate_limiter, session, feed_server, monkeypatch):
    monkeypatch.setattr(request_quota, "MAX_INVALID_REQUESTS", 20)
    url = feed_server.serve(MESSAGES_PATH, "[]", status=429, headers={"X-RateLimit-Scope": "shared"})
    assert all(task.done() for task in await send_requests(rate_limiter, session, url, 40))
    assert rate_limiter.response_count_by_status[429] == 40
