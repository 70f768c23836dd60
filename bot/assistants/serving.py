"""Serving of the news tools: over standard streams for the operator, over HTTP with a token of a server."""

import logging
import math
from collections.abc import Collection
from http import HTTPStatus

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.assistants import news_tools
from bot.client.public_channels import PublicFeedLookup
from bot.client.services import Services
from bot.core.concurrency.rate_limits import FailedLookupLimiter, TokenBucket
from bot.core.configuration.settings import Network
from bot.posting.sending.send_outcomes import DISCORD_ERRORS

log = logging.getLogger(__name__)

MAX_CALLS = 60
"""Maximum number of tool calls of a Discord server at once; they refill evenly over `CALL_PERIOD_SECONDS`."""
CALL_PERIOD_SECONDS = 60.0
"""Time in seconds in which a server's allowance of tool calls refills from nothing to its maximum."""
MAX_REQUEST_BYTES = 64 * 1024
"""Maximum size in bytes of the body of an HTTP request."""


async def serve_stdio(services: Services) -> None:
    """Serve the news tools, with all articles, over standard input and output."""

    async def allow_all_feeds() -> None:
        return None

    await news_tools.build_server(services, allow_all_feeds).run_stdio_async()


def build_http_app(services: Services, public_feed_lookup: PublicFeedLookup, *, base_url: str) -> ASGIApp:
    """Return an HTTP application that serves the news tools at `/mcp` to holders of tokens.

    A token gives access to the feeds that everybody on its server may read.
    """
    call_limiter = TokenBucket(services.clock, max_tokens=MAX_CALLS, period_seconds=CALL_PERIOD_SECONDS)

    async def load_visible_feed_ids() -> Collection[int]:
        token = get_access_token()
        if token is None:
            raise ToolError("No token.")
        if call_limiter.retry_after(token.client_id):
            raise ToolError("Too many calls. Wait a minute.")
        call_limiter.consume(token.client_id)
        try:
            return await public_feed_lookup.load_feed_ids(int(token.client_id))
        except DISCORD_ERRORS as error:
            log.warning("public feeds lookup failed server_id=%s error=%s", token.client_id, error)
            raise ToolError("Discord does not answer at the moment. Try again later.") from error

    auth_settings = AuthSettings(
        issuer_url=AnyHttpUrl(base_url), resource_server_url=None, validate_token_resource=False
    )
    mcp_server = news_tools.build_server(
        services, load_visible_feed_ids, auth=auth_settings, token_verifier=_ServerTokenVerifier(services)
    )
    # A web page that reaches this address by DNS rebinding has no token, so the host check adds nothing.
    mcp_app = mcp_server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        max_request_body_size=MAX_REQUEST_BYTES,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )

    return _limit_failed_lookups(mcp_app, FailedLookupLimiter(services.clock))


def _limit_failed_lookups(app: ASGIApp, lookup_limiter: FailedLookupLimiter) -> ASGIApp:
    """Return an HTTP application that answers 429 in place of 401 to clients that tried too many wrong tokens."""

    async def serve_limited(scope: Scope, receive: Receive, send: Send) -> None:
        has_authorization = any(header_name == b"authorization" for header_name, _ in scope.get("headers", ()))

        async def send_limited(message: Message) -> None:
            if has_authorization and message.get("status") == HTTPStatus.UNAUTHORIZED:
                wait_seconds = lookup_limiter.count_miss((scope.get("client") or ("",))[0])
                if wait_seconds:
                    retry_after_header = (b"retry-after", str(math.ceil(wait_seconds)).encode())
                    message = {
                        **message,
                        "status": HTTPStatus.TOO_MANY_REQUESTS,
                        "headers": [*message["headers"], retry_after_header],
                    }
            await send(message)

        await app(scope, receive, send_limited)

    return serve_limited


class _ServerTokenVerifier:
    """Verifier, by the database, of the tokens with which AI assistants read the news of a Discord server."""

    def __init__(self, services: Services) -> None:
        self._token_store = services.store.assistant_tokens

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return the access token, whose client id is the id of its Discord server; None if the token is unknown."""
        server_id = await self._token_store.find_server_id_by_token(token)
        if server_id is None:
            return None
        return AccessToken(token=token, client_id=str(server_id), scopes=[])


async def serve_http(app: ASGIApp, host: str, port: int, trusted_proxies: Collection[Network]) -> None:
    """Serve an HTTP application until it is stopped."""
    server_config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        forwarded_allow_ips=list(map(str, trusted_proxies)),
    )
    await uvicorn.Server(server_config).serve()
