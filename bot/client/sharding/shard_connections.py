"""Connections of a client's shards, and the end of connections whose shard another process now owns.

discord.py reconnects lost shards by itself and cannot be told to stop. A shard that was handed over meanwhile
is orphaned until discord.py reaches the gateway, and is stopped there. discord.py also keeps servers cached that
this process no longer has: servers of shards that were handed over, and servers that removed the bot between two
sessions. These former servers are filtered out (`is_former`).
"""

import asyncio
from collections.abc import Callable
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
        self._former_server_by_id: dict[int, discord.Guild] = {}
        # Servers by id, as cached when their shard lost its connection.
        self._last_servers_by_shard_number: dict[int, dict[int, discord.Guild]] = {}
        self.orphaned_shard_numbers: set[int] = set()
        """Numbers of shards of other processes that discord.py in this process still tries to connect."""

    def is_connected(self, shard_number: int) -> bool:
        """Return whether a shard has a working connection to Discord now."""
        shard = self._client.get_shard(shard_number)
        return shard is not None and not shard.is_closed()

    async def close_connection(self, shard_number: int) -> None:
        """Close the connection of a shard, whose cached servers from then on are no longer the client's.

        A shard that has no working connection is marked as orphaned instead, as discord.py may be connecting it.
        """
        self._former_server_by_id |= self._get_servers(shard_number)
        if not self.is_connected(shard_number):
            self.orphaned_shard_numbers.add(shard_number)
            return
        await self._disconnect(shard_number)

    async def close_orphaned_session(self, shard_number: int) -> None:
        """Close the session that discord.py started for a shard, if the shard is orphaned (now another process's)."""
        if shard_number in self.orphaned_shard_numbers:
            await self._disconnect(shard_number)
            self._end_orphaning(shard_number)

    def abort_if_orphaned(self, shard_number: int) -> None:
        """Raise CancelledError, at which discord.py gives a shard up, if it is orphaned (now another process's)."""
        if shard_number in self.orphaned_shard_numbers:
            self._end_orphaning(shard_number)
            raise asyncio.CancelledError

    def is_former(self, server: discord.Guild) -> bool:
        """Return whether a server is still cached though it removed the bot or its shard was handed over."""
        return self._former_server_by_id.get(server.id) is server

    def on_disconnected(self, shard_number: int) -> None:
        """Record the servers of a shard that lost its connection, because a new session may have fewer."""
        self._last_servers_by_shard_number[shard_number] = self._get_servers(shard_number)

    def on_session_started(self, shard_number: int) -> None:
        """Record which servers removed the bot before the new session of a shard.

        discord.py caches a new object for each server of the session; a server with its old one is not among them.
        """
        last_server_by_id = self._last_servers_by_shard_number.pop(shard_number, {})
        for server_id, server in self._get_servers(shard_number).items():
            if last_server_by_id.get(server_id) is server:
                self._former_server_by_id[server_id] = server
            else:
                self._former_server_by_id.pop(server_id, None)

    def _get_servers(self, shard_number: int) -> dict[int, discord.Guild]:
        """Return the servers of a shard by id, without cached ones that are no longer the client's."""
        return {server.id: server for server in self._client.guilds if server.shard_id == shard_number}

    def _end_orphaning(self, shard_number: int) -> None:
        self.orphaned_shard_numbers.discard(shard_number)
        self._on_shard_free()

    async def _disconnect(self, shard_number: int) -> None:
        if (shard := self._client.get_shard(shard_number)) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_SECONDS):
                    await shard.disconnect()
