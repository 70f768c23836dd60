"""The budget of requests to Discord that processes share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.clock import SystemClock
from bot.posting.sending import request_quota
from bot.posting.sending.rate_limiter import RateLimiter
from bot.posting.sending.request_quota import (
    HEADROOM_SLOTS,
    MAX_INVALID_REQUESTS,
    MAX_REQUESTS_PER_SECOND,
    compute_fair_share,
)
from bot.store import Store
from bot.store.records.process_records import RequestAllocation
from tests.support.wire.waiting import wait_until

MESSAGES_PATH = "/api/v10/channels/1/messages"


@dataclass
class Process:
    """The HTTP session and rate limiter of one process."""

    session: aiohttp.ClientSession
    rate_limiter: RateLimiter


@pytest.fixture
async def two_processes(server_databases, monkeypatch) -> AsyncIterator[list[Process]]:
    """Two processes on one database server, in a window that doesn't end during the test."""
    monkeypatch.setattr(request_quota, "WINDOW_SECONDS", 60.0)
    server = server_databases.empty()
    async with AsyncExitStack() as opened:
        processes = []
        for _ in range(2):
            store = await Store.open(server, SystemClock())
            opened.push_async_callback(store.close)
            trace = aiohttp.TraceConfig()
            rate_limiter = RateLimiter(store.clock, store, lambda channel_id: channel_id, {})
            rate_limiter.attach(trace)
            session = await opened.enter_async_context(aiohttp.ClientSession(trace_configs=[trace]))
            processes.append(Process(session, rate_limiter))
        yield processes


async def count_answered(process: Process, url: str, times: int, *, min_answered: int) -> int:
    """Send `times` requests at once and count those answered; the others wait. At least `min_answered` must be."""

    async def ask() -> None:
        async with process.session.get(url) as response:
            await response.read()

    def are_settled() -> bool:
        done = sum(task.done() for task in tasks)
        return done >= min_answered and done + process.rate_limiter.waiting_count == times

    tasks = [asyncio.create_task(ask()) for _ in range(times)]
    await wait_until(are_settled)
    done, waiting = await asyncio.wait(tasks, timeout=0.3)
    for task in waiting:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    return len(done)


async def test_processes_share_request_budget(two_processes, feed_server):
    url = feed_server.serve(MESSAGES_PATH, "[]")
    first_process, second_process = two_processes
    assert await count_answered(first_process, url, 10, min_answered=10) == 10
    assert (
        await count_answered(second_process, url, 60, min_answered=MAX_REQUESTS_PER_SECOND - 10 - HEADROOM_SLOTS)
        <= MAX_REQUESTS_PER_SECOND - 10
    )
    assert feed_server.count(MESSAGES_PATH) <= MAX_REQUESTS_PER_SECOND


async def test_global_rate_limit_holds_other_process(two_processes, feed_server):
    first_process, second_process = two_processes
    url = feed_server.serve(MESSAGES_PATH, "[]")
    await count_answered(second_process, url, 1, min_answered=1)
    headers = {"X-RateLimit-Scope": "global", "Retry-After": "60"}
    refused_url = feed_server.serve("/api/v10/channels/2/messages", "{}", status=429, headers=headers)
    await count_answered(first_process, refused_url, 1, min_answered=1)

    async def is_held() -> bool:
        return not await count_answered(second_process, url, 1, min_answered=0)

    await wait_until(is_held)


needs = st.lists(st.tuples(st.integers(0, MAX_REQUESTS_PER_SECOND), st.integers(0, 2_000)), min_size=1, max_size=16)


@given(needs)
def test_fair_shares_fit_budget_and_grant_even_part(given_needs):
    shares = [RequestAllocation(number, 0, need, refused) for number, (need, refused) in enumerate(given_needs, 1)]
    for _round in range(3):
        for place, own_share in enumerate(shares):
            other_shares = [share for share in shares if share is not own_share]
            shares[place] = own_share._replace(
                slot_count=compute_fair_share(own_share._replace(slot_count=0), other_shares)
            )
    budget = int(
        MAX_REQUESTS_PER_SECOND * (1 - sum(share.invalid_request_count for share in shares) / MAX_INVALID_REQUESTS)
    )
    assert sum(share.slot_count for share in shares) <= MAX_REQUESTS_PER_SECOND
    assert all(share.slot_count <= share.demand for share in shares)
    assert all(share.slot_count >= min(share.demand, budget // len(shares)) for share in shares)
