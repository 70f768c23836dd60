"""Discord refuses: it is asked less and less, long before it would ban us."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.posting.sending import request_quota
from bot.posting.sending.rate_limiter import MAX_UNSENT_SECONDS, RateLimiter
from bot.posting.sending.request_quota import MAX_REQUESTS_PER_SECOND
from tests.support.clocks import ManualClock
from tests.support.wire.waiting import until

# Who shares a database has first to be given a part of the budget: see `test_request_budget`.
pytestmark = pytest.mark.parametrize("database_engine", ["sqlite"])
PLACE = "/api/v10/channels/1/messages"


@pytest.fixture
def pace(clock, store) -> RateLimiter:
    return RateLimiter(clock, store, lambda channel_id: channel_id, {})


@pytest.fixture
async def session(pace) -> AsyncIterator[aiohttp.ClientSession]:
    trace = aiohttp.TraceConfig()
    pace.attach(trace)
    async with aiohttp.ClientSession(trace_configs=[trace]) as opened:
        yield opened


async def read(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(url) as response:
        await response.read()


async def send_requests(
    pace: RateLimiter, session: aiohttp.ClientSession, url: str, times: int
) -> list[asyncio.Task[None]]:
    """So many requests one after the other, each in a task; what has become of them when nothing moves."""

    tasks: list[asyncio.Task[None]] = []
    waiting_count = pace.waiting_count
    while len(tasks) < times and pace.waiting_count == waiting_count:
        tasks.append(asyncio.create_task(read(session, url)))
        await until(lambda: tasks[-1].done() or pace.waiting_count > waiting_count)
    return tasks


async def finish_tasks(clock: ManualClock, tasks: list[asyncio.Task[None]]) -> None:
    while not all(task.done() for task in tasks):
        clock.advance(1)
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)


async def test_no_more_than_the_budget_goes_in_a_second_and_the_rest_waits(pace, session, feed_server, clock):
    tasks = await send_requests(pace, session, feed_server.serve(PLACE, "[]"), 60)
    assert feed_server.count(PLACE) == MAX_REQUESTS_PER_SECOND
    assert pace.waiting_count == 1
    await finish_tasks(clock, tasks)
    assert pace.response_count_by_status[200] == MAX_REQUESTS_PER_SECOND + 1


async def test_the_gateway_waits_for_no_post_and_reactions_until_nothing_else_waits(
    pace, session, feed_server, clock, monkeypatch
):
    monkeypatch.setattr(request_quota, "MAX_REQUESTS_PER_SECOND", 1)  # so that one goes and the others wait
    post, reaction, gateway = PLACE, f"{PLACE}/2/reactions/x/@me", "/api/v10/gateway/bot"
    paths = (post, reaction, reaction, post, post, gateway, gateway)
    tasks = [task for path in paths for task in await send_requests(pace, session, feed_server.serve(path), 1)]
    assert pace.waiting_count == len(paths) - 1
    await finish_tasks(clock, tasks)
    assert [visit.path for visit in feed_server.visits] == [
        *(post, gateway, gateway),
        *(post, post, reaction, reaction),
    ]


async def test_a_request_that_was_not_sent_when_it_might_have_been_waits_again(pace, feed_server, clock, monkeypatch):
    monkeypatch.setattr(request_quota, "MAX_REQUESTS_PER_SECOND", 1)
    connected = asyncio.Event()

    async def connect_slowly(*_parameters: object) -> None:
        await connected.wait()

    trace = aiohttp.TraceConfig()
    pace.attach(trace)
    trace.on_request_start.append(connect_slowly)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        url = feed_server.serve(PLACE, "[]")
        tasks = [asyncio.create_task(read(session, url)) for _ in range(2)]
        await until(lambda: pace.waiting_count == 1)
        clock.advance(request_quota.MAX_TRANSIT_SECONDS + request_quota.WINDOW_SECONDS)
        await until(lambda: pace.waiting_count == 0)  # the first no longer counts, so the second may start too
        clock.advance(MAX_UNSENT_SECONDS + 0.1)
        connected.set()
        await until(lambda: feed_server.count(PLACE) == 1 and pace.waiting_count == 1)
        await finish_tasks(clock, tasks)
        assert feed_server.count(PLACE) == 2


async def test_an_answer_lets_the_next_request_go_a_second_later(pace, feed_server, clock, monkeypatch):
    monkeypatch.setattr(request_quota, "MAX_REQUESTS_PER_SECOND", 1)
    connected = asyncio.Event()

    async def connect_slowly(*_parameters: object) -> None:
        await connected.wait()

    trace = aiohttp.TraceConfig()
    pace.attach(trace)
    trace.on_request_start.append(connect_slowly)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        url = feed_server.serve(PLACE, "[]")
        tasks = [asyncio.create_task(read(session, url)) for _ in range(2)]
        await until(lambda: pace.waiting_count == 1)
        connected.set()
        await until(tasks[0].done)
        clock.advance(request_quota.WINDOW_SECONDS)
        await until(lambda: pace.waiting_count == 0)
        await asyncio.gather(*tasks)


async def test_an_answer_to_an_interaction_never_waits(pace, session, feed_server, clock):
    tasks = await send_requests(pace, session, feed_server.serve(PLACE, "[]"), 60)
    for path in ("/api/v10/interactions/1/token/callback", "/api/v10/webhooks/1/token/messages/@original"):
        url = feed_server.serve(path, "[]")
        assert all(task.done() for task in await send_requests(pace, session, url, 3))
    await finish_tasks(clock, tasks)


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_refusals_are_counted_and_slow_it_down_for_ten_minutes(
    pace, session, feed_server, clock, monkeypatch, status
):
    monkeypatch.setattr(request_quota, "MAX_INVALID_REQUESTS", 20)
    url = feed_server.serve(PLACE, "[]", status=status)
    while pace.response_count_by_status[status] < 20:
        await finish_tasks(clock, await send_requests(pace, session, url, 20))
    clock.advance(5)
    tasks = await send_requests(pace, session, url, 5)
    assert len(tasks) == 2  # one went, one waits
    await finish_tasks(clock, tasks)
    clock.advance(601)
    tasks = await send_requests(pace, session, feed_server.serve(PLACE, "[]"), MAX_REQUESTS_PER_SECOND)
    assert all(task.done() for task in tasks)


async def test_a_limit_that_a_resource_has_for_everybody_is_no_fault_of_ours(pace, session, feed_server, monkeypatch):
    monkeypatch.setattr(request_quota, "MAX_INVALID_REQUESTS", 20)
    url = feed_server.serve(PLACE, "[]", status=429, headers={"X-RateLimit-Scope": "shared"})
    assert all(task.done() for task in await send_requests(pace, session, url, 40))
    assert pace.response_count_by_status[429] == 40
