"""The two ways to the tools: standard streams, for whoever runs Telex; HTTP, with a token of a server."""

import logging
from collections.abc import Collection
from contextvars import ContextVar

import aiohttp
import discord
import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.assistants import news_tools
from bot.client.public_channels import PublicChannels
from bot.client.services import Newsroom
from bot.core.rate_limits import Guesses, Limit

log = logging.getLogger(__name__)

CALLS, PERIOD = 60, 60.0
"""Calls of a server at once, which come back over so many seconds."""
LARGEST = 64 * 1024
"""Bytes of a request."""


async def over_streams(newsroom: Newsroom) -> None:
    """Serve whoever runs this over standard input and output: all articles."""

    async def everything() -> None:
        return None

    await news_tools.server(newsroom, everything).run_stdio_async()


def over_http(newsroom: Newsroom, public: PublicChannels, *, address: str) -> ASGIApp:
    """An application that serves holders of tokens at `/mcp`: what everybody on their server may read."""
    limit = Limit(newsroom.clock, allowed=CALLS, period=PERIOD)

    async def seen() -> Collection[int]:
        token = get_access_token()
        if token is None:
            raise ToolError("No token.")
        if limit.wait(token.client_id):
            raise ToolError("Too many calls. Wait a minute.")
        limit.take(token.client_id)
        try:
            return await public.feed_ids(int(token.client_id))
        except (discord.DiscordException, aiohttp.ClientError, TimeoutError) as error:
            log.warning(
                "Discord does not tell what everybody on server %s may read: %s", token.client_id, error
            )
            raise ToolError("Discord does not answer at the moment. Try again later.") from error

    auth = AuthSettings(
        issuer_url=AnyHttpUrl(address), resource_server_url=None, validate_token_resource=False
    )
    caller: ContextVar[str] = ContextVar("caller", default="")
    server = news_tools.server(newsroom, seen, auth=auth, verifier=_Tokens(newsroom, caller))
    # A page in somebody's browser that reaches this address has no token: the check of hosts adds nothing.
    app = server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        max_request_body_size=LARGEST,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        caller.set((scope.get("client") or ("",))[0])
        await app(scope, receive, send)

    return served


class _Tokens:
    """Tells whose token one is, and looks up only so many that are nobody's."""

    def __init__(self, newsroom: Newsroom, caller: ContextVar[str]) -> None:
        self._tokens, self._caller = newsroom.store.assistant_tokens, caller
        self._guesses = Guesses(newsroom.clock)

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token with its server's id as the client, or None."""
        if self._guesses.wait(token, self._caller.get()):
            return None
        server_id = await self._tokens.server_of(token)
        self._guesses.learn(token, right=server_id is not None)
        if server_id is None:
            return None
        return AccessToken(token=token, client_id=str(server_id), scopes=[])


async def listen(app: ASGIApp, host: str, port: int) -> None:
    """Serve an application until it is stopped."""
    await uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False)).serve()
