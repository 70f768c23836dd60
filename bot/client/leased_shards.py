"""The shards of this process: leased from the database, connected one after the other, lost with the client.

`AutoShardedClient.launch_shard` adds a shard to a running client. What a client knows of a shard's servers
stays when the shard goes, so a client that loses one closes, and another begins with what is held then.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import discord
from discord.gateway import DiscordWebSocket

from bot.client.services import Newsroom
from bot.core.choices import Role
from bot.processes.leases import SHARDS
from bot.store import StoreError
from bot.store.records.process_records import Share

log = logging.getLogger(__name__)

OTHERS_COME = 3.0
"""Seconds until a process takes shards: those that begin at the same time take their part each."""


class ShardsDiffer(StoreError):
    """Processes that run on one database count Discord's shards otherwise; the message says what to do."""


class LeasedShards:
    """What a client has of all shards. Without `begin`, all that there is."""

    def __init__(self, client: discord.AutoShardedClient, newsroom: Newsroom) -> None:
        self._client, self._leases = client, newsroom.leases
        self._store, self._clock = newsroom.store, newsroom.clock
        self._wanted = newsroom.settings.shard_range
        self._buckets = 1
        self._had: list[int] = []
        self._follows = False
        self._some = asyncio.Event()
        self._launching: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self.lost = False
        """Whether the client closes because a shard of it is another's."""

    async def begin(self) -> None:
        """Wait until this process has shards, which the client is to connect. Those it gets later follow.

        Raises `ShardsDiffer`, `StoreError`, and what discord.py raises.
        """
        client, wanted = self._client, self._wanted
        count, _url, limits = await client.http.get_bot_gateway()
        self._buckets = limits["max_concurrency"]
        agreed = await self._store.shards.agree(count if wanted is None else wanted[1])
        if wanted is not None and wanted[1] != agreed:
            raise ShardsDiffer(f"The other processes share {agreed} shards: set TELEX_SHARDS=…/{agreed}.")
        self._store.shards.divide(agreed, owner=self._leases.owner)
        numbers = frozenset(range(agreed) if wanted is None else wanted[0])
        if self._leases.owner is not None:
            await self._clock.sleep(OTHERS_COME)
        self._leases.listen(SHARDS, self._changed)
        share = Share(SHARDS, Role.GATEWAY, numbers, even=False, all_free=wanted is not None)
        self._leases.share(share)
        patience: float | None = OTHERS_COME
        while not (held := self._leases.held(SHARDS)):
            self._some.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._some.wait()
            except TimeoutError:
                log.info("Waiting for a shard: other processes have all %d", len(numbers))
                patience = None
        if await self._store.meta.get("shards") != str(agreed):
            raise ShardsDiffer(
                "A process that started at the same time counts Discord’s shards differently. Start this one "
                "again, with the same TELEX_SHARDS on all."
            )
        self._had = sorted(held)
        client.shard_count, client.shard_ids = agreed, self._had

    def follow(self) -> None:
        """Connect what this process gets, from now on."""
        self._follows = True
        for number in sorted(self._leases.held(SHARDS).difference(self._had)):
            self._had.append(number)  # the client's own list: it is ready again when so many are
            gateway = DiscordWebSocket.DEFAULT_GATEWAY
            task = asyncio.create_task(self._client.launch_shard(gateway, number), name=f"shard {number}")
            self.watch(task)

    def watch(self, launching: asyncio.Task[None]) -> None:
        """End this too where connecting ends."""
        self._launching.add(launching)
        launching.add_done_callback(self._launching.discard)

    def holds(self, number: int) -> bool:
        """Whether a shard is this process's, and this client's."""
        return not self._had or (not self.lost and number in self._leases.held(SHARDS))

    async def turn(self, number: int) -> None:
        """Wait until a shard may identify: one of a bucket every five seconds, whatever process asks."""
        begin = partial(self._store.shards.may_identify, number % self._buckets)
        while wait := await self._store.insist(begin):
            await self._clock.sleep(wait)

    def stop(self) -> None:
        """Connect nothing more, and hear of no shard."""
        self._leases.unlisten(SHARDS, self._changed)
        for task in self._launching:
            task.cancel()

    def _changed(self, _gained: frozenset[int], lost: frozenset[int]) -> None:
        if self._client.is_closed() or self.lost:
            return
        if lost.intersection(self._had):
            log.warning("Lost %d shards: the connection to Discord begins anew", len(lost))
            self.lost = True
            self._store.shards.serve(())
            self.stop()
            self._closing = asyncio.create_task(self._client.close(), name="shards lost")
        elif self._follows:
            self.follow()
        self._some.set()
