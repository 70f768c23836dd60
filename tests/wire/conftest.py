"""The stand-in for Discord, clients and scenes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel, Person, Server
from tests.support.shared_data import load_discord_contract
from tests.support.wire.clients import RecordingClient, connect_client, redirect_discord_py
from tests.support.wire.scene import Scene, open_scene


@pytest.fixture
async def discord_server() -> AsyncIterator[DiscordServer]:
    """A stand-in for Discord; neither side may violate Discord's description of its API."""
    server = await DiscordServer(load_discord_contract()).start()
    yield server
    await server.stop()
    assert server.violations == []
    assert server.gateway.duplicate_shards == []


@pytest.fixture
def newsroom_server(discord_server) -> Server:
    return discord_server.changes.add_server("Newsroom")


@pytest.fixture
def general(discord_server, newsroom_server) -> Channel:
    return discord_server.changes.add_channel(newsroom_server, "general")


@pytest.fixture
def ada(discord_server, newsroom_server) -> Person:
    return discord_server.people.join(newsroom_server.id, "Ada")


@pytest.fixture
async def client(discord_server, general, monkeypatch) -> AsyncIterator[RecordingClient]:
    redirect_discord_py(discord_server, monkeypatch)
    async with connect_client(RecordingClient(), discord_server.token) as running:
        yield running


@pytest.fixture
async def scene(
    discord_server, feed_server, launcher, tmp_path, settings, empty_database, request
) -> AsyncIterator[Scene]:
    """A server whose channels, one of each kind, follow a feed and have its newest article pending.

    `@pytest.mark.scene(…)` passes options to `open_scene`; with QUICK_SPEED, five minutes last
    a second and a half.
    """
    marked = request.node.get_closest_marker("scene")
    options = {"database": settings.database, **(marked.kwargs if marked else {})}
    if isinstance(options["database"], Path):
        shutil.copy(empty_database, options["database"])
    async with open_scene(discord_server, feed_server, launcher, tmp_path, **options) as opened:
        yield opened
        if opened.bot is not None:
            sys.stderr.write(opened.bot.log)  # shown beside a failure
