"""What hubs call: they verify subscriptions, and push what feeds publish (WebSub)."""

from __future__ import annotations

import asyncio
import math

from aiohttp import web

from bot.polling.push_subscriber import PATH, Pushed, PushSubscriber

RECEIVE_TIME = 20.0
"""Seconds that a hub may take to send a document."""


def routes(pushes: PushSubscriber, *, max_bytes: int) -> list[web.RouteDef]:
    """The routes; documents of more than `max_bytes` are refused."""

    async def verify(request: web.Request) -> web.Response:
        answer = pushes.confirm(request.match_info["token"], request.query)
        if answer is None:
            return web.Response(status=404)
        return web.Response(text=answer, headers={"X-Content-Type-Options": "nosniff"})

    async def receive(request: web.Request) -> web.Response:
        token = request.match_info["token"]
        wait = pushes.wait(token)
        if wait is None:
            return web.Response(status=410)
        if wait:
            return web.Response(status=429, headers={"Retry-After": str(math.ceil(wait))})
        body = await _received(request, max_bytes)
        if not isinstance(body, bytes):
            return body
        pushed = Pushed(body, request.headers.get("Content-Type", ""))
        pushes.take(token, pushed, request.headers.get("X-Hub-Signature"))
        return web.Response(status=202)  # also without a valid signature, which is nobody's business

    return [web.get(PATH + "{token}", verify), web.post(PATH + "{token}", receive)]


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
