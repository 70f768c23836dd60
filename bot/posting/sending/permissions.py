"""The Discord permissions that Telex needs in a channel, by kind of channel, and their labels."""

import discord

from bot.posting.wording.permission_labels import permission_label

GuildChannel = discord.abc.GuildChannel | discord.Thread
"""Type of a channel or thread of a server."""

INVITE_PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    read_message_history=True,
    add_reactions=True,
)
"""Permissions that the invitation link of Telex requests."""


def find_missing_permissions(
    channel: GuildChannel, *, check_required: bool = True, check_history: bool = False, check_reactions: bool = False
) -> list[str]:
    """Return the permissions that Telex lacks in a channel, by their names in Discord's API.

    In a forum, "create_posts" stands for the permission to send messages. `check_required` checks the
    permissions that every post needs, `check_history` the one to look up whether a message was delivered,
    `check_reactions` the one to add the bot's own reaction to posts. Returns an empty list if
    the bot's membership or a thread's channel is not in the cache, since then only Discord can tell.
    """
    bot_member = channel.guild.me
    if bot_member is None or (isinstance(channel, discord.Thread) and channel.parent is None):
        return []
    bot_permissions = channel.permissions_for(bot_member)
    send_permission = "send_messages_in_threads" if isinstance(channel, discord.Thread) else "send_messages"
    needed_permissions = ["view_channel", send_permission, "embed_links"] if check_required else []
    needed_permissions += ["read_message_history"] if check_history else []
    needed_permissions += ["add_reactions"] if check_reactions else []
    # In a forum Discord's settings call Send Messages "Create Posts".
    forum_permission_names = {"send_messages": "create_posts"} if isinstance(channel, discord.ForumChannel) else {}
    return [
        forum_permission_names.get(permission, permission)
        for permission in needed_permissions
        if not getattr(bot_permissions, permission)
    ]


def find_missing_thread_permissions(channel: discord.TextChannel) -> list[str]:
    """Return the permissions that Telex lacks to create, find and post in threads of a channel.

    They are named as in Discord's API.
    """
    bot_permissions = channel.permissions_for(channel.guild.me)
    needed_permissions = [
        "view_channel",
        "create_public_threads",
        "send_messages_in_threads",
        "read_message_history",
    ]
    return [permission for permission in needed_permissions if not getattr(bot_permissions, permission)]


def find_missing_webhook_permissions(channel: discord.abc.GuildChannel) -> list[str]:
    """Return the permissions that Telex lacks to post by a webhook in a channel.

    They are named as in Discord's API. Crossposting a message that a webhook sent needs Manage Messages:
    https://discord.com/developers/docs/resources/message#crosspost-message
    """
    bot_permissions = channel.permissions_for(channel.guild.me)
    is_news = isinstance(channel, discord.TextChannel) and channel.is_news()
    needed_permissions = ["manage_webhooks", *(["manage_messages"] if is_news else [])]
    return [permission for permission in needed_permissions if not getattr(bot_permissions, permission)]


def can_attach_files(channel: GuildChannel) -> bool:
    """Return whether Telex can attach files in a channel; True if its permissions cannot be found in the cache."""
    bot_member = channel.guild.me
    if bot_member is None or (isinstance(channel, discord.Thread) and channel.parent is None):
        return True
    return channel.permissions_for(bot_member).attach_files


def list_missing_permission_labels(
    channel: GuildChannel, *, check_required: bool = True, check_optional: bool = False
) -> list[str]:
    """Return the labels of permissions that Telex lacks in a channel, in the current language.

    `check_required` checks the permissions that every post needs, `check_optional` the ones to look up whether a
    message was delivered and to add the bot's reaction to posts.
    """
    return [
        permission_label(permission)
        for permission in find_missing_permissions(
            channel, check_required=check_required, check_history=check_optional, check_reactions=check_optional
        )
    ]
