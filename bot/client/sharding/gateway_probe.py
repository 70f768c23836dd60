"""Detection of an unreachable gateway: this process then takes no shards and gives its own away.

discord.py notices a silent connection a minute after Discord's last message. A single loop of discord.py
reconnects lost shards one after another, and may wait for a quarter of an hour between two attempts at one of
them, which delays all others.
"""

import asyncio
import logging
from collections.abc import Collection

import aiohttp
import discord
from discord.gateway import DiscordWebSocket

from bot.client.services import Services
from bot.client.sharding.identify_scheduler import IdentifyScheduler
from bot.client.sharding.shard_connections import ShardConnections
from bot.core.preferences import ProcessRole
from bot.store import StoreError

log = logging.getLogger(__name__)

DOUBTED, GIVEN_UP = 10.0, 30.0
"""Seconds without a connection until this process takes no more shards, and until it gives the shard away."""
LOOK_EVERY = 1.0
"""Seconds between checks of the connections."""
TRY_EVERY = 10.0
"""Seconds between attempts to reach the gateway while this process has no shard."""
_PATIENCE = 10.0
"""Seconds to wait for the gateway's hello."""


class GatewayProbe:
    """Monitor of a client's gateway connections."""

    def __init__(
        self,
        client: discord.AutoShardedClient,
        starts: IdentifyScheduler,
        connections: ShardConnections,
        newsroom: Services,
    ) -> None:
        self._client, self._starts, self._connections = client, starts, connections
        self._clock, self._leases = newsroom.clock, newsroom.leases
        # Monotonic time since which a shard has had no connection
        self._since: dict[int, float] = {}

    async def wait_until_reachable(self) -> None:
        """Wait until the gateway answers, then mark the gateway role as available."""
        is_told = False
        while not await self._answers():
            if not is_told:
                log.warning("gateway unreachable; taking no shards until it answers")
                is_told = True
            await self._clock.sleep(TRY_EVERY)
        self._leases.set_available(ProcessRole.GATEWAY, now=True)

    async def wait_for_disconnected(self, numbers: Collection[int]) -> frozenset[int]:
        """Wait until some of these shards have been disconnected for `GIVE_UP_SECONDS`; return them.

        Re-reads `numbers`, which may change. Does not return while no other process could take the shards.
        """
        while True:
            await self._clock.sleep(LOOK_EVERY)
            now = self._clock.monotonic()
            away = (
                [] if self._starts.waiting else [each for each in numbers if not self._connections.has(each)]
            )
            self._since = {number: self._since.get(number, now) for number in away}
            is_doubted = any(now - since >= DOUBTED for since in self._since.values())
            self._leases.set_available(
                ProcessRole.GATEWAY, now=not (is_doubted or self._connections.orphaned)
            )
            found = frozenset(number for number, since in self._since.items() if now - since >= GIVEN_UP)
            if found and await self._others_can():
                return found

    async def _others_can(self) -> bool:
        try:
            return bool(await self._leases.other_processes(ProcessRole.GATEWAY))
        except StoreError:
            return False

    async def _answers(self) -> bool:
        address = DiscordWebSocket.DEFAULT_GATEWAY.with_query(v=10, encoding="json")
        try:
            async with asyncio.timeout(_PATIENCE):
                socket = await self._client.http.ws_connect(str(address))
                try:
                    return (await socket.receive()).type is aiohttp.WSMsgType.TEXT
                finally:
                    await socket.close()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
