"""Time, under a test's control where a test needs it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> int:
        """Seconds since 1970 in UTC, as the wall shows them."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever go forward, for measuring how long something took."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> int:
        """Seconds since 1970 in UTC, as the wall shows them."""
        return int(time.time())

    def monotonic(self) -> float:
        """Seconds that only ever go forward."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
