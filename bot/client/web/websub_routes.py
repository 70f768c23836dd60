"""HTTP routes that WebSub hubs call to verify subscriptions and to push documents."""

import asyncio
import math

from aiohttp import web

from bot.client.web import client_address
from bot.core.settings import Settings
from bot.feeds import websub
from bot.polling.websub.body_budget import BodyBudget
from bot.polling.websub.pushed_documents import PushedDocument
from bot.polling.websub.websub_subscriber import CALLBACK_PATH, WebSubSubscriber
from bot.store import StoreError

RETRY_AFTER_SECONDS = 60
"""Seconds of `Retry-After` while the database cannot be asked."""
LOOKUP_TIMEOUT_SECONDS = 5.0
"""Seconds to wait for the database, which may be busy or unreachable."""
RECEIVE_TIME = 20.0
"""Seconds that a hub may take to send a document."""
BODIES_AT_ONCE = 2
"""Documents of maximum size that may be in memory at once; one hub may use half of that."""
BUSY = 10
"""Seconds of `Retry-After` while the memory budget is used up."""


class _Refused(Exception):
    """Rejection of a push with `response`."""

    def __init__(self, response: web.Response) -> None:
        self.response = response


class WebSubRoutes:
    """Request handlers for hubs, with bounds on each document and on all documents in memory."""

    def __init__(self, pushes: WebSubSubscriber, settings: Settings) -> None:
        self._pushes, self._trusted_proxies = pushes, settings.trusted_proxies
        self._max_bytes = largest = settings.max_feed_bytes
        self._budget = BodyBudget(BODIES_AT_ONCE * largest, BODIES_AT_ONCE * largest // 2)

    @property
    def bytes_held(self) -> int:
        """Bytes of pushed documents in memory that are not parsed yet."""
        return self._budget.used

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(CALLBACK_PATH + "{token}", self._verify),
            web.post(CALLBACK_PATH + "{token}", self._receive),
        ]

    async def _verify(self, request: web.Request) -> web.Response:
        if (refused := await self._refusal(request, verifies=True)) is not None:
            return refused
        answer = self._pushes.verify_intent(request.match_info["token"], request.query)
        try:
            await self._pushes.write()
        except StoreError:
            return _retry_later_response(503, RETRY_AFTER_SECONDS)
        if answer is None:
            return web.Response(status=404)
        return web.Response(text=answer, headers={"X-Content-Type-Options": "nosniff"})

    async def _receive(self, request: web.Request) -> web.Response:
        signature = websub.parse_signature(request.headers.get("X-Hub-Signature"))
        if signature is None:
            return web.Response(status=403)
        if (refused := await self._refusal(request, verifies=False)) is not None:
            return refused
        token = request.match_info["token"]
        if (hub := self._pushes.hub_of(token)) is None:
            return web.Response(status=410)
        if wait := self._pushes.push_retry_after(token):
            return _retry_later_response(429, wait)
        body = _Body(self._budget, hub, self._max_bytes)
        reading = None
        try:
            await body.receive(request)
            pushed = PushedDocument(bytes(body.content), request.headers.get("Content-Type", ""))
            reading = self._pushes.accept_push(token, pushed, signature)
        except _Refused as refusal:
            return refusal.response
        finally:
            if reading is None:
                body.release()
            else:
                reading.add_done_callback(lambda _reading: body.release())
        return web.Response(status=202)  # Also with a wrong signature, so that nobody can probe for it

    async def _refusal(self, request: web.Request, *, verifies: bool) -> web.Response | None:
        """Return a response if the token cannot be looked up now, else None.

        A hub that got "gone" for it would never push again.
        """
        token = request.match_info["token"]
        address = client_address.address(request, self._trusted_proxies)
        try:
            async with asyncio.timeout(LOOKUP_TIMEOUT_SECONDS):
                wait = await self._pushes.refresh_subscription(token, address, verifies=verifies)
        except (StoreError, TimeoutError):
            return _retry_later_response(503, RETRY_AFTER_SECONDS)
        return _retry_later_response(429, wait) if wait else None


def _retry_later_response(status: int, wait: float) -> web.Response:
    return web.Response(status=status, headers={"Retry-After": str(math.ceil(wait))})


class _Body:
    """The body of a push, received within the memory budget."""

    def __init__(self, budget: BodyBudget, hub: str, max_bytes: int) -> None:
        self._budget, self._hub, self._max_bytes = budget, hub, max_bytes
        self._reserved = 0
        self.content = bytearray()

    async def receive(self, request: web.Request) -> None:
        """Receive the body of a request. Raises _Refused if it is too large, too slow or breaks off."""
        self._reserve(request.content_length or 0)
        try:
            async with asyncio.timeout(RECEIVE_TIME):
                async for part in request.content.iter_any():
                    self._reserve(len(self.content) + len(part))
                    self.content += part
        except TimeoutError:
            raise _Refused(web.Response(status=408)) from None
        except (ConnectionError, web.RequestPayloadError):
            raise _Refused(web.Response(status=400)) from None

    def release(self) -> None:
        """Return its bytes to the budget."""
        self._budget.release(self._hub, self._reserved)

    def _reserve(self, size: int) -> None:
        if size > self._max_bytes:
            raise _Refused(web.Response(status=413))
        if size > self._reserved:
            if not self._budget.take(self._hub, size - self._reserved):
                raise _Refused(_retry_later_response(429, BUSY))
            self._reserved = size
