"""When a shard may begin a session: as Discord lets one bot begin them, whatever process asks.

https://discord.com/developers/docs/events/gateway#session-start-limit-object
"""

from __future__ import annotations

import logging
from functools import partial

import aiohttp
import discord

from bot.client.services import Newsroom

log = logging.getLogger(__name__)


class SessionStarts:
    """Those of one bot. `buckets` shards may begin at a time."""

    def __init__(self, client: discord.AutoShardedClient, newsroom: Newsroom) -> None:
        self._client, self._store, self._clock = client, newsroom.store, newsroom.clock
        self.buckets = 1

    async def turn(self, number: int) -> None:
        """Wait until a shard may identify: one of a bucket every five seconds, whatever process asks."""
        begin = partial(self._store.shards.may_identify, number % self.buckets)
        while wait := await self._store.insist(begin):
            await self._clock.sleep(wait)

    async def are_ample(self) -> bool:
        """Whether more than half of a day's are left, so that some may go for what need not be."""
        limits = await self._look()
        return limits is not None and 2 * limits.remaining > limits.total

    async def _look(self) -> discord.SessionStartLimits | None:
        try:
            return await self._client.fetch_session_start_limits()
        except (discord.DiscordException, aiohttp.ClientError, TimeoutError) as error:
            log.debug("Discord did not tell how many sessions may begin: %s", error)
            return None
