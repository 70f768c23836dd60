"""Functions on the place of an interaction: a server of the bot, a DM, or where a user installed the bot.

A user can install Telex for themselves and use it in servers that the bot is not in, and in group DMs. There
it behaves as in direct messages: nothing of that place is read or stored. A home server is one that the bot is in.

https://discord.com/developers/docs/resources/application#installation-context
"""

from typing import Any

import discord


def get_home_server(interaction: discord.Interaction[Any]) -> discord.Guild | None:
    """Return the server of the interaction if the bot is in it, or None otherwise."""
    guild_id = interaction.guild_id
    guild: discord.Guild | None = None if guild_id is None else interaction.client.get_guild(guild_id)
    return guild


def get_home_server_id(interaction: discord.Interaction[Any]) -> int | None:
    """Return the id of the server of the interaction if the bot is in it, or None otherwise."""
    guild = get_home_server(interaction)
    return None if guild is None else guild.id


def get_home_member(interaction: discord.Interaction[Any]) -> discord.Member | None:
    """Return the user as a member of the interaction's server if the bot is in it, or None otherwise."""
    user = interaction.user
    return user if isinstance(user, discord.Member) and get_home_server(interaction) is not None else None


def is_dm(interaction: discord.Interaction[Any]) -> bool:
    """Return whether the interaction is in the user's direct messages with the bot."""
    return interaction.guild_id is None and not interaction.context.private_channel


def get_home_channel_id(interaction: discord.Interaction[Any]) -> int | None:
    """Return the id of the interaction's channel if it is a DM or in a server that the bot is in, else None."""
    is_home = get_home_server(interaction) is not None or is_dm(interaction)
    return interaction.channel_id if is_home else None
