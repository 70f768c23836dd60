"""Keeping the application's emoji for as long as the bot runs."""

from __future__ import annotations

from discord.ext import commands

from bot.client.discord_client import Telex
from bot.posting.emoji.application_emoji import ApplicationEmoji
from cogs.running.loops import Loop


class Emoji(commands.Cog):
    """Runs the loop that draws tiles and fetches icons of outlets."""

    def __init__(self, bot: Telex) -> None:
        room = bot.newsroom
        self.emoji = ApplicationEmoji(room.store, bot, room.clock, room.fetcher, room.spare)
        self._loop = Loop("emoji", self.emoji.run, room.clock)

    async def cog_load(self) -> None:
        """Begin."""
        self._loop.start()

    async def cog_unload(self) -> None:
        """End."""
        await self._loop.stop()
