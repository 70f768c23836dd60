"""How often something may be done: so many times a period, by whom or what a key stands for."""

from __future__ import annotations

from collections.abc import Hashable

from bot.core.clock import Clock

_SWEPT = 10_000  # keys from which on those that have all their turns back are forgotten


class Limit:
    """A token bucket a key: `allowed` turns at once, which come back one by one over `period` seconds.

    Kept as the time at which all turns are back (the generic cell rate algorithm of ITU-T I.371).
    """

    def __init__(self, clock: Clock, *, allowed: int, period: float) -> None:
        self._clock = clock
        self._interval = period / allowed
        self._slack = period - self._interval
        self._whole: dict[Hashable, float] = {}

    def wait(self, key: Hashable) -> float:
        """Seconds until there is a turn; 0 when there is one now."""
        now = self._clock.monotonic()
        return max(0.0, self._whole.get(key, now) - self._slack - now)

    def room(self, key: Hashable) -> int:
        """How many turns there are now."""
        now = self._clock.monotonic()
        owed = max(self._whole.get(key, now) - now, 0.0)
        return max(0, int((self._slack + self._interval - owed) / self._interval + 1e-9))

    def take(self, key: Hashable, turns: float = 1) -> None:
        """Use a turn, or several."""
        now = self._clock.monotonic()
        if len(self._whole) >= _SWEPT:
            self._whole = {each: whole for each, whole in self._whole.items() if whole > now}
        self._whole[key] = max(self._whole.get(key, now), now) + turns * self._interval
