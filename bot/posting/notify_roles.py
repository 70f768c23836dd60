"""Roles that people give themselves to be notified: such as a manager offers, and that let nobody do more."""

from __future__ import annotations

import discord

from bot.core.locale import _


def unsafe(role: discord.Role, *, manager_role: int | None) -> str | None:
    """Why nobody may give themselves a role, in the language of this task; None where they may.

    A role is safe that grants nothing beyond what everybody has, in no channel either, that manages no feeds
    (`manager_role`), and that Telex may give.
    """
    guild, name = role.guild, role.mention
    everybodys = guild.default_role.permissions.value
    reasons = (
        (
            role.is_default() or role.managed,
            _("Discord or an app assigns {role}, so people can’t give it to themselves."),
        ),
        (role.id == manager_role, _("{role} manages feeds, so people can’t give it to themselves.")),
        (role.permissions.value & ~everybodys, _("{role} has permissions. Choose a role without any.")),
        (
            any(channel.overwrites_for(role).pair()[0].value for channel in guild.channels),
            _("{role} gives access to channels or permissions in them. Choose a role that doesn’t."),
        ),
        (
            not guild.me.guild_permissions.manage_roles,
            _("I need the Manage Roles permission to give roles."),
        ),
        (
            role >= guild.me.top_role,
            _("{role} is above my own role. Move mine up in the server’s settings."),
        ),
    )
    return next((sentence.format(role=name) for is_so, sentence in reasons if is_so), None)
