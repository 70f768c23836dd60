"""Manners towards publishers' machines: one request at a time, a pause after it, no visit when so asked."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable

from bot.core.clock import Clock
from bot.core.models import DueFeed

PAUSE = 4
"""A host rests this many times as long as it took to answer."""
LONGEST_PAUSE = 10.0
"""Seconds."""
MANY = 10_000
"""Hosts kept in memory before those at rest are forgotten."""


class Host:
    """A publisher's machine.

    A request to it: `await host.free()`, then `host.begin(now)`, and `host.end()` in a finally.

    `free_at` is monotonic, `held_until` wall-clock time, both in seconds. `queue` holds the due feeds that
    wait for it, `busy` says that one of them is being polled.
    """

    __slots__ = ("_clock", "_started", "_visited", "_waiting", "busy", "free_at", "held_until", "queue")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._started = 0.0
        self._visited = False
        self._waiting: asyncio.Event | None = None
        self.queue: list[DueFeed] = []  # mostly empty: a deque takes ten times as much
        self.busy = False
        self.free_at = 0.0
        self.held_until = 0

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
        self.free_at = now + min(PAUSE * (now - self._started), LONGEST_PAUSE)
        self._visited = False
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None

    def hold(self, until: int) -> None:
        """Leave it alone until then."""
        self.held_until = max(self.held_until, until)

    def clock_set_back(self, by: int) -> None:
        """Leave it alone for as long as was meant."""
        self.held_until -= by

    def is_at_rest(self) -> bool:
        """Whether nothing is lost by forgetting it."""
        return not (
            self.busy
            or self.queue
            or self._visited
            or self._waiting
            or self.free_at > self._clock.monotonic()
            or self.held_until > self._clock.now()
        )


def name_of(url: str) -> str:
    """The host's name in a normal address."""
    # The addresses of feeds and articles are normal already; `urls.host` is ten times as slow.
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]


class Hosts:
    """The hosts, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hosts: dict[str, Host] = {}

    def of(self, url: str) -> Host:
        """The host of a feed's or an article's address."""
        name = name_of(url)
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= MANY:
                self._hosts = {name: host for name, host in self._hosts.items() if not host.is_at_rest()}
            host = self._hosts[name] = Host(self._clock)
        return host

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        for host in self._hosts.values():
            host.clock_set_back(by)


class Queue:
    """Feeds that are due, each waiting for its host, handed out to those who poll.

    At any time one feed of a host is out. `on_low` is called when `low` feeds are left.
    """

    def __init__(self, clock: Clock, *, low: int, on_low: Callable[[], None]) -> None:
        self._clock = clock
        self._low = low
        self._on_low = on_low
        self._ready: list[tuple[float, int, Host]] = []  # hosts that are not busy, by when they are free
        self._order = itertools.count()
        self._takers: deque[asyncio.Future[tuple[Host, DueFeed]]] = deque()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, host: Host, feed: DueFeed) -> None:
        """Let a feed wait for its host."""
        host.queue.append(feed)
        self._length += 1
        if not host.busy and len(host.queue) == 1:
            self._offer(host)

    async def take(self) -> tuple[Host, DueFeed]:
        """The next feed whose host is free."""
        taken = self._next()
        if taken is None:
            taker: asyncio.Future[tuple[Host, DueFeed]] = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            taken = await taker
        return taken

    def done(self, host: Host) -> None:
        """The feed that was taken was polled."""
        host.busy = False
        if host.queue:
            self._offer(host)

    def hand_out(self) -> float | None:
        """Give those who wait what has become free; in how many seconds there is more, None if unknown."""
        while self._takers and (taken := self._next()) is not None:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(taken)
        if not (self._takers and self._ready):
            return None
        return max(self._ready[0][0] - self._clock.monotonic(), 0.0)

    def clear(self) -> None:
        """Forget what waits and who waits."""
        for _, _, host in self._ready:
            host.queue.clear()
        self._ready.clear()
        self._takers.clear()
        self._length = 0

    def _offer(self, host: Host) -> None:
        heapq.heappush(self._ready, (host.free_at, next(self._order), host))

    def _next(self) -> tuple[Host, DueFeed] | None:
        if not self._ready or self._ready[0][0] > self._clock.monotonic():
            return None
        _, _, host = heapq.heappop(self._ready)
        host.busy = True
        self._length -= 1
        if self._length == self._low:
            self._on_low()
        return host, host.queue.pop(0)
