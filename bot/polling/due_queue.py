"""A queue of due feeds: one poll per host at a time, slots shared fairly between servers."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.fair_queue import FairQueue, Ticket
from bot.core.models import DueFeed
from bot.polling.host_throttle import Host

MAX_QUEUED_PER_TENANT = 64
"""Queued feeds of a tenant from which on no more of them are loaded."""
SLOW_FEED_SECONDS = 5.0
"""Seconds of a poll from which a feed goes to the slow lane, where its next poll waits."""
SLOW_LANE_DIVISOR = 4
"""One in this many slots belongs to the slow lane, which lends it while unused."""
MAX_SLOW_FEEDS = 10_000
"""Slow feeds that are remembered."""


class SlowFeeds(dict[int, None]):
    """Ids of the feeds whose last poll took at least `min_seconds`, at most `MAX_SLOW_FEEDS`."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._least = seconds

    def record(self, feed_id: int, seconds: float) -> None:
        """Record the duration of a feed's poll."""
        self.pop(feed_id, None)
        if seconds >= self._least:
            if len(self) >= MAX_SLOW_FEEDS:
                del self[next(iter(self))]
            self[feed_id] = None


@dataclass(slots=True)
class PollJob:
    """A feed whose host is free, and the slot that it holds since the monotonic time `started_at`."""

    host: Host
    feed: DueFeed
    lane: FairQueue[PollJob]
    turn: Ticket[PollJob] | None = None
    started_at: float = 0.0


class PollQueue:
    """A queue of due feeds: one poll per host at a time, slots shared fairly between tenants.

    The tenant of a feed is the server that follows it with the least usage. `on_low` is called when a
    saturated tenant has drained to half of `MAX_QUEUED_PER_TENANT`.
    """

    def __init__(self, clock: Clock, slots: int, *, on_low: Callable[[], None]) -> None:
        self._clock = clock
        self._on_low = on_low
        self._slots = slots
        slow = slots // SLOW_LANE_DIVISOR
        self._usual: FairQueue[PollJob] = FairQueue(slots)
        self._slow: FairQueue[PollJob] = FairQueue(slow) if slow else self._usual
        self.slow_feeds = SlowFeeds(SLOW_FEED_SECONDS)
        """Feeds that are polled in the slow lane."""
        self._resting: list[tuple[float, int, Host]] = []  # a heap by the time the host is free
        self._order = itertools.count()
        self._takers: deque[asyncio.Future[PollJob]] = deque()
        self._queued: Counter[Hashable] = Counter()
        self._full: set[Hashable] = set()

    def __len__(self) -> int:
        return self._queued.total()

    @property
    def saturated_tenants(self) -> set[Hashable]:
        """The tenants of which no more feeds are to be loaded."""
        return self._full

    def tenant_of(self, feed: DueFeed) -> Hashable:
        """Return the server whose share a poll of the feed uses."""
        if "," not in feed.server_ids_csv:
            return int(feed.server_ids_csv)
        return min(map(int, feed.server_ids_csv.split(",")), key=self._usual.usage)

    def put(self, host: Host, feed: DueFeed) -> int | None:
        """Queue a feed for its host and return None, or return when to load it again if the wait is long."""
        share = self.tenant_of(feed)
        if host.queue and (later := host.reserve_later(share)) is not None:
            return later
        host.queue.append((share, feed))
        self._queued[share] += 1
        if self._queued[share] == MAX_QUEUED_PER_TENANT:
            self._full.add(share)
        if not host.busy and len(host.queue) == 1:
            self._schedule_host(host)
        return None

    async def next_job(self) -> PollJob:
        """Wait for the next feed whose host is free and that has a slot; `release_job` must follow."""
        taken = self._next()
        if taken is not None:
            if self._takers and (self._usual.has_capacity or self._slow.has_capacity):
                self._hand_out()  # One released slot may start several polls.
        else:
            taker: asyncio.Future[PollJob] = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            taken = await taker
        return taken

    def finish(self, visit: PollJob) -> None:
        """Release the slot and the host of a job that was polled."""
        assert visit.turn is not None
        cost = self._clock.monotonic() - visit.started_at
        visit.lane.release(visit.turn, cost / (1 + visit.feed.server_ids_csv.count(",")))
        self._lend_slow_slots(visit.lane)
        host = visit.host
        host.busy = False
        if host.queue:
            self._schedule_host(host)

    def wake_takers(self) -> float | None:
        """Hand out the jobs that can start; return the seconds until the next, None if unknown."""
        self._hand_out()
        if not (self._takers and self._resting):
            return None
        return max(self._resting[0][0] - self._clock.monotonic(), 0.0)

    def drop_host(self, host: Host) -> list[int]:
        """Drop the queued feeds of a host that another process owns now; return their ids."""
        waiting, host.queue = host.queue, []
        for share, _feed in waiting:
            self._decrement_tenant(share)
        return [feed.id for _share, feed in waiting]

    def clear(self) -> None:
        """Forget all queued feeds and all waiting takers."""
        for _, _, host in self._resting:
            host.queue.clear()
        for lane in {id(lane): lane for lane in (self._usual, self._slow)}.values():
            for visit in lane.clear():
                visit.host.busy = False
                visit.host.queue.clear()
        self._resting.clear()
        self._takers.clear()
        self._queued.clear()
        self._full.clear()

    def _hand_out(self) -> None:
        while self._takers and (taken := self._next()) is not None:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(taken)

    def _lend_slow_slots(self, lane: FairQueue[PollJob]) -> None:
        """Lend the slots that the slow lane does not use to the usual one."""
        if lane is not self._usual:
            self._usual.slots = self._slots - self._slow.in_flight

    def _schedule_host(self, host: Host) -> None:
        heapq.heappush(self._resting, (host.next_request_at, next(self._order), host))

    def _next(self) -> PollJob | None:
        now = self._clock.monotonic()
        while self._resting and self._resting[0][0] <= now:
            _, _, host = heapq.heappop(self._resting)
            if host.busy or not host.queue:  # `drop_host` emptied its queue.
                continue
            host.busy = True
            place = 0
            if len(host.queue) > 1:
                place = min(range(len(host.queue)), key=lambda place: self._usual.usage(host.queue[place][0]))
            share, feed = host.queue.pop(place)
            lane = self._slow if feed.id in self.slow_feeds else self._usual
            lane.put(share, PollJob(host, feed, lane))
        turn = self._slow.try_acquire() or self._usual.try_acquire()
        if turn is None:
            return None
        visit = turn.item
        visit.turn, visit.started_at = turn, now
        self._lend_slow_slots(visit.lane)
        self._decrement_tenant(turn.key)
        return visit

    def _decrement_tenant(self, share: Hashable) -> None:
        self._queued[share] -= 1
        left = self._queued[share]
        if left == 0:
            del self._queued[share]
        if left == MAX_QUEUED_PER_TENANT // 2 and share in self._full:
            self._full.discard(share)
            self._on_low()
