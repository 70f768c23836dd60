"""The clock protocol, the system's clock, and detection of clock changes."""

import asyncio
import time
from typing import Protocol

_HAS_BOOTTIME = hasattr(time, "CLOCK_BOOTTIME")


class Clock(Protocol):
    """Source of time; tests substitute their own."""

    def now(self) -> int:
        """Return the wall-clock time in whole seconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Return monotonic seconds, for measuring durations."""
        ...

    def uptime(self) -> float:
        """Return monotonic seconds that include suspension of the machine, where the system counts it."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> int:
        """Return the wall-clock time in whole seconds since 1970, UTC."""
        return int(time.time())

    monotonic = staticmethod(time.monotonic)  # A direct reference: polls call it often.

    def uptime(self) -> float:
        """Return monotonic seconds; on Linux they include time in which the machine was suspended."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if _HAS_BOOTTIME else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        await asyncio.sleep(seconds)


async def wait_for_event(clock: Clock, event: asyncio.Event, seconds: float) -> None:
    """Wait until an event is set, but at most `seconds`."""
    waiters = (asyncio.ensure_future(clock.sleep(seconds)), asyncio.ensure_future(event.wait()))
    try:
        await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()


MIN_CLOCK_JUMP_SECONDS = 60
"""Seconds by which the wall clock must have been set to count as a jump."""


class ClockJumpDetector:
    """Detector of steps of the wall clock, which compares it with the monotonic clock.

    A machine that was suspended looks like a clock that was set ahead.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall_offset = clock.now() - clock.monotonic()

    def check(self) -> int:
        """Return the step of the wall clock since the last call, in seconds; negative if it was set back.

        Steps of less than `MIN_CLOCK_JUMP_SECONDS` count as 0.
        """
        wall_offset = self._clock.now() - self._clock.monotonic()
        jump = round(wall_offset - self._wall_offset)
        if abs(jump) < MIN_CLOCK_JUMP_SECONDS:
            return 0
        self._wall_offset = wall_offset
        return jump
