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

import discord
from discord.gateway import DiscordWebSocket

from bot.client.services import Services
from bot.client.sharding.gateway_probe import RETRY_SECONDS, GatewayProbe
from bot.client.sharding.identify_scheduler import IdentifyScheduler
from bot.client.sharding.shard_balance import ShardBalancer
from bot.client.sharding.shard_connections import ShardConnections
from bot.core.preferences import ProcessRole
from bot.processes.leases import SHARD_LEASE_KIND
from bot.store import StoreError
from bot.store.records.process_records import LeasePool

log = logging.getLogger(__name__)

JOIN_GRACE_SECONDS = 3.0
"""Seconds that a process waits before it takes shards, so that processes that start together share them."""


class ShardCountMismatch(StoreError):
    """Error raised when processes on one database disagree on the shard count.

    The message says what to do.
    """


class LeasedShards:
    """The Discord shards of a client: those that its process has leased from the database.

    Before `acquire_shards` is called, they are all shards. `release_shard` is called with the number of a shard that
    is handed over, and ends the sends to its servers.
    """

    def __init__(
        self,
        client: discord.AutoShardedClient,
        services: Services,
        release_shard: Callable[[int], Awaitable[None]],
    ) -> None:
        self._client, self._leases, self._release_shard = client, services.leases, release_shard
        self._store, self._clock = services.store, services.clock
        self._supervisor = services.supervisor
        self._shard_range_and_count = (
            services.settings.shard_range_and_count
        )  # The configured shards and their total count
        self._is_clustered = self._leases.owner_id is not None
        self._shard_numbers: list[int] | None = None  # Shared with the client, whose readiness depends on it
        self._handing_over_numbers: set[int] = set()  # Being handed over
        self._is_following_leases = False  # Whether new leases are connected at once
        self._shards_changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._close_task: asyncio.Task[None] | None = None
        self.identify_scheduler = IdentifyScheduler(client, services)
        self.connections = ShardConnections(client, self._connect_new_shards)
        self._gateway_probe = GatewayProbe(client, self.identify_scheduler, self.connections, services)
        self._balancer = ShardBalancer(services, self.identify_scheduler, self.connections, self.hand_over)
        self.is_closing_without_shards = False
        """Whether the client is closing because its shards were lost or are being given away."""

    async def acquire_shards(self) -> None:
        """Wait until this process owns shards, which the client then connects.

        Shards that are gained later are connected later. Raises `ShardCountMismatch`, another `StoreError`, and
        discord.DiscordException, aiohttp.ClientError or TimeoutError if Discord does not answer.
        """
        if self._is_clustered:
            await self._gateway_probe.wait_until_reachable()
        shard_count = await self._agree_on_shard_count()
        eligible_numbers = frozenset(
            range(shard_count) if self._shard_range_and_count is None else self._shard_range_and_count[0]
        )
        if self._is_clustered:
            await self._clock.sleep(JOIN_GRACE_SECONDS)
        self._leases.add_listener(SHARD_LEASE_KIND, self._on_leases_changed)
        takes_all_free = self._shard_range_and_count is not None
        self._leases.join_pool(
            LeasePool(
                SHARD_LEASE_KIND,
                ProcessRole.GATEWAY,
                eligible_numbers,
                rebalances=False,
                takes_all_free=takes_all_free,
            )
        )
        self._shard_numbers = []
        if self._is_clustered:
            self.keep_running("shards missing", partial(self._hand_over_disconnected, self._shard_numbers))
        if self._are_shards_movable:
            self._balancer.start()
        self._shard_numbers += sorted(await self._wait_for_shards(len(eligible_numbers)))
        self._client.shard_count, self._client.shard_ids = shard_count, self._shard_numbers
        if await self._store.meta.get("shards") != str(shard_count):
            raise ShardCountMismatch(
                "A process that started at the same time counts Discord’s shards differently. Start this one "
                "again, with the same TELEX_SHARDS on all."
            )

    @property
    def _are_shards_movable(self) -> bool:
        """Whether shards may move from one running process to another."""
        return self._is_clustered and self._shard_range_and_count is None

    async def _agree_on_shard_count(self) -> int:
        """Return the number of shards that all processes agree on.

        Raises `ShardCountMismatch` if they disagree.
        """
        recommended_count, _url, session_start_limits = await self._client.http.get_bot_gateway()
        self.identify_scheduler.bucket_count = session_start_limits["max_concurrency"]
        requested_count = recommended_count if self._shard_range_and_count is None else self._shard_range_and_count[1]
        agreed_count = await self._store.shards.agree_on_count(requested_count)
        if self._shard_range_and_count is not None and requested_count != agreed_count:
            raise ShardCountMismatch(
                f"The other processes share {agreed_count} shards: set TELEX_SHARDS=…/{agreed_count}."
            )
        self._store.shards.reset(agreed_count, owner_id=self._leases.owner_id)
        return agreed_count

    async def _wait_for_shards(self, eligible_count: int) -> frozenset[int]:
        """Wait until this process owns at least one of `eligible_count` shards."""
        timeout_seconds: float | None = JOIN_GRACE_SECONDS
        while not (owned_numbers := self._leases.get_owned_numbers(SHARD_LEASE_KIND)):
            self._shards_changed.clear()
            try:
                async with asyncio.timeout(timeout_seconds):
                    await self._shards_changed.wait()
            except TimeoutError:
                log.info("waiting for a shard owned_by_peers=%d", eligible_count)
                timeout_seconds = None
        return owned_numbers

    def spawn(self, coroutine: Coroutine[None, None, None], task_name: str) -> asyncio.Task[None]:
        """Start a task that runs a coroutine until it ends or the client closes."""
        task = asyncio.create_task(coroutine, name=task_name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def keep_running(self, task_name: str, run: Callable[[], Awaitable[None]]) -> None:
        """Run a function, restarted if it fails, until the client closes."""
        task = self._supervisor.start(task_name, run)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def start_following_leases(self) -> None:
        """Connect the shards that this process has leased, and from now on each that it gains."""
        self._is_following_leases = True
        self._connect_new_shards()

    def _connect_new_shards(self) -> None:
        if not self._is_following_leases or self._shard_numbers is None:
            return
        new_numbers = self._leases.get_owned_numbers(SHARD_LEASE_KIND).difference(
            self._shard_numbers, self._handing_over_numbers, self.connections.orphaned_shard_numbers
        )
        for shard_number in sorted(new_numbers):
            self._shard_numbers.append(shard_number)
            connect_coroutine = self._client.launch_shard(DiscordWebSocket.DEFAULT_GATEWAY, shard_number)
            self.spawn(connect_coroutine, f"shard {shard_number} gained")

    def launch(self, shard_number: int, connect: Callable[[], Awaitable[None]]) -> None:
        """Connect a shard as soon as it may identify (start a session), concurrently with other shards."""

        async def wait_and_connect() -> None:
            while True:
                try:
                    await self.identify_scheduler.wait_for_identify(shard_number)
                    break
                except StoreError as error:  # Nothing else would report it.
                    log.warning("identify permit failed shard=%d error=%s", shard_number, error)
                    await self._clock.sleep(RETRY_SECONDS)
            await connect()

        self.spawn(wait_and_connect(), f"shard {shard_number}")

    async def before_identify(self, shard_number: int) -> None:
        """Wait until a shard may identify (start a session). Raises CancelledError if it was handed over."""
        self.connections.abort_if_orphaned(shard_number)
        await self.identify_scheduler.confirm_identify(shard_number)
        self.connections.abort_if_orphaned(shard_number)

    async def hand_over(self, shard_number: int, process_id: str) -> None:
        """Hand a shard of this process over to another process, after waiting for sends to its servers."""
        if self._shard_numbers is None or shard_number not in self._shard_numbers:
            return
        log.info("handing over shard=%d", shard_number)
        served_shards = self._store.shards
        self._handing_over_numbers.add(shard_number)
        self._shard_numbers.remove(shard_number)
        try:
            served_shards.set_served(served_shards.served_numbers - {shard_number})
            await self._release_shard(shard_number)
            await self.connections.close_connection(shard_number)
            await self._store.retry_until_written(
                partial(self._leases.transfer, SHARD_LEASE_KIND, shard_number, process_id)
            )
        finally:
            self._handing_over_numbers.remove(shard_number)
        self._connect_new_shards()  # Reconnect it if the transfer failed.

    async def hand_over_all(self) -> None:
        """Hand all shards over to other processes, if shards may move, because this process ends."""
        if self._are_shards_movable:
            self.stop()
            self._leases.set_available(ProcessRole.GATEWAY, is_available=False)
            await self._balancer.hand_over_all()

    def serves_shard(self, shard_number: int) -> bool:
        """Return whether this client has a shard whose lease its process still owns.

        Before `acquire_shards` is called, the client serves all shards.
        """
        if self._shard_numbers is None:
            return True
        return (
            shard_number in self._shard_numbers
            and shard_number in self._leases.get_owned_numbers(SHARD_LEASE_KIND)
            and not self.is_closing_without_shards
        )

    def owns_server(self, server_id: int) -> bool:
        """Return whether a server's shard is this process's, so that no other process posts to the server."""
        served_shards = self._store.shards
        return not served_shards.is_leased or served_shards.get_shard_number(
            server_id
        ) in self._leases.get_owned_numbers(SHARD_LEASE_KIND)

    def stop(self) -> None:
        """Connect no more shards, and ignore from now on which shards this process gains or loses."""
        self._is_following_leases = False
        self._leases.remove_listener(SHARD_LEASE_KIND, self._on_leases_changed)
        self._balancer.stop()
        for task in self._tasks:
            task.cancel()

    async def _hand_over_disconnected(self, shard_numbers: Collection[int]) -> None:
        """Hand over shards that have lost their connection; close the client if no shard is connected."""
        while True:
            disconnected_numbers = await self._gateway_probe.wait_for_disconnected_shards(shard_numbers)
            if not any(map(self.connections.is_connected, shard_numbers)):
                log.warning("gateway connections lost; handing all shards over")
                self._close_client()
                return
            with suppress(StoreError):  # The next round tries again.
                for shard_number in disconnected_numbers if self._are_shards_movable else ():
                    if (process_id := await self._balancer.find_recipient_id()) and not self.connections.is_connected(
                        shard_number
                    ):
                        log.warning("gateway connection lost shard=%d", shard_number)
                        await self.hand_over(shard_number, process_id)

    def _close_client(self) -> None:
        self.is_closing_without_shards = True
        self._store.shards.set_served(())
        self.stop()
        self._close_task = asyncio.create_task(self._client.close(), name="shards lost")

    def _on_leases_changed(self, _gained_numbers: frozenset[int], lost_numbers: frozenset[int]) -> None:
        if self._client.is_closed() or self.is_closing_without_shards:
            return
        if lost_numbers.intersection(self._shard_numbers or ()):
            log.warning("shard leases lost; reconnecting count=%d", len(lost_numbers))
            self._close_client()
        self._connect_new_shards()
        self._shards_changed.set()
