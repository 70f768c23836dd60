"""The shards of this process: leased from the database, connected in order, handed over one by one.

`AutoShardedClient.launch_shard` adds a shard to a running client; discord.py does not document it but has no
other way (a test fails when it changes). A client that may have lost its shards closes, and a new client
starts with the shards that are then owned.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from discord.gateway import DiscordWebSocket

from bot.client.services import Services
from bot.client.sharding.gateway_probe import TRY_EVERY, GatewayProbe
from bot.client.sharding.identify_scheduler import IdentifyScheduler
from bot.client.sharding.shard_balance import ShardBalancer
from bot.client.sharding.shard_connections import ShardConnections
from bot.core.preferences import ProcessRole
from bot.processes.leases import SHARDS
from bot.store import StoreError
from bot.store.records.process_records import LeasePool

if TYPE_CHECKING:
    from bot.client.sharding.sharded_bot import ShardedBot

log = logging.getLogger(__name__)

JOIN_GRACE_SECONDS = 3.0
"""Seconds until a process takes shards, so that processes that start together share them."""


class ShardCountMismatch(StoreError):
    """Disagreement on the shard count between processes on one database; the message says what to do."""


class LeasedShards:
    """The shards of a client. Without `acquire_shards`, it owns all shards."""

    def __init__(self, client: ShardedBot, newsroom: Services) -> None:
        self._client, self._leases = client, newsroom.leases
        self._store, self._clock = newsroom.store, newsroom.clock
        self._supervisor = newsroom.supervisor
        self._range = newsroom.settings.shard_range  # The configured shards and their total count
        self._are_shared = self._leases.owner is not None
        self._numbers: list[int] | None = None  # Shared with the client, whose readiness depends on it
        self._going: set[int] = set()  # Being handed over
        self._follows = False  # Whether new leases are connected at once
        self._some = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: asyncio.Task[None] | None = None
        self.starts = IdentifyScheduler(client, newsroom)
        self.connections = ShardConnections(client, self._connect_new)
        self._reach = GatewayProbe(client, self.starts, self.connections, newsroom)
        self._balance = ShardBalancer(self, newsroom)
        self.is_closing_without_shards = False
        """Whether the client closes because its shards were lost or are given away."""

    async def begin(self) -> None:
        """Wait until this process owns shards, which the client then connects.

        Shards gained later follow. Raises `ShardCountMismatch`, `StoreError`, and discord.py's errors.
        """
        if self._are_shared:
            await self._reach.wait_until_reachable()
        agreed = await self._agree()
        numbers = frozenset(range(agreed) if self._range is None else self._range[0])
        if self._are_shared:
            await self._clock.sleep(JOIN_GRACE_SECONDS)
        self._leases.add_listener(SHARDS, self._changed)
        all_free = self._range is not None
        self._leases.join_pool(
            LeasePool(SHARDS, ProcessRole.GATEWAY, numbers, rebalances=False, takes_all_free=all_free)
        )
        self._numbers = []
        if self._are_shared:
            self.keep_running("shards missing", partial(self._leave_missing, self._numbers))
        if self._moves:
            self._balance.start()
        self._numbers += sorted(await self._wait_for_shards(len(numbers)))
        self._client.shard_count, self._client.shard_ids = agreed, self._numbers
        if await self._store.meta.get("shards") != str(agreed):
            raise ShardCountMismatch(
                "A process that started at the same time counts Discord’s shards differently. Start this one "
                "again, with the same TELEX_SHARDS on all."
            )

    @property
    def _moves(self) -> bool:
        """Whether shards may move between running processes."""
        return self._are_shared and self._range is None

    async def _agree(self) -> int:
        """Return the number of shards that all processes agree on. Raises `ShardCountMismatch`."""
        count, _url, limits = await self._client.http.get_bot_gateway()
        self.starts.buckets = limits["max_concurrency"]
        wanted = count if self._range is None else self._range[1]
        agreed = await self._store.shards.agree_on_count(wanted)
        if self._range is not None and wanted != agreed:
            raise ShardCountMismatch(
                f"The other processes share {agreed} shards: set TELEX_SHARDS=…/{agreed}."
            )
        self._store.shards.reset(agreed, owner=self._leases.owner)
        return agreed

    async def _wait_for_shards(self, count: int) -> frozenset[int]:
        """Wait until this process owns some of `count` shards."""
        patience: float | None = JOIN_GRACE_SECONDS
        while not (held := self._leases.owned(SHARDS)):
            self._some.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._some.wait()
            except TimeoutError:
                log.info("waiting for a shard owned_by_peers=%d", count)
                patience = None
        return held

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Run a coroutine until it ends or the client closes."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a function under supervision until the client closes."""
        task = self._supervisor.start(name, run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def start_following(self) -> None:
        """Connect the owned shards, and those gained from now on."""
        self._follows = True
        self._connect_new()

    def _connect_new(self) -> None:
        if not self._follows or self._numbers is None:
            return
        new = self._leases.owned(SHARDS).difference(self._numbers, self._going, self.connections.orphaned)
        for number in sorted(new):
            self._numbers.append(number)
            connecting = self._client.launch_shard(DiscordWebSocket.DEFAULT_GATEWAY, number)
            self.spawn(connecting, f"shard {number} got")

    def launch(self, number: int, connect: Callable[[], Awaitable[None]]) -> None:
        """Connect a shard once it may identify, concurrently with others."""

        async def wait_and_connect() -> None:
            while True:
                try:
                    await self.starts.wait_for_identify(number)
                    break
                except StoreError as error:  # Nothing else would report it.
                    log.warning("identify permit failed shard=%d error=%s", number, error)
                    await self._clock.sleep(TRY_EVERY)
            await connect()

        self.spawn(wait_and_connect(), f"shard {number}")

    async def before_identify(self, number: int) -> None:
        """Wait until discord.py may identify a shard; cancel it if the shard was handed over."""
        self.connections.abort_if_orphaned(number)
        await self.starts.confirm_identify(number)
        self.connections.abort_if_orphaned(number)

    async def hand_over(self, number: int, to: str) -> None:
        """Hand a shard over to another process, after its running sends have ended."""
        if self._numbers is None or number not in self._numbers:
            return
        log.info("handing over shard=%d", number)
        shards = self._store.shards
        self._going.add(number)
        self._numbers.remove(number)
        try:
            shards.set_served(shards.numbers - {number})
            await self._client.courier.release_shard(number)
            await self.connections.end(number, self._client.guilds_of(number))
            await self._store.retry_until_written(partial(self._leases.transfer, SHARDS, number, to))
        finally:
            self._going.remove(number)
        self._connect_new()  # Reconnect it if the transfer failed.

    async def leave(self) -> None:
        """Hand all shards over to other processes because this one ends."""
        if self._moves:
            self.stop()
            self._leases.set_available(ProcessRole.GATEWAY, now=False)
            await self._balance.hand_over_all()

    def holds(self, number: int) -> bool:
        """Return whether a shard belongs to this process and this client."""
        if self._numbers is None:
            return True
        return (
            number in self._numbers
            and number in self._leases.owned(SHARDS)
            and not self.is_closing_without_shards
        )

    def owns_server(self, server_id: int) -> bool:
        """Return whether no other process can own the shard of a server."""
        shards = self._store.shards
        return not shards.are_transferable or shards.shard_of(server_id) in self._leases.owned(SHARDS)

    def stop(self) -> None:
        """Connect no more shards and ignore lease changes."""
        self._follows = False
        self._leases.remove_listener(SHARDS, self._changed)
        self._balance.stop()
        for task in self._tasks:
            task.cancel()

    async def _leave_missing(self, numbers: Collection[int]) -> None:
        """Hand over shards without a connection; close the client if none has one."""
        while True:
            missing = await self._reach.wait_for_disconnected(numbers)
            if not any(map(self.connections.has, numbers)):
                log.warning("gateway connections lost; handing all shards over")
                self._close_client()
                return
            with suppress(StoreError):  # The next round tries again.
                for number in missing if self._moves else ():
                    if (to := await self._balance.recipient()) and not self.connections.has(number):
                        log.warning("gateway connection lost shard=%d", number)
                        await self.hand_over(number, to)

    def _close_client(self) -> None:
        self.is_closing_without_shards = True
        self._store.shards.set_served(())
        self.stop()
        self._closing = asyncio.create_task(self._client.close(), name="shards lost")

    def _changed(self, _gained: frozenset[int], lost: frozenset[int]) -> None:
        if self._client.is_closed() or self.is_closing_without_shards:
            return
        if lost.intersection(self._numbers or ()):
            log.warning("shard leases lost; reconnecting count=%d", len(lost))
            self._close_client()
        self._connect_new()
        self._some.set()
