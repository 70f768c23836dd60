"""A stand-in for Discord: REST and gateway on loopback, in the caller's event loop.

The bot under test is another process and can be killed at any moment; what Discord knows stays here. Every
call is remembered in `calls`; what either side sent that Discord's `openapi.json` does not allow is in `violations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web

from bot.drill.discord_stand_in import rest_commands, rest_messages, rest_places, rest_webhooks
from bot.drill.discord_stand_in.faults import Faults
from bot.drill.discord_stand_in.gateway import Gateway
from bot.drill.discord_stand_in.rest import API_PATH_PREFIX, Call, Rest, Routes
from bot.drill.discord_stand_in.simulated_people import PeopleActions
from bot.drill.discord_stand_in.state import State
from bot.drill.discord_stand_in.state_changes import StateChanges

TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.GstAnd.in-for-a-real-token-000000000000000000"
"""Token of the bot account in the stand-in for Discord; Discord itself knows no such token."""
if TYPE_CHECKING:
    from bot.drill.discord_stand_in.schema import ContractChecker

T = TypeVar("T")


class DiscordServer:
    """A stand-in for Discord on loopback: `changes` change its state, `people` use it, `faults` let requests fail.

    With a `contract` (Discord's API description), requests that it does not allow are refused; they and responses
    that it does not allow are recorded in `violations`.
    """

    def __init__(self, contract: ContractChecker | None = None) -> None:
        self.token = TOKEN
        self.shard_count = 1
        self.is_offline = False
        """Whether connections to the stand-in for Discord are cut before anything is answered."""
        self.state = State()
        self.gateway = Gateway(self.state, TOKEN)
        self.changes = StateChanges(self.state, self.gateway)
        self.people = PeopleActions(self.state, self.changes)
        routes = Routes()
        for route_module in (rest_places, rest_messages, rest_webhooks, rest_commands):
            routes.include(route_module.ROUTES)
        self._rest = Rest(self, routes, TOKEN, contract)
        self._runner: web.AppRunner | None = None
        self._change_event = asyncio.Event()
        self.origin = ""
        """Scheme, host and port of the stand-in for Discord, "" before `start`."""

    @property
    def faults(self) -> Faults:
        return self._rest.faults

    @property
    def limits(self) -> dict[str, tuple[int, float]]:
        """Rate limits by "METHOD /path/template": a number of calls and the seconds in which they are allowed."""
        return self._rest.buckets.limits

    def limit_everything(self, max_calls: int, period_seconds: float) -> None:
        """Allow the bot `max_calls` requests in any `period_seconds`; answers to interactions don't count."""
        self._rest.buckets.global_limit = max_calls, period_seconds

    @property
    def calls(self) -> list[Call]:
        return self._rest.calls

    @property
    def violations(self) -> list[str]:
        return self._rest.violations

    async def start(self) -> DiscordServer:
        app = web.Application(client_max_size=2**25)
        app.router.add_get("/gateway/{process_name:.*}", self._gateway_handler)
        app.router.add_route("*", API_PATH_PREFIX + "/{path:.*}", self._rest_handler)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port = self._runner.addresses[0][1]
        self.origin = f"http://127.0.0.1:{port}"
        self.gateway.url = f"ws://127.0.0.1:{port}/gateway/"
        return self

    async def stop(self) -> None:
        await self.gateway.stop()
        await self._rest.stop()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def api_url(self) -> str:
        """Address of the REST API of the stand-in for Discord, to be set as `discord.http.Route.BASE`."""
        return self.origin + API_PATH_PREFIX

    def count_calls(self, method: str, path_part: str) -> int:
        """Return the number of the bot's requests by an HTTP method with `path_part` in their path."""
        return sum(call.method == method and path_part in call.path for call in self.calls)

    def notify_change(self) -> None:
        """Wake the callers of `wait_until`, since the state of the stand-in for Discord has changed."""
        self._change_event.set()

    async def wait_until(self, condition: Callable[[], T], *, within: float = 90.0) -> T:
        """Wait until `condition()` is true and return its outcome. Raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while not (outcome := condition()):
                self._change_event.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self._change_event.wait()
                except TimeoutError:
                    continue
        return outcome

    def cut_off(self) -> None:
        """Cut all of the bot's connections, in the midst of requests, until the caller sets `is_offline` to False."""
        self.is_offline = True
        self.gateway.cut()

    async def _rest_handler(self, request: web.Request) -> web.StreamResponse:
        return self._abort(request) if self.is_offline else await self._rest.handle(request)

    def _abort(self, request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def _gateway_handler(self, request: web.Request) -> web.StreamResponse:
        if self.is_offline:
            return self._abort(request)
        try:
            return await self.gateway.handle(request)
        except ConnectionError:  # the bot died while it connected, or is refused
            return self._abort(request)
        finally:
            self.notify_change()
