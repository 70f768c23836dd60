"""Time that runs faster, the same for a bot, the test and the stand-in for Discord."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class QuickClock:
    """The wall clock, `speed` times as fast since `epoch` (seconds since 1970)."""

    epoch: float
    speed: float = 1

    @classmethod
    def parse(cls, text: str) -> QuickClock:
        """The clock that `str()` of another one describes."""
        epoch, speed = text.split(":")
        return cls(float(epoch), float(speed))

    def __str__(self) -> str:
        return f"{self.epoch}:{self.speed}"

    def time(self) -> float:
        return self.epoch + (time.time() - self.epoch) * self.speed

    def now(self) -> int:
        return int(self.time())

    def monotonic(self) -> float:
        return time.monotonic() * self.speed

    monotonic_with_suspension = monotonic

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)
