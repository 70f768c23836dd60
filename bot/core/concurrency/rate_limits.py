"""Rate limiters that count by key, such as a user or an address."""

from collections.abc import Hashable
from ipaddress import ip_address, ip_network

from bot.core.clock import Clock

_SWEEP_THRESHOLD = 10_000
"""Number of keys at which keys with a full bucket are removed from memory."""


class TokenBucket:
    """A token bucket per key: `max_tokens` tokens at once, refilled evenly over `period_seconds` seconds.

    A bucket is stored as the time at which it is full again (generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(self, clock: Clock, *, max_tokens: int, period_seconds: float) -> None:
        self._clock = clock
        self._refill_interval_seconds = period_seconds / max_tokens
        self._burst_seconds = period_seconds - self._refill_interval_seconds
        self._full_at_by_key: dict[Hashable, float] = {}

    def retry_after(self, key: Hashable) -> float:
        """Return the seconds until a key has a token (may act once), or 0 if it has one now."""
        now = self._clock.monotonic()
        return max(0.0, self._full_at_by_key.get(key, now) - self._burst_seconds - now)

    def count_tokens(self, key: Hashable) -> int:
        """Return the number of tokens (permissions for one action each) that a key has now."""
        now = self._clock.monotonic()
        refill_seconds = max(self._full_at_by_key.get(key, now) - now, 0.0)
        return max(
            0,
            int(
                (self._burst_seconds + self._refill_interval_seconds - refill_seconds) / self._refill_interval_seconds
                + 1e-9
            ),
        )

    def consume(self, key: Hashable, token_count: float = 1) -> None:
        """Take tokens (permissions for one action each) from the bucket of a key, even if it has fewer."""
        now = self._clock.monotonic()
        if len(self._full_at_by_key) >= _SWEEP_THRESHOLD:
            self._full_at_by_key = {
                bucket_key: full_at for bucket_key, full_at in self._full_at_by_key.items() if full_at > now
            }
        self._full_at_by_key[key] = (
            max(self._full_at_by_key.get(key, now), now) + token_count * self._refill_interval_seconds
        )

    def sync_usage(self, key: Hashable, seconds_until_full: float) -> None:
        """Record usage by other processes: a key's bucket is full in `seconds_until_full` at the earliest."""
        self._full_at_by_key[key] = max(
            self._full_at_by_key.get(key, 0.0), self._clock.monotonic() + seconds_until_full
        )


class FailedLookupLimiter:
    """Rate limiter for guesses of secrets, per client address; a correct secret is never refused.

    IPv6 addresses count by their /64 network.
    """

    MAX_MISSES = 20
    """Maximum number of failed lookups per client at once; they refill evenly over `PERIOD_SECONDS`."""
    PERIOD_SECONDS = 60.0
    """Number of seconds after which a client without failed lookups may have `MAX_MISSES` again."""

    def __init__(self, clock: Clock) -> None:
        self._bucket = TokenBucket(clock, max_tokens=self.MAX_MISSES, period_seconds=self.PERIOD_SECONDS)

    def count_miss(self, address: str) -> float:
        """Count a failed lookup and return 0, or only return the seconds that a client with too many has to wait."""
        client_network = _find_client_network(address)
        wait_seconds = self._bucket.retry_after(client_network)
        if not wait_seconds:
            self._bucket.consume(client_network)
        return wait_seconds


def _find_client_network(address: str) -> str:
    """Return the /64 network of an IPv6 address, all of which one client has, and any other address unchanged."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((ip, 64), strict=False)) if ip.version == 6 else address  # noqa: PLR2004
