"""The shards of this process: leased from the database, connected one after the other, given away one by one.

`AutoShardedClient.launch_shard` adds a shard to a running client: discord.py does not describe it, but has
no other way (a test tells when it changes). Nor does it forget what a client knows of the servers of a shard
that goes: those of one that was given away are passed over (`is_left`). A client whose shards another process
may have already closes, and another begins with what is held then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord.gateway import DiscordWebSocket

from bot.client.services import Newsroom
from bot.client.sharding.gateway_reach import GatewayReach
from bot.client.sharding.session_starts import SessionStarts
from bot.client.sharding.shard_balance import ShardBalance
from bot.core.choices import Role
from bot.processes.leases import SHARDS
from bot.store import StoreError
from bot.store.records.process_records import Share

if TYPE_CHECKING:
    from bot.client.sharding.sharded_bot import ShardedBot

log = logging.getLogger(__name__)

OTHERS_COME = 3.0
"""Seconds until a process takes shards: those that begin at the same time take their part each."""

_CLOSING = 5.0  # seconds that Discord may take to close a connection


class ShardsDiffer(StoreError):
    """Processes that run on one database count Discord's shards otherwise; the message says what to do."""


class LeasedShards:
    """What a client has of all shards. Without `begin`, all that there is."""

    def __init__(self, client: ShardedBot, newsroom: Newsroom) -> None:
        self._client, self._leases = client, newsroom.leases
        self._store, self._clock = newsroom.store, newsroom.clock
        self._wanted = newsroom.settings.shard_range
        self._had: list[int] = []
        self._giving: set[int] = set()
        self._left: dict[int, discord.Guild] = {}  # servers of shards that were given away
        self.starts = SessionStarts(client, newsroom)
        self._reach = GatewayReach(client, self.starts, newsroom)
        self._balance = ShardBalance(self, self.starts, self._reach, newsroom)
        self._follows = False
        self._some = asyncio.Event()
        self._launching: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self.lost = False
        """Whether the client closes because its shards are another's, or are to be."""

    async def begin(self) -> None:
        """Wait until this process has shards, which the client is to connect. Those it gets later follow.

        Raises `ShardsDiffer`, `StoreError`, and what discord.py raises.
        """
        are_shared, wanted = self._leases.owner is not None, self._wanted
        if are_shared:
            await self._reach.wait()
        agreed = await self._agree()
        numbers = frozenset(range(agreed) if wanted is None else wanted[0])
        if are_shared:
            await self._clock.sleep(OTHERS_COME)
        self._leases.listen(SHARDS, self._changed)
        share = Share(SHARDS, Role.GATEWAY, numbers, even=False, all_free=wanted is not None)
        self._leases.share(share)
        if are_shared:
            self.watch(asyncio.create_task(self._give_up_in_time(), name="gateway reached"))
            if wanted is None:
                self._balance.start()
        self._had += sorted(await self._some_held(len(numbers)))
        if await self._store.meta.get("shards") != str(agreed):
            raise ShardsDiffer(
                "A process that started at the same time counts Discord’s shards differently. Start this one "
                "again, with the same TELEX_SHARDS on all."
            )
        self._client.shard_count, self._client.shard_ids = agreed, self._had

    async def _agree(self) -> int:
        """How many shards there are, for all processes."""
        wanted = self._wanted
        count, _url, limits = await self._client.http.get_bot_gateway()
        self.starts.buckets = limits["max_concurrency"]
        agreed = await self._store.shards.agree(count if wanted is None else wanted[1])
        if wanted is not None and wanted[1] != agreed:
            raise ShardsDiffer(f"The other processes share {agreed} shards: set TELEX_SHARDS=…/{agreed}.")
        self._store.shards.divide(agreed, owner=self._leases.owner)
        return agreed

    async def _some_held(self, count: int) -> frozenset[int]:
        """Wait for a part of so many shards."""
        patience: float | None = OTHERS_COME
        while not (held := self._leases.held(SHARDS)):
            self._some.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._some.wait()
            except TimeoutError:
                log.info("Waiting for a shard: other processes have all %d of them", count)
                patience = None
        return held

    def follow(self) -> None:
        """Connect what this process gets, from now on."""
        self._follows = True
        for number in sorted(self._leases.held(SHARDS).difference(self._had, self._giving)):
            self._had.append(number)  # the client's own list: it is ready again when so many are
            gateway = DiscordWebSocket.DEFAULT_GATEWAY
            task = asyncio.create_task(self._client.launch_shard(gateway, number), name=f"shard {number}")
            self.watch(task)

    def is_left(self, server: discord.Guild) -> bool:
        """Whether a server was the client's, and its shard is another process's now."""
        return self._left.get(server.id) is server

    def found(self, servers: Iterable[discord.Guild]) -> None:
        """These are the client's by now: what it knew of them before is forgotten."""
        for server in servers:
            self._left.pop(server.id, None)

    async def give(self, number: int, to: str) -> None:
        """Give a shard to another process, after what is being sent there has ended."""
        log.info("Handing shard %d to another process", number)
        self._giving.add(number)
        self._had.remove(number)
        try:
            if await self._close(number):
                await self._store.insist(partial(self._leases.hand_over, SHARDS, number, to))
            else:
                self._had.append(number)
                await self._client.on_shard_ready(number)
        finally:
            self._giving.remove(number)
        if self._follows:
            self.follow()  # where there was nobody to take it

    async def leave(self) -> None:
        """Give the shards to other processes in order, since this one is to end."""
        if self._wanted is None and self._leases.owner is not None:
            self.stop()
            self._follows = False
            self._leases.able(Role.GATEWAY, now=False)
            await self._balance.give_all()

    async def _close(self, number: int) -> bool:
        """Close a shard in order; False where nothing would keep it from connecting again by itself."""
        shard, shards = self._client.get_shard(number), self._store.shards
        shards.serve(shards.numbers - {number})
        await self._client.courier.release(number)
        if shard is None or shard.is_closed():
            return False
        self._left |= {server.id: server for server in self._client.guilds_of(number)}
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING):
                await shard.disconnect()
        return True

    def watch(self, launching: asyncio.Task[None]) -> None:
        """End this too where connecting ends."""
        self._launching.add(launching)
        launching.add_done_callback(self._launching.discard)

    def holds(self, number: int) -> bool:
        """Whether a shard is this process's, and this client's."""
        is_ours = number in self._had and number in self._leases.held(SHARDS)
        return not (self._had or self._giving) or (is_ours and not self.lost)

    def keeps(self, server_id: int) -> bool:
        """Whether nobody else can have the shard of a server by now."""
        shards = self._store.shards
        return not shards.end or shards.of(server_id) in self._leases.held(SHARDS)

    def stop(self) -> None:
        """Connect nothing more, and hear of no shard."""
        self._leases.unlisten(SHARDS, self._changed)
        self._balance.stop()
        for task in self._launching:
            task.cancel()

    async def _give_up_in_time(self) -> None:
        await self._reach.lost(self._had)
        self._give_up()

    def _give_up(self) -> None:
        self.lost = True
        self._store.shards.serve(())
        self.stop()
        self._closing = asyncio.create_task(self._client.close(), name="shards lost")

    def _changed(self, _gained: frozenset[int], lost: frozenset[int]) -> None:
        if self._client.is_closed() or self.lost:
            return
        if lost.intersection(self._had):
            log.warning("Lost %d shards. Reconnecting to Discord.", len(lost))
            self._give_up()
        elif self._follows:
            self.follow()
        self._some.set()
