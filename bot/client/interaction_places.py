"""Where somebody asks from: a server that Telex is in, direct messages, or wherever they took it themselves.

A person can install Telex for themselves and use it in servers that it is not in and in groups of direct
messages. There everything is as in direct messages: nothing of that place is looked at or kept.
https://discord.com/developers/docs/resources/application#installation-context
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import discord

if TYPE_CHECKING:
    from bot.client.discord_client import Telex

MOST_SERVERS = 10
"""Servers that a person is looked for in: each costs a request."""


def server(interaction: discord.Interaction[Any]) -> discord.Guild | None:
    """The server that somebody asks in, if Telex is in it; None anywhere else."""
    guild_id = interaction.guild_id
    found: discord.Guild | None = None if guild_id is None else interaction.client.get_guild(guild_id)
    return found


def server_id(interaction: discord.Interaction[Any]) -> int | None:
    """Its id."""
    guild = server(interaction)
    return None if guild is None else guild.id


def member(interaction: discord.Interaction[Any]) -> discord.Member | None:
    """Who asks, as a member of that server; None anywhere else."""
    person = interaction.user
    return person if isinstance(person, discord.Member) and server(interaction) is not None else None


def is_direct(interaction: discord.Interaction[Any]) -> bool:
    """Whether nobody but the asker and Telex reads what is said there."""
    return interaction.guild_id is None and not interaction.context.private_channel


def channel_id(interaction: discord.Interaction[Any]) -> int | None:
    """The channel of that server or of direct messages; None where Telex is a guest."""
    is_ours = server(interaction) is not None or is_direct(interaction)
    return interaction.channel_id if is_ours else None


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
        found = await guild.fetch_member(person_id)
    except discord.HTTPException:  # 10007: no member; anything else: not known to be one
        return set()
    return await bot.feed_ids_seen_by(found)
