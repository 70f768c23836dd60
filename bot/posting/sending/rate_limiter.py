"""One global rate limit for all requests to Discord, shared fairly between servers.

discord.py handles the limits of routes and channels, but notices the global limit only when it breaks it.
This limiter waits in the session's hook before each request; `request_quota` says how many requests may be in
any window of a second. Responses to interactions are exempt:
https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
"""

import asyncio
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from types import SimpleNamespace

import aiohttp

from bot.core.clock import Clock
from bot.core.fair_queue import FairQueue
from bot.posting.sending.request_quota import (
    INVALID_REQUEST_STATUSES,
    MAX_TRANSIT_SECONDS,
    WINDOW_SECONDS,
    RequestQuota,
)
from bot.store import Store

RTT_DRIFT_SECONDS = 0.0001
"""Seconds by which the minimum round trip grows with each request, until a shorter one is measured."""

_STATUS_TOO_MANY_REQUESTS = 429
_ROUTE = re.compile(r"/api(?:/v\d+)?/(?P<kind>\w+)(?:/(?P<id>\d+))?(?P<rest>.*)")


class _Request:
    """A request that counts against the quota until `counts_until`, in monotonic seconds."""

    __slots__ = ("counts_until", "started_at")

    def __init__(self, begun: float) -> None:
        self.started_at = begun
        self.counts_until = begun + MAX_TRANSIT_SECONDS + WINDOW_SECONDS


class RateLimiter:
    """Limits the requests of this process; processes share the quota through the store.

    `fair_share_key` maps a channel to the key that its requests are charged to. `channel_by_webhook_id` has
    the webhooks that post; requests to others answer interactions. Reactions have low priority.
    """

    def __init__(
        self,
        clock: Clock,
        store: Store,
        share_of: Callable[[int], int],
        webhooks: Mapping[int, int],
    ) -> None:
        self._clock, self._share_of, self._webhooks = clock, share_of, webhooks
        self._quota = RequestQuota(clock, store, self._grant_slots)
        self.responses_by_status: Counter[int] = Counter()
        """Responses since the start, by HTTP status."""
        self._in_window: list[_Request] = []
        self._min_round_trip = 0.0  # of recent requests
        self._queues: tuple[FairQueue[asyncio.Future[_Request]], ...] = (FairQueue(1), FairQueue(1))
        self._wake_task: asyncio.Task[None] | None = None
        self.total_wait_seconds = 0.0
        """Total time in seconds that requests waited for a slot."""

    @property
    def waiting_count(self) -> int:
        """Number of requests that wait for a slot."""
        return sum(map(len, self._queues))

    def attach(self, trace: aiohttp.TraceConfig) -> None:
        """Register the limiter on the trace configuration of a session, ahead of its other hooks."""
        trace.on_request_start.append(self._on_request_start)
        trace.on_request_end.insert(0, self._on_request_end)
        trace.on_request_exception.append(self._on_request_exception)

    async def acquire(self, key: Hashable, *, low_priority: bool = False) -> _Request:
        """Wait for a slot, and return the request that uses it.

        `key` is the one that the request is charged to. With `low_priority` it waits until no other does.
        """
        begun = self._clock.monotonic()
        mine: asyncio.Future[_Request] = asyncio.get_running_loop().create_future()
        self._queues[low_priority].put(key, mine)
        self._grant_slots()
        request = await mine
        self.total_wait_seconds += request.started_at - begun
        return request

    def _grant_slots(self) -> None:
        now = self._clock.monotonic()
        self._in_window = [request for request in self._in_window if request.counts_until > now]
        allowed = self._quota.slots(now)
        for line in self._queues:
            while len(self._in_window) < allowed and (turn := line.try_acquire()) is not None:
                line.release(turn, 1.0)
                if not turn.item.done():  # The waiting task may have been cancelled.
                    request = _Request(now)
                    self._in_window.append(request)
                    turn.item.set_result(request)
        self._quota.report_demand(now, len(self._in_window), self.waiting_count)
        if self.waiting_count and self._wake_task is None:
            soonest = min((request.counts_until for request in self._in_window), default=math.inf)
            self._wake_task = asyncio.create_task(
                self._wake_in(min(soonest - now, self._quota.seconds_until_recheck(now)))
            )

    async def _wake_in(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._wake_task = None
        self._grant_slots()

    def _queue_key(self, path: str) -> tuple[Hashable, bool] | None:
        """Return the key and the priority of a request, or None if it does not count against the limit."""
        found = _ROUTE.fullmatch(path)
        if found is None or found["kind"] == "interactions":
            return None
        key: Hashable = found["kind"]
        if found["kind"] == "webhooks":
            channel_id = self._webhooks.get(int(found["id"] or 0))
            if channel_id is None:
                return None
            key = self._share_of(channel_id)
        elif found["kind"] == "channels" and found["id"]:
            key = self._share_of(int(found["id"]))
        elif found["kind"] == "guilds" and found["id"]:
            key = int(found["id"])
        return key, "/reactions/" in found["rest"]

    async def _on_request_start(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        begun: aiohttp.TraceRequestStartParams,
    ) -> None:
        if (found := self._queue_key(begun.url.path)) is not None:
            key, last = found
            context.request = await self.acquire(key, low_priority=last)

    async def _on_request_end(
        self, _session: aiohttp.ClientSession, context: SimpleNamespace, ended: aiohttp.TraceRequestEndParams
    ) -> None:
        now = self._clock.monotonic()
        status = ended.response.status
        self.responses_by_status[status] += 1
        # Discord does not count 429 responses with the scope "shared" as invalid requests.
        if status in INVALID_REQUEST_STATUSES and ended.response.headers.get("X-RateLimit-Scope") != "shared":
            self._quota.record_invalid_request(now)
        if (
            status == _STATUS_TOO_MANY_REQUESTS
            and ended.response.headers.get("X-RateLimit-Scope") == "global"
        ):
            self._quota.pause(now, float(ended.response.headers.get("Retry-After", 1.0)))
            self._grant_slots()
        self._record_round_trip(context, now)

    async def _on_request_exception(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _why: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self._record_round_trip(context, self._clock.monotonic())

    def _record_round_trip(self, context: SimpleNamespace, now: float) -> None:
        """Shorten the time for which an answered request counts.

        Discord counted it at some moment before its response left. A request that starts `WINDOW_SECONDS`
        after the latest such moment, less the shortest way there, cannot fall into the same second.
        """
        request: _Request | None = getattr(context, "request", None)
        if request is not None:
            way = now - request.started_at
            self._min_round_trip = min(way, self._min_round_trip + RTT_DRIFT_SECONDS)
            request.counts_until = min(request.counts_until, now - self._min_round_trip + WINDOW_SECONDS)
            if self.waiting_count:
                self._grant_slots()
