"""Connections of a client's shards, and the end of connections whose shard another process now owns.

discord.py reconnects lost shards by itself and cannot be told to stop. A shard that was handed over meanwhile
is orphaned until discord.py reaches the gateway, and is stopped there. discord.py also keeps the servers of
removed shards cached; they are filtered out (`is_handed_over`).
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

import discord

_CLOSE_TIMEOUT_SECONDS = 5.0
"""Maximum number of seconds to wait for the close of a connection."""


class ShardConnections:
    """Connections of one client's shards to Discord.

    A shard of another process that this client still tries to connect is orphaned; `on_shard_free` is called
    when such a shard may be connected again.
    """

    def __init__(self, client: discord.AutoShardedClient, on_shard_free: Callable[[], None]) -> None:
        self._client, self._on_shard_free = client, on_shard_free
        self._handed_over_server_by_id: dict[int, discord.Guild] = {}
        self.orphaned_shard_numbers: set[int] = set()
        """Numbers of shards of other processes that discord.py in this process still tries to connect."""

    def is_connected(self, shard_number: int) -> bool:
        """Return whether a shard has a working connection to Discord now."""
        shard = self._client.get_shard(shard_number)
        return shard is not None and not shard.is_closed()

    async def close_connection(self, shard_number: int) -> None:
        """Close the connection of a shard, whose servers then count as handed over.

        A shard that has no working connection is marked as orphaned instead, as discord.py may be connecting it.
        """
        servers = [server for server in self._client.guilds if server.shard_id == shard_number]
        self._handed_over_server_by_id |= {server.id: server for server in servers}
        if not self.is_connected(shard_number):
            self.orphaned_shard_numbers.add(shard_number)
            return
        await self._disconnect(shard_number)

    async def close_orphaned_session(self, shard_number: int) -> None:
        """Close the session that discord.py started for a shard, if the shard is orphaned."""
        if shard_number in self.orphaned_shard_numbers:
            await self._disconnect(shard_number)
            self._end_orphaning(shard_number)

    def abort_if_orphaned(self, shard_number: int) -> None:
        """Raise CancelledError if the shard is orphaned, which makes discord.py give it up."""
        if shard_number in self.orphaned_shard_numbers:
            self._end_orphaning(shard_number)
            raise asyncio.CancelledError

    def is_handed_over(self, server: discord.Guild) -> bool:
        """Return whether a cached server belongs to a shard that was handed over."""
        return self._handed_over_server_by_id.get(server.id) is server

    def on_servers_ready(self, servers: Iterable[discord.Guild]) -> None:
        """Record that the client has these servers again, so that they no longer count as handed over."""
        for server in servers:
            self._handed_over_server_by_id.pop(server.id, None)

    def _end_orphaning(self, shard_number: int) -> None:
        self.orphaned_shard_numbers.discard(shard_number)
        self._on_shard_free()

    async def _disconnect(self, shard_number: int) -> None:
        if (shard := self._client.get_shard(shard_number)) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_SECONDS):
                    await shard.disconnect()
