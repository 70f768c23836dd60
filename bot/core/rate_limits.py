"""How often something may be done: so many times a period, by whom or what a key stands for."""

from collections.abc import Hashable
from hashlib import blake2b
from ipaddress import ip_address, ip_network

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

    def catch_up(self, key: Hashable, seconds: float) -> None:
        """Elsewhere so much was used that all turns are back in so many seconds, at the earliest."""
        self._whole[key] = max(self._whole.get(key, 0.0), self._clock.monotonic() + seconds)


class Guesses:
    """Bounds how often secrets that may be made up are looked up: for each address on the web, and in all.

    One that was right is looked up freely from then on, so that nobody's guesses keep its holder out.
    """

    OF_ONE, OF_ALL, PERIOD = 20, 300, 60.0
    """Of an address (an IPv6 network of 64 bits) and of all at once; they come back over so many seconds."""

    def __init__(self, clock: Clock) -> None:
        self._of_one = Limit(clock, allowed=self.OF_ONE, period=self.PERIOD)
        self._of_all = Limit(clock, allowed=self.OF_ALL, period=self.PERIOD)
        self._right: set[bytes] = set()

    def wait(self, secret: str, address: str) -> float:
        """Seconds until a secret may be looked up for who asks from an address; 0 is one of its turns."""
        if _hash(secret) in self._right:
            return 0
        origin = _network(address)
        wait = self._of_all.wait(None) or self._of_one.wait(origin)
        if not wait:
            self._of_all.take(None)
            self._of_one.take(origin)
        return wait

    def learn(self, secret: str, *, right: bool) -> None:
        """Whether a secret was found when it was looked up."""
        if not right:
            self._right.discard(_hash(secret))
            return
        if len(self._right) >= _SWEPT:
            self._right.clear()
        self._right.add(_hash(secret))


def _hash(secret: str) -> bytes:
    return blake2b(secret.encode(errors="replace"), digest_size=16).digest()


def _network(address: str) -> str:
    """What stands for an address: one household or machine has a whole IPv6 network of 64 bits."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((known, 64), strict=False)) if known.version == 6 else address  # noqa: PLR2004
