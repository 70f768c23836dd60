"""HTTP routes that WebSub hubs call to verify subscriptions and to push documents.

The URL that a hub calls ends with the token of the subscription.
"""

import asyncio
import math

from aiohttp import web

from bot.client.web import client_address
from bot.core.configuration.settings import Settings
from bot.feeds import websub
from bot.polling.websub.body_budget import BodyBudget
from bot.polling.websub.pushed_documents import PushedDocument
from bot.polling.websub.websub_subscriber import CALLBACK_PATH, WebSubSubscriber
from bot.processes.maintenance_mode import MaintenanceMode
from bot.store import StoreError

DATABASE_RETRY_AFTER_SECONDS = 60
"""Seconds in the header `Retry-After` while the database cannot be asked."""
MAINTENANCE_RETRY_AFTER_SECONDS = 300
"""Seconds in the header `Retry-After` of a refused push during maintenance; polls find what is not pushed again."""
LOOKUP_TIMEOUT_SECONDS = 5.0
"""Maximum number of seconds to wait for the database, which may be busy or unreachable."""
RECEIVE_TIMEOUT_SECONDS = 20.0
"""Maximum number of seconds that a hub may take to send a document."""
MAX_BUFFERED_DOCUMENTS = 2
"""Maximum number of pushed documents of full size in memory at once; one hub may use half of that memory."""
BUSY_RETRY_AFTER_SECONDS = 10
"""Seconds in the header `Retry-After` while the memory for pushed documents is used up."""


class _PushRejected(Exception):
    """Error raised to reject a pushed document with `response`."""

    def __init__(self, response: web.Response) -> None:
        self.response = response


class WebSubRoutes:
    """Request handlers for WebSub hubs, with limits for each document and for all documents in memory."""

    def __init__(self, subscriber: WebSubSubscriber, settings: Settings, maintenance: MaintenanceMode) -> None:
        self._subscriber, self._trusted_proxies = subscriber, settings.trusted_proxies
        self._maintenance = maintenance
        self._max_bytes = max_bytes = settings.max_feed_bytes
        self._body_budget = BodyBudget(MAX_BUFFERED_DOCUMENTS * max_bytes, MAX_BUFFERED_DOCUMENTS * max_bytes // 2)

    @property
    def buffered_bytes(self) -> int:
        """Number of bytes of pushed documents in memory that are still received or ingested."""
        return self._body_budget.used_bytes

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes that WebSub hubs call."""
        return [
            web.get(CALLBACK_PATH + "{token}", self._verify_intent),
            web.post(CALLBACK_PATH + "{token}", self._receive_push),
        ]

    async def _verify_intent(self, request: web.Request) -> web.Response:
        if (rejection_response := await self._find_rejection_response(request, is_verification=True)) is not None:
            return rejection_response
        challenge = self._subscriber.verify_intent(request.match_info["token"], request.query)
        try:
            await self._subscriber.flush()
        except StoreError:
            return _build_retry_later_response(503, DATABASE_RETRY_AFTER_SECONDS)
        if challenge is None:
            return web.Response(status=404)
        return web.Response(text=challenge, headers={"X-Content-Type-Options": "nosniff"})

    async def _receive_push(self, request: web.Request) -> web.Response:
        signature = websub.parse_signature(request.headers.get("X-Hub-Signature"))
        if signature is None:
            return web.Response(status=403)
        if (rejection_response := await self._find_rejection_response(request, is_verification=False)) is not None:
            return rejection_response
        token = request.match_info["token"]
        if (hub_host := self._subscriber.get_hub_host(token)) is None:
            return web.Response(status=410)
        if wait_seconds := self._subscriber.get_push_retry_after(token):
            return _build_retry_later_response(429, wait_seconds)
        body = _PushBody(self._body_budget, hub_host, self._max_bytes)
        ingest_task = None
        try:
            await body.receive(request)
            document = PushedDocument(bytes(body.content), request.headers.get("Content-Type", ""))
            ingest_task = self._subscriber.accept_push(token, document, signature)
        except _PushRejected as rejection_error:
            return rejection_error.response
        finally:
            if ingest_task is None:
                body.release()
            else:
                ingest_task.add_done_callback(lambda _done_task: body.release())
        return web.Response(status=202)  # Also with a wrong signature, so that nobody can probe for it

    async def _find_rejection_response(self, request: web.Request, *, is_verification: bool) -> web.Response | None:
        """Return a response with status 503 or 429 if the request's token cannot be looked up now, or None if it can.

        During maintenance, pushes are not accepted either. A hub that got "gone" instead would never push again.
        """
        if self._maintenance.is_on and not is_verification:
            return _build_retry_later_response(503, MAINTENANCE_RETRY_AFTER_SECONDS)
        token = request.match_info["token"]
        client_ip = client_address.resolve_client_address(request, self._trusted_proxies)
        try:
            async with asyncio.timeout(LOOKUP_TIMEOUT_SECONDS):
                wait_seconds = await self._subscriber.refresh_subscription(
                    token, client_ip, is_verification=is_verification
                )
        except (StoreError, TimeoutError):
            return _build_retry_later_response(503, DATABASE_RETRY_AFTER_SECONDS)
        return _build_retry_later_response(429, wait_seconds) if wait_seconds else None


def _build_retry_later_response(status: int, wait_seconds: float) -> web.Response:
    return web.Response(status=status, headers={"Retry-After": str(math.ceil(wait_seconds))})


class _PushBody:
    """The body of a pushed document, received within the memory budget of all such documents."""

    def __init__(self, budget: BodyBudget, hub_host: str, max_bytes: int) -> None:
        self._budget, self._hub_host, self._max_bytes = budget, hub_host, max_bytes
        self._reserved_bytes = 0
        self.content = bytearray()

    async def receive(self, request: web.Request) -> None:
        """Receive the body of a hub's request.

        Raises _PushRejected if the body is too large, too slow or breaks off, or if the memory is used up.
        """
        self._reserve_up_to(request.content_length or 0)
        try:
            async with asyncio.timeout(RECEIVE_TIMEOUT_SECONDS):
                async for chunk in request.content.iter_any():
                    self._reserve_up_to(len(self.content) + len(chunk))
                    self.content += chunk
        except TimeoutError:
            raise _PushRejected(web.Response(status=408)) from None
        except (ConnectionError, web.RequestPayloadError):
            raise _PushRejected(web.Response(status=400)) from None

    def release(self) -> None:
        """Return the memory of the body to the budget of all pushed documents."""
        self._budget.release(self._hub_host, self._reserved_bytes)

    def _reserve_up_to(self, total_bytes: int) -> None:
        if total_bytes > self._max_bytes:
            raise _PushRejected(web.Response(status=413))
        if total_bytes > self._reserved_bytes:
            if not self._budget.reserve(self._hub_host, total_bytes - self._reserved_bytes):
                raise _PushRejected(_build_retry_later_response(429, BUSY_RETRY_AFTER_SECONDS))
            self._reserved_bytes = total_bytes
