"""Limiter of all requests to Discord by its one global rate limit, shared fairly between servers.

discord.py handles the limits of routes and channels, but notices the global limit only when it breaks it.
This limiter waits in a hook of the HTTP session before each request; `request_quota` decides how many requests
may be in any window of a second. A request that is not sent soon after, because the event loop stood still or the
connection took long, waits again. Responses to interactions are exempt:
https://discord.com/developers/docs/topics/rate-limits#global-rate-limit
"""

import asyncio
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import aiohttp

from bot.core.clock import Clock
from bot.core.concurrency.fair_queue import FairQueue
from bot.core.received_values import parse_seconds
from bot.posting.sending.request_quota import (
    INVALID_REQUEST_STATUSES,
    MAX_TRANSIT_SECONDS,
    WINDOW_SECONDS,
    RequestQuota,
)
from bot.store import Store

RTT_DRIFT_SECONDS = 0.0001
"""Time in seconds by which the assumed minimum round trip grows per request, until a shorter round trip is measured."""

MAX_UNSENT_SECONDS = 1.0
"""Time in seconds from when a request may start until it is sent; after that, it has to wait for the quota again."""

MAX_PAUSE_SECONDS = 86_400.0
"""Maximum number of seconds for which all requests pause, whatever Discord's response states."""

_STATUS_TOO_MANY_REQUESTS = 429
_ROUTE_PATTERN = re.compile(r"/api(?:/v\d+)?/(?P<resource>\w+)(?:/(?P<id>\d+))?(?P<subpath>.*)")


class RequestPriority(IntEnum):
    """Priority of a request to Discord, highest first: it starts only while no request of higher priority waits."""

    HIGH = 0
    NORMAL = 1
    LOW = 2


class _CountedRequest:
    """Request that counts against the quota until `counts_until`, in monotonic seconds."""

    __slots__ = ("counts_until", "started_at")

    def __init__(self, started_at: float) -> None:
        self.started_at = started_at
        self.counts_until = started_at + MAX_TRANSIT_SECONDS + WINDOW_SECONDS


class RateLimiter:
    """Limiter of this process's requests to Discord; processes share the quota through the store.

    `get_fair_share_key` maps a channel id to the key that its requests are charged to. `channel_id_by_webhook_id`
    has the webhooks that post; requests of other webhooks answer interactions. Requests about the gateway have high
    priority, because a shard and its servers wait for them; requests about reactions have low priority.
    """

    def __init__(
        self,
        clock: Clock,
        store: Store,
        get_fair_share_key: Callable[[int], int],
        channel_id_by_webhook_id: Mapping[int, int],
    ) -> None:
        self._clock, self._get_fair_share_key, self._channel_id_by_webhook_id = (
            clock,
            get_fair_share_key,
            channel_id_by_webhook_id,
        )
        self._quota = RequestQuota(clock, store, self._admit_requests)
        self.response_count_by_status: Counter[int] = Counter()
        """Number of responses since the start, by HTTP status."""
        self._counted_requests: list[_CountedRequest] = []
        self._min_round_trip_seconds = 0.0  # of recent requests
        self._queue_by_priority: dict[RequestPriority, FairQueue[asyncio.Future[_CountedRequest]]] = {
            priority: FairQueue(1) for priority in RequestPriority
        }
        self._wake_task: asyncio.Task[None] | None = None
        self.total_wait_seconds = 0.0
        """Total time in seconds for which requests waited until the quota allowed them."""

    @property
    def waiting_count(self) -> int:
        """Number of requests that wait until the quota allows them."""
        return sum(map(len, self._queue_by_priority.values()))

    def attach(self, trace_config: aiohttp.TraceConfig) -> None:
        """Register the limiter on the trace configuration of an HTTP session, ahead of its other hooks."""
        trace_config.on_request_start.append(self._on_request_start)
        trace_config.on_connection_create_end.append(self._on_connection_available)
        trace_config.on_connection_reuseconn.append(self._on_connection_available)
        trace_config.on_request_end.insert(0, self._on_request_end)
        trace_config.on_request_exception.append(self._on_request_exception)

    async def acquire(self, key: Hashable, priority: RequestPriority) -> _CountedRequest:
        """Wait until the quota allows another request, and return that request.

        The request is charged to `key`, such as a server's id, among requests of the same priority.
        """
        queued_at = self._clock.monotonic()
        request_future: asyncio.Future[_CountedRequest] = asyncio.get_running_loop().create_future()
        self._queue_by_priority[priority].put(key, request_future)
        self._admit_requests()
        request = await request_future
        self.total_wait_seconds += request.started_at - queued_at
        return request

    def _admit_requests(self) -> None:
        now = self._clock.monotonic()
        self._counted_requests = [request for request in self._counted_requests if request.counts_until > now]
        max_counted_requests = self._quota.get_slot_count(now)
        for queue in self._queue_by_priority.values():
            while len(self._counted_requests) < max_counted_requests and (ticket := queue.try_acquire()) is not None:
                queue.release(ticket, 1.0)
                if not ticket.item.done():  # The waiting task may have been cancelled.
                    request = _CountedRequest(now)
                    self._counted_requests.append(request)
                    ticket.item.set_result(request)
        self._quota.report_demand(now, len(self._counted_requests), self.waiting_count)
        if self.waiting_count:
            if self._wake_task is not None:  # An answer has come, so that a request may count for less long.
                self._wake_task.cancel()
            next_expiry = min((request.counts_until for request in self._counted_requests), default=math.inf)
            self._wake_task = asyncio.create_task(
                self._admit_requests_after(min(next_expiry - now, self._quota.seconds_until_recheck(now)))
            )

    async def _admit_requests_after(self, delay_seconds: float) -> None:
        await self._clock.sleep(delay_seconds)
        self._wake_task = None
        self._admit_requests()

    def _get_key_and_priority(self, path: str) -> tuple[Hashable, RequestPriority] | None:
        """Return the key to charge for a request, and its priority; None if it does not count against the limit."""
        route_match = _ROUTE_PATTERN.fullmatch(path)
        if route_match is None or route_match["resource"] == "interactions":
            return None
        key: Hashable = route_match["resource"]
        if route_match["resource"] == "webhooks":
            channel_id = self._channel_id_by_webhook_id.get(int(route_match["id"] or 0))
            if channel_id is None:
                return None
            key = self._get_fair_share_key(channel_id)
        elif route_match["resource"] == "channels" and route_match["id"]:
            key = self._get_fair_share_key(int(route_match["id"]))
        elif route_match["resource"] == "guilds" and route_match["id"]:
            key = int(route_match["id"])
        if route_match["resource"] == "gateway":
            return key, RequestPriority.HIGH
        return key, RequestPriority.LOW if "/reactions/" in route_match["subpath"] else RequestPriority.NORMAL

    async def _on_request_start(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        start_params: aiohttp.TraceRequestStartParams,
    ) -> None:
        if (key_and_priority := self._get_key_and_priority(start_params.url.path)) is not None:
            context.request = await self.acquire(*key_and_priority)

    async def _on_connection_available(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _params: Any,  # noqa: ANN401 - the parameters of either hook
    ) -> None:
        request: _CountedRequest | None = getattr(context, "request", None)
        if request is not None and self._clock.monotonic() - request.started_at > MAX_UNSENT_SECONDS:
            request.counts_until = self._clock.monotonic()
            context.request = await self.acquire("unsent", RequestPriority.HIGH)

    async def _on_request_end(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        end_params: aiohttp.TraceRequestEndParams,
    ) -> None:
        now = self._clock.monotonic()
        status = end_params.response.status
        self.response_count_by_status[status] += 1
        # Discord does not count 429 responses with the scope "shared" as invalid requests.
        if status in INVALID_REQUEST_STATUSES and end_params.response.headers.get("X-RateLimit-Scope") != "shared":
            self._quota.record_invalid_request(now)
        if status == _STATUS_TOO_MANY_REQUESTS and end_params.response.headers.get("X-RateLimit-Scope") == "global":
            retry_after_header = end_params.response.headers.get("Retry-After")
            self._quota.pause(now, parse_seconds(retry_after_header, maximum=MAX_PAUSE_SECONDS) or 1.0)
            self._admit_requests()
        self._record_round_trip(context, now)

    async def _on_request_exception(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _exception_params: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self._record_round_trip(context, self._clock.monotonic())

    def _record_round_trip(self, context: SimpleNamespace, now: float) -> None:
        """Shorten the time for which a request that was answered, or failed, counts against the quota.

        Discord counted the request at some moment before its response left. Another request that starts
        `WINDOW_SECONDS` after the latest such moment, less the shortest way to Discord, cannot fall into the
        same second.
        """
        request: _CountedRequest | None = getattr(context, "request", None)
        if request is not None:
            round_trip_seconds = now - request.started_at
            self._min_round_trip_seconds = min(round_trip_seconds, self._min_round_trip_seconds + RTT_DRIFT_SECONDS)
            request.counts_until = min(request.counts_until, now - self._min_round_trip_seconds + WINDOW_SECONDS)
            if self.waiting_count:
                self._admit_requests()
