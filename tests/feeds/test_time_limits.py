"""One timer for the limit of many tasks."""

from __future__ import annotations

import asyncio

import pytest

from bot.feeds.time_limits import SharedTimeout


async def test_only_who_is_late_is_stopped():
    limit = SharedTimeout(0.05)

    async def wait(seconds: float) -> str:
        try:
            with limit:
                await asyncio.sleep(seconds)
        except TimeoutError:
            return "late"
        return "in time"

    for _ in range(2):  # the timer begins anew after a rest
        ends = await asyncio.gather(wait(60), wait(0), wait(60))
        assert list(ends) == ["late", "in time", "late"]
        assert await wait(0) == "in time"


async def test_a_task_that_is_cancelled_is_not_late():
    limit = SharedTimeout(60)

    async def wait() -> None:
        with limit:
            await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_task_cancelled_when_it_is_late_stays_cancelled():
    limit = SharedTimeout(0)
    late = asyncio.Event()

    async def wait() -> None:
        with limit:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                late.set()
                asyncio.current_task().cancel()  # as its owner would
                raise

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(wait())
    assert late.is_set()
