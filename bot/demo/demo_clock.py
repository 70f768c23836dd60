"""The demo's clock, which starts in the past and, once told to, runs faster until it has reached the present.

In this way, a visitor sees within minutes what takes an hour: stories to which articles are added, and a retraction.
"""

import asyncio
import time

START_OFFSET_SECONDS = 3600
"""Seconds before the present at which the demo's clock starts."""
SPEED_FACTOR = 24
"""Speed of the demo's clock while it catches up with the present, which takes about two and a half minutes."""


class ReplayClock:
    """A clock (`bot.core.clock.Clock`) that starts in the past and catches up with the present.

    Until `start_catching_up` is called, and once it has caught up, it runs at normal speed. It is based on
    `time.perf_counter`, since simcord replaces `time.monotonic` for the bot.
    """

    def __init__(self, *, offset_seconds: float = START_OFFSET_SECONDS, speed_factor: float = SPEED_FACTOR) -> None:
        self._offset_seconds, self._speed_factor = offset_seconds, speed_factor
        self._catch_up_started_at: float | None = None

    def start_catching_up(self) -> None:
        """Run the clock faster from now on, until it has caught up with the present."""
        self._catch_up_started_at = time.perf_counter()

    def now(self) -> int:
        """Return the demo's time as Unix time in seconds."""
        return int(time.time() - self._get_remaining_offset_seconds())

    def monotonic(self) -> float:
        """Return seconds of the demo's time from an arbitrary start, for measuring durations."""
        return time.perf_counter() + self._offset_seconds - self._get_remaining_offset_seconds()

    monotonic_with_suspension = monotonic

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds of the demo's time."""
        fast_demo_seconds_left = (
            0.0
            if self._catch_up_started_at is None
            else self._get_remaining_offset_seconds() * self._speed_factor / (self._speed_factor - 1)
        )
        fast_demo_seconds = min(seconds, fast_demo_seconds_left)
        await asyncio.sleep(fast_demo_seconds / self._speed_factor + seconds - fast_demo_seconds)

    def _get_remaining_offset_seconds(self) -> float:
        if self._catch_up_started_at is None:
            return self._offset_seconds
        return max(
            0.0, self._offset_seconds - (self._speed_factor - 1) * (time.perf_counter() - self._catch_up_started_at)
        )
