"""The share of Discord's global rate limit that this process may use: all of it if no others run.

Processes on one database share 50 requests per second. Each is granted *slots*: requests that may count at
once in any window of a second. Together they never exceed Discord's limit, however long a request is in
transit. A grant expires soon and is renewed only while there are requests; the slots of a process that dies
are lost until its grant expires.
"""

import asyncio
import logging
import math
import secrets
from collections import deque
from collections.abc import Callable, Sequence

from bot.core.clock import Clock
from bot.store import Store, StoreError
from bot.store.records.process_records import RequestAllocation

log = logging.getLogger(__name__)

MAX_REQUESTS_PER_SECOND = 49
"""Maximum number of requests in any second: one less than Discord allows, for processes without a grant."""
WINDOW_SECONDS = 1.01
"""Length in seconds of the window in which Discord counts requests, plus 1 % for differing clocks."""
MAX_TRANSIT_SECONDS = 2.0
"""Maximum time in seconds until a request reaches Discord; it is assumed for requests without a response."""
GRANT_TTL_SECONDS = 2.0
"""Time in seconds for which a process may use the slots (requests at a time) that it was granted."""
RENEW_INTERVAL_SECONDS = 0.4
"""Minimum time in seconds between two renewals of a process's slots (requests at a time)."""
URGENT_RENEW_INTERVAL_SECONDS = 0.1
"""Minimum time in seconds between two renewals of a quota if a request waits without one, or some can be released."""
HEADROOM_SLOTS = 5
"""Number of slots (requests at a time) that a process asks for beyond its demand, so that none has to wait."""
INVALID_REQUEST_STATUSES = frozenset({401, 403, 429})
"""HTTP statuses of invalid requests; 10,000 of these in ten minutes get an IP address banned.

https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
"""
INVALID_REQUEST_WINDOW_SECONDS = 600.0
"""Length in seconds of the window in which Discord counts invalid requests."""
MAX_INVALID_REQUESTS = 5_000
"""Number of invalid requests per window at which one request per second is still allowed.

The rate falls linearly up to this number.
"""
_WARN_AT_INVALID_REQUESTS = 500
"""Number of invalid requests per window at which a warning is logged."""


class RequestQuota:
    """Quota of requests to Discord that this process may have in any second.

    `on_change` is called after each attempt to renew the quota. All times are monotonic seconds.
    """

    def __init__(self, clock: Clock, store: Store, on_change: Callable[[], None]) -> None:
        self._clock, self._budget_store, self._on_change = clock, store.request_budget, on_change
        self._process_id = secrets.randbits(62) | 1
        self._granted_slot_count = 0 if self._budget_store.is_shared else MAX_REQUESTS_PER_SECOND
        self._reserved_slot_count = self._granted_slot_count  # Slots that no peer can have been granted.
        self._renewal_requested_at = -math.inf
        self._grant_valid_until = -math.inf if self._budget_store.is_shared else math.inf
        self._max_slots_during_renewal: int | None = None  # Upper bound while a renewal is in flight.
        self._is_store_unreachable = False
        self._invalid_request_times: deque[float] = deque()
        self._peer_invalid_request_count = 0
        self._paused_until = self._published_paused_until = -math.inf
        self._renewal_task: asyncio.Task[None] | None = None

    def get_slot_count(self, now: float) -> int:
        """Return how many requests may count against Discord's limit at once; `now` is in monotonic seconds."""
        if now < self._paused_until:
            return 0
        if now >= self._grant_valid_until:
            return int(self._is_store_unreachable)
        granted_slot_count = (
            self._granted_slot_count
            if self._max_slots_during_renewal is None
            else min(self._granted_slot_count, self._max_slots_during_renewal)
        )
        return min(
            granted_slot_count,
            _compute_max_slot_count(self._count_invalid_requests(now) + self._peer_invalid_request_count),
        )

    def seconds_until_recheck(self, now: float) -> float:
        """Return the seconds after which a waiting request must check the quota again in any case."""
        if now < self._paused_until:
            return self._paused_until - now
        return URGENT_RENEW_INTERVAL_SECONDS if self._budget_store.is_shared else math.inf

    def report_demand(self, now: float, in_flight_count: int, waiting_count: int) -> None:
        """Renew this process's quota (slots) if a renewal is due, on the basis of its number of requests.

        `in_flight_count` requests count against Discord's limit now, `waiting_count` requests wait for a slot.
        """
        if not self._budget_store.is_shared or self._renewal_task is not None:
            return
        is_urgent = (
            waiting_count and not self._granted_slot_count
        ) or self._reserved_slot_count > self._granted_slot_count >= in_flight_count
        if now - self._renewal_requested_at >= (URGENT_RENEW_INTERVAL_SECONDS if is_urgent else RENEW_INTERVAL_SECONDS):
            self._renewal_requested_at, self._max_slots_during_renewal = now, in_flight_count
            allocation = RequestAllocation(
                self._process_id,
                in_flight_count,
                min(in_flight_count + waiting_count + HEADROOM_SLOTS, MAX_REQUESTS_PER_SECOND),
                self._count_invalid_requests(now),
            )
            self._renewal_task = asyncio.create_task(self._renew(allocation, now))

    def record_invalid_request(self, now: float) -> None:
        """Count a request that Discord answered with 401, 403 or 429, which lowers the allowed rate."""
        self._invalid_request_times.append(now)
        if len(self._invalid_request_times) == _WARN_AT_INVALID_REQUESTS:
            log.warning(
                "invalid requests count=%d window_seconds=%d",
                _WARN_AT_INVALID_REQUESTS,
                INVALID_REQUEST_WINDOW_SECONDS,
            )

    def pause(self, now: float, seconds: float) -> None:
        """Stop the requests of all processes for `seconds`, because Discord's global limit was exceeded."""
        self._paused_until = max(self._paused_until, now + seconds)
        self._renewal_requested_at = -math.inf

    def _count_invalid_requests(self, now: float) -> int:
        while self._invalid_request_times and self._invalid_request_times[0] <= now - INVALID_REQUEST_WINDOW_SECONDS:
            self._invalid_request_times.popleft()
        return len(self._invalid_request_times)

    async def _renew(self, own_allocation: RequestAllocation, now: float) -> None:
        paused_until = self._paused_until
        pause_seconds = paused_until - now if paused_until > max(now, self._published_paused_until) else 0.0
        try:
            grant = await self._budget_store.allocate(
                own_allocation,
                compute_fair_share,
                ttl_seconds=GRANT_TTL_SECONDS + MAX_TRANSIT_SECONDS + WINDOW_SECONDS,
                pause_seconds=pause_seconds,
            )
        except StoreError:
            self._is_store_unreachable = True
        else:
            self._is_store_unreachable, self._published_paused_until = False, paused_until
            self._granted_slot_count, self._reserved_slot_count = (
                grant.slot_count,
                max(grant.slot_count, own_allocation.slot_count),
            )
            self._peer_invalid_request_count = grant.peer_invalid_request_count
            self._grant_valid_until = now + GRANT_TTL_SECONDS
            self._paused_until = max(self._paused_until, self._clock.monotonic() + grant.pause_seconds)
        finally:
            self._max_slots_during_renewal = self._renewal_task = None
        self._on_change()


def compute_fair_share(own_allocation: RequestAllocation, peer_allocations: Sequence[RequestAllocation]) -> int:
    """Return the number of slots of a process: its max-min fair share, or less while its peers hold more than theirs.

    A slot is room for one request that counts against Discord's limit.

    The remainder of the division goes to the processes with the largest demand; among processes with equal demand,
    to the processes with the fewest slots.
    """
    total_slot_count = _compute_max_slot_count(
        own_allocation.invalid_request_count
        + sum(peer_allocation.invalid_request_count for peer_allocation in peer_allocations)
    )
    remaining_slot_count, own_slot_count = total_slot_count, 0
    allocations_by_demand = sorted(
        (own_allocation, *peer_allocations), key=lambda allocation: (allocation.demand, -allocation.slot_count)
    )
    for index, allocation in enumerate(allocations_by_demand):
        granted_slot_count = min(allocation.demand, remaining_slot_count // (len(allocations_by_demand) - index))
        remaining_slot_count -= granted_slot_count
        if allocation is own_allocation:
            own_slot_count = granted_slot_count
    return max(0, min(own_slot_count, total_slot_count - sum(peer.slot_count for peer in peer_allocations)))


def _compute_max_slot_count(invalid_request_count: int) -> int:
    return max(1, round(MAX_REQUESTS_PER_SECOND * (1 - invalid_request_count / MAX_INVALID_REQUESTS)))
