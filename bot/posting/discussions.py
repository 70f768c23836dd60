"""A thread under a post for those who want to talk about it.

A message has at most one thread, whose id is the message's: however often and by whomever it is asked for,
and whatever dies in between, there is one, and nothing about it is stored.
https://discord.com/developers/docs/resources/channel#start-thread-from-message
"""

from __future__ import annotations

import discord

_THERE_IS_ONE = 160004
"""https://discord.com/developers/docs/topics/opcodes-and-status-codes#json"""


async def thread_of(channel: discord.TextChannel, message_id: int) -> discord.Thread | None:
    """The thread under a message, an archived one too; None without. Raises what discord.py raises."""
    if (known := channel.guild.get_thread(message_id)) is not None:
        return known
    try:
        found = await channel.guild.fetch_channel(message_id)
    except discord.NotFound:
        return None
    return found if isinstance(found, discord.Thread) else None


async def begin(channel: discord.TextChannel, message_id: int, name: str) -> discord.Thread:
    """The thread under a message, made where there is none. Raises what discord.py raises."""
    try:
        return await channel.get_partial_message(message_id).create_thread(name=name)
    except discord.HTTPException as error:
        if error.code == _THERE_IS_ONE and (there := await thread_of(channel, message_id)) is not None:
            return there
        raise
