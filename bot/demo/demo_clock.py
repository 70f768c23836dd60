"""The demo's clock: it starts in the past and runs faster until it has caught up with the present.

A visitor so sees within minutes what takes an hour: stories that others join, and a retraction.
"""

import asyncio
import time

START_OFFSET_SECONDS = 3600
"""Seconds before the present at which the demo starts."""
SPEED_FACTOR = 24
"""Speed of the demo's clock until it has caught up, two and a half minutes later."""


class ReplayClock:
    """A `bot.core.clock.Clock` that catches up with the present.

    Until `start_catching_up` it runs at normal speed. It is based on `time.perf_counter`, since simcord
    replaces `time.monotonic` for the bot.
    """

    def __init__(self, *, ago: float = START_OFFSET_SECONDS, pace: float = SPEED_FACTOR) -> None:
        self._ago, self._pace = ago, pace
        self._begun: float | None = None

    def begin(self) -> None:
        """Run faster from now on."""
        self._begun = time.perf_counter()

    def now(self) -> int:
        """Return the demo's time in seconds since 1970, UTC."""
        return int(time.time() - self._behind())

    def monotonic(self) -> float:
        """Return monotonic seconds of the demo."""
        return time.perf_counter() + self._ago - self._behind()

    uptime = monotonic

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of the demo's seconds."""
        hurry = 0.0 if self._begun is None else self._behind() * self._pace / (self._pace - 1)
        in_haste = min(seconds, hurry)
        await asyncio.sleep(in_haste / self._pace + seconds - in_haste)

    def _behind(self) -> float:
        if self._begun is None:
            return self._ago
        return max(0.0, self._ago - (self._pace - 1) * (time.perf_counter() - self._begun))
