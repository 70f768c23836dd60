"""Manners towards publishers' machines: one request at a time, a pause after it, no visit when so asked."""

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from bot.core.clock import Clock
from bot.core.models import DueFeed
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.robots import Visit
from bot.feeds.schedule import AFTER_TOO_MANY
from bot.text.host_slots import host_name, slot_of_name

PAUSE = 4
"""A host rests this many times as long as it took to answer."""
LONGEST_PAUSE = 10.0
"""Seconds."""
LONG = 10.0
"""Seconds that a feed would wait for its host from which on it gets an appointment."""
USUAL_CYCLE = 0.25
"""Seconds that a visit and the pause after it are taken to last before the first."""
MANY = 10_000
"""Hosts kept in memory before those at rest are forgotten."""


@dataclass(slots=True, eq=False)
class Host:
    """A publisher's machine.

    A request to it: `await host.free()`, then `host.begin(now)`, and `host.end()` in a finally.

    `free_at` is monotonic, `held_until` wall-clock time, both in seconds. `queue` holds the due feeds that
    wait for it, each with whose share it uses; `busy` says that one of them is being polled, `is_ours` that
    no other process asks it. Whoever has many feeds there gets appointments.
    """

    _clock: Clock
    queue: list[tuple[Hashable, DueFeed]] = field(default_factory=list)  # a deque takes ten times as much
    busy: bool = False
    is_ours: bool = True
    took: float = 0.0  # seconds to answer, the last time
    free_at: float = 0.0
    held_until: int = 0
    cycle: float = 0.0  # seconds from one visit to the next of late, 0 before the first
    _started: float = 0.0
    _visited: bool = False
    _waiting: asyncio.Event | None = None
    _booked: dict[Hashable, float] | None = None

    def is_free(self, now: float) -> bool:
        """Whether it may be asked at once, at a monotonic time."""
        return not self._visited and self.free_at <= now

    async def free(self) -> None:
        """Wait until it may be asked; `begin` must follow at once."""
        while not self.is_free(now := self._clock.monotonic()):
            if self._visited:
                self._waiting = self._waiting or asyncio.Event()
                await self._waiting.wait()
            else:
                await self._clock.sleep(self.free_at - now)

    def begin(self, now: float) -> None:
        """A request begins, at a monotonic time."""
        self._visited = True
        self._started = now

    def end(self) -> None:
        """The request has ended: it rests now."""
        now = self._clock.monotonic()
        self.took = now - self._started
        pause = min(PAUSE * self.took, LONGEST_PAUSE)
        self.free_at = now + pause
        self.cycle += (self.took + pause - self.cycle) / (8 if self.cycle else 1)
        self._visited = False
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None

    def rest(self, seconds: float) -> None:
        """Let it rest at least so long after the request that has just ended."""
        now = self._clock.monotonic()
        if now + seconds > self.free_at:
            self.cycle += (now + seconds - self.free_at) / 8
            self.free_at = now + seconds

    def appointment(self, share: Hashable) -> int | None:
        """When to come back with one more feed of a share, where it would wait for long, else None."""
        if not self.queue:
            return None
        mine = sum(each == share for each, _feed in self.queue)
        step = (self.cycle or USUAL_CYCLE) * len({each for each, _feed in self.queue})
        if mine * step < LONG:
            return None
        self._booked = self._booked or {}
        self._booked[share] = max(self._booked.get(share, 0.0), self._clock.now() + mine * step) + step
        return int(self._booked[share])

    def round(self, share: Hashable) -> int:
        """Seconds until all feeds of a share that have an appointment were asked; 0 without any."""
        until = self._booked.get(share, 0.0) if self._booked else 0.0
        return max(0, int(until - self._clock.now()))

    def failed(self, error: FeedError) -> int:
        """Leave it alone for as long as its answer wants, in seconds; 0 where it says nothing of that."""
        wait = error.retry_after
        if wait is None and error.code == fetch_errors.RATE_LIMITED:
            wait = AFTER_TOO_MANY
        if wait:
            self.hold(self._clock.now() + wait)
        return wait or 0

    def hold(self, until: int) -> None:
        """Leave it alone until then."""
        self.held_until = max(self.held_until, until)

    def clock_set_back(self, by: int) -> None:
        """Leave it alone for as long as was meant."""
        self.held_until -= by
        self._booked = {share: until - by for share, until in (self._booked or {}).items()} or None

    def is_at_rest(self) -> bool:
        """Whether nothing is lost by forgetting it."""
        return not (
            self.busy
            or self.queue
            or self._visited
            or self._waiting
            or self.free_at > self._clock.monotonic()
            or self.held_until > self._clock.now()
            or any(map(self.round, self._booked or ()))
        )


class Hosts:
    """The hosts, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hosts: dict[str, Host] = {}

    def of(self, url: str) -> Host:
        """The host of a feed's or an article's address."""
        name = host_name(url)
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= MANY:
                self._hosts = {name: host for name, host in self._hosts.items() if not host.is_at_rest()}
            host = self._hosts[name] = Host(self._clock)
        return host

    def on(self, slots: Collection[int]) -> list[Host]:
        """Those on some slots."""
        return [host for name, host in self._hosts.items() if slot_of_name(name) in slots]

    @asynccontextmanager
    async def visiting(self, url: str) -> AsyncIterator[None]:
        """Be the only visitor of an address's host, and let it rest afterwards."""
        host = self.of(url)
        await host.free()
        host.begin(self._clock.monotonic())
        try:
            yield
        finally:
            host.end()

    def visits(self, *, polite: bool) -> Visit:
        """How to visit hosts; `polite=False` is for addresses that a person named: nobody waits for those."""
        return self.visiting if polite else lambda _url: nullcontext()

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        for host in self._hosts.values():
            host.clock_set_back(by)
