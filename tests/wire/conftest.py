"""The stand-in, running."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.drill.discord_stand_in.discord_server import DiscordServer
from bot.drill.discord_stand_in.state import Channel, Person, Server
from tests.support.shared_data import discord_contract
from tests.support.wire.clients import RecordingClient, online, redirect
from tests.support.wire.scene import Scene, open_scene


@pytest.fixture
async def discord_server() -> AsyncIterator[DiscordServer]:
    """A stand-in for Discord; neither side may say what Discord's description of its API does not allow."""
    server = await DiscordServer(discord_contract()).start()
    yield server
    await server.stop()
    assert server.violations == []
    assert server.gateway.duplicate_shards == []


@pytest.fixture
def place(discord_server) -> Server:
    return discord_server.changes.add_server("Newsroom")


@pytest.fixture
def general(discord_server, place) -> Channel:
    return discord_server.changes.add_channel(place, "general")


@pytest.fixture
def ada(discord_server, place) -> Person:
    return discord_server.people.join(place.id, "Ada")


@pytest.fixture
async def client(discord_server, general, monkeypatch) -> AsyncIterator[RecordingClient]:
    redirect(discord_server, monkeypatch)
    async with online(RecordingClient(), discord_server.token) as running:
        yield running


@pytest.fixture
async def scene(
    discord_server, feed_server, launcher, tmp_path, settings, empty_database, request
) -> AsyncIterator[Scene]:
    """A server whose channels, one of each kind, follow a feed and are owed its newest article.

    `@pytest.mark.scene(…)` says what of `open_scene` is to be otherwise; with QUICK five minutes last
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
