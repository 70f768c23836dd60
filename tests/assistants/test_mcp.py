"""The tools of an assistant, called by the protocol's own client: in the process, over streams, over HTTP."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from bot.assistants import news_tools, serving
from bot.client.public_channels import public_channels
from bot.client.services import Newsroom
from bot.core.rate_limits import Guesses
from tests.store.samples import add_feed, follow, new_article, record
from tests.wire import clients
from tests.wire.conftest import discord_server  # noqa: F401 - a fixture
from tests.wire.discord_server import DiscordServer
from tests.wire.state import Channel, Overwrite, Permission

ROOT = Path(__file__).resolve().parents[2]


async def fill(newsroom: Newsroom, *channels: Channel) -> None:
    """A feed that the first channel follows, with two articles, and one of the second, with one."""
    store = newsroom.store
    first, second = await add_feed(store, "first"), await add_feed(store, "second")
    if channels:
        for feed, channel in zip((first, second), channels, strict=True):
            assert channel.server_id is not None
            await follow(store, feed, server=channel.server_id, channel=channel.id)
    await record(
        store,
        first,
        new_article(first, "amazon", title="Amazon interdit Rekognition à la police", text="Un an. " * 2_000),
        new_article(first, "quantum", title="A quantum computer of 1,000 qubits", language="en"),
    )
    await record(store, second, new_article(second, "secret", title="Ce que la rédaction garde pour elle"))


async def called(client: Client, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    told = answer.structured_content
    return told["result"] if set(told or ()) == {"result"} else told


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    answer = await client.call_tool(tool, arguments)
    assert answer.is_error
    return " ".join(part.text for part in answer.content if part.type == "text")


async def everything() -> None:
    return None


async def test_an_assistant_searches_reads_and_asks(newsroom):
    await fill(newsroom)
    async with Client(news_tools.server(newsroom, everything)) as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == set("search ask latest article story trends feeds".split())
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        found = await called(client, "search", query="rekognition lang:fr")
        (url,) = [article["url"] for article in found["results"]]
        article = await called(client, "article", url=url)
        assert article["title"] == "Amazon interdit Rekognition à la police"
        assert len(article["text"]) == news_tools.TEXT
        assert [each["url"] for each in await called(client, "latest", limit=1)]
        answer = await called(client, "ask", question="Qui interdit Rekognition à la police ?")
        assert url in {quote["url"] for quote in [*answer["quotes"], *answer["possible"]]}
        assert (await called(client, "story", url=url))["article"]["url"] == url
        assert await called(client, "trends", days=7) == []
        assert {feed["outlet"] for feed in await called(client, "feeds")} == {"first", "second"}


async def test_what_a_caller_sends_is_bounded_and_refused_in_words(newsroom):
    await fill(newsroom)
    async with Client(news_tools.server(newsroom, everything)) as client:
        for tool, arguments in (
            ("search", {"query": "x" * 501}),
            ("search", {"query": ""}),
            ("search", {"query": "police", "limit": 21}),
            ("search", {"query": "police", "order": "id; DROP TABLE article"}),
            ("latest", {"limit": -1}),
            ("trends", {"days": 3_650}),
            ("ask", {"question": "why " * 500}),
            ("article", {"url": "x" * 2_001}),
        ):
            assert await refused(client, tool, **arguments)
        assert "No article" in await refused(client, "article", url="https://[not an address")
        hostile = '"unclosed (OR -source:\x00 🔖 since:-9999999999d'
        assert isinstance((await called(client, "search", query=hostile))["results"], list)


async def test_a_process_serves_whoever_starts_it_over_its_streams(newsroom):
    await fill(newsroom)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TELEX_SEMANTIC": "false"}
    process = StdioServerParameters(
        command=sys.executable,
        args=["-m", "bot", "mcp"],
        env=environment | {"TELEX_DATABASE": str(newsroom.settings.database)},
    )
    async with asyncio.timeout(60), Client(process) as client:
        found = await called(client, "search", query="quantum")
        assert [article["source"] for article in found["results"]] == ["first"]


@asynccontextmanager
async def served(newsroom: Newsroom, discord: DiscordServer) -> AsyncIterator[str]:
    """The address at which tools are served over HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    async with public_channels(discord.token, newsroom.store, newsroom.clock) as public:
        app = serving.over_http(newsroom, public, address=address)
        task = asyncio.create_task(serving.listen(app, "127.0.0.1", port))
        async with asyncio.timeout(10), httpx2.AsyncClient() as http:
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
async def with_token(url: str, token: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def test_a_token_shows_what_everybody_there_may_read(newsroom, discord_server, clock, monkeypatch):  # noqa: F811
    clients.redirect(discord_server, monkeypatch)
    server = discord_server.acts.add_server("Newsroom")
    open_, closed = (discord_server.acts.add_channel(server, name) for name in ("news", "staff"))
    closed.overwrites.append(Overwrite(id=server.id, type=0, deny=Permission.VIEW_CHANNEL))
    await fill(newsroom, open_, closed)
    tokens = newsroom.store.assistant_tokens
    token = await tokens.make(server.id)
    assert token
    assert await tokens.make(1) is None
    async with served(newsroom, discord_server) as url:
        async with with_token(url, token) as client:
            assert [feed["outlet"] for feed in await called(client, "feeds")] == ["first"]
            assert (await called(client, "search", query="rédaction garde"))["results"] == []
            assert "No article" in await refused(client, "article", url="https://news.example/secret")
            for _ in range(serving.CALLS):
                answer = await client.call_tool("feeds", {})
            assert answer.is_error
        looked_up: list[str] = []
        known = tokens.server_of

        async def counted(secret: str) -> int | None:
            looked_up.append(secret)
            return await known(secret)

        monkeypatch.setattr(tokens, "server_of", counted)
        for wrong in ("", token + "x", *map(str, range(Guesses.OF_ONE))):
            assert await status(url, wrong) == HTTPStatus.UNAUTHORIZED
        assert len(looked_up) < Guesses.OF_ONE  # made up ones are not looked up for ever
        assert await status(url, token) != HTTPStatus.UNAUTHORIZED
        for hostile, refusal in (
            ("x" * (serving.LARGEST + 1), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
            ("[" * 30_000, HTTPStatus.BAD_REQUEST),
        ):
            assert await status(url, token, hostile) == refusal
        (shown,) = await tokens.of_server(server.id)
        assert shown.used == newsroom.clock.now()
        clock.advance(serving.PERIOD)
        async with AsyncExitStack() as stack:  # sessions cost nothing that is kept
            many = [await stack.enter_async_context(with_token(url, token)) for _ in range(8)]
            listed = await asyncio.gather(*(client.call_tool("feeds", {}) for client in many))
            assert not any(answer.is_error for answer in listed)
        assert await tokens.revoke(server.id) == 1
        assert await status(url, token) == HTTPStatus.UNAUTHORIZED


CALL = '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'


async def status(url: str, token: str, body: str = CALL) -> int:
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx2.AsyncClient(headers=headers) as http:
        return (await http.post(url, content=body)).status_code
