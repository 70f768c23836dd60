"""How often something may be done: so many times a period, by whom or what a key stands for."""

from collections.abc import Hashable
from ipaddress import ip_address, ip_network

from bot.core.clock import Clock

_SWEEP_THRESHOLD = 10_000  # keys from which on those that have all their turns back are forgotten


class TokenBucket:
    """A token bucket a key: `allowed` turns at once, which come back one by one over `period` seconds.

    Kept as the time at which all turns are back (the generic cell rate algorithm of ITU-T I.371).
    """

    def __init__(self, clock: Clock, *, allowed: int, period: float) -> None:
        self._clock = clock
        self._interval = period / allowed
        self._slack = period - self._interval
        self._full_at: dict[Hashable, float] = {}

    def retry_after(self, key: Hashable) -> float:
        """Seconds until there is a turn; 0 when there is one now."""
        now = self._clock.monotonic()
        return max(0.0, self._full_at.get(key, now) - self._slack - now)

    def available(self, key: Hashable) -> int:
        """How many turns there are now."""
        now = self._clock.monotonic()
        owed = max(self._full_at.get(key, now) - now, 0.0)
        return max(0, int((self._slack + self._interval - owed) / self._interval + 1e-9))

    def consume(self, key: Hashable, turns: float = 1) -> None:
        """Use a turn, or several."""
        now = self._clock.monotonic()
        if len(self._full_at) >= _SWEEP_THRESHOLD:
            self._full_at = {each: whole for each, whole in self._full_at.items() if whole > now}
        self._full_at[key] = max(self._full_at.get(key, now), now) + turns * self._interval

    def sync_usage(self, key: Hashable, seconds: float) -> None:
        """Elsewhere so much was used that all turns are back in so many seconds, at the earliest."""
        self._full_at[key] = max(self._full_at.get(key, 0.0), self._clock.monotonic() + seconds)


class MissLimit:
    """Slows whoever tries made-up secrets, each caller apart. A right secret is never refused.

    A caller is an address on the web, of IPv6 a network of 64 bits.
    """

    ALLOWED, PERIOD = 20, 60.0
    """Misses of a caller at once; they come back over so many seconds."""

    def __init__(self, clock: Clock) -> None:
        self._limit = TokenBucket(clock, allowed=self.ALLOWED, period=self.PERIOD)

    def count_miss(self, address: str) -> float:
        """Count a secret that was looked up in vain; seconds for which the caller shall wait, or 0."""
        caller = _client_network(address)
        wait = self._limit.retry_after(caller)
        if not wait:
            self._limit.consume(caller)
        return wait


def _client_network(address: str) -> str:
    """What stands for an address: one household or machine has a whole IPv6 network of 64 bits."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((known, 64), strict=False)) if known.version == 6 else address  # noqa: PLR2004
