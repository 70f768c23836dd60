"""Throttling of requests per publisher host: one at a time, a pause after each, backoff on request."""

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
"""Factor by which the pause after a request exceeds the response time."""
MAX_PAUSE_SECONDS = 10.0
"""Longest pause after a request."""
APPOINTMENT_THRESHOLD_SECONDS = 10.0
"""Wait of a feed for its host from which it gets an appointment instead."""
DEFAULT_CYCLE_SECONDS = 0.25
"""Assumed seconds of a request and its pause before the first measurement."""
MAX_HOSTS = 10_000
"""Hosts kept in memory before idle ones are evicted."""


@dataclass(slots=True, eq=False)
class Host:
    """Request state of one publisher host: one request at a time, then a pause.

    Use: `await host.wait_until_free()`, `host.begin_request(now)`, and `host.end_request()` in a finally
    block. `next_request_at` is monotonic, `backoff_until` wall-clock time, both in seconds.
    `mean_cycle_seconds`, from one request to the next, is 0 before the first. `queue` holds due feeds with
    their tenants; `is_busy`: one of them is being polled. `is_owned`: this process has the lease of the
    host's slot. Further feeds of a tenant with a long queue get appointments.
    """

    _clock: Clock
    queue: list[tuple[Hashable, DueFeed]] = field(default_factory=list)  # A deque takes ten times the memory.
    busy: bool = False
    is_owned: bool = True
    response_seconds: float = 0.0
    next_request_at: float = 0.0
    backoff_until: int = 0
    mean_cycle_seconds: float = 0.0
    _started: float = 0.0
    _visited: bool = False
    _waiting: asyncio.Event | None = None
    _booked: dict[Hashable, float] | None = None

    def is_free(self, now: float) -> bool:
        """Return whether a request may begin at this monotonic time."""
        return not self._visited and self.next_request_at <= now

    async def wait_until_free(self) -> None:
        """Wait until a request may begin; `begin_request` must follow without another await."""
        while not self.is_free(now := self._clock.monotonic()):
            if self._visited:
                self._waiting = self._waiting or asyncio.Event()
                await self._waiting.wait()
            else:
                await self._clock.sleep(self.next_request_at - now)

    def begin_request(self, now: float) -> None:
        """Begin a request at this monotonic time."""
        self._visited = True
        self._started = now

    def end_request(self) -> None:
        """End the request and start the pause after it."""
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
        """Extend the pause after the request that has just ended to at least this many seconds."""
        now = self._clock.monotonic()
        if now + seconds > self.next_request_at:
            self.mean_cycle_seconds += (now + seconds - self.next_request_at) / 8
            self.next_request_at = now + seconds

    def reserve_later(self, share: Hashable) -> int | None:
        """Reserve a later time for one more feed of a tenant, or return None if it may queue now.

        Returns a time in seconds of UTC if the wait would reach `APPOINTMENT_THRESHOLD_SECONDS`.
        """
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
        """Return the seconds until all feeds of a tenant with an appointment were polled; 0 without any."""
        until = self._booked.get(share, 0.0) if self._booked else 0.0
        return max(0, int(until - self._clock.now()))

    def back_off(self, error: FeedError) -> int:
        """Back off for the time that an error asks for; return it in seconds, 0 if it asks for none."""
        wait = error.retry_after
        if wait is None and error.code == fetch_errors.RATE_LIMITED:
            wait = DEFAULT_429_BACKOFF_SECONDS
        if wait:
            self.back_off_until(self._clock.now() + wait)
        return wait or 0

    def back_off_until(self, until: int) -> None:
        """Send no request before a time (seconds of UTC)."""
        self.backoff_until = max(self.backoff_until, until)

    def shift_clock(self, by: int) -> None:
        """Correct wall-clock times after the clock was set back by so many seconds."""
        self.backoff_until -= by
        self._booked = {share: until - by for share, until in (self._booked or {}).items()} or None

    def is_evictable(self) -> bool:
        """Return whether the state of the host can be forgotten."""
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
    """All hosts by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hosts: dict[str, Host] = {}

    def get(self, url: str) -> Host:
        """Return the host of a URL."""
        name = host_name(url)
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= MAX_HOSTS:
                self._hosts = {name: host for name, host in self._hosts.items() if not host.is_evictable()}
            host = self._hosts[name] = Host(self._clock)
        return host

    def in_slots(self, slots: Collection[int]) -> list[Host]:
        """Return the known hosts in these host slots."""
        return [host for name, host in self._hosts.items() if host_slot_for_name(name) in slots]

    @asynccontextmanager
    async def throttled(self, url: str) -> AsyncIterator[None]:
        """Hold a URL's host for one request, with a pause afterwards."""
        host = self.get(url)
        await host.wait_until_free()
        host.begin_request(self._clock.monotonic())
        try:
            yield
        finally:
            host.end_request()

    def throttle_for(self, *, polite: bool) -> HostThrottle:
        """Return the throttle of requests; without `polite` there is none, as a user is waiting."""
        return self.throttled if polite else lambda _url: nullcontext()

    def clock_set_back(self, by: int) -> None:
        """Correct wall-clock times after the clock was set back by so many seconds."""
        for host in self._hosts.values():
            host.shift_clock(by)
