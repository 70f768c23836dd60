"""Clocks: the protocol, the system's clock, and a detector of changes of the wall clock."""

import asyncio
import time
from typing import Protocol

_HAS_BOOTTIME_CLOCK = hasattr(time, "CLOCK_BOOTTIME")


class Clock(Protocol):
    """Protocol of a source of time; tests use their own."""

    def now(self) -> int:
        """Return the wall-clock time as Unix time in whole seconds."""
        ...

    def monotonic(self) -> float:
        """Return the monotonic time in seconds since an arbitrary moment, for measuring durations."""
        ...

    def monotonic_with_suspension(self) -> float:
        """Return the monotonic time in seconds, including the time for which the machine was suspended.

        It counts from an arbitrary moment. Not all systems count a suspension.
        """
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> int:
        """Return the wall-clock time as Unix time in whole seconds."""
        return int(time.time())

    monotonic = staticmethod(time.monotonic)  # A direct reference: polls call it often.

    def monotonic_with_suspension(self) -> float:
        """Return the monotonic time in seconds; on Linux it includes the time for which the machine was suspended."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) if _HAS_BOOTTIME_CLOCK else time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds."""
        await asyncio.sleep(seconds)


async def wait_for_event(clock: Clock, event: asyncio.Event, timeout_seconds: float) -> None:
    """Wait until an event is set, but at most for `timeout_seconds`."""
    timeout_and_event_tasks = (asyncio.ensure_future(clock.sleep(timeout_seconds)), asyncio.ensure_future(event.wait()))
    try:
        await asyncio.wait(timeout_and_event_tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in timeout_and_event_tasks:
            task.cancel()


MIN_CLOCK_JUMP_SECONDS = 60
"""Minimum number of seconds by which the wall clock must be set, ahead or back, for a jump to be reported."""


class ClockJumpDetector:
    """Detector of jumps of the wall clock, which compares it with the monotonic clock.

    A machine that was suspended looks like a clock that was set ahead.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall_offset_seconds = clock.now() - clock.monotonic()

    def detect_jump(self) -> int:
        """Return the seconds by which the wall clock was set since the last reported jump; negative if set back.

        Return 0 as long as these are less than `MIN_CLOCK_JUMP_SECONDS`; small changes add up.
        """
        wall_offset_seconds = self._clock.now() - self._clock.monotonic()
        jump_seconds = round(wall_offset_seconds - self._wall_offset_seconds)
        if abs(jump_seconds) < MIN_CLOCK_JUMP_SECONDS:
            return 0
        self._wall_offset_seconds = wall_offset_seconds
        return jump_seconds
