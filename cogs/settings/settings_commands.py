"""Cog of the /settings commands."""

import discord
from discord import app_commands
from discord.app_commands import Range, locale_str
from discord.ext import commands

from bot.core.i18n import _
from bot.core.preferences import MAX_DAILY_MENTIONS
from bot.core.user_errors import UserFacingError
from bot.search.query.query_parser import MAX_QUERY_LENGTH
from cogs.feeds.look_panel import LookPanel
from cogs.settings.assistant_panel import AssistantPanel
from cogs.settings.channel_settings import ChannelSettingsPanel
from cogs.settings.copying.copy_panel import CopyPanel
from cogs.settings.mention_panel import MentionPanel
from cogs.settings.mention_trial import DEFAULT_DAILY_LIMIT, open_mention_trial
from cogs.settings.notice_optout import notices_off_button
from cogs.settings.posting_limits_panels import SchedulePanel, StoryLimitsPanel
from cogs.settings.preference_panel import PreferencePanel
from cogs.settings.profile_panel import MAX_BIO_LENGTH, open_profile
from cogs.settings.proposal_panel import ProposalPanel
from cogs.settings.server_settings import ServerSettingsPanel
from cogs.settings.settings_history import SettingsHistory
from cogs.shared.authorization import MANAGER_EXTRAS, ManagersOnlyMixin, guild_context_only
from cogs.shared.channel_options import ChannelArgument, resolve_channel
from cogs.shared.persistent_items import PersistentItemCog
from cogs.shared.views import Interaction


@guild_context_only
class SettingsCog(
    ManagersOnlyMixin,
    PersistentItemCog,
    commands.GroupCog,
    group_name="settings",
    group_description=locale_str("Settings of this server and its channels"),
    group_extras=MANAGER_EXTRAS,
):
    """Cog of the /settings commands, for users who manage feeds."""

    persistent_items = (notices_off_button,)

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

    @app_commands.command(name="profile", description=locale_str("Give me an avatar, banner and bio in this server"))
    @app_commands.describe(
        avatar=locale_str("Picture for my avatar"),
        banner=locale_str("Picture for my banner"),
        bio=locale_str("What my profile says about me"),
    )
    async def profile(
        self,
        interaction: Interaction,
        avatar: discord.Attachment | None = None,
        banner: discord.Attachment | None = None,
        bio: Range[str, 1, MAX_BIO_LENGTH] | None = None,
    ) -> None:
        await open_profile(interaction, avatar, banner, bio)

    @app_commands.command(
        name="taste",
        description=locale_str("See or reset what this server likes"),
    )
    async def taste(self, interaction: Interaction) -> None:
        await PreferencePanel(interaction).render(interaction)

    @app_commands.command(name="mentions", description=locale_str("Mention a role when a post matches a topic"))
    @app_commands.describe(
        channel=locale_str("Which channel; this one by default"),
        role=locale_str("Role to mention; leave empty to see the list"),
        topic=locale_str('Which posts: words, "an exact phrase", OR, -without'),
        limit=locale_str("Mentions of the role a day, at most; 5 by default"),
    )
    async def mentions(
        self,
        interaction: Interaction,
        channel: ChannelArgument | None = None,
        role: discord.Role | None = None,
        topic: Range[str, 1, MAX_QUERY_LENGTH] | None = None,
        limit: Range[int, 1, MAX_DAILY_MENTIONS] = DEFAULT_DAILY_LIMIT,
    ) -> None:
        post_channel = await resolve_channel(interaction, channel)
        if role is not None and topic is not None:
            await open_mention_trial(interaction, post_channel, role.id, topic, limit)
            return
        if role is not None or topic is not None:
            raise UserFacingError(_("Choose both a role and a topic, or neither to see the list."))
        await MentionPanel(interaction, post_channel).render(interaction)

    @app_commands.command(name="proposals", description=locale_str("Let members propose feeds"))
    async def proposals(self, interaction: Interaction) -> None:
        await ProposalPanel(interaction).render(interaction)

    @app_commands.command(name="assistants", description=locale_str("Let AI assistants read what everyone here can"))
    async def assistants(self, interaction: Interaction) -> None:
        await AssistantPanel(interaction).render(interaction)

    @app_commands.command(name="copy", description=locale_str("Give other channels the settings of a channel"))
    @app_commands.describe(channel=locale_str("Which channel; this one by default"))
    async def copy(self, interaction: Interaction, channel: ChannelArgument | None = None) -> None:
        await CopyPanel(interaction, await resolve_channel(interaction, channel)).render(interaction)

    @app_commands.command(name="history", description=locale_str("See who changed what"))
    async def history(self, interaction: Interaction) -> None:
        await SettingsHistory(interaction).render(interaction)
