"""Lookup of the feeds in the public channels of servers over REST, without a gateway connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import discord

from bot.core.clock import Clock
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.store import Store

CACHE_TTL_SECONDS = 60.0
"""Seconds for which a server's public channels are cached."""


class LookupUnavailable(Exception):
    """Error for a lookup that cannot log in to Discord; the message is an English sentence for the operator."""


class PublicFeedLookup:
    """Lookup of the feeds that @everyone can read in a server."""

    def __init__(self, client: discord.Client, store: Store, clock: Clock) -> None:
        self._client, self._store, self._clock = client, store, clock
        self._cache_entry_by_server_id: dict[int, tuple[float, frozenset[int]]] = {}

    async def load_feed_ids(self, server_id: int) -> set[int]:
        """Return the ids of the feeds followed in channels of a server that everyone can read.

        Their history must be public too; threads do not count. Permissions are up to `CACHE_TTL_SECONDS` old.
        Raises StoreError, and discord.DiscordException, aiohttp.ClientError or TimeoutError if Discord does not answer.
        """
        now = self._clock.monotonic()
        cached_at, public_channel_ids = self._cache_entry_by_server_id.get(server_id, (-CACHE_TTL_SECONDS, frozenset()))
        if now - cached_at >= CACHE_TTL_SECONDS:
            public_channel_ids = await self._fetch_public_channel_ids(server_id)
            self._cache_entry_by_server_id[server_id] = now, public_channel_ids
        following_channel_ids = await self._store.subscriptions.load_channel_ids(server_id)
        return await self._store.subscriptions.load_feed_ids(following_channel_ids & public_channel_ids)

    async def _fetch_public_channel_ids(self, server_id: int) -> frozenset[int]:
        guild = await self._client.fetch_guild(server_id, with_counts=False)
        channels = await guild.fetch_channels()
        everyone_role = guild.default_role
        everyone_permissions_by_channel_id = {
            channel.id: channel.permissions_for(everyone_role) for channel in channels
        }
        return frozenset(
            channel_id
            for channel_id, channel_permissions in everyone_permissions_by_channel_id.items()
            if channel_permissions.view_channel and channel_permissions.read_message_history
        )


@asynccontextmanager
async def open_public_feed_lookup(token: str, store: Store, clock: Clock) -> AsyncIterator[PublicFeedLookup]:
    """Open a lookup of public feeds, logged in for REST requests only within the `async with` block.

    Raises `LookupUnavailable` if Discord rejects the token or does not answer.
    """
    async with discord.Client(intents=discord.Intents.none()) as client:
        try:
            await client.login(token)
        except discord.LoginFailure as error:
            raise LookupUnavailable("Discord rejected DISCORD_TOKEN.") from error
        except (*DISCORD_ERRORS, OSError) as error:
            raise LookupUnavailable("Discord can’t be reached.") from error
        yield PublicFeedLookup(client, store, clock)
