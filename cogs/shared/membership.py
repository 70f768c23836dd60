"""Which servers a person is in no more: what they kept there is hidden from them."""

from __future__ import annotations

import discord

from bot.client import interaction_places
from bot.client.discord_client import Telex
from cogs.shared.views import Interaction


async def hidden_servers(interaction: Interaction) -> set[int]:
    """Servers that the asker left and made bookmarks in: what they kept there is not shown to them.

    Asked anew each time; a server that Telex itself is no longer in cannot be asked and hides nothing.
    """
    servers = await interaction.client.store.bookmarks.servers(interaction.user.id)
    return {
        server_id
        for server_id in servers - {interaction_places.server_id(interaction)}
        if await _has_left(interaction.client, server_id, interaction.user.id)
    }


async def _has_left(bot: Telex, server_id: int, person_id: int) -> bool:
    guild = bot.get_guild(server_id)
    try:
        if guild is None and not bot.store.shards.has(server_id):  # another process serves it
            guild = await bot.fetch_guild(server_id, with_counts=False)
    except (discord.Forbidden, discord.NotFound):
        return False
    except discord.HTTPException:
        return True
    if guild is None:
        return False
    try:
        await guild.fetch_member(person_id)
    except discord.HTTPException:  # 10007: no member; anything else: not known to be one
        return True
    return False
