"""Channels and threads where feeds are posted: as options of commands, and as they are now."""

from typing import Any

import discord
from discord import app_commands

from bot.client import interaction_places
from bot.core import hours
from bot.core.locale import _, clickable
from bot.core.refusals import Refusal
from bot.posting.sending import permissions
from cogs.shared.views import Interaction

Place = discord.TextChannel | discord.Thread | discord.ForumChannel
"""A channel that can be posted in: text, announcement, thread or forum (media channels are forums here)."""


class PlaceOption(app_commands.Transformer):
    """A channel option; archived threads, which the cache does not know, are fetched."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        kinds = discord.ChannelType
        return [
            kinds.text,
            kinds.news,
            kinds.news_thread,
            kinds.public_thread,
            kinds.private_thread,
            kinds.forum,
            kinds.media,
        ]

    async def transform(self, _interaction: discord.Interaction[Any], value: object, /) -> object:
        """Keep what Discord sent; `place` looks it up after the interaction was acknowledged."""
        return value


Option = app_commands.Transform[app_commands.AppCommandChannel | app_commands.AppCommandThread, PlaceOption]


async def place(interaction: Interaction, option: Option | None) -> Place:
    """The channel that a person chose, or where they are when they chose none.

    Raises `Refusal` where Telex cannot post, and where the person sees nothing.
    """
    return await place_of(interaction, option.id if option is not None else interaction.channel_id)


async def place_of(interaction: Interaction, channel_id: int | None) -> Place:
    """A channel of the server as `place`, by its id."""
    assert interaction.guild is not None
    found = await find(interaction.guild, channel_id) if channel_id is not None else None
    if found is None:
        raise Refusal(
            _("I can post in text channels, announcement channels, threads and forums. Choose one of those.")
        )
    await require_view(interaction, found.id)
    return found


async def find(guild: discord.Guild, channel_id: int) -> Place | None:
    """A channel or thread of a server that can be posted in; None when it is gone or of another kind.

    A thread that is not in the cache (an archived one) is fetched.
    """
    channel = guild.get_channel_or_thread(channel_id)
    if channel is None:
        try:
            channel = await guild.fetch_channel(channel_id)
        except (discord.HTTPException, discord.InvalidData):
            return None
    return channel if isinstance(channel, Place) else None


def channel_name(guild: discord.Guild, channel_id: int) -> str:
    """A channel of a server by its name, plain text; one that the cache does not know has none."""
    channel = guild.get_channel_or_thread(channel_id)
    return f"#{channel.name}" if channel is not None else _("a deleted or archived channel")


async def current(interaction: Interaction, channel_id: int) -> Place:
    """A channel that was chosen before, as it is now. Raises `Refusal` where it is gone or not to be seen."""
    found = await find(interaction.guild, channel_id) if interaction.guild is not None else None
    if found is None:
        raise Refusal(_("That channel no longer exists."))
    await require_view(interaction, channel_id)
    return found


async def sees(interaction: Interaction, channel_id: int) -> bool:
    """Whether the asker sees a channel or thread of the server they are in."""
    member = interaction_places.member(interaction)
    return member is not None and await interaction.client.can_view(member.guild, member, channel_id)


async def require_view(interaction: Interaction, channel_id: int) -> None:
    """Raise `Refusal` unless the asker sees this channel of the server they are in."""
    if not await sees(interaction, channel_id):
        raise Refusal(_("You can’t choose a channel you can’t see."))


def lacking(channel: Place) -> tuple[str, str]:
    """What the bot lacks in a channel, as sentences or "": for posting, and for what goes beyond it."""
    needed = permissions.missing(channel)
    useful = permissions.missing(channel, required=False, useful=True)
    refusal = advice = ""
    if needed:
        refusal = _(
            "I can’t post in {channel} yet. In the channel’s settings, under Permissions, give "
            "me {permissions}, then try again."
        ).format(channel=channel.mention, permissions=_list(needed))
    if useful:
        advice = _(
            "In {channel} I’m also missing {permissions}. Posts still go out, but I can’t add "
            "reactions, find those made while I was offline, or check after a failure whether a post "
            "went through."
        ).format(channel=channel.mention, permissions=_list(useful))
    return refusal, advice


def require_posting(channel: Place) -> str:
    """What the bot lacks in a channel beyond posting, as `lacking`. Raises `Refusal` where it cannot post."""
    refusal, advice = lacking(channel)
    if refusal:
        raise Refusal(refusal)
    return advice


def _list(names: list[str]) -> str:
    return ", ".join(f"**{name}**" for name in names)


async def posting_delay(interaction: Interaction, target: Place) -> str:
    """Why articles do not appear in a channel at once, or not all of them; "" where they do."""
    store = interaction.client.store
    digest = await store.digests.of_channel(target.id)
    if digest is not None and digest.plan.alone:
        return _("{channel} only gets digests. Next one: {date}.").format(
            channel=target.mention, date=f"<t:{digest.due}:f>"
        )
    chosen = await store.preferences.of_channel(target.id)
    zone = (await store.preferences.of_server(target.guild.id)).time_zone
    ends = hours.quiet_until(interaction.client.newsroom.clock.now(), chosen.quiet_hours, zone)
    if chosen.least_outlets is not None or chosen.best_a_day is not None:
        return clickable(
            _("{channel} only gets the stories /settings stories lets through, so they arrive later.")
        ).format(channel=target.mention)
    if not ends:
        return ""
    return _("Quiet hours in {channel} until {date}. Articles arrive then.").format(
        channel=target.mention, date=f"<t:{ends}:f>"
    )
