"""Throttling of requests per host: one at a time, a pause after each, and a backoff if the host asks for one."""

import asyncio
from collections.abc import AsyncIterator, Collection, Hashable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from bot.core.clock import Clock
from bot.core.configuration.host_rules import HostRule, find_host_rule
from bot.core.models import DueFeed
from bot.feeds import fetch_errors
from bot.feeds.fetch_errors import FeedError
from bot.feeds.poll_schedule import DEFAULT_429_BACKOFF_SECONDS
from bot.feeds.robots import HostThrottle
from bot.text.host_slots import get_host_name, get_host_slot_for_name

PAUSE_RESPONSE_FACTOR = 4
"""Factor by which the pause after a request is longer than the response time."""
MAX_PAUSE_SECONDS = 10.0
"""Maximum pause in seconds after a request to a host, unless the host or the operator's rule asks for a longer one."""
APPOINTMENT_THRESHOLD_SECONDS = 10.0
"""Wait for a busy host, in seconds, from which on a feed isn't queued but gets a later time to be polled."""
DEFAULT_CYCLE_SECONDS = 0.25
"""Assumed number of seconds of a request and the pause after it, before the first measurement."""
EVICTION_HOST_COUNT = 10_000
"""Number of hosts in memory from which on idle ones are forgotten when a new host is added."""


@dataclass(slots=True, eq=False)
class Host:
    """State of the requests to one publisher host: one request at a time, then a pause.

    Use: `await host.wait_until_free()`, `host.begin_request(now)`, and `host.end_request()` in a finally
    block. `next_request_at` is monotonic time, `backoff_until` Unix time, both in seconds. `response_seconds` is
    the duration of the last request; `min_pause_seconds` is the pause that the operator's rule for the host asks for.
    `mean_cycle_seconds`, from one request to the next, is 0 before the first. `queue` holds due feeds with
    their tenants (servers). `has_active_poll`: a feed of the queue is being polled. `is_owned`: this process has the
    lease of the host's slot. Further feeds of a tenant with a long queue get later times (appointments).
    """

    _clock: Clock
    min_pause_seconds: float = 0.0
    queue: list[tuple[Hashable, DueFeed]] = field(default_factory=list)  # A deque takes ten times the memory.
    has_active_poll: bool = False
    is_owned: bool = True
    response_seconds: float = 0.0
    next_request_at: float = 0.0
    backoff_until: int = 0
    mean_cycle_seconds: float = 0.0
    _request_started_at: float = 0.0
    _is_requesting: bool = False
    _free_event: asyncio.Event | None = None
    _booked_until_by_tenant: dict[Hashable, float] | None = None

    def is_free(self, now: float) -> bool:
        """Return whether a request may begin at the monotonic time `now`."""
        return not self._is_requesting and self.next_request_at <= now

    async def wait_until_free(self) -> None:
        """Wait until a request may begin; `begin_request` must follow without another await."""
        while not self.is_free(now := self._clock.monotonic()):
            if self._is_requesting:
                self._free_event = self._free_event or asyncio.Event()
                await self._free_event.wait()
            else:
                await self._clock.sleep(self.next_request_at - now)

    def begin_request(self, now: float) -> None:
        """Record that a request began at the monotonic time `now`; no other may begin until `end_request`."""
        self._is_requesting = True
        self._request_started_at = now

    def end_request(self) -> None:
        """End the current request, measure how long it took, and start the pause after it."""
        now = self._clock.monotonic()
        self.response_seconds = now - self._request_started_at
        pause_seconds = max(
            min(PAUSE_RESPONSE_FACTOR * self.response_seconds, MAX_PAUSE_SECONDS), self.min_pause_seconds
        )
        self.next_request_at = now + pause_seconds
        self.mean_cycle_seconds += (self.response_seconds + pause_seconds - self.mean_cycle_seconds) / (
            8 if self.mean_cycle_seconds else 1
        )
        self._is_requesting = False
        if self._free_event is not None:
            self._free_event.set()
            self._free_event = None

    def extend_pause(self, seconds: float) -> None:
        """Extend the pause after the request that has just ended to at least this many seconds."""
        now = self._clock.monotonic()
        if now + seconds > self.next_request_at:
            self.mean_cycle_seconds += (now + seconds - self.next_request_at) / 8
            self.next_request_at = now + seconds

    def reserve_later_time(self, tenant: Hashable) -> int | None:
        """Return a later time for one more feed of a tenant (server), or None if the feed may queue now.

        The time, in Unix seconds, is reserved if the wait would reach `APPOINTMENT_THRESHOLD_SECONDS`.
        """
        if not self.queue:
            return None
        queued_count = sum(queued_tenant == tenant for queued_tenant, _feed in self.queue)
        cycle_seconds = (self.mean_cycle_seconds or DEFAULT_CYCLE_SECONDS) * len(
            {waiting_tenant for waiting_tenant, _feed in self.queue}
        )
        if queued_count * cycle_seconds < APPOINTMENT_THRESHOLD_SECONDS:
            return None
        self._booked_until_by_tenant = self._booked_until_by_tenant or {}
        self._booked_until_by_tenant[tenant] = (
            max(
                self._booked_until_by_tenant.get(tenant, 0.0),
                self._clock.now() + queued_count * cycle_seconds,
            )
            + cycle_seconds
        )
        return int(self._booked_until_by_tenant[tenant])

    def get_backlog_seconds(self, tenant: Hashable) -> int:
        """Return the seconds until the last time that is reserved for a feed of a tenant (server), or 0."""
        booked_until = self._booked_until_by_tenant.get(tenant, 0.0) if self._booked_until_by_tenant else 0.0
        return max(0, int(booked_until - self._clock.now()))

    def back_off_for(self, error: FeedError) -> int:
        """Back off for as long as an error asks for; return the seconds, 0 if it asks for none.

        A response 429 without `Retry-After` means `DEFAULT_429_BACKOFF_SECONDS`.
        """
        backoff_seconds = error.retry_after
        if backoff_seconds is None and error.code == fetch_errors.RATE_LIMITED:
            backoff_seconds = DEFAULT_429_BACKOFF_SECONDS
        if backoff_seconds:
            self.back_off_until(self._clock.now() + backoff_seconds)
        return backoff_seconds or 0

    def back_off_until(self, until: int) -> None:
        """Record that no request should be sent to this host before `until` (Unix time in seconds)."""
        self.backoff_until = max(self.backoff_until, until)

    def shift_clock(self, seconds: int) -> None:
        """Correct stored Unix times after the system clock was set back by `seconds`."""
        self.backoff_until -= seconds
        self._booked_until_by_tenant = {
            tenant: booked_until - seconds for tenant, booked_until in (self._booked_until_by_tenant or {}).items()
        } or None

    def is_evictable(self) -> bool:
        """Return whether the host is idle, so that its state can be forgotten."""
        return not (
            self.has_active_poll
            or self.queue
            or self._is_requesting
            or self._free_event
            or self.next_request_at > self._clock.monotonic()
            or self.backoff_until > self._clock.now()
            or any(map(self.get_backlog_seconds, self._booked_until_by_tenant or ()))
        )


class Hosts:
    """Registry of publisher hosts by name."""

    def __init__(self, clock: Clock, rule_by_host: Mapping[str, HostRule]) -> None:
        self._clock, self._rule_by_host = clock, rule_by_host
        self._host_by_name: dict[str, Host] = {}

    def get(self, url: str) -> Host:
        """Return the host of a URL, which is created if it is new."""
        name = get_host_name(url)
        host = self._host_by_name.get(name)
        if host is None:
            if len(self._host_by_name) >= EVICTION_HOST_COUNT:
                self._host_by_name = {
                    name: host for name, host in self._host_by_name.items() if not host.is_evictable()
                }
            min_pause_seconds = find_host_rule(self._rule_by_host, name).seconds_between_requests
            host = self._host_by_name[name] = Host(self._clock, min_pause_seconds)
        return host

    def list_in_slots(self, slots: Collection[int]) -> list[Host]:
        """Return the hosts in memory that belong to these host slots (groups of hosts)."""
        return [host for name, host in self._host_by_name.items() if get_host_slot_for_name(name) in slots]

    @asynccontextmanager
    async def throttle(self, url: str) -> AsyncIterator[None]:
        """Reserve the host of a URL for one request, and start a pause afterwards."""
        host = self.get(url)
        await host.wait_until_free()
        host.begin_request(self._clock.monotonic())
        try:
            yield
        finally:
            host.end_request()

    def select_throttle(self, *, wait_for_host: bool) -> HostThrottle:
        """Return a function that gives requests exclusive access to a URL's host, or one that delays none.

        The latter is for requests for which a user is waiting (`wait_for_host` is False).
        """
        return self.throttle if wait_for_host else lambda _url: nullcontext()

    def shift_clock(self, seconds: int) -> None:
        """Correct the stored Unix times of all hosts after the system clock was set back by `seconds`."""
        for host in self._host_by_name.values():
            host.shift_clock(seconds)
