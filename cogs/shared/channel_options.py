"""Channels and threads for posting: options of commands, lookups and permission checks."""

from typing import Any

import discord
from discord import app_commands

from bot.client import interaction_context
from bot.core import local_time
from bot.core.i18n import _, linkify_commands
from bot.core.setting_registry import MIN_OUTLETS, QUIET_HOURS, TOP_STORIES_PER_DAY
from bot.core.user_errors import UserFacingError
from bot.posting.rendering.buttons import POSTABLE_CHANNEL_TYPES
from bot.posting.sending import message_targets, permissions
from bot.posting.sending.send_outcomes import RetryAfter
from cogs.shared.views import Interaction

PostableChannel = discord.TextChannel | discord.Thread | discord.ForumChannel
"""Type of a channel for posts: text, announcement, thread or forum.

discord.py models media channels as forums.
"""


class ChannelOption(app_commands.Transformer):
    """Command option for a channel, which also accepts archived threads that are not in the cache."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        return POSTABLE_CHANNEL_TYPES

    async def transform(self, _interaction: discord.Interaction[Any], value: object, /) -> object:
        """Return the option's value unchanged; `resolve_channel` later looks up the channel.

        A lookup may take too long before the interaction is acknowledged.
        """
        return value


ChannelArgument = app_commands.Transform[app_commands.AppCommandChannel | app_commands.AppCommandThread, ChannelOption]
"""Type of the argument of a command that is a channel or thread."""


async def resolve_channel(interaction: Interaction, option: ChannelArgument | None) -> PostableChannel:
    """Return the channel chosen in an option, or the current channel if none was chosen.

    Records to which channel a thread belongs. Raises `UserFacingError` if the channel is of a type without posts,
    cannot be fetched, or the user cannot see it. The permissions of Telex in the channel are not checked.
    """
    return await resolve_channel_id(interaction, option.id if option is not None else interaction.channel_id)


async def resolve_channel_id(interaction: Interaction, channel_id: int | None) -> PostableChannel:
    """Return the channel or thread of this server with an id.

    Records to which channel a thread belongs. Raises `UserFacingError` if the channel does not exist, is of a type
    without posts, cannot be fetched, or cannot be seen by the user. The permissions of Telex in it are not checked.
    """
    assert interaction.guild is not None
    channel = await find_postable_channel(interaction.guild, channel_id) if channel_id is not None else None
    if channel is None:
        raise UserFacingError(
            _("I can post in text channels, announcement channels, threads and forums. Choose one of those.")
        )
    await require_visible(interaction, channel.id)
    await _record_thread(interaction, channel)
    return channel


async def find_postable_channel(guild: discord.Guild, channel_id: int) -> PostableChannel | None:
    """Return the channel or thread of a server with an id.

    A channel that is not in the cache, such as an archived thread, is fetched. Returns None if there is none of this
    id, it is of a type without posts, or Discord does not give it.
    """
    channel = guild.get_channel_or_thread(channel_id)
    if channel is None:
        try:
            channel = await guild.fetch_channel(channel_id)
        except (discord.HTTPException, discord.InvalidData):
            return None
    return channel if isinstance(channel, PostableChannel) else None


def channel_name(guild: discord.Guild, channel_id: int) -> str:
    """Return the name of a channel as plain text, or a placeholder if the channel is not in the cache."""
    channel = guild.get_channel_or_thread(channel_id)
    return f"#{channel.name}" if channel is not None else _("a deleted or archived channel")


async def require_existing_channel(interaction: Interaction, channel_id: int) -> PostableChannel:
    """Return a channel that was chosen earlier, as it is now, and record to which channel a thread belongs.

    Raises `UserFacingError` if the channel no longer exists, Discord does not give it, or the user can no longer see
    it.
    """
    channel = await find_postable_channel(interaction.guild, channel_id) if interaction.guild is not None else None
    if channel is None:
        raise UserFacingError(_("That channel no longer exists."))
    await require_visible(interaction, channel_id)
    await _record_thread(interaction, channel)
    return channel


async def open_dm_channel(interaction: Interaction, *, refusal_text: str) -> discord.DMChannel:
    """Return the channel of the user's direct messages, which is opened if necessary.

    Raises `UserFacingError`: with `refusal_text` if Discord refuses, or with a request to try again if it does not
    answer.
    """
    dm_channel = await message_targets.open_dm(interaction.client, interaction.user.id)
    if isinstance(dm_channel, RetryAfter):
        raise UserFacingError(_("Discord didn’t answer. Try again in a minute."))
    if not isinstance(dm_channel, discord.DMChannel):
        raise UserFacingError(refusal_text)
    return dm_channel


async def _record_thread(interaction: Interaction, channel: PostableChannel) -> None:
    """Record to which channel a thread belongs, before anything is posted there: that channel's filters apply."""
    if isinstance(channel, discord.Thread):
        await interaction.client.store.servers.record_threads(channel.guild.id, {channel.id: channel.parent_id})


async def can_see_channel(interaction: Interaction, channel_id: int) -> bool:
    """Return whether the user can see a channel or thread of the current server, and its history.

    Return False if only Discord knows and does not answer.
    """
    member = interaction_context.get_home_member(interaction)
    return member is not None and await interaction.client.can_view(member.guild, member, channel_id)


async def require_visible(interaction: Interaction, channel_id: int) -> None:
    """Raise `UserFacingError` unless the user can see a channel of the current server."""
    if not await can_see_channel(interaction, channel_id):
        raise UserFacingError(_("You can’t choose a channel you can’t see."))


def permission_problems(channel: PostableChannel) -> tuple[str, str]:
    """Return two sentences on permissions that Telex lacks in a channel, or "" for each if it lacks none.

    The first is on permissions without which Telex cannot post, the second on other useful permissions.
    """
    missing_required_labels = permissions.list_missing_permission_labels(channel)
    missing_useful_labels = permissions.list_missing_permission_labels(
        channel, check_required=False, check_optional=True
    )
    refusal = permission_advice = ""
    if missing_required_labels:
        refusal = _(
            "I can’t post in {channel} yet. In the channel’s settings, under Permissions, give "
            "me {permissions}, then try again."
        ).format(channel=channel.mention, permissions=_join_bold_names(missing_required_labels))
    if missing_useful_labels:
        permission_advice = _(
            "In {channel} I’m also missing {permissions}. Posts still go out, but I can’t add "
            "reactions, find those made while I was offline, or check after a failure whether a post "
            "went through."
        ).format(channel=channel.mention, permissions=_join_bold_names(missing_useful_labels))
    return refusal, permission_advice


def require_can_post(channel: PostableChannel) -> str:
    """Return a sentence on useful permissions that Telex lacks in a channel, or "" if it lacks none.

    Raises `UserFacingError` if Telex cannot post in the channel.
    """
    refusal, permission_advice = permission_problems(channel)
    if refusal:
        raise UserFacingError(refusal)
    return permission_advice


def _join_bold_names(permission_labels: list[str]) -> str:
    return ", ".join(f"**{permission_label}**" for permission_label in permission_labels)


async def posting_delay_text(interaction: Interaction, target_channel: PostableChannel) -> str:
    """Return a sentence on why a channel gets articles later or only in part: digests, a selection, or quiet hours.

    Returns "" if it has none of these now. Limits on the number of posts in an hour are not mentioned.
    """
    store = interaction.client.store
    digest = await store.digests.get_by_channel(target_channel.id)
    if digest is not None and digest.plan.is_digest_only:
        return _("{channel} only gets digests. Next one: {date}.").format(
            channel=target_channel.mention, date=f"<t:{digest.due_at}:f>"
        )
    preferences = await store.preferences.get_by_channel(target_channel.id)
    zone_name = (await store.preferences.get_by_server(target_channel.guild.id)).time_zone
    quiet_hours_end = local_time.find_quiet_hours_end(
        interaction.client.services.clock.now(), preferences[QUIET_HOURS], zone_name
    )
    if preferences[MIN_OUTLETS] is not None or preferences[TOP_STORIES_PER_DAY] is not None:
        return linkify_commands(
            _("{channel} only gets the stories /settings stories lets through, so they arrive later.")
        ).format(channel=target_channel.mention)
    if not quiet_hours_end:
        return ""
    return _("Quiet hours in {channel} until {date}. Articles arrive then.").format(
        channel=target_channel.mention, date=f"<t:{quiet_hours_end}:f>"
    )
