"""Cog of the /settings commands."""

from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from cogs.feeds.look_panel import LookPanel
from cogs.settings.assistant_panel import AssistantPanel
from cogs.settings.channel_settings import ChannelSettingsPanel
from cogs.settings.posting_limits_panels import SchedulePanel, StoryLimitsPanel
from cogs.settings.preference_panel import PreferencePanel
from cogs.settings.proposal_panel import ProposalPanel
from cogs.settings.server_settings import ServerSettingsPanel
from cogs.settings.settings_history import SettingsHistory
from cogs.shared.authorization import MANAGER_EXTRAS, ManagersOnlyMixin, guild_context_only
from cogs.shared.channel_options import ChannelArgument, resolve_channel
from cogs.shared.persistent_items import TelexCog
from cogs.shared.views import Interaction


@guild_context_only
class SettingsCog(
    ManagersOnlyMixin,
    TelexCog,
    commands.GroupCog,
    group_name="settings",
    group_description=locale_str("Settings of this server and its channels"),
    group_extras=MANAGER_EXTRAS,
):
    """Cog of the /settings commands, for users who manage feeds."""

    @app_commands.command(name="server", description=locale_str("Language, time zone, alerts and who manages feeds"))
    async def server(self, interaction: Interaction) -> None:
        await ServerSettingsPanel(interaction).render(interaction)

    @app_commands.command(
        name="channel",
        description=locale_str("A channel’s language, translation, grouping, daily thread, notifications, tags"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def channel(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await ChannelSettingsPanel(interaction, await resolve_channel(interaction, channel)).render(interaction)

    @app_commands.command(name="look", description=locale_str("Choose how posts look by default"))
    async def look(self, interaction: Interaction) -> None:
        await LookPanel(interaction, None).start(interaction)

    @app_commands.command(name="schedule", description=locale_str("Set a channel’s quiet hours and limits"))
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def schedule(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await SchedulePanel(interaction, await resolve_channel(interaction, channel)).render(interaction)

    @app_commands.command(
        name="stories",
        description=locale_str("Post only what several outlets report, or the best of the day; see muted stories"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def stories(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await StoryLimitsPanel(interaction, await resolve_channel(interaction, channel)).render(interaction)

    @app_commands.command(
        name="taste",
        description=locale_str("See or reset what this server likes"),
    )
    async def taste(self, interaction: Interaction) -> None:
        await PreferencePanel(interaction).render(interaction)

    @app_commands.command(name="proposals", description=locale_str("Let members propose feeds"))
    async def proposals(self, interaction: Interaction) -> None:
        await ProposalPanel(interaction).render(interaction)

    @app_commands.command(name="assistants", description=locale_str("Let AI assistants read what everyone here can"))
    async def assistants(self, interaction: Interaction) -> None:
        await AssistantPanel(interaction).render(interaction)

    @app_commands.command(name="history", description=locale_str("See who changed what"))
    async def history(self, interaction: Interaction) -> None:
        await SettingsHistory(interaction).render(interaction)
