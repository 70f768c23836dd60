"""Which channels of a server a member can read, and which ones all readers of a channel can."""

import aiohttp
import discord

from bot.core.clock import Clock

_THREAD_CACHE_SECONDS = 300.0
_MAX_CACHED_THREADS = 2000


class ChannelVisibility:
    """Checks the current permissions of channels; caches archived threads, which discord.py does not."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._archived: dict[int, tuple[float, discord.Thread | None]] = {}

    async def can_view(self, guild: discord.Guild, member: discord.Member, channel_id: int) -> bool:
        """Return whether a member can read the messages of a channel or thread.

        Raises discord.DiscordException or aiohttp.ClientError if Discord must be asked and fails.
        """
        channel = await self._channel(guild, channel_id)
        if channel is None:
            return False
        granted = channel.permissions_for(member)
        if isinstance(channel, discord.Thread) and channel.is_private() and not granted.manage_threads:
            try:
                await channel.fetch_member(member.id)
            except (discord.Forbidden, discord.NotFound):
                return False
        return granted.view_channel and granted.read_message_history

    async def is_readable_by_all_in(self, guild: discord.Guild, place_id: int, channel_id: int) -> bool:
        """Return whether every reader of `place_id`, a channel or thread, can also read `channel_id`.

        True for the place itself, for the parent channel of a thread, for a channel with identical
        overwrites, and for one that @everyone can read and that no overwrite closes to anybody. A public
        thread counts as its channel. See
        https://discord.com/developers/docs/topics/permissions#permission-overwrites

        Raises discord.DiscordException or aiohttp.ClientError if Discord must be asked and fails.
        """
        if channel_id == place_id:
            return True
        place, other = await self._channel(guild, place_id), await self._channel(guild, channel_id)
        if isinstance(other, discord.Thread) and other.is_private():
            return False
        home, other = _permission_channel(place), _permission_channel(other)
        if home is None or other is None:
            return False
        return other.id == home.id or other.overwrites == home.overwrites or _is_readable_by_everyone(other)

    async def is_public(self, guild: discord.Guild, channel_id: int) -> bool:
        """Return whether @everyone of a server can read a channel or thread.

        Raises discord.DiscordException or aiohttp.ClientError if Discord must be asked and fails.
        """
        channel = await self._channel(guild, channel_id)
        home = _permission_channel(channel)
        if home is None or (isinstance(channel, discord.Thread) and channel.is_private()):
            return False
        granted = home.permissions_for(guild.default_role)
        return granted.view_channel and granted.read_message_history

    async def _channel(
        self, guild: discord.Guild, channel_id: int
    ) -> discord.abc.GuildChannel | discord.Thread | None:
        channel = guild.get_channel_or_thread(channel_id) or await self._archived_thread(guild, channel_id)
        return None if isinstance(channel, discord.Thread) and channel.parent is None else channel

    async def _archived_thread(self, guild: discord.Guild, channel_id: int) -> discord.Thread | None:
        """Return a thread that is not in discord.py's cache because it is archived, or None if there is none.

        Fetched at most once every `_THREAD_CACHE_SECONDS`; a cached thread outlives failed requests.
        """
        now = self._clock.monotonic()
        asked, thread = self._archived.get(channel_id, (-_THREAD_CACHE_SECONDS, None))
        if now - asked < _THREAD_CACHE_SECONDS:
            return thread
        try:
            found = await guild.fetch_channel(channel_id)
        except (discord.Forbidden, discord.NotFound, discord.InvalidData):
            found = None
        except (discord.DiscordException, aiohttp.ClientError):
            if thread is None:
                raise
            return thread
        if len(self._archived) >= _MAX_CACHED_THREADS:
            self._archived.clear()
        thread = found if isinstance(found, discord.Thread) else None
        self._archived[channel_id] = (now, thread)
        return thread


def _permission_channel(
    place: discord.abc.GuildChannel | discord.Thread | None,
) -> discord.abc.GuildChannel | None:
    """Return the channel whose overwrites apply to a channel or thread: the parent of a thread."""
    return place.parent if isinstance(place, discord.Thread) else place


def _is_readable_by_everyone(channel: discord.abc.GuildChannel) -> bool:
    """Return whether @everyone can read a channel and no overwrite denies it to a role or member."""
    everyone = channel.guild.default_role
    granted = channel.permissions_for(everyone)
    if not (granted.view_channel and granted.read_message_history):
        return False
    return not any(
        overwrite.view_channel is False or overwrite.read_message_history is False
        for holder, overwrite in channel.overwrites.items()
        if holder not in (everyone, channel.guild.me)
    )
