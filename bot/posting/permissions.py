"""Which of Discord's permissions a channel must give, by kind of channel, and what they are called."""

from __future__ import annotations

import discord

from bot.locale import _

Place = discord.abc.GuildChannel | discord.Thread
"""A channel or thread of a server."""


def _name(permission: str) -> str:
    """What Discord's settings call a permission."""
    names = {
        "view_channel": _("View Channel"),
        "send_messages": _("Send Messages"),
        "send_messages_in_threads": _("Send Messages in Threads"),
        "create_posts": _("Create Posts"),
        "embed_links": _("Embed Links"),
        "read_message_history": _("Read Message History"),
        "add_reactions": _("Add Reactions"),
    }
    return names[permission]


def _required(place: Place) -> tuple[str, ...]:
    if isinstance(place, discord.Thread):
        return "view_channel", "send_messages_in_threads", "embed_links"
    if isinstance(place, discord.ForumChannel):
        # Discord shows Send Messages as Create Posts in a forum.
        return "view_channel", "send_messages", "embed_links"
    return "view_channel", "send_messages", "embed_links"


def missing(place: Place, *, required: bool = True, useful: bool = True) -> list[str]:
    """Names of the permissions that Telex lacks in a channel, in the language of this task.

    Without a `required` one no post gets through. The `useful` ones are needed to find out after a crash
    whether a post went out (Read Message History) and to put a reaction under posts (Add Reactions).
    """
    granted = place.permissions_for(place.guild.me)
    wanted: tuple[str, ...] = ()
    if required:
        wanted += _required(place)
    if useful:
        wanted += "read_message_history", "add_reactions"
    forum = isinstance(place, discord.ForumChannel)
    return [
        _name("create_posts" if forum and permission == "send_messages" else permission)
        for permission in wanted
        if not getattr(granted, permission)
    ]
