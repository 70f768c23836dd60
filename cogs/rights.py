"""Who may change what a server follows: Manage Server, unless the server's own settings say otherwise."""

from __future__ import annotations

import discord
from discord import app_commands

from cogs.views import Interaction

Override = app_commands.AppCommandPermissions

in_servers = app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
"""For commands that make no sense in a direct message. (`guild_only` leaves the tree's defaults in force.)"""


async def may_manage(interaction: Interaction, command_id: int | None) -> bool:
    """Whether the asker may use a command that needs Manage Server by default, with rights as they are now.

    A server can open such a command to a person or a role, or close it, in its settings (Integrations).
    Discord looks at them when a command is sent and not when a button is clicked; we ask for them only where
    the person lacks Manage Server.
    """
    if interaction.guild is None or not isinstance(interaction.user, discord.Member):
        return False
    if interaction.permissions.manage_guild or interaction.permissions.administrator:
        return True
    if command_id is None:
        return False
    try:
        for command in await interaction.client.tree.fetch_commands():
            if command.id == command_id:
                opened = await command.fetch_permissions(interaction.guild)
                return opened_to(interaction.user, opened.permissions)
    except discord.HTTPException:  # 10066: the server changed nothing
        pass
    return False


def opened_to(member: discord.Member, overrides: list[Override]) -> bool:
    """What the overrides of a command say of a member: their own first, then their roles', then everyone's.

    https://support.discord.com/hc/en-us/articles/4644915651095-Command-Permissions
    """
    kinds = discord.AppCommandPermissionType
    own = [one.permission for one in overrides if one.type is kinds.user and one.id == member.id]
    if own:
        return all(own)
    held = {role.id for role in member.roles if role.id != member.guild.id}
    roles = [one.permission for one in overrides if one.type is kinds.role and one.id in held]
    if roles:
        return any(roles)
    return any(one.permission for one in overrides if one.type is kinds.role and one.id == member.guild.id)


async def require_manage(interaction: Interaction, command_id: int | None) -> None:
    """Raise `MissingPermissions` unless the asker may manage the server's feeds."""
    if not await may_manage(interaction, command_id):
        raise app_commands.MissingPermissions(["manage_guild"])
