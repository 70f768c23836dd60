"""What an answer may be made of: what all readers of a channel may read, or a person in direct messages."""

from __future__ import annotations

from typing import NamedTuple

import discord

from bot.client.discord_client import Telex

Place = discord.abc.GuildChannel | discord.Thread

MOST_SERVERS = 10
"""Servers that a person is looked for in: each costs a request."""


class ReadDirectly(NamedTuple):
    """Feeds that a person may read, and one of the servers where they may; 0 and none where nowhere."""

    feed_ids: set[int]
    server_id: int


async def shared_feed_ids(bot: Telex, member: discord.Member, place: Place) -> set[int]:
    """Ids of the feeds that a member and everybody who reads a channel or thread may read."""
    shared = await bot.courier.audience.feeds_of_channel(place.guild, place.id)
    return shared & await bot.feed_ids_seen_by(member)


async def read_in_direct_messages(bot: Telex, person_id: int) -> ReadDirectly:
    """The feeds that a person may read in the servers that they share with the bot.

    Without the privileged intent for members, Discord is asked: for the servers that the person asked, kept
    or watched something in, and for all of them where the bot is in few.
    """
    known = await bot.store.questions.servers(person_id) | await bot.store.bookmarks.servers(person_id)
    known |= {watch.server_id for watch in await bot.store.watches.of_person(person_id)}
    guilds = sorted(bot.guilds, key=lambda guild: guild.id not in known)
    if len(guilds) > MOST_SERVERS:
        guilds = [guild for guild in guilds if guild.id in known][:MOST_SERVERS]
    feed_ids: set[int] = set()
    server_id = 0
    for guild in guilds:
        try:
            member = await guild.fetch_member(person_id)
        except discord.HTTPException:  # 10007: no member; anything else: not known to be one
            continue
        seen = await bot.feed_ids_seen_by(member)
        feed_ids |= seen
        server_id = server_id or (guild.id if seen else 0)
    return ReadDirectly(feed_ids, server_id)
