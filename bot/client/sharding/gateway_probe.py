"""Detection of an unreachable gateway: this process then takes no shards and gives its own away.

discord.py notices a silent connection a minute after Discord's last message. A single loop of discord.py
reconnects lost shards one after another, and may wait for a quarter of an hour between two attempts to
connect one of them, which delays the rest.
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

SUSPECT_SECONDS = 10.0
"""Number of seconds without a connection of a shard after which this process takes no more shards."""
GIVE_UP_SECONDS = 30.0
"""Number of seconds without a connection of a shard after which this process gives the shard away."""
CHECK_INTERVAL_SECONDS = 1.0
"""Seconds between two checks of the gateway connections."""
RETRY_SECONDS = 10.0
"""Seconds before another attempt to reach the gateway, or to get a permit to identify, after a failed one."""
_HELLO_TIMEOUT_SECONDS = 10.0
"""Maximum number of seconds to wait for the first message of the gateway ("hello")."""


class GatewayProbe:
    """Monitor of a client's connections to Discord's gateway."""

    def __init__(
        self,
        client: discord.AutoShardedClient,
        scheduler: IdentifyScheduler,
        connections: ShardConnections,
        services: Services,
    ) -> None:
        self._client, self._scheduler, self._connections = client, scheduler, connections
        self._clock, self._leases, self._shards = services.clock, services.leases, services.store.shards
        # Monotonic times since which shards have had no connection
        self._disconnected_since_by_shard_number: dict[int, float] = {}

    async def wait_until_reachable(self) -> None:
        """Wait until Discord's gateway answers, then let this process take shards."""
        is_outage_logged = False
        while not await self._is_gateway_reachable():
            if not is_outage_logged:
                log.warning("gateway unreachable; taking no shards until it answers")
                is_outage_logged = True
            await self._clock.sleep(RETRY_SECONDS)
        self._leases.set_available(ProcessRole.GATEWAY, is_available=True)

    async def wait_for_disconnected_shards(self, shard_numbers: Collection[int]) -> frozenset[int]:
        """Wait until some of the given shards have been disconnected for `GIVE_UP_SECONDS`, and return these.

        `shard_numbers` is read again at each check, because it may change. While any shard waits to identify, none
        counts as disconnected. Does not return while no other process could take the shards. Meanwhile, lets this
        process take further shards only while none has been disconnected for `SUSPECT_SECONDS`.
        """
        while True:
            await self._clock.sleep(CHECK_INTERVAL_SECONDS)
            now = self._clock.monotonic()
            disconnected_shard_numbers = (
                []
                if self._scheduler.waiting_count
                else [
                    shard_number for shard_number in shard_numbers if not self._connections.is_connected(shard_number)
                ]
            )
            self._shards.disconnected_numbers = frozenset(disconnected_shard_numbers)
            self._disconnected_since_by_shard_number = {
                shard_number: self._disconnected_since_by_shard_number.get(shard_number, now)
                for shard_number in disconnected_shard_numbers
            }
            is_suspect = any(
                now - disconnected_since >= SUSPECT_SECONDS
                for disconnected_since in self._disconnected_since_by_shard_number.values()
            )
            # An orphaned shard belongs to another process, but discord.py still tries to connect it here.
            self._leases.set_available(
                ProcessRole.GATEWAY, is_available=not (is_suspect or self._connections.orphaned_shard_numbers)
            )
            given_up_shard_numbers = frozenset(
                shard_number
                for shard_number, disconnected_since in self._disconnected_since_by_shard_number.items()
                if now - disconnected_since >= GIVE_UP_SECONDS
            )
            if given_up_shard_numbers and await self._has_available_peers():
                return given_up_shard_numbers

    async def _has_available_peers(self) -> bool:
        try:
            return bool(await self._leases.list_other_process_ids(ProcessRole.GATEWAY))
        except StoreError:
            return False

    async def _is_gateway_reachable(self) -> bool:
        url = DiscordWebSocket.DEFAULT_GATEWAY.with_query(v=10, encoding="json")
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT_SECONDS):
                websocket = await self._client.http.ws_connect(str(url))
                try:
                    return (await websocket.receive()).type is aiohttp.WSMsgType.TEXT
                finally:
                    await websocket.close()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False
