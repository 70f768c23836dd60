"""Presence of the bot in the list of members, which says so during maintenance."""

import asyncio
import logging

import discord

from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.i18n import _
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from cogs.shared.persistent_items import TelexCog

log = logging.getLogger(__name__)


class MaintenancePresenceCog(TelexCog):
    """Cog that shows people during maintenance, below the name of the bot, that nothing is posted."""

    def __init__(self, bot: TelexBot) -> None:
        super().__init__(bot)
        self._maintenance = bot.services.maintenance
        self._change_task: asyncio.Task[None] | None = None
        self._activity: discord.CustomActivity | None = None

    async def cog_load(self) -> None:
        """Set the presence with which shards connect, and follow changes of the maintenance mode."""
        self._maintenance.add_listener(self._start_change)
        if self._maintenance.is_on:
            self._set_initial_presence()

    async def cog_unload(self) -> None:
        self._maintenance.remove_listener(self._start_change)

    def _start_change(self) -> None:
        self._change_task = asyncio.create_task(self._change_presence())

    async def _change_presence(self) -> None:
        """Change the presence of this process's shards, connected now or later, to what maintenance requires."""
        self._set_initial_presence()
        for shard_id in self.bot.shards.keys() & self.bot.store.shards.served_numbers:
            try:
                await self.bot.change_presence(activity=self._activity, status=self.bot.status, shard_id=shard_id)
            except (*DISCORD_ERRORS, ConnectionError) as error:
                log.warning("presence not changed shard=%d error=%r", shard_id, error)  # It has the new one later.

    def _set_initial_presence(self) -> None:
        """Set the presence with which shards connect: without a text unless there is maintenance."""
        self._activity, self.bot.status = None, discord.Status.online
        if self._maintenance.is_on:
            with i18n.language_scope(self.bot.services.settings.language):
                self._activity = discord.CustomActivity(_("Maintenance: posts will follow"))
            self.bot.status = discord.Status.dnd
        self.bot.activity = self._activity
