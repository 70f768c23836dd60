"""The connections of a client's shards: which there are, and how one ends that is another process's by now.

Discord.py connects by itself what was lost, and can’t be told to leave that. A shard that was handed over
meanwhile is astray until discord.py gets through to the gateway, and is stopped there. Nor does it forget
what a client knows of the servers of a shard that goes: those are passed over (`is_gone`).
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

import discord

_CLOSING = 5.0  # seconds that Discord may take to close a connection


class ShardConnections:
    """Those of one client. `on_free` is called when a shard that was astray may be connected again."""

    def __init__(self, client: discord.AutoShardedClient, on_free: Callable[[], None]) -> None:
        self._client, self._on_free = client, on_free
        self._gone: dict[int, discord.Guild] = {}
        self.orphaned: set[int] = set()
        """Shards of others that discord.py goes on connecting."""

    def has(self, number: int) -> bool:
        """Whether a shard has a connection now."""
        shard = self._client.get_shard(number)
        return shard is not None and not shard.is_closed()

    async def end(self, number: int, servers: Iterable[discord.Guild]) -> None:
        """End that of a shard with these servers, also where there is none and discord.py is at it."""
        self._gone |= {server.id: server for server in servers}
        if not self.has(number):
            self.orphaned.add(number)
            return
        await self._disconnect(number)

    async def on_session(self, number: int) -> None:
        """A shard has a session, which ends where the shard was astray."""
        if number in self.orphaned:
            await self._disconnect(number)
            self._free(number)

    def abort_if_orphaned(self, number: int) -> None:
        """Raise CancelledError, at which discord.py lets go of a shard, where that was astray."""
        if number in self.orphaned:
            self._free(number)
            raise asyncio.CancelledError

    def is_handed_over(self, server: discord.Guild) -> bool:
        """Whether the client had a server, and its shard was handed over."""
        return self._gone.get(server.id) is server

    def on_servers_ready(self, servers: Iterable[discord.Guild]) -> None:
        """The client has these now: what it knew of them before is forgotten."""
        for server in servers:
            self._gone.pop(server.id, None)

    def _free(self, number: int) -> None:
        self.orphaned.discard(number)
        self._on_free()

    async def _disconnect(self, number: int) -> None:
        if (shard := self._client.get_shard(number)) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING):
                    await shard.disconnect()
