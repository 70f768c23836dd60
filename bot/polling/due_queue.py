"""Queue of due feeds: one poll per host at a time, slots for polls shared fairly between servers.

A poll slot is the right to run one poll. Two lanes, the usual one and the slow one for feeds whose last poll took
long, each have a share of the slots, so that slow feeds cannot take all of them.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.concurrency.fair_queue import FairQueue, Ticket
from bot.core.models import DueFeed
from bot.polling.host_throttle import Host

MAX_QUEUED_FEEDS_PER_TENANT = 64
"""Number of queued feeds of a tenant (server) from which on no more are loaded until only half are still queued."""
SLOW_FEED_SECONDS = 5.0
"""Minimum duration of a request, in seconds, after which the feed's next poll waits in the queue of slow feeds."""
SLOW_LANE_DIVISOR = 4
"""Number of poll slots (polls at a time) for each one that is kept for slow feeds; unused ones are lent to others."""
MAX_SLOW_FEEDS = 10_000
"""Maximum number of slow feeds that are remembered."""


class SlowFeeds(dict[int, None]):
    """Ids of feeds whose last poll, or recorded part of it, took `min_seconds` or more; at most `MAX_SLOW_FEEDS`."""

    def __init__(self, min_seconds: float) -> None:
        super().__init__()
        self._min_seconds = min_seconds

    def record(self, feed_id: int, seconds: float) -> None:
        """Record the duration of a feed's poll, or of a part of it."""
        self.pop(feed_id, None)
        if seconds >= self._min_seconds:
            if len(self) >= MAX_SLOW_FEEDS:
                del self[next(iter(self))]
            self[feed_id] = None


@dataclass(slots=True)
class PollJob:
    """Due feed whose host is free, and the poll slot (`ticket`) that it holds, or None until it has one.

    `started_at` is the monotonic time, in seconds, since when it holds the slot.
    """

    host: Host
    feed: DueFeed
    lane: FairQueue[PollJob]
    ticket: Ticket[PollJob] | None = None
    started_at: float = 0.0


class PollQueue:
    """Queue of due feeds: one poll per host at a time, slots for polls shared fairly between tenants.

    The tenant of a feed is a server: of those that follow it, the one that used the least time for polls.
    `on_tenant_drained` is called when, of `MAX_QUEUED_FEEDS_PER_TENANT` queued feeds of a tenant, only half are
    still queued.
    """

    def __init__(self, clock: Clock, slot_count: int, *, on_tenant_drained: Callable[[], None]) -> None:
        self._clock = clock
        self._on_tenant_drained = on_tenant_drained
        self._slot_count = slot_count
        slow_slot_count = slot_count // SLOW_LANE_DIVISOR
        self._usual_lane: FairQueue[PollJob] = FairQueue(slot_count)
        self._slow_lane: FairQueue[PollJob] = FairQueue(slow_slot_count) if slow_slot_count else self._usual_lane
        self.slow_feeds = SlowFeeds(SLOW_FEED_SECONDS)
        """Ids of the feeds that are polled in the few slots for slow feeds."""
        self._waiting_hosts: list[tuple[float, int, Host]] = []  # a heap by the time the host is free
        self._tie_breaker = itertools.count()
        self._waiting_workers: deque[asyncio.Future[PollJob]] = deque()
        self._queued_count_by_tenant: Counter[Hashable] = Counter()
        self._saturated_tenants: set[Hashable] = set()

    def __len__(self) -> int:
        return self._queued_count_by_tenant.total()

    @property
    def saturated_tenants(self) -> set[Hashable]:
        """Tenants (servers) with so many queued feeds that no more of theirs are to be loaded."""
        return self._saturated_tenants

    def select_tenant(self, feed: DueFeed) -> Hashable:
        """Return the id of the server (the tenant) to which a poll of a feed is charged.

        Of the servers that follow the feed, that is the one that used the least time for polls.
        """
        if "," not in feed.server_ids_csv:
            return int(feed.server_ids_csv)
        return min(map(int, feed.server_ids_csv.split(",")), key=self._usual_lane.get_usage)

    def enqueue(self, host: Host, feed: DueFeed) -> int | None:
        """Queue a feed for its host and return None, or return when to load it again.

        If the wait for the host would be long, the feed is not queued; a Unix time in seconds is returned.
        """
        tenant = self.select_tenant(feed)
        if host.queue and (retry_at := host.reserve_later_time(tenant)) is not None:
            return retry_at
        host.queue.append((tenant, feed))
        self._queued_count_by_tenant[tenant] += 1
        if self._queued_count_by_tenant[tenant] == MAX_QUEUED_FEEDS_PER_TENANT:
            self._saturated_tenants.add(tenant)
        if not host.has_active_poll and len(host.queue) == 1:
            self._schedule_host(host)
        return None

    async def wait_for_job(self) -> PollJob:
        """Wait for the next feed whose host is free and that got a slot to be polled; `release_job` must follow."""
        job = self._take_next_job()
        if job is not None:
            if self._waiting_workers and (self._usual_lane.may_start_item or self._slow_lane.may_start_item):
                self._assign_jobs()  # One released slot may start several polls.
        else:
            worker_future: asyncio.Future[PollJob] = asyncio.get_running_loop().create_future()
            self._waiting_workers.append(worker_future)
            job = await worker_future
        return job

    def release_job(self, job: PollJob) -> None:
        """Release the poll slot and the host of a job after its poll."""
        ticket, job.ticket = job.ticket, None  # Job and ticket would be a cycle, left to the garbage collector.
        assert ticket is not None
        poll_seconds = self._clock.monotonic() - job.started_at
        job.lane.release(ticket, poll_seconds / (1 + job.feed.server_ids_csv.count(",")))
        self._lend_slow_slots(job.lane)
        host = job.host
        host.has_active_poll = False
        if host.queue:
            self._schedule_host(host)

    def assign_startable_jobs(self) -> float | None:
        """Assign the jobs that can start to waiting workers, and return the seconds until the next host is free.

        Returns None if no worker waits, or no host with queued feeds waits to be free.
        """
        self._assign_jobs()
        if not (self._waiting_workers and self._waiting_hosts):
            return None
        return max(self._waiting_hosts[0][0] - self._clock.monotonic(), 0.0)

    def drop_host(self, host: Host) -> list[int]:
        """Drop the queued feeds of a host that another process now owns; return their ids."""
        dropped_tenants_and_feeds, host.queue = host.queue, []
        for tenant, _feed in dropped_tenants_and_feeds:
            self._decrement_tenant(tenant)
        return [feed.id for _tenant, feed in dropped_tenants_and_feeds]

    def clear(self) -> None:
        """Forget all queued feeds and all callers that wait for a job."""
        for _, _, host in self._waiting_hosts:
            host.queue.clear()
        for lane in {id(lane): lane for lane in (self._usual_lane, self._slow_lane)}.values():
            for job in lane.clear():
                job.host.has_active_poll = False
                job.host.queue.clear()
        self._waiting_hosts.clear()
        self._waiting_workers.clear()
        self._queued_count_by_tenant.clear()
        self._saturated_tenants.clear()

    def _assign_jobs(self) -> None:
        while self._waiting_workers and (job := self._take_next_job()) is not None:
            worker_future = self._waiting_workers.popleft()
            if not worker_future.done():
                worker_future.set_result(job)

    def _lend_slow_slots(self, lane: FairQueue[PollJob]) -> None:
        """Lend the poll slots that slow feeds do not use to the usual feeds."""
        if lane is not self._usual_lane:
            self._usual_lane.slot_count = self._slot_count - self._slow_lane.in_flight_count

    def _schedule_host(self, host: Host) -> None:
        heapq.heappush(self._waiting_hosts, (host.next_request_at, next(self._tie_breaker), host))

    def _take_next_job(self) -> PollJob | None:
        now = self._clock.monotonic()
        while self._waiting_hosts and self._waiting_hosts[0][0] <= now:
            _, _, host = heapq.heappop(self._waiting_hosts)
            if host.has_active_poll or not host.queue:  # `drop_host` emptied its queue.
                continue
            host.has_active_poll = True
            queue_index = 0
            if len(host.queue) > 1:
                queue_index = min(
                    range(len(host.queue)),
                    key=lambda index: self._usual_lane.get_usage(host.queue[index][0]),
                )
            tenant, feed = host.queue.pop(queue_index)
            lane = self._slow_lane if feed.id in self.slow_feeds else self._usual_lane
            lane.put(tenant, PollJob(host, feed, lane))
        ticket = self._slow_lane.try_acquire() or self._usual_lane.try_acquire()
        if ticket is None:
            return None
        job = ticket.item
        job.ticket, job.started_at = ticket, now
        self._lend_slow_slots(job.lane)
        self._decrement_tenant(ticket.key)
        return job

    def _decrement_tenant(self, tenant: Hashable) -> None:
        self._queued_count_by_tenant[tenant] -= 1
        queued_count = self._queued_count_by_tenant[tenant]
        if queued_count == 0:
            del self._queued_count_by_tenant[tenant]
        if queued_count == MAX_QUEUED_FEEDS_PER_TENANT // 2 and tenant in self._saturated_tenants:
            self._saturated_tenants.discard(tenant)
            self._on_tenant_drained()
