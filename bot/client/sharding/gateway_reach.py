"""Whether this process reaches Discord's gateway: else it keeps no shard from those that do.

A connection that went silent is noticed by discord.py, a minute after Discord last answered it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection

import aiohttp
import discord
from discord.gateway import DiscordWebSocket

from bot.client.services import Newsroom
from bot.client.sharding.session_starts import SessionStarts
from bot.core.choices import Role
from bot.store import StoreError

log = logging.getLogger(__name__)

DOUBTED, GIVEN_UP = 10.0, 30.0
"""Seconds without a connection until others count on this process no more, and until they get its shards."""
LOOK_EVERY = 1.0
"""Seconds."""
TRY_EVERY = 10.0
"""Seconds between attempts to reach the gateway while this process has no shard."""
_PATIENCE = 10.0  # seconds that the gateway may take to say hello


class GatewayReach:
    """That of one client."""

    def __init__(self, client: discord.AutoShardedClient, starts: SessionStarts, newsroom: Newsroom) -> None:
        self._starts = starts
        self._client, self._clock, self._leases = client, newsroom.clock, newsroom.leases

    async def wait(self) -> None:
        """Wait until the gateway answers; from then on others count on this process."""
        is_told = False
        while not await self._answers():
            if not is_told:
                log.warning("Can’t reach Discord’s gateway. Taking no shards until it answers.")
                is_told = True
            await self._clock.sleep(TRY_EVERY)
        self._leases.able(Role.GATEWAY, now=True)

    async def lost(self, numbers: Collection[int]) -> None:
        """Wait until none of these shards, which may change, has been connected for too long.

        Not while no other process would take them.
        """
        since = self._clock.monotonic()
        while True:
            await self._clock.sleep(LOOK_EVERY)
            now = self._clock.monotonic()
            if not numbers or self._starts.waiting or any(self.is_connected(number) for number in numbers):
                since = now
            self._leases.able(Role.GATEWAY, now=now - since < DOUBTED)
            if now - since >= GIVEN_UP and await self._others_can():
                log.warning(
                    "No connection to Discord’s gateway for %.0f s. Handing my shards to other processes.",
                    now - since,
                )
                return

    def is_connected(self, number: int) -> bool:
        """Whether a shard has a connection now."""
        shard = self._client.get_shard(number)
        return shard is not None and not shard.is_closed()

    async def _others_can(self) -> bool:
        try:
            return await self._leases.others(Role.GATEWAY)
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
