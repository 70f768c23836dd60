"""Which servers a person is in: what they may read in direct messages, and whose bookmarks they see."""

from __future__ import annotations

import asyncio

import discord

from bot.client.discord_client import Telex
from cogs.shared.views import Interaction

MOST_SERVERS = 10
"""Servers that a person is looked for in: each costs a request."""


async def read_in_direct_messages(bot: Telex, person_id: int) -> dict[int, int]:
    """Ids of the feeds that a person may read in the servers they share with the bot, each with a server's.

    Without the privileged intent for members, Discord is asked: for the servers that the person asked, kept
    or watched something in, and for all of them where the bot is in few.
    """
    known = await bot.store.questions.servers(person_id) | await bot.store.bookmarks.servers(person_id)
    known |= {watch.server_id for watch in await bot.store.watches.of_person(person_id)}
    guilds = sorted(bot.guilds, key=lambda guild: guild.id not in known)
    if len(guilds) > MOST_SERVERS:
        guilds = [guild for guild in guilds if guild.id in known][:MOST_SERVERS]
    seen = await asyncio.gather(*(_feeds_seen(bot, guild, person_id) for guild in guilds))
    found: dict[int, int] = {}
    for guild, feed_ids in zip(guilds, seen, strict=True):
        for feed_id in feed_ids:
            found.setdefault(feed_id, guild.id)
    return found


async def _feeds_seen(bot: Telex, guild: discord.Guild, person_id: int) -> set[int]:
    """Ids of the feeds that a person sees in a server; none where they are not known to be a member."""
    try:
        member = await guild.fetch_member(person_id)
    except discord.HTTPException:  # 10007: no member; anything else: not known to be one
        return set()
    return await bot.feed_ids_seen_by(member)


async def hidden_servers(interaction: Interaction) -> set[int]:
    """Servers that the asker left and made bookmarks in: what they kept there is not shown to them.

    Asked anew each time; a server that Telex itself is no longer in cannot be asked and hides nothing.
    """
    servers = await interaction.client.store.bookmarks.servers(interaction.user.id)
    return {
        server_id
        for server_id in servers - {interaction.guild_id}
        if await _has_left(interaction.client, server_id, interaction.user.id)
    }


async def _has_left(bot: Telex, server_id: int, person_id: int) -> bool:
    guild = bot.get_guild(server_id)
    if guild is None:
        return False
    try:
        await guild.fetch_member(person_id)
    except discord.HTTPException:  # 10007: no member; anything else: not known to be one
        return True
    return False
