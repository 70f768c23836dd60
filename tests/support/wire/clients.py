"""discord.py itself, pointed at the stand-in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import discord
import pytest
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel
from tests.support.wire.waiting import PATIENCE

C = TypeVar("C", bound=discord.Client)


def redirect_discord_py(server: DiscordServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let discord.py in this process talk to the stand-in."""
    monkeypatch.setattr(Route, "BASE", server.api_url)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(server.gateway.url))


class RecordingClient(discord.Client):
    """A client that remembers every event it got."""

    def __init__(self, **options: Any) -> None:
        intents = discord.Intents(
            guilds=True, guild_messages=True, guild_reactions=True, dm_messages=True, dm_reactions=True
        )
        super().__init__(intents=intents, guild_ready_timeout=0.05, **options)
        self.tree = discord.app_commands.CommandTree(self)
        self.events: list[tuple[str, Any]] = []
        self._new_event = asyncio.Event()

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        self.events.append((event, args))
        self._new_event.set()
        super().dispatch(event, *args, **kwargs)

    async def wait_for_event(self, event: str, times: int = 1) -> Any:
        """Wait until an event came so often; returns the arguments of that time."""
        async with asyncio.timeout(PATIENCE):
            while len(matching_arguments := [args for name, args in self.events if name == event]) < times:
                self._new_event.clear()
                await self._new_event.wait()
        return matching_arguments[times - 1]


@asynccontextmanager
async def connect_client(client: C, token: str) -> AsyncIterator[C]:
    """The client, logged in and ready, until the end of the block."""
    await client.login(token)
    running = asyncio.create_task(client.connect())
    waiting = asyncio.create_task(client.wait_until_ready())
    await asyncio.wait({running, waiting}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        waiting.cancel()
        await running
    assert client.is_ready()
    try:
        yield client
    finally:
        await client.close()
        await running


def get_text_channel(client: discord.Client, channel: Channel) -> discord.TextChannel:
    cached_channel = client.get_channel(channel.id)
    assert isinstance(cached_channel, discord.TextChannel)
    return cached_channel


async def skip_sleep(_: float, return_value: object = None) -> object:
    """Instead of `asyncio.sleep`."""
    return return_value
