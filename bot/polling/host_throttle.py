"""Manners towards publishers' machines: one request at a time, a pause after it, no visit when so asked."""

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from bot.core.clock import Clock
from bot.core.models import DueFeed
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.poll_schedule import DEFAULT_429_BACKOFF_SECONDS
from bot.feeds.robots import HostThrottle
from bot.text.host_slots import host_name, host_slot_for_name

PAUSE_FACTOR = 4
"""A host rests this many times as long as it took to answer."""
MAX_PAUSE_SECONDS = 10.0
"""Seconds."""
APPOINTMENT_THRESHOLD_SECONDS = 10.0
"""Seconds that a feed would wait for its host from which on it gets an appointment."""
DEFAULT_CYCLE_SECONDS = 0.25
"""Seconds that a visit and the pause after it are taken to last before the first."""
MAX_HOSTS = 10_000
"""Hosts kept in memory before those at rest are forgotten."""


@dataclass(slots=True, eq=False)
class Host:
    """A publisher's machine.

    A request to it: `await host.free()`, then `host.begin(now)`, and `host.end()` in a finally.

    `next_request_at` is monotonic, `held_until` wall-clock time, both in seconds. `queue` holds the due feeds
    that wait for it, each with whose share it uses; `busy` says that one of them is being polled, `is_owned`
    that no other process asks it. Whoever has many feeds there gets appointments.
    """

    _clock: Clock
    queue: list[tuple[Hashable, DueFeed]] = field(default_factory=list)  # a deque takes ten times as much
    busy: bool = False
    is_owned: bool = True
    response_seconds: float = 0.0  # seconds to answer, the last time
    next_request_at: float = 0.0
    backoff_until: int = 0
    mean_cycle_seconds: float = 0.0  # seconds from one visit to the next of late, 0 before the first
    _started: float = 0.0
    _visited: bool = False
    _waiting: asyncio.Event | None = None
    _booked: dict[Hashable, float] | None = None

    def is_free(self, now: float) -> bool:
        """Whether it may be asked at once, at a monotonic time."""
        return not self._visited and self.next_request_at <= now

    async def wait_until_free(self) -> None:
        """Wait until it may be asked; `begin` must follow at once."""
        while not self.is_free(now := self._clock.monotonic()):
            if self._visited:
                self._waiting = self._waiting or asyncio.Event()
                await self._waiting.wait()
            else:
                await self._clock.sleep(self.next_request_at - now)

    def begin_request(self, now: float) -> None:
        """A request begins, at a monotonic time."""
        self._visited = True
        self._started = now

    def end_request(self) -> None:
        """The request has ended: it rests now."""
        now = self._clock.monotonic()
        self.response_seconds = now - self._started
        pause = min(PAUSE_FACTOR * self.response_seconds, MAX_PAUSE_SECONDS)
        self.next_request_at = now + pause
        self.mean_cycle_seconds += (self.response_seconds + pause - self.mean_cycle_seconds) / (
            8 if self.mean_cycle_seconds else 1
        )
        self._visited = False
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None

    def extend_pause(self, seconds: float) -> None:
        """Let it rest at least so long after the request that has just ended."""
        now = self._clock.monotonic()
        if now + seconds > self.next_request_at:
            self.mean_cycle_seconds += (now + seconds - self.next_request_at) / 8
            self.next_request_at = now + seconds

    def reserve_later(self, share: Hashable) -> int | None:
        """When to come back with one more feed of a share, where it would wait for long, else None."""
        if not self.queue:
            return None
        mine = sum(each == share for each, _feed in self.queue)
        step = (self.mean_cycle_seconds or DEFAULT_CYCLE_SECONDS) * len({each for each, _feed in self.queue})
        if mine * step < APPOINTMENT_THRESHOLD_SECONDS:
            return None
        self._booked = self._booked or {}
        self._booked[share] = max(self._booked.get(share, 0.0), self._clock.now() + mine * step) + step
        return int(self._booked[share])

    def backlog_seconds(self, share: Hashable) -> int:
        """Seconds until all feeds of a share that have an appointment were asked; 0 without any."""
        until = self._booked.get(share, 0.0) if self._booked else 0.0
        return max(0, int(until - self._clock.now()))

    def back_off(self, error: FeedError) -> int:
        """Leave it alone for as long as its answer wants, in seconds; 0 where it says nothing of that."""
        wait = error.retry_after
        if wait is None and error.code == fetch_errors.RATE_LIMITED:
            wait = DEFAULT_429_BACKOFF_SECONDS
        if wait:
            self.back_off_until(self._clock.now() + wait)
        return wait or 0

    def back_off_until(self, until: int) -> None:
        """Leave it alone until then."""
        self.backoff_until = max(self.backoff_until, until)

    def shift_clock(self, by: int) -> None:
        """Leave it alone for as long as was meant."""
        self.backoff_until -= by
        self._booked = {share: until - by for share, until in (self._booked or {}).items()} or None

    def is_evictable(self) -> bool:
        """Whether nothing is lost by forgetting it."""
        return not (
            self.busy
            or self.queue
            or self._visited
            or self._waiting
            or self.next_request_at > self._clock.monotonic()
            or self.backoff_until > self._clock.now()
            or any(map(self.backlog_seconds, self._booked or ()))
        )


class Hosts:
    """The hosts, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hosts: dict[str, Host] = {}

    def get(self, url: str) -> Host:
        """The host of a feed's or an article's address."""
        name = host_name(url)
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= MAX_HOSTS:
                self._hosts = {name: host for name, host in self._hosts.items() if not host.is_evictable()}
            host = self._hosts[name] = Host(self._clock)
        return host

    def in_slots(self, slots: Collection[int]) -> list[Host]:
        """Those on some slots."""
        return [host for name, host in self._hosts.items() if host_slot_for_name(name) in slots]

    @asynccontextmanager
    async def throttled(self, url: str) -> AsyncIterator[None]:
        """Be the only visitor of an address's host, and let it rest afterwards."""
        host = self.get(url)
        await host.wait_until_free()
        host.begin_request(self._clock.monotonic())
        try:
            yield
        finally:
            host.end_request()

    def throttle_for(self, *, polite: bool) -> HostThrottle:
        """How to visit hosts; `polite=False` is for addresses that a person named: nobody waits for those."""
        return self.throttled if polite else lambda _url: nullcontext()

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        for host in self._hosts.values():
            host.shift_clock(by)
