"""The demo's clock: it begins an hour ago, goes faster until it has caught up, and then tells the time.

So a visitor sees within minutes what takes longer: a story that others join, an article that is taken back.
"""

import asyncio
import time

START_OFFSET_SECONDS = 3600
"""Seconds before the present at which the demo begins."""
SPEED_FACTOR = 24
"""Seconds of the demo in one second, until it has caught up: two and a half minutes later."""


class ReplayClock:
    """A `bot.core.clock.Clock`.

    Until `begin` it goes as fast as any. By `time.perf_counter`, since simcord replaces `time.monotonic` for
    the bot.
    """

    def __init__(self, *, ago: float = START_OFFSET_SECONDS, pace: float = SPEED_FACTOR) -> None:
        self._ago, self._pace = ago, pace
        self._begun: float | None = None

    def begin(self) -> None:
        """Go faster from now on."""
        self._begun = time.perf_counter()

    def now(self) -> int:
        """Seconds since 1970 in UTC."""
        return int(time.time() - self._behind())

    def monotonic(self) -> float:
        """Seconds that only ever go forward."""
        return time.perf_counter() + self._ago - self._behind()

    uptime = monotonic

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds of the demo."""
        hurry = 0.0 if self._begun is None else self._behind() * self._pace / (self._pace - 1)
        in_haste = min(seconds, hurry)
        await asyncio.sleep(in_haste / self._pace + seconds - in_haste)

    def _behind(self) -> float:
        if self._begun is None:
            return self._ago
        return max(0.0, self._ago - (self._pace - 1) * (time.perf_counter() - self._begun))
