"""Where somebody asks from: a server that Telex is in, direct messages, or wherever they took it themselves.

A person can install Telex for themselves and use it in servers that it is not in and in groups of direct
messages. There everything is as in direct messages: nothing of that place is looked at or kept.
https://discord.com/developers/docs/resources/application#installation-context
"""

from typing import Any

import discord


def home_server(interaction: discord.Interaction[Any]) -> discord.Guild | None:
    """The server that somebody asks in, if Telex is in it; None anywhere else."""
    guild_id = interaction.guild_id
    found: discord.Guild | None = None if guild_id is None else interaction.client.get_guild(guild_id)
    return found


def server_id(interaction: discord.Interaction[Any]) -> int | None:
    """Its id."""
    guild = home_server(interaction)
    return None if guild is None else guild.id


def member(interaction: discord.Interaction[Any]) -> discord.Member | None:
    """Who asks, as a member of that server; None anywhere else."""
    person = interaction.user
    return person if isinstance(person, discord.Member) and home_server(interaction) is not None else None


def is_dm(interaction: discord.Interaction[Any]) -> bool:
    """Whether nobody but the asker and Telex reads what is said there."""
    return interaction.guild_id is None and not interaction.context.private_channel


def channel_id(interaction: discord.Interaction[Any]) -> int | None:
    """The channel of that server or of direct messages; None where Telex is a guest."""
    is_ours = home_server(interaction) is not None or is_dm(interaction)
    return interaction.channel_id if is_ours else None
