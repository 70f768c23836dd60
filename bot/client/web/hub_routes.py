"""What hubs call: they verify subscriptions, and push what feeds publish (WebSub)."""

import asyncio
import math

from aiohttp import web

from bot.client.web import callers
from bot.polling.pushing.push_subscriber import PATH, PushSubscriber
from bot.polling.pushing.pushed_documents import Pushed
from bot.store import StoreError

LATER = 60
"""Seconds after which a hub may try again while the database cannot be asked."""
LOOK_UP_TIME = 5.0
"""Seconds that a hub waits for the database, which may be busy or away."""
RECEIVE_TIME = 20.0
"""Seconds that a hub may take to send a document."""


class HubRoutes:
    """Answers hubs; documents of more than `max_bytes` are refused."""

    def __init__(self, pushes: PushSubscriber, *, max_bytes: int) -> None:
        self._pushes, self._max_bytes = pushes, max_bytes

    def routes(self) -> list[web.RouteDef]:
        """The routes."""
        return [web.get(PATH + "{token}", self._verify), web.post(PATH + "{token}", self._receive)]

    async def _verify(self, request: web.Request) -> web.Response:
        if (refused := await self._refusal(request, verifies=True)) is not None:
            return refused
        answer = self._pushes.confirm(request.match_info["token"], request.query)
        try:
            await self._pushes.write()
        except StoreError:
            return _later(503, LATER)
        if answer is None:
            return web.Response(status=404)
        return web.Response(text=answer, headers={"X-Content-Type-Options": "nosniff"})

    async def _receive(self, request: web.Request) -> web.Response:
        if (refused := await self._refusal(request, verifies=False)) is not None:
            return refused
        token = request.match_info["token"]
        wait = self._pushes.wait(token)
        if wait is None:
            return web.Response(status=410)
        if wait:
            return _later(429, wait)
        body = await _received(request, self._max_bytes)
        if not isinstance(body, bytes):
            return body
        pushed = Pushed(body, request.headers.get("Content-Type", ""))
        self._pushes.take(token, pushed, request.headers.get("X-Hub-Signature"))
        return web.Response(status=202)  # also without a valid signature, which is nobody's business

    async def _refusal(self, request: web.Request, *, verifies: bool) -> web.Response | None:
        """Where it cannot be told now whose a token is: a hub that heard "gone" would never push again."""
        token, address = request.match_info["token"], callers.address(request)
        try:
            async with asyncio.timeout(LOOK_UP_TIME):
                wait = await self._pushes.look_up(token, address, verifies=verifies)
        except (StoreError, TimeoutError):
            return _later(503, LATER)
        return _later(429, wait) if wait else None


def _later(status: int, wait: float) -> web.Response:
    return web.Response(status=status, headers={"Retry-After": str(math.ceil(wait))})


async def _received(request: web.Request, most: int) -> bytes | web.Response:
    """What a hub sends; or the refusal where that is too much, or takes too long."""
    body = bytearray()
    try:
        async with asyncio.timeout(RECEIVE_TIME):
            async for part in request.content.iter_any():
                body += part
                if len(body) > most:
                    return web.Response(status=413)
    except TimeoutError:
        return web.Response(status=408)
    return bytes(body)
