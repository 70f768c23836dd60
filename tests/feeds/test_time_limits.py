"""Timeout with one timer for many tasks."""

from __future__ import annotations

import asyncio

import pytest

from bot.feeds.time_limits import SharedTimeout


async def test_only_late_tasks_time_out():
    limit = SharedTimeout(0.05)

    async def wait(seconds: float) -> str:
        try:
            with limit:
                await asyncio.sleep(seconds)
        except TimeoutError:
            return "late"
        return "in time"

    for _ in range(2):  # the timer restarts after a pause
        ends = await asyncio.gather(wait(60), wait(0), wait(60))
        assert list(ends) == ["late", "in time", "late"]
        assert await wait(0) == "in time"


async def test_cancelled_task_does_not_time_out():
    limit = SharedTimeout(60)

    async def wait() -> None:
        with limit:
            await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_task_cancelled_while_timing_out_stays_cancelled():
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
