"""Encoding what articles mean for as long as the bot runs, where the extra `semantic` is installed."""

from __future__ import annotations

from discord.ext import commands

from bot.client.discord_client import Telex
from cogs.running.loops import Loop


class Encoding(commands.Cog):
    """Runs the encoder."""

    def __init__(self, bot: Telex) -> None:
        meaning = bot.newsroom.meaning
        self._loop = None if meaning is None else Loop("encoder", meaning.run, bot.newsroom.clock)

    async def cog_load(self) -> None:
        """Begin with the newest article that is not encoded."""
        if self._loop is not None:
            self._loop.start()

    async def cog_unload(self) -> None:
        """End; what is being encoded is encoded at the next start."""
        if self._loop is not None:
            await self._loop.stop()
