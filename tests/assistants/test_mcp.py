"""The tools for assistants, called by the protocol's own client: in the process, over streams and over HTTP."""

from __future__ import annotations

import asyncio
import importlib
import sys
from contextlib import AsyncExitStack
from http import HTTPStatus
from pathlib import Path
from types import ModuleType

import pytest
from discord.http import Route

from bot.client.public_channels import LookupUnavailable, open_public_feed_lookup
from bot.client.services import Services
from bot.core.concurrency.rate_limits import FailedLookupLimiter
from bot.drill.discord_stand_in.state import Channel, Overwrite, Permission
from tests.support import store_probe
from tests.support.samples import add_feed, follow_feed, make_new_article, write_poll
from tests.support.wire import clients
from tests.support.wire.bot_process import inherit_environment
from tests.wire.conftest import discord_server  # noqa: F401 - a fixture

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def mcp() -> ModuleType:
    return importlib.import_module("tests.assistants.mcp_client")


async def add_articles(newsroom: Services, *channels: Channel) -> None:
    """Add a feed with two articles that the first channel follows, and one with one article for the second."""
    store = newsroom.store
    first, second = await add_feed(store, "first"), await add_feed(store, "second")
    if channels:
        for feed, channel in zip((first, second), channels, strict=True):
            assert channel.server_id is not None
            await follow_feed(store, feed, server=channel.server_id, channel=channel.id)
    await write_poll(
        store,
        first,
        make_new_article(first, "amazon", title="Amazon interdit Rekognition à la police", text="Un an. " * 2_000),
        make_new_article(first, "quantum", title="A quantum computer of 1,000 qubits", language="en"),
    )
    await write_poll(store, second, make_new_article(second, "secret", title="Ce que la rédaction garde pour elle"))


async def get_all_feed_ids() -> None:
    return None


async def test_assistant_calls_every_tool(mcp, newsroom):
    await add_articles(newsroom)
    async with mcp.Client(mcp.news_tools.build_server(newsroom, get_all_feed_ids)) as client:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == set("search ask latest article story trends feeds".split())
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)
        search_answer = await mcp.call_tool(client, "search", query="rekognition lang:fr")
        (url,) = [article["url"] for article in search_answer["results"]]
        search_answer = await mcp.call_tool(
            client, "search", query="computer qubits", other_queries=["ordinateur", "rekognition", "1,000 qubits"]
        )
        assert [article["title"] for article in search_answer["results"]] == [
            "A quantum computer of 1,000 qubits",
            "Amazon interdit Rekognition à la police",
        ], "found by two queries, and by one"
        article = await mcp.call_tool(client, "article", url=url)
        assert article["title"] == "Amazon interdit Rekognition à la police"
        assert len(article["text"]) == mcp.news_tools.MAX_TEXT_CHARS
        assert [article_row["url"] for article_row in await mcp.call_tool(client, "latest", limit=1)]
        answer = await mcp.call_tool(client, "ask", question="Qui interdit Rekognition à la police ?")
        assert url in {quote["url"] for quote in [*answer["quotes"], *answer["possible"]]}
        queries = ["Amazon facial recognition police", "reconnaissance faciale police"]
        answer = await mcp.call_tool(client, "ask", question="Qui a dit stop ?", queries=queries)
        assert url in {passage["url"] for passage in answer["passages"]}
        assert list(answer["passages"][0]) == ["text", "url", "title", "source", "published"]
        assert (await mcp.call_tool(client, "story", url=url))["article"]["url"] == url
        assert await mcp.call_tool(client, "trends", days=7) == []
        assert {feed["outlet"] for feed in await mcp.call_tool(client, "feeds")} == {"first", "second"}


async def test_invalid_arguments_are_refused_with_message(mcp, newsroom):
    await add_articles(newsroom)
    async with mcp.Client(mcp.news_tools.build_server(newsroom, get_all_feed_ids)) as client:
        for tool, arguments in (
            ("search", {"query": "x" * 501}),
            ("search", {"query": ""}),
            ("search", {"query": "police", "limit": 21}),
            ("search", {"query": "police", "other_queries": ["x"] * 5}),
            ("search", {"query": "police", "order": "id; DROP TABLE article"}),
            ("latest", {"limit": -1}),
            ("trends", {"days": 3_650}),
            ("ask", {"question": "why " * 500}),
            ("ask", {"question": "why", "queries": ["x"] * 5}),
            ("ask", {"question": "why", "queries": ["x" * 201]}),
            ("article", {"url": "x" * 2_001}),
        ):
            assert await mcp.call_refused_tool(client, tool, **arguments)
        assert "No article" in await mcp.call_refused_tool(client, "article", url="https://[not an address")
        hostile = '"unclosed (OR -source:\x00 🔖 since:-9999999999d'
        assert isinstance((await mcp.call_tool(client, "search", query=hostile))["results"], list)


async def test_server_runs_over_standard_streams(mcp, newsroom):
    await add_articles(newsroom)
    environment = inherit_environment() | {"PYTHONPATH": str(ROOT), "TELEX_SEMANTIC": "false"}
    process = mcp.StdioServerParameters(
        command=sys.executable,
        args=["-m", "bot", "mcp"],
        env=environment | {"TELEX_DATABASE": store_probe.format_database_address(newsroom.settings.database)},
    )
    async with asyncio.timeout(60), mcp.Client(process) as client:
        search_answer = await mcp.call_tool(client, "search", query="quantum")
        assert [article["source"] for article in search_answer["results"]] == ["first"]


async def test_login_that_discord_refuses_ends_with_sentence(newsroom, discord_server, monkeypatch):  # noqa: F811
    clients.redirect_discord_py(discord_server, monkeypatch)
    with pytest.raises(LookupUnavailable, match="Discord rejected DISCORD_TOKEN"):
        async with open_public_feed_lookup("wrong", newsroom.store, newsroom.clock):
            pass
    monkeypatch.setattr(Route, "BASE", "http://127.0.0.1:1")
    with pytest.raises(LookupUnavailable, match="can’t be reached"):
        async with open_public_feed_lookup(discord_server.token, newsroom.store, newsroom.clock):
            pass


async def test_token_gives_access_to_public_channels_only(mcp, newsroom, discord_server, clock, monkeypatch):  # noqa: F811
    clients.redirect_discord_py(discord_server, monkeypatch)
    server = discord_server.changes.add_server("Newsroom")
    open_, closed = (discord_server.changes.add_channel(server, name) for name in ("news", "staff"))
    closed.overwrites.append(Overwrite(id=server.id, type=0, deny=Permission.VIEW_CHANNEL))
    await add_articles(newsroom, open_, closed)
    tokens = newsroom.store.assistant_tokens
    token = await tokens.create(server.id)
    assert token
    assert await tokens.create(1) is None
    async with mcp.serve_tools(newsroom, discord_server) as url:
        async with mcp.connect_with_token(url, token) as client:
            assert [feed["outlet"] for feed in await mcp.call_tool(client, "feeds")] == ["first"]
            assert (await mcp.call_tool(client, "search", query="rédaction garde"))["results"] == []
            assert "No article" in await mcp.call_refused_tool(client, "article", url="https://news.example/secret")
            for _ in range(mcp.serving.MAX_CALLS):
                answer = await client.call_tool("feeds", {})
            assert answer.is_error
        for wrong in (
            *("",) * (FailedLookupLimiter.MAX_MISSES + 1),
            token + "x",
            *map(str, range(1, FailedLookupLimiter.MAX_MISSES)),
        ):
            assert await mcp.post_call(url, wrong) == HTTPStatus.UNAUTHORIZED
        assert await mcp.post_call(url, "wrong") == HTTPStatus.TOO_MANY_REQUESTS
        assert await mcp.post_call(url, "wrong", client="192.0.2.7") == HTTPStatus.UNAUTHORIZED
        never_seen = await tokens.create(server.id)
        for right in (token, never_seen):
            assert await mcp.post_call(url, right) == HTTPStatus.OK, "wrong guesses do not lock out a valid token"
        for hostile, refusal in (
            ("x" * (mcp.serving.MAX_REQUEST_BYTES + 1), HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
            ("[" * 30_000, HTTPStatus.BAD_REQUEST),
        ):
            assert await mcp.post_call(url, token, hostile) == refusal
        listed_token, _never_seen = await tokens.list_by_server(server.id)
        assert listed_token.last_used_at == newsroom.clock.now()
        clock.advance(mcp.serving.CALL_PERIOD_SECONDS)
        async with AsyncExitStack() as stack:  # sessions leave no state behind
            many = [await stack.enter_async_context(mcp.connect_with_token(url, token)) for _ in range(8)]
            listed = await asyncio.gather(*(client.call_tool("feeds", {}) for client in many))
            assert not any(answer.is_error for answer in listed)
        assert await tokens.revoke(server.id) == 2
        assert await mcp.post_call(url, token) == HTTPStatus.UNAUTHORIZED
