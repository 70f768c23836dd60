"""One budget for all that Telex asks of Discord, in any window of a second; servers share it fairly.

discord.py waits for the limits of a route and a channel, and learns of the global one only by breaking it.
Its hook before each request is where this one waits; `request_budget` says how many may go at a time. Answers
to interactions do not count towards it and never wait:
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
from bot.posting.sending.request_budget import INVALID, LATEST, WINDOW, RequestBudget
from bot.store import Store

LONGER = 0.0001
"""Seconds by which the shortest way is taken to be longer after each request, until one is shorter."""

_TOO_MANY = 429
_ROUTE = re.compile(r"/api(?:/v\d+)?/(?P<kind>\w+)(?:/(?P<id>\d+))?(?P<rest>.*)")


class _Request:
    """A request that counts until a time."""

    __slots__ = ("begun", "until")

    def __init__(self, begun: float) -> None:
        self.begun = begun
        self.until = begun + LATEST + WINDOW


class RequestPace:
    """What this process asks. `share_of` tells whose share a channel uses.

    The database is where processes share the budget. `webhooks` are the channels of those that post, by their
    ids; what goes to others answers interactions. Reactions wait until nothing else does.
    """

    def __init__(
        self,
        clock: Clock,
        store: Store,
        share_of: Callable[[int], int],
        webhooks: Mapping[int, int],
    ) -> None:
        self._clock, self._share_of, self._webhooks = clock, share_of, webhooks
        self._budget = RequestBudget(clock, store, self._hand_out)
        self.answers: Counter[int] = Counter()
        """Answers since the start, by status."""
        self._counted: list[_Request] = []
        self._shortest = 0.0  # way to Discord and back that even the quickest request of late needed
        self._lines: tuple[FairQueue[asyncio.Future[_Request]], ...] = (FairQueue(1), FairQueue(1))
        self._waking: asyncio.Task[None] | None = None
        self.waited = 0.0
        """Seconds for which requests waited for their turn, all together."""

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return sum(map(len, self._lines))

    def watch(self, trace: aiohttp.TraceConfig) -> None:
        """Hold back the requests of a session that has these hooks, before its other hooks see them."""
        trace.on_request_start.append(self._begins)
        trace.on_request_end.insert(0, self._ends)
        trace.on_request_exception.append(self._breaks)

    async def turn(self, key: Hashable, *, last: bool = False) -> _Request:
        """Wait for a turn; with `last` until nobody else waits."""
        begun = self._clock.monotonic()
        mine: asyncio.Future[_Request] = asyncio.get_running_loop().create_future()
        self._lines[last].put(key, mine)
        self._hand_out()
        request = await mine
        self.waited += request.begun - begun
        return request

    def _hand_out(self) -> None:
        now = self._clock.monotonic()
        self._counted = [request for request in self._counted if request.until > now]
        allowed = self._budget.slots(now)
        for line in self._lines:
            while len(self._counted) < allowed and (turn := line.take()) is not None:
                line.end(turn, 1.0)
                if not turn.item.done():  # else whoever waited was cancelled
                    request = _Request(now)
                    self._counted.append(request)
                    turn.item.set_result(request)
        self._budget.used(now, len(self._counted), self.waiting)
        if self.waiting and self._waking is None:
            soonest = min((request.until for request in self._counted), default=math.inf)
            self._waking = asyncio.create_task(self._wake_in(min(soonest - now, self._budget.look_in(now))))

    async def _wake_in(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._waking = None
        self._hand_out()

    def _key(self, path: str) -> tuple[Hashable, bool] | None:
        """Whose share a request uses, and whether it comes last; None where it does not count."""
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

    async def _begins(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        begun: aiohttp.TraceRequestStartParams,
    ) -> None:
        if (found := self._key(begun.url.path)) is not None:
            key, last = found
            context.request = await self.turn(key, last=last)

    async def _ends(
        self, _session: aiohttp.ClientSession, context: SimpleNamespace, ended: aiohttp.TraceRequestEndParams
    ) -> None:
        now = self._clock.monotonic()
        status = ended.response.status
        self.answers[status] += 1
        # A limit that a resource has for everybody is nobody's fault, and not counted by Discord.
        if status in INVALID and ended.response.headers.get("X-RateLimit-Scope") != "shared":
            self._budget.refused(now)
        if status == _TOO_MANY and ended.response.headers.get("X-RateLimit-Scope") == "global":
            self._budget.hold(now, float(ended.response.headers.get("Retry-After", 1.0)))
            self._hand_out()
        self._settle(context, now)

    async def _breaks(
        self,
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _why: aiohttp.TraceRequestExceptionParams,
    ) -> None:
        self._settle(context, self._clock.monotonic())

    def _settle(self, context: SimpleNamespace, now: float) -> None:
        """It has been answered: it reached Discord by now, less the way back.

        Discord counts it somewhere on its way; whatever begins a second after the latest such moment, less
        the shortest way there, cannot be counted in the same second.
        """
        request: _Request | None = getattr(context, "request", None)
        if request is not None:
            way = now - request.begun
            self._shortest = min(way, self._shortest + LONGER)
            request.until = min(request.until, now - self._shortest + WINDOW)
            if self.waiting:
                self._hand_out()
