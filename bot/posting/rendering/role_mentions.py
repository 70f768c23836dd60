"""Roles that posts mention: who may choose one, and whether it can be mentioned."""

import discord

from bot.core.i18n import _
from bot.core.models import Dispatch


def can_mention(member: discord.Member, role: discord.Role, channel: discord.abc.GuildChannel | discord.Thread) -> bool:
    """Return whether a member can mention a role in a channel; always false for @everyone."""
    if role.is_default():
        return False
    return role.mentionable or channel.permissions_for(member).mention_everyone


def list_mentioned_role_ids(client: discord.Client, dispatch: Dispatch) -> list[int]:
    """Return the ids of the roles that a post mentions, each once: first the role of its look, then by rules.

    The role of its look (how posts appear) is left out if Telex cannot mention it. Mention rules are rules by
    which posts that match a query mention a role.
    """
    look_role_id = dispatch.look.role_id
    is_look_role_mentioned = look_role_id is not None and can_bot_mention(
        client, dispatch.server_id, dispatch.channel_id, look_role_id
    )
    look_role_ids = [look_role_id] if look_role_id is not None and is_look_role_mentioned else []
    return list(dict.fromkeys([*look_role_ids, *dispatch.mentioned_role_ids]))


def can_bot_mention(client: discord.Client, server_id: int, channel_id: int, role_id: int) -> bool:
    """Return whether Telex can mention a role in a channel; always false for @everyone.

    Return false, too, for a server that is not in the cache. If the channel is not in the cache, the permissions in
    the server decide.
    """
    guild = client.get_guild(server_id)
    role = None if guild is None else guild.get_role(role_id)
    if guild is None or role is None or role.is_default():
        return False
    channel = guild.get_channel_or_thread(channel_id)
    if channel is None or (isinstance(channel, discord.Thread) and channel.parent is None):
        return role.mentionable or guild.me.guild_permissions.mention_everyone
    return can_mention(guild.me, role, channel)


def find_self_assign_problem(role: discord.Role, *, manager_role_id: int | None) -> str | None:
    """Return why people must not assign a role to themselves, or None if they may.

    The sentence is in the current language. People may assign a role that grants nothing beyond @everyone's
    permissions in the server or in any channel, does not manage feeds (`manager_role_id`), and can be assigned
    by Telex.
    """
    guild, role_mention = role.guild, role.mention
    everyone_permissions = guild.default_role.permissions.value
    possible_problems = (
        (
            role.is_default() or role.managed,
            _("Discord or an app assigns {role}, so people can’t give it to themselves."),
        ),
        (role.id == manager_role_id, _("{role} manages feeds, so people can’t give it to themselves.")),
        (
            role.permissions.value & ~everyone_permissions,
            _("{role} has permissions. Choose a role without any."),
        ),
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
    return next(
        (sentence_template.format(role=role_mention) for applies, sentence_template in possible_problems if applies),
        None,
    )
