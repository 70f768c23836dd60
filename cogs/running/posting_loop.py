"""Delivering posts for as long as the bot runs."""

from __future__ import annotations

from discord.ext import commands

from bot.client.discord_client import Telex
from bot.store.records import Recorded
from cogs.running.loops import Loop


class Posting(commands.Cog):
    """Runs the courier, and wakes it when a poll brought something."""

    def __init__(self, bot: Telex) -> None:
        self._courier = bot.courier
        self._poller, self._reader = bot.newsroom.poller, bot.newsroom.reader
        self._loop = Loop("courier", self._courier.run, bot.newsroom.clock)

    async def cog_load(self) -> None:
        """Begin to deliver once the bot is ready."""
        self._poller.on_recorded = self._recorded
        self._reader.on_read = self._courier.wake
        self._loop.start()

    async def cog_unload(self) -> None:
        """End delivering: what is being sent may end, what is not stays for the next start."""
        await self._loop.stop()
        await self._courier.stop()

    def _recorded(self, _recorded: Recorded) -> None:
        self._courier.wake()
