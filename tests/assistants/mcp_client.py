"""The client of the Model Context Protocol. Only its tests import it, as that takes a third of a second."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from bot.assistants import news_tools, serving
from bot.client.public_channels import open_public_feed_lookup
from bot.client.services import Services
from bot.drill.discord_stand_in.discord_server import DiscordServer

__all__ = [
    "Client",
    "StdioServerParameters",
    "call_refused_tool",
    "call_tool",
    "news_tools",
    "post_call",
    "serve_tools",
    "serving",
]
CALL = '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'


async def call_tool(client: Client, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    structured_answer = answer.structured_content
    return structured_answer["result"] if set(structured_answer or ()) == {"result"} else structured_answer


async def call_refused_tool(client: Client, tool: str, **arguments: Any) -> str:
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error
    return " ".join(part.text for part in answer.content if part.type == "text")


@asynccontextmanager
async def serve_tools(newsroom: Services, discord: DiscordServer) -> AsyncIterator[str]:
    """Serve the tools over HTTP and yield their address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    async with open_public_feed_lookup(discord.token, newsroom.store, newsroom.clock) as public:
        app = serving.build_http_app(newsroom, public, base_url=address)
        task = asyncio.create_task(serving.serve_http(app, "127.0.0.1", port, newsroom.settings.trusted_proxies))
        async with asyncio.timeout(60), httpx2.AsyncClient() as http:
            while True:
                try:
                    await http.get(address)
                    break
                except httpx2.ConnectError:
                    await asyncio.sleep(0.02)
        yield f"{address}/mcp"
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def connect_with_token(url: str, token: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def post_call(url: str, token: str, body: str = CALL, *, client: str = "") -> int:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"X-Forwarded-For": client} if client else {}
    async with httpx2.AsyncClient(headers=headers) as http:
        return (await http.post(url, content=body)).status_code
