"""Balancing of shards: a process with at least two shards fewer than another process asks for one.

Shards move one at a time: each move costs its servers some seconds without a session, and the bot one of its
daily sessions, of which a cold start of all shards must find enough. A process asks only after it has run for
a while, so that a process that dies soon after its start takes no shard along.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bot.client.services import Services
from bot.client.sharding.identify_scheduler import IdentifyScheduler
from bot.client.sharding.shard_connections import ShardConnections
from bot.core.preferences import ProcessRole
from bot.processes.leases import SHARD_LEASE_KIND
from bot.store import StoreError

log = logging.getLogger(__name__)

FIRST_REQUEST_DELAY_SECONDS = 30.0
"""Seconds between the start of a process and its first request for a shard."""
REQUEST_INTERVAL_SECONDS = 5.0
"""Number of seconds until a process may request a shard again; doubled while its requests bring it none."""
MAX_REQUEST_INTERVAL_SECONDS = 60.0
"""Maximum number of seconds between requests for a shard."""
SHUTDOWN_HANDOVER_SECONDS = 30.0
"""Maximum number of seconds that an ending process spends on handing over shards; the rest is released."""
_REQUEST_EVENT = "want"
"""Name of the event, sent to all processes on the database, by which a process requests a shard."""


class ShardBalancer:
    """Balancer of shards: asks processes that own more of them for one, and gives one to a process that owns fewer.

    `hand_over` takes the number of a shard and the id of the process that gets it.
    """

    def __init__(
        self,
        services: Services,
        scheduler: IdentifyScheduler,
        connections: ShardConnections,
        hand_over: Callable[[int, str], Awaitable[None]],
    ) -> None:
        self._scheduler, self._connections, self._hand_over = scheduler, connections, hand_over
        self._leases, self._cluster_events = services.leases, services.cluster_events
        self._store, self._clock, self._supervisor = services.store, services.clock, services.supervisor
        self._request_task: asyncio.Task[None] | None = None
        self._handover_task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to request shards, and to answer requests of other processes."""
        self._cluster_events.set_payload_handler(_REQUEST_EVENT, self._on_request)
        self._request_task = self._supervisor.start("shards wanted", self._run_request_loop)

    def stop(self) -> None:
        """Request no more shards, and ignore requests for them from now on."""
        self._cluster_events.set_payload_handler(_REQUEST_EVENT, None)
        for task in (self._request_task, self._handover_task):
            if task is not None:
                task.cancel()

    async def hand_over_all(self) -> None:
        """Hand the connected shards over to other processes, at the pace at which sessions may start."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(SHUTDOWN_HANDOVER_SECONDS):
                for shard_number in filter(self._connections.is_connected, sorted(self._store.shards.served_numbers)):
                    if (process_id := await self.find_recipient_id()) is None:
                        return
                    next_at = self._clock.monotonic() + self._scheduler.mean_interval_seconds
                    await self._hand_over(shard_number, process_id)
                    await self._clock.sleep(next_at - self._clock.monotonic())

    async def find_recipient_id(self) -> str | None:
        """Return the id of the process with the fewest shards that can take one, or None if there is none.

        Raises `StoreError`.
        """
        shard_count_by_process_id = await self._load_shard_counts()
        process_ids = await self._leases.list_other_process_ids(ProcessRole.GATEWAY)
        return min(process_ids, key=shard_count_by_process_id.__getitem__, default=None)

    async def _run_request_loop(self) -> None:
        await self._clock.sleep(FIRST_REQUEST_DELAY_SECONDS)
        interval_seconds = REQUEST_INTERVAL_SECONDS
        while True:
            previous_shard_numbers = self._leases.get_owned_numbers(SHARD_LEASE_KIND)
            was_requested = await self._request_shard_if_short()
            await self._clock.sleep(interval_seconds)
            is_unanswered = was_requested and self._leases.get_owned_numbers(SHARD_LEASE_KIND) == previous_shard_numbers
            interval_seconds = (
                min(2 * interval_seconds, MAX_REQUEST_INTERVAL_SECONDS) if is_unanswered else REQUEST_INTERVAL_SECONDS
            )

    async def _request_shard_if_short(self) -> bool:
        """Request a shard if another process has at least two more than this one; return whether one was requested."""
        try:
            shard_count_by_process_id = await self._load_shard_counts()
            is_short_of_shards = (
                max(shard_count_by_process_id.values(), default=0) - shard_count_by_process_id[self._leases.process.id]
                > 1
            )
            if not (is_short_of_shards and self._is_settled and await self._scheduler.has_ample_quota()):
                return False
            await self._store.notify(f"{_REQUEST_EVENT} {self._leases.process.id}")
        except StoreError as error:
            log.debug("shard request failed error=%s", error)  # The store has logged the fault.
            return False
        return True

    def _on_request(self, process_id: str) -> None:
        if process_id != self._leases.process.id and (self._handover_task is None or self._handover_task.done()):
            self._handover_task = asyncio.create_task(self._hand_over_one_shard(process_id), name="shard handed over")

    async def _hand_over_one_shard(self, recipient_id: str) -> None:
        """Hand over a shard if this process owns the most, at least two more than the recipient, and serves all."""
        try:
            shard_count_by_process_id, own_process_id = (
                await self._load_shard_counts(),
                self._leases.process.id,
            )
            largest_owner_id = min(
                shard_count_by_process_id,
                key=lambda owner_id: (-shard_count_by_process_id[owner_id], owner_id),
                default=None,
            )
            shard_number = max(
                filter(self._connections.is_connected, self._leases.get_owned_numbers(SHARD_LEASE_KIND)), default=None
            )
            if (
                largest_owner_id == own_process_id
                and shard_count_by_process_id[own_process_id] - shard_count_by_process_id[recipient_id] > 1
                and self._is_settled
                and shard_number is not None
            ):
                await self._hand_over(shard_number, recipient_id)
        except StoreError as error:
            log.debug("shard handover failed error=%s", error)

    @property
    def _is_settled(self) -> bool:
        """Whether this process reaches Discord and serves every shard that it owns."""
        serves_all_owned_shards = self._leases.get_owned_numbers(SHARD_LEASE_KIND) <= self._store.shards.served_numbers
        return serves_all_owned_shards and self._leases.is_available(ProcessRole.GATEWAY)

    async def _load_shard_counts(self) -> Counter[str]:
        """Return the number of shards of each process, by process id."""
        return Counter((await self._store.processes.load_owner_ids_by_number(SHARD_LEASE_KIND)).values())
