"""Check of which channels of a server a member can read, and which channels all readers of a channel can read."""

import discord

from bot.core.clock import Clock
from bot.posting.sending.send_outcomes import DISCORD_ERRORS

_THREAD_CACHE_SECONDS = 300.0
"""Time in seconds for which a thread that is not in discord.py's cache is not requested from Discord again."""
_MAX_CACHED_THREADS = 2000
"""Maximum number of requested threads, found or not, in the cache, which is emptied when it is full."""


class ChannelVisibility:
    """Checker of who can read a channel. It caches archived threads, which discord.py does not cache."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._fetched_thread_by_channel_id: dict[int, tuple[float, discord.Thread | None]] = {}

    async def can_view(self, guild: discord.Guild, member: discord.Member, channel_id: int) -> bool:
        """Return whether a member can read the messages of a channel or thread.

        Raises discord.DiscordException, aiohttp.ClientError or TimeoutError if a needed request to Discord fails.
        """
        channel = await self._find_channel(guild, channel_id)
        if channel is None:
            return False
        channel_permissions = channel.permissions_for(member)
        if isinstance(channel, discord.Thread) and channel.is_private() and not channel_permissions.manage_threads:
            try:
                await channel.fetch_member(member.id)
            except (discord.Forbidden, discord.NotFound):
                return False
        return channel_permissions.view_channel and channel_permissions.read_message_history

    async def is_readable_by_all_in(self, guild: discord.Guild, readers_channel_id: int, channel_id: int) -> bool:
        """Return whether every reader of the channel or thread `readers_channel_id` can also read `channel_id`.

        They can if both are the same, or have the same parent channel or the same permission overwrites, or if
        @everyone can read `channel_id` and no overwrite denies it to anybody but the bot. A public thread counts as its
        channel; a private one is readable only for its own readers. See https://discord.com/developers/docs/topics/permissions#permission-overwrites

        Raises discord.DiscordException, aiohttp.ClientError or TimeoutError if a needed request to Discord fails.
        """
        if channel_id == readers_channel_id:
            return True
        readers_channel_or_thread, readable_channel = (
            await self._find_channel(guild, readers_channel_id),
            await self._find_channel(guild, channel_id),
        )
        if isinstance(readable_channel, discord.Thread) and readable_channel.is_private():
            return False
        readers_channel, readable_channel = (
            _get_permission_channel(readers_channel_or_thread),
            _get_permission_channel(readable_channel),
        )
        if readers_channel is None or readable_channel is None:
            return False
        return (
            readable_channel.id == readers_channel.id
            or readable_channel.overwrites == readers_channel.overwrites
            or _is_readable_by_everyone(readable_channel)
        )

    async def is_public(self, guild: discord.Guild, channel_id: int) -> bool:
        """Return whether @everyone of a server can read a channel or thread.

        Raises discord.DiscordException, aiohttp.ClientError or TimeoutError if a needed request to Discord fails.
        """
        channel = await self._find_channel(guild, channel_id)
        permission_channel = _get_permission_channel(channel)
        if permission_channel is None or (isinstance(channel, discord.Thread) and channel.is_private()):
            return False
        everyone_permissions = permission_channel.permissions_for(guild.default_role)
        return everyone_permissions.view_channel and everyone_permissions.read_message_history

    async def _find_channel(
        self, guild: discord.Guild, channel_id: int
    ) -> discord.abc.GuildChannel | discord.Thread | None:
        channel = guild.get_channel_or_thread(channel_id) or await self._fetch_archived_thread(guild, channel_id)
        return None if isinstance(channel, discord.Thread) and channel.parent is None else channel

    async def _fetch_archived_thread(self, guild: discord.Guild, channel_id: int) -> discord.Thread | None:
        """Return an archived thread, which discord.py does not cache; None if it is gone or inaccessible.

        After an answer, a thread is not requested again for `_THREAD_CACHE_SECONDS`. If a request fails, the thread
        cached before is returned; without one, raises discord.DiscordException, aiohttp.ClientError or TimeoutError.
        """
        now = self._clock.monotonic()
        fetched_at, thread = self._fetched_thread_by_channel_id.get(channel_id, (-_THREAD_CACHE_SECONDS, None))
        if now - fetched_at < _THREAD_CACHE_SECONDS:
            return thread
        try:
            channel = await guild.fetch_channel(channel_id)
        except (discord.Forbidden, discord.NotFound, discord.InvalidData):
            channel = None
        except DISCORD_ERRORS:
            if thread is None:
                raise
            return thread
        if len(self._fetched_thread_by_channel_id) >= _MAX_CACHED_THREADS:
            self._fetched_thread_by_channel_id.clear()
        thread = channel if isinstance(channel, discord.Thread) else None
        self._fetched_thread_by_channel_id[channel_id] = (now, thread)
        return thread


def _get_permission_channel(
    channel_or_thread: discord.abc.GuildChannel | discord.Thread | None,
) -> discord.abc.GuildChannel | None:
    """Return the channel whose permission overwrites apply: a thread's parent, or the channel itself."""
    return channel_or_thread.parent if isinstance(channel_or_thread, discord.Thread) else channel_or_thread


def _is_readable_by_everyone(channel: discord.abc.GuildChannel) -> bool:
    """Return whether @everyone can read a channel and no overwrite denies it to a role or member, except the bot."""
    everyone_role = channel.guild.default_role
    everyone_permissions = channel.permissions_for(everyone_role)
    if not (everyone_permissions.view_channel and everyone_permissions.read_message_history):
        return False
    return not any(
        overwrite.view_channel is False or overwrite.read_message_history is False
        for holder, overwrite in channel.overwrites.items()
        if holder not in (everyone_role, channel.guild.me)
    )
