"""/settings: what the people of a server choose for it and for its channels, and who changed what."""

from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from cogs.feeds.look_panel import LookPanel
from cogs.settings.assistant_panel import AssistantPanel
from cogs.settings.change_history import History
from cogs.settings.channel_settings import ChannelSettings
from cogs.settings.schedule_panel import RhythmPanel, StoryPanel
from cogs.settings.server_settings import ServerPanel
from cogs.settings.taste_panel import TastePanel
from cogs.shared.lasting_items import TelexCog
from cogs.shared.place_options import Option, place
from cogs.shared.rights import FOR_MANAGERS, ManagersOnly, in_servers
from cogs.shared.views import Interaction


@in_servers
class ServerSettings(
    ManagersOnly,
    TelexCog,
    commands.GroupCog,
    group_name="settings",
    group_description=locale_str("Settings of this server and its channels"),
    group_extras=FOR_MANAGERS,
):
    """Settings. For those who manage the server's feeds."""

    @app_commands.command(
        name="server", description=locale_str("Language, time zone, alerts and who manages feeds")
    )
    async def server(self, interaction: Interaction) -> None:
        await ServerPanel(interaction).show(interaction)

    @app_commands.command(
        name="channel",
        description=locale_str("A channel’s language, translation, grouping, daily thread and tags"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def channel(self, interaction: Interaction, channel: Option | None = None) -> None:
        await ChannelSettings(interaction, await place(interaction, channel)).show(interaction)

    @app_commands.command(name="look", description=locale_str("Choose how posts look by default"))
    async def look(self, interaction: Interaction) -> None:
        await LookPanel(interaction, None).start(interaction)

    @app_commands.command(name="schedule", description=locale_str("Set a channel’s quiet hours and limits"))
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def schedule(self, interaction: Interaction, channel: Option | None = None) -> None:
        await RhythmPanel(interaction, await place(interaction, channel)).show(interaction)

    @app_commands.command(
        name="stories",
        description=locale_str("Post only what several outlets report, or the best of the day"),
    )
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def stories(self, interaction: Interaction, channel: Option | None = None) -> None:
        await StoryPanel(interaction, await place(interaction, channel)).show(interaction)

    @app_commands.command(
        name="taste",
        description=locale_str("See or reset what this server likes"),
    )
    async def taste(self, interaction: Interaction) -> None:
        await TastePanel(interaction).show(interaction)

    @app_commands.command(
        name="assistants", description=locale_str("Let AI assistants read what everyone here can")
    )
    async def assistants(self, interaction: Interaction) -> None:
        await AssistantPanel(interaction).show(interaction)

    @app_commands.command(name="history", description=locale_str("See who changed what"))
    async def history(self, interaction: Interaction) -> None:
        await History(interaction).show(interaction)
