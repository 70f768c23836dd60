"""What a public answer may be made of: what everybody who reads a channel may read."""

from __future__ import annotations

import discord

from bot.client.discord_client import Telex

Place = discord.abc.GuildChannel | discord.Thread


async def shared_feed_ids(bot: Telex, member: discord.Member, place: Place) -> set[int]:
    """Ids of the feeds that a member and everybody who reads a channel or thread may read."""
    shared = await bot.courier.audience.feeds_of_channel(place.guild, place.id)
    return shared & await bot.feed_ids_seen_by(member)
