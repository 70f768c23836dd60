"""Rate limiters per key."""

from collections.abc import Hashable
from ipaddress import ip_address, ip_network

from bot.core.clock import Clock

_SWEEP_THRESHOLD = 10_000
"""Number of keys from which those with a full bucket are removed."""


class TokenBucket:
    """A token bucket per key: `allowed` tokens at once, refilled evenly over `period` seconds.

    Stored as the time at which the bucket is full again (generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(self, clock: Clock, *, allowed: int, period: float) -> None:
        self._clock = clock
        self._interval = period / allowed
        self._slack = period - self._interval
        self._full_at: dict[Hashable, float] = {}

    def retry_after(self, key: Hashable) -> float:
        """Return the seconds until a token is available; 0 if one is available now."""
        now = self._clock.monotonic()
        return max(0.0, self._full_at.get(key, now) - self._slack - now)

    def available(self, key: Hashable) -> int:
        """Return the number of tokens that are available now."""
        now = self._clock.monotonic()
        owed = max(self._full_at.get(key, now) - now, 0.0)
        return max(0, int((self._slack + self._interval - owed) / self._interval + 1e-9))

    def consume(self, key: Hashable, turns: float = 1) -> None:
        """Take tokens from the bucket of a key."""
        now = self._clock.monotonic()
        if len(self._full_at) >= _SWEEP_THRESHOLD:
            self._full_at = {each: whole for each, whole in self._full_at.items() if whole > now}
        self._full_at[key] = max(self._full_at.get(key, now), now) + turns * self._interval

    def sync_usage(self, key: Hashable, seconds: float) -> None:
        """Take usage of other processes into account: the bucket is full in `seconds` at the earliest."""
        self._full_at[key] = max(self._full_at.get(key, 0.0), self._clock.monotonic() + seconds)


class MissLimit:
    """Rate limiter for guesses of secrets, per client address; a correct secret is never refused.

    IPv6 addresses count by their /64 network.
    """

    ALLOWED, PERIOD = 20, 60.0
    """Failed lookups per client and period, and the seconds in which all of them are refilled."""

    def __init__(self, clock: Clock) -> None:
        self._limit = TokenBucket(clock, allowed=self.ALLOWED, period=self.PERIOD)

    def count_miss(self, address: str) -> float:
        """Count a failed lookup; return the seconds that the client has to wait, 0 if it need not."""
        caller = _client_network(address)
        wait = self._limit.retry_after(caller)
        if not wait:
            self._limit.consume(caller)
        return wait


def _client_network(address: str) -> str:
    """Return an IPv4 address unchanged and the /64 network of an IPv6 address: one client has all of it."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((known, 64), strict=False)) if known.version == 6 else address  # noqa: PLR2004
