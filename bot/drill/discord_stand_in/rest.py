"""REST API of the stand-in for Discord: requests are read, checked, perhaps let fail, answered and recorded."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote

from aiohttp import web

from bot.drill.discord_stand_in.errors import ApiError
from bot.drill.discord_stand_in.faults import Fault, Faults
from bot.drill.discord_stand_in.gateway import Gateway
from bot.drill.discord_stand_in.state import State
from bot.drill.discord_stand_in.state_changes import StateChanges

if TYPE_CHECKING:
    from bot.drill.discord_stand_in.schema import ContractChecker

API_PATH_PREFIX = "/api/v10"
"""Beginning of the paths of Discord's REST API."""
OBSERVERS: list[Callable[[Call], None]] = []
"""Functions called with each request to the stand-in for Discord after it was answered or has failed."""
Answer = tuple[int, Any]
"""HTTP status and JSON body of an answer; None for no body."""
Handler = Callable[["StandIn", "Call"], Answer | Awaitable[Answer]]


@dataclass
class Call:
    """A request to the stand-in for Discord, and its answer; `status` is None while there is no answer.

    `path_parameters` are the variable parts of the path, by the name that the route has for them. `took_effect` says
    whether the request was carried out, whatever the answer was. `called_at` is in monotonic seconds.
    """

    method: str
    path: str
    query: dict[str, str]
    body: Any = None
    files: list[str] = field(default_factory=list)
    path_parameters: dict[str, str] = field(default_factory=dict)
    status: int | None = None
    answer: Any = None
    took_effect: bool = False
    called_at: float = field(default_factory=time.monotonic)

    def __getitem__(self, name: str) -> int:
        """Return the identifier (snowflake) with a name in the path of the call."""
        return int(self.path_parameters[name])

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"


class StandIn(Protocol):
    """The parts of the stand-in for Discord that a request reads and changes."""

    state: State
    gateway: Gateway
    changes: StateChanges
    shard_count: int

    def notify_change(self) -> None:
        """Wake the tasks that wait for a change of the state of the stand-in for Discord, since it has changed."""


class Routes:
    """Handlers of requests by method and path; if several paths match, that with the fewest variable parts counts."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], str, Handler]] = []

    def add(self, method: str, path: str) -> Callable[[Handler], Handler]:
        pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

        def register(handler: Handler) -> Handler:
            self._routes.append((method, pattern, path, handler))
            self._routes.sort(key=lambda route: route[2].count("{"))
            return handler

        return register

    def include(self, routes: Routes) -> None:
        self._routes += routes._routes
        self._routes.sort(key=lambda route: route[2].count("{"))

    def find(self, method: str, path: str) -> tuple[str, dict[str, str], Handler] | None:
        for route_method, pattern, template, handler in self._routes:
            if route_method == method and (match := pattern.fullmatch(path)):
                path_parameters = {name: unquote(quoted_text) for name, quoted_text in match.groupdict().items()}
                return template, path_parameters, handler
        return None


class Buckets:
    """Rate limits of calls to a route with the same channel, server or webhook: a number of calls in some seconds.

    `limits` has the limits of routes (`GET /path`) that differ from `default_limit`. `global_limit` limits all calls
    without a token in their path.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.limits: dict[str, tuple[int, float]] = {}
        self.default_limit = (1000, 1.0)
        self.global_limit: tuple[int, float] | None = None
        self._global_call_times: deque[float] = deque()
        self._call_times_by_route_and_ids: dict[tuple[str, str], list[float]] = {}

    def count(self, method: str, template: str, path_parameters: dict[str, str]) -> tuple[dict[str, str], float | None]:
        """Count a call unless its limit is reached. Return headers of its answer, and the seconds to wait, or None."""
        route_name = f"{method} {template}"
        limit, period = self.limits.get(route_name, self.default_limit)
        major_ids = "".join(path_parameters.get(key, "") for key in ("channel", "server", "application", "token"))
        now = self._state.now()
        call_times = [
            called_at
            for called_at in self._call_times_by_route_and_ids.get((route_name, major_ids), [])
            if now - called_at < period
        ]
        wait_seconds = None
        if len(call_times) >= limit:
            wait_seconds = call_times[0] + period - now
        else:
            call_times.append(now)
        self._call_times_by_route_and_ids[route_name, major_ids] = call_times
        reset_after = call_times[0] + period - now
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - len(call_times)),
            "X-RateLimit-Reset": f"{now + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": f"{hash(route_name) & 0xFFFFFFFF:08x}",
        }
        return headers, wait_seconds

    def count_global(self, path_parameters: dict[str, str]) -> float | None:
        """Count a request towards the limit of all requests, or return the seconds to wait if that is reached."""
        if self.global_limit is None or "token" in path_parameters:
            return None
        limit, period = self.global_limit
        now = self._state.now()
        while self._global_call_times and now - self._global_call_times[0] >= period:
            self._global_call_times.popleft()
        if len(self._global_call_times) >= limit:
            return self._global_call_times[0] + period - now
        self._global_call_times.append(now)
        return None


class Rest:
    """REST API of the stand-in for Discord: its routes, rate limits and faults, and the requests that it got."""

    def __init__(self, stand_in: StandIn, routes: Routes, token: str, contract: ContractChecker | None) -> None:
        self._stand_in = stand_in
        self._routes = routes
        self._token = token
        self.faults = Faults()
        self.buckets = Buckets(stand_in.state)
        self._contract = contract
        self.calls: list[Call] = []
        self.violations: list[str] = []
        self._late_tasks: set[asyncio.Task[None]] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve a request to the REST API of the stand-in for Discord, and record it in `calls`."""
        path = request.raw_path.split("?")[0].removeprefix(API_PATH_PREFIX)
        call = Call(request.method, path, dict(request.query))
        self.calls.append(call)
        try:
            return await self._answer(request, call)
        finally:
            self._stand_in.notify_change()
            for observe in OBSERVERS:
                observe(call)

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        await self._read_body(request, call)
        route = self._routes.find(call.method, call.path)
        if route is None:
            self.violations.append(f"{call.method} {call.path}: not served by the stand-in")
            return self._reply(call, 404, {"code": 0, "message": "404: Not Found"}, {})
        template, call.path_parameters, handler = route
        is_authorized_by_url = "token" in call.path_parameters
        if not is_authorized_by_url and request.headers.get("Authorization") != f"Bot {self._token}":
            return self._reply(call, 401, {"code": 0, "message": "401: Unauthorized"}, {})
        headers, wait_seconds = self.buckets.count(call.method, template, call.path_parameters)
        global_wait_seconds = self.buckets.count_global(call.path_parameters)
        if global_wait_seconds is not None or wait_seconds is not None:
            return self._reply_rate_limited(
                call, headers, global_wait_seconds or wait_seconds or 0.0, is_global=global_wait_seconds is not None
            )
        fault = self.faults.take(call.method, unquote(call.path))
        if fault is not None and not fault.after_effect:
            response = await self._apply_fault(request, call, fault)
            if fault.late_effect_seconds is not None:
                self._late_tasks.add(
                    asyncio.create_task(self._run_handler_late(call, handler, fault.late_effect_seconds))
                )
            if response is not None:
                return response
        status, body = await self._run_handler(call, handler)
        call.took_effect = status < HTTPStatus.BAD_REQUEST
        if fault is not None and fault.after_effect:
            response = await self._apply_fault(request, call, fault)
            if response is not None:
                return response
        if self._contract is not None:
            self.violations += self._contract.check_response(call.method, call.path, status, body)
        return self._reply(call, status, body, headers)

    async def _run_handler_late(self, call: Call, handler: Handler, seconds: float) -> None:
        await asyncio.sleep(seconds)
        status, _body = await self._run_handler(call, handler)
        call.took_effect = status < HTTPStatus.BAD_REQUEST
        self._stand_in.notify_change()

    async def stop(self) -> None:
        """Cancel the effects of requests that were answered with an error, but are to be carried out later."""
        for task in self._late_tasks:
            task.cancel()
        await asyncio.gather(*self._late_tasks, return_exceptions=True)

    def _reply_rate_limited(
        self, call: Call, headers: dict[str, str], wait_seconds: float, *, is_global: bool
    ) -> web.StreamResponse:
        body = {"message": "You are being rate limited.", "retry_after": round(wait_seconds, 3), "code": 0}
        retry_headers = {"Via": "1.1 google", "Retry-After": str(int(wait_seconds) + 1)}
        if is_global:
            headers = {"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
        else:
            headers = headers | {"X-RateLimit-Scope": "user"}
        return self._reply(call, 429, {**body, "global": is_global}, headers | retry_headers)

    async def _run_handler(self, call: Call, handler: Handler) -> Answer:
        if self._contract is not None:
            findings = self._contract.check_request(call.method, call.path, call.query, call.body)
            if findings:
                self.violations += findings
                return 400, {"code": 50035, "message": f"Invalid Form Body: {findings[0]}"}
        try:
            outcome = handler(self._stand_in, call)
            return await outcome if isinstance(outcome, Awaitable) else outcome
        except ApiError as refusal:
            return refusal.status, refusal.body

    async def _apply_fault(self, request: web.Request, call: Call, fault: Fault) -> web.StreamResponse | None:
        """Let a request fail or wait as a fault says. Return the answer, or None if the request goes on."""
        if fault.callback is not None:
            fault.callback()
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        if fault.status is None:
            return None
        return self._reply(call, fault.status, fault.body, fault.headers)

    async def _read_body(self, request: web.Request, call: Call) -> None:
        if request.content_type == "multipart/form-data":
            form = await request.post()
            call.body = json.loads(str(form["payload_json"])) if "payload_json" in form else {}
            call.files = [name for name in form if name.startswith("files[")]
        elif request.can_read_body:
            body_bytes = await request.read()
            call.body = json.loads(body_bytes) if body_bytes else None

    def _reply(self, call: Call, status: int, body: Any, headers: dict[str, str]) -> web.Response:
        """Build an answer as discord.py expects it: exactly `application/json`, and no type without a body."""
        call.status = status
        call.answer = body
        if body is None:
            return web.Response(status=status, headers=headers)
        body_bytes = json.dumps(body).encode()
        return web.Response(status=status, body=body_bytes, headers={**headers, "Content-Type": "application/json"})
