"""Time, under a test's control where a test needs it."""

import asyncio
import time
from typing import Protocol

_HAS_BOOTTIME = hasattr(time, "CLOCK_BOOTTIME")


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> int:
        """Seconds since 1970 in UTC, as the wall shows them."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever go forward, for measuring how long something took."""
        ...

    def uptime(self) -> float:
        """As `monotonic`, those that the machine slept included where it tells."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> int:
        """Seconds since 1970 in UTC, as the wall shows them."""
        return int(time.time())

    monotonic = staticmethod(time.monotonic)  # which is asked several times a poll

    def uptime(self) -> float:
        """Those that the machine slept included, on Linux."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if _HAS_BOOTTIME else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def wait_for_event(clock: Clock, event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not longer than so many seconds."""
    waits = (asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(event.wait()))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waits:
            each.cancel()


MIN_CLOCK_JUMP_SECONDS = 60
"""Seconds by which the wall clock must have been set for anybody to mind."""


class ClockJumpDetector:
    """Notices that the wall clock was set, by comparing it with the one that only goes forward.

    A machine that slept looks like one whose clock was set ahead.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._apart = clock.now() - clock.monotonic()

    def check(self) -> int:
        """By how many seconds the clock was set ahead since the last look, back where negative; mostly 0."""
        apart = self._clock.now() - self._clock.monotonic()
        leap = round(apart - self._apart)
        if abs(leap) < MIN_CLOCK_JUMP_SECONDS:
            return 0
        self._apart = apart
        return leap
