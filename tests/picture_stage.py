"""The demo's newsroom, publisher and simulated Discord without its loops: a stage for pictures."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

from simcord.env import Env

import cogs
from bot.app import Telex
from bot.demo.publisher import Publisher
from bot.demo.stage import simulated_discord
from bot.news.newsroom import Newsroom, open_newsroom
from bot.settings import Settings

LOOPS = {"Polling", "Posting"}
"""Cogs whose loops would go on while the pictures are taken."""


@asynccontextmanager
async def staged() -> AsyncIterator[tuple[Env, Newsroom, Publisher]]:
    """The stage, on a database that is thrown away."""
    wanted = tuple(cog for cog in cogs.ALL if cog.__name__ not in LOOPS)
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            database=Path(home) / "telex.db",
            discord_token=None,
            allow_private_addresses=(ip_network("127.0.0.1/32"),),
        )
        async with (
            open_newsroom(settings) as newsroom,
            Publisher() as publisher,
            simulated_discord(Telex(newsroom, wanted, shard_count=1)) as env,
        ):
            yield env, newsroom, publisher
