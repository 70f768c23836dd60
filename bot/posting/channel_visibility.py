"""Which channels of a server a person sees, and which everybody who reads a channel sees."""

import aiohttp
import discord

from bot.core.clock import Clock

_THREAD_CACHE_SECONDS = 300.0  # seconds
_MAX_CACHED_THREADS = 2000


class ChannelVisibility:
    """Looks at permissions as they are now. Remembers archived threads, which the cache does not know."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._archived: dict[int, tuple[float, discord.Thread | None]] = {}

    async def can_view(self, guild: discord.Guild, member: discord.Member, channel_id: int) -> bool:
        """Whether a member sees a channel or thread of a server and what was posted in it.

        Raises what discord.py and aiohttp raise where only Discord can tell and does not.
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
        """Whether everybody who reads a channel or thread of a server can also read another one.

        So it is for the place itself and, from a thread, the channel it belongs to; for a channel with the
        very same permissions; and for one that @everyone can read and that is closed to nobody by an
        overwrite. A public thread is as its channel. How Discord computes permissions:
        https://discord.com/developers/docs/topics/permissions#permission-overwrites
        Raises as `can_view`.
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
        """Whether @everyone of a server can read a channel or thread. Raises as `can_view`."""
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
        """A thread that is not in the cache because it is archived, asked for every few minutes at most."""
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
    """The channel whose permissions count in a channel or thread."""
    return place.parent if isinstance(place, discord.Thread) else place


def _is_readable_by_everyone(channel: discord.abc.GuildChannel) -> bool:
    """Whether everybody in the server can read a channel."""
    everyone = channel.guild.default_role
    granted = channel.permissions_for(everyone)
    if not (granted.view_channel and granted.read_message_history):
        return False
    return not any(
        overwrite.view_channel is False or overwrite.read_message_history is False
        for holder, overwrite in channel.overwrites.items()
        if holder not in (everyone, channel.guild.me)
    )
