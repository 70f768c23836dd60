"""Time that passes when a test says so."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class ManualClock:
    """A clock that stands still until `advance` moves it and wakes whoever slept that long."""

    def __init__(self, now: int = 1_780_000_000) -> None:
        self._now = float(now)
        self._offset_seconds = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Event]] = []
        self._order = itertools.count()
        self.sleep_count = 0
        """How often somebody went to sleep."""

    def now(self) -> int:
        return int(self._now + self._offset_seconds)

    def monotonic(self) -> float:
        return self._now

    monotonic_with_suspension = monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        self.sleep_count += 1
        wake_event = asyncio.Event()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), wake_event))
        await wake_event.wait()

    def set_by(self, seconds: float) -> None:
        """Somebody sets the wall clock ahead, or back: no time passes."""
        self._offset_seconds += seconds

    def advance(self, seconds: float) -> None:
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            heapq.heappop(self._sleepers)[2].set()
