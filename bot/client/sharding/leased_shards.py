"""The shards of this process: leased from the database, connected in order, handed over one by one.

`AutoShardedClient.launch_shard` adds a shard to a running client; discord.py does not document this method
but has no other way (a test fails when it changes). A client that may have lost its shards closes, and a new
client starts with the shards that the process then owns.
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
from bot.client.sharding.gateway_probe import RETRY_SECONDS, GatewayProbe
from bot.client.sharding.identify_scheduler import IdentifyScheduler
from bot.client.sharding.shard_balance import ShardBalancer
from bot.client.sharding.shard_connections import ShardConnections
from bot.core.preferences import ProcessRole
from bot.processes.leases import SHARD_LEASE
from bot.store import StoreError
from bot.store.records.process_records import LeasePool

if TYPE_CHECKING:
    from bot.client.sharding.sharded_bot import ShardedBot

log = logging.getLogger(__name__)

JOIN_GRACE_SECONDS = 3.0
"""Seconds that a process waits before it takes shards, so that processes that start together share them."""


class ShardCountMismatch(StoreError):
    """Error raised when processes on one database disagree on the shard count.

    The message says what to do.
    """


class LeasedShards:
    """The shards of a client, which owns all shards unless `acquire_shards` is called."""

    def __init__(self, client: ShardedBot, services: Services) -> None:
        self._client, self._leases = client, services.leases
        self._store, self._clock = services.store, services.clock
        self._supervisor = services.supervisor
        self._range = services.settings.shard_range  # The configured shards and their total count
        self._is_clustered = self._leases.owner_id is not None
        self._numbers: list[int] | None = None  # Shared with the client, whose readiness depends on it
        self._handing_over: set[int] = set()  # Being handed over
        self._is_following = False  # Whether new leases are connected at once
        self._shards_changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing_task: asyncio.Task[None] | None = None
        self.scheduler = IdentifyScheduler(client, services)
        self.connections = ShardConnections(client, self._connect_new)
        self._gateway_probe = GatewayProbe(client, self.scheduler, self.connections, services)
        self._balancer = ShardBalancer(self, services)
        self.is_closing_without_shards = False
        """Whether the client is closing because its shards were lost or are being given away."""

    async def acquire_shards(self) -> None:
        """Wait until this process owns shards, which the client then connects.

        Shards that are gained later are connected later. Raises `ShardCountMismatch`, `StoreError`, and
        discord.py's errors.
        """
        if self._is_clustered:
            await self._gateway_probe.wait_until_reachable()
        shard_count = await self._agree_on_shard_count()
        numbers = frozenset(range(shard_count) if self._range is None else self._range[0])
        if self._is_clustered:
            await self._clock.sleep(JOIN_GRACE_SECONDS)
        self._leases.add_listener(SHARD_LEASE, self._on_leases_changed)
        takes_all_free = self._range is not None
        self._leases.join_pool(
            LeasePool(
                SHARD_LEASE, ProcessRole.GATEWAY, numbers, rebalances=False, takes_all_free=takes_all_free
            )
        )
        self._numbers = []
        if self._is_clustered:
            self.keep_running("shards missing", partial(self._hand_over_disconnected, self._numbers))
        if self._are_shards_movable:
            self._balancer.start()
        self._numbers += sorted(await self._wait_for_shards(len(numbers)))
        self._client.shard_count, self._client.shard_ids = shard_count, self._numbers
        if await self._store.meta.get("shards") != str(shard_count):
            raise ShardCountMismatch(
                "A process that started at the same time counts Discord’s shards differently. Start this one "
                "again, with the same TELEX_SHARDS on all."
            )

    @property
    def _are_shards_movable(self) -> bool:
        """Whether shards may move from one running process to another."""
        return self._is_clustered and self._range is None

    async def _agree_on_shard_count(self) -> int:
        """Return the number of shards that all processes agree on.

        Raises `ShardCountMismatch` if they disagree.
        """
        recommended_count, _url, limits = await self._client.http.get_bot_gateway()
        self.scheduler.bucket_count = limits["max_concurrency"]
        requested_count = recommended_count if self._range is None else self._range[1]
        agreed_count = await self._store.shards.agree_on_count(requested_count)
        if self._range is not None and requested_count != agreed_count:
            raise ShardCountMismatch(
                f"The other processes share {agreed_count} shards: set TELEX_SHARDS=…/{agreed_count}."
            )
        self._store.shards.reset(agreed_count, owner=self._leases.owner_id)
        return agreed_count

    async def _wait_for_shards(self, count: int) -> frozenset[int]:
        """Wait until this process owns at least one of `count` shards."""
        timeout_seconds: float | None = JOIN_GRACE_SECONDS
        while not (owned := self._leases.owned(SHARD_LEASE)):
            self._shards_changed.clear()
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._shards_changed.wait()
            except TimeoutError:
                log.info("waiting for a shard owned_by_peers=%d", count)
                timeout_seconds = None
        return owned

    def spawn(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        """Start a task that runs a coroutine until it ends or the client closes."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def keep_running(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a function, restarted if it fails, until the client closes."""
        task = self._supervisor.start(name, run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def start_following(self) -> None:
        """Connect the shards that this process owns, and from now on those that it gains."""
        self._is_following = True
        self._connect_new()

    def _connect_new(self) -> None:
        if not self._is_following or self._numbers is None:
            return
        new_numbers = self._leases.owned(SHARD_LEASE).difference(
            self._numbers, self._handing_over, self.connections.orphaned
        )
        for number in sorted(new_numbers):
            self._numbers.append(number)
            connecting = self._client.launch_shard(DiscordWebSocket.DEFAULT_GATEWAY, number)
            self.spawn(connecting, f"shard {number} got")

    def launch(self, number: int, connect: Callable[[], Awaitable[None]]) -> None:
        """Connect a shard as soon as it may identify (start a session), concurrently with other shards."""

        async def wait_and_connect() -> None:
            while True:
                try:
                    await self.scheduler.wait_for_identify(number)
                    break
                except StoreError as error:  # Nothing else would report it.
                    log.warning("identify permit failed shard=%d error=%s", number, error)
                    await self._clock.sleep(RETRY_SECONDS)
            await connect()

        self.spawn(wait_and_connect(), f"shard {number}")

    async def before_identify(self, number: int) -> None:
        """Wait until a shard may identify (start a session). Raises CancelledError if it was handed over."""
        self.connections.abort_if_orphaned(number)
        await self.scheduler.confirm_identify(number)
        self.connections.abort_if_orphaned(number)

    async def hand_over(self, number: int, process_id: str) -> None:
        """Hand a shard over to another process, after sends to its servers have ended."""
        if self._numbers is None or number not in self._numbers:
            return
        log.info("handing over shard=%d", number)
        shards = self._store.shards
        self._handing_over.add(number)
        self._numbers.remove(number)
        try:
            shards.set_served(shards.numbers - {number})
            await self._client.outbox_relay.release_shard(number)
            await self.connections.close_connection(number, self._client.guilds_of(number))
            await self._store.retry_until_written(
                partial(self._leases.transfer, SHARD_LEASE, number, process_id)
            )
        finally:
            self._handing_over.remove(number)
        self._connect_new()  # Reconnect it if the transfer failed.

    async def hand_over_all(self) -> None:
        """Hand all shards over to other processes because this one ends."""
        if self._are_shards_movable:
            self.stop()
            self._leases.set_available(ProcessRole.GATEWAY, is_available=False)
            await self._balancer.hand_over_all()

    def serves_shard(self, number: int) -> bool:
        """Return whether this client connects a shard and its process still owns the shard's lease."""
        if self._numbers is None:
            return True
        return (
            number in self._numbers
            and number in self._leases.owned(SHARD_LEASE)
            and not self.is_closing_without_shards
        )

    def owns_server(self, server_id: int) -> bool:
        """Return whether no other process can own the shard of a server."""
        shards = self._store.shards
        return not shards.is_leased or shards.get_shard(server_id) in self._leases.owned(SHARD_LEASE)

    def stop(self) -> None:
        """Connect no more shards and ignore changes of leases from now on."""
        self._is_following = False
        self._leases.remove_listener(SHARD_LEASE, self._on_leases_changed)
        self._balancer.stop()
        for task in self._tasks:
            task.cancel()

    async def _hand_over_disconnected(self, numbers: Collection[int]) -> None:
        """Hand over shards that have lost their connection; close the client if no shard is connected."""
        while True:
            disconnected = await self._gateway_probe.wait_for_disconnected(numbers)
            if not any(map(self.connections.is_connected, numbers)):
                log.warning("gateway connections lost; handing all shards over")
                self._close_client()
                return
            with suppress(StoreError):  # The next round tries again.
                for number in disconnected if self._are_shards_movable else ():
                    if (
                        process_id := await self._balancer.find_recipient()
                    ) and not self.connections.is_connected(number):
                        log.warning("gateway connection lost shard=%d", number)
                        await self.hand_over(number, process_id)

    def _close_client(self) -> None:
        self.is_closing_without_shards = True
        self._store.shards.set_served(())
        self.stop()
        self._closing_task = asyncio.create_task(self._client.close(), name="shards lost")

    def _on_leases_changed(self, _gained: frozenset[int], lost: frozenset[int]) -> None:
        if self._client.is_closed() or self.is_closing_without_shards:
            return
        if lost.intersection(self._numbers or ()):
            log.warning("shard leases lost; reconnecting count=%d", len(lost))
            self._close_client()
        self._connect_new()
        self._shards_changed.set()
