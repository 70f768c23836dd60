"""Command /owner, which exists only in the server of the setting `owner_server`."""

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from bot.client.discord_client import TelexBot
from cogs.owner.audit_page import AuditPage
from cogs.owner.maintenance_page import MaintenancePage
from cogs.owner.notices_page import NoticesPage
from cogs.owner.owner_panel import OwnerPage, OwnerPanel, require_operator
from cogs.owner.servers_page import ServersPage
from cogs.owner.sources_page import SourcesPage
from cogs.shared.views import Interaction

OWNER_PAGES: tuple[type[OwnerPage], ...] = (ServersPage, SourcesPage, NoticesPage, MaintenancePage, AuditPage)
"""Pages of the panel of /owner, in the order of their menu."""


@app_commands.command(name="owner", description=locale_str("Servers and limits of the whole bot"))
async def open_owner_panel(interaction: Interaction) -> None:
    """Open the panel with which an operator decides for the whole bot."""
    await require_operator(interaction)
    await OwnerPanel(interaction, OWNER_PAGES).render(interaction)


class OwnerCog(commands.Cog):
    """Cog of /owner, which it adds to the commands of the operator's server alone."""

    def __init__(self, bot: TelexBot) -> None:
        self._bot = bot
        self._owner_server_id = bot.services.settings.owner_server

    async def cog_load(self) -> None:
        if self._owner_server_id is not None:
            self._bot.tree.add_command(open_owner_panel, guild=discord.Object(self._owner_server_id))

    async def cog_unload(self) -> None:
        if self._owner_server_id is not None:
            self._bot.tree.remove_command(open_owner_panel.name, guild=discord.Object(self._owner_server_id))

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Register /owner when the bot joins the operator's server, which lost the command with the bot."""
        if guild.id == self._owner_server_id:
            await self._bot.sync_owner_commands()
