"""What everybody who reads a channel may read: what a public answer may be made of."""

from __future__ import annotations

import discord

from bot.app import Telex

Place = discord.abc.GuildChannel | discord.Thread


async def shared_feed_ids(bot: Telex, member: discord.Member, place: Place) -> set[int]:
    """Ids of the feeds that a member and everybody who reads a channel or thread may read."""
    seen = await bot.feed_ids_seen_by(member)
    followed = await bot.store.subscriptions.channels(place.guild.id)
    everybodys = [channel_id for channel_id in followed if is_shared(place, channel_id)]
    return seen & await bot.store.subscriptions.feed_ids(everybodys)


def is_shared(place: Place, channel_id: int) -> bool:
    """Whether everybody who reads a channel or thread can also read another one of its server.

    So it is for the channel itself and, from a thread, the channel it belongs to; for a channel with the very
    same permissions; and for one that @everyone can read and that is closed to nobody by an overwrite. A
    public thread is as its channel. Of any other, and of threads that are archived, it is not known, which
    counts as no. How Discord computes permissions:
    https://discord.com/developers/docs/topics/permissions#permission-overwrites
    """
    home = place.parent if isinstance(place, discord.Thread) else place
    if channel_id == place.id:
        return True
    other = place.guild.get_channel_or_thread(channel_id)
    if isinstance(other, discord.Thread):
        other = None if other.is_private() else other.parent
    if home is None or other is None:
        return False
    return other.id == home.id or other.overwrites == home.overwrites or _is_open(other)


def _is_open(channel: discord.abc.GuildChannel) -> bool:
    """Whether everybody in the server can read a channel."""
    everyone = channel.guild.default_role
    granted = channel.permissions_for(everyone)
    if not (granted.view_channel and granted.read_message_history):
        return False
    return not any(
        overwrite.view_channel is False or overwrite.read_message_history is False
        for holder, overwrite in channel.overwrites.items()
        if holder not in (everyone, channel.guild.me)
    )
