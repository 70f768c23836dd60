"""Leases of this process in the database: renewed, shared out, transferred and released.

A lease lets a process do a part of the work, such as one shard. It lasts `LEASE_SECONDS` of the database's
clock and is renewed every `RENEW_SECONDS`. A process that could not renew for `STOP_SECONDS` of its own
clock, counted from the start of its last renewal, stops acting before the lease ends (C. Gray, D. Cheriton,
"Leases: an efficient fault-tolerant mechanism for distributed file cache consistency", SOSP 1989). Later
writes are refused by the database (`Fence`).
"""

import asyncio
import logging
import secrets
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from bot.core.clock import wait_for_event
from bot.core.preferences import ProcessRole
from bot.core.version import __version__
from bot.processes.supervision import Supervisor, cancel_and_wait
from bot.store import Store, StoreError
from bot.store.records.process_records import Fence, LeasePool, Process

log = logging.getLogger(__name__)

LEASE_SECONDS = 15
"""Lifetime in seconds of a lease (a process's right to do a part of the work), by the database's clock."""
RENEW_SECONDS = 5.0
"""Interval in seconds between renewals of a lease."""
STOP_SECONDS = 10.0
"""Number of seconds without renewal, by this process's clock, after which the process stops using its leases."""
ERROR_BACKOFF_SECONDS = 1.0
"""Seconds between a failed renewal of leases and the next attempt."""
HOST_SLOT_LEASE_KIND = "feeds"
"""Kind of the leases of host slots: groups of hosts whose feeds one process polls."""
SHARD_LEASE_KIND = "shard"
"""Kind of the leases of Discord shards."""
UPKEEP_LEASE_KIND = "upkeep"
"""Kind of the lease of the upkeep, such as cleaning, that one process does for all."""

LeaseListener = Callable[[frozenset[int], frozenset[int]], None]
"""Function that is called with the numbers of leases, such as of shards, that this process gained, and that it lost."""

_NO_NUMBERS: frozenset[int] = frozenset()


class Leases:
    """The leases of this process: rights to do parts of the work, such as shards. It has none before `start`."""

    def __init__(self, store: Store, roles: Iterable[ProcessRole], supervisor: Supervisor) -> None:
        self._store, self._clock, self._supervisor = store, store.clock, supervisor
        self.process = Process(secrets.token_hex(8), socket.gethostname(), tuple(sorted(roles)), __version__)
        self.gained_count_by_kind: Counter[str] = Counter()
        """Number of leases gained after the start, usually as another process ended, by kind, such as shards."""
        self._unavailable_roles: set[ProcessRole] = set()
        self._pool_by_kind: dict[str, LeasePool] = {}
        self._listeners_by_kind: defaultdict[str, list[LeaseListener]] = defaultdict(list)
        self._owned_numbers_by_kind: dict[str, frozenset[int]] = {}
        self._renewed_at = 0.0  # By `Clock.monotonic_with_suspension`
        self._renewal_lock = asyncio.Lock()
        self._wake_event = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._peer_versions: frozenset[str] = frozenset()

    def has_role(self, role: ProcessRole) -> bool:
        """Return whether this process has a role, such as gateway or poller."""
        return role in self.process.roles

    def get_owned_numbers(self, kind: str) -> frozenset[int]:
        """Return the numbers, such as of shards, for which this process may act now; `kind` is the kind of lease."""
        return _NO_NUMBERS if self._is_renewal_late() else self._owned_numbers_by_kind.get(kind, _NO_NUMBERS)

    def _is_renewal_late(self) -> bool:
        return (
            self._store.processes.is_multi_process
            and self._clock.monotonic_with_suspension() - self._renewed_at >= STOP_SECONDS
        )

    @property
    def owner_id(self) -> str | None:
        """The id of this process as owner of leases, or None where leases never end, as on SQLite."""
        return self.process.id if self._store.processes.is_multi_process else None

    def build_fence(self, kind: str, number: int) -> Fence | None:
        """Return the condition for writes (fence) that this process owns a lease.

        A write with it fails if another process owns the lease. None where leases never end, as on SQLite.
        """
        return Fence(self.process.id, kind, number) if self._store.processes.is_multi_process else None

    def set_available(self, role: ProcessRole, *, is_available: bool) -> None:
        """Set whether this process can do the work of a role.

        While it cannot, it keeps the leases that it owns and takes no more.
        """
        previous_roles = frozenset(self._unavailable_roles)
        self._unavailable_roles = self._unavailable_roles - {role} if is_available else self._unavailable_roles | {role}
        if self._unavailable_roles != previous_roles:
            self.wake()

    def is_available(self, role: ProcessRole) -> bool:
        """Return whether this process has a role and can do its work now."""
        return role in self.process.roles and role not in self._unavailable_roles

    async def list_other_process_ids(self, role: ProcessRole) -> list[str]:
        """Return the ids of the other processes that can do the work of a role now. Raises `StoreError`."""
        processes = await self._store.processes.list_live()
        return [process.id for process in processes if role in process.roles and process.id != self.process.id]

    def join_pool(self, pool: LeasePool) -> None:
        """Share the leases of a pool (all of one kind, such as shards) with other processes from the next renewal on.

        Does nothing if this process lacks the pool's role.
        """
        if pool.role in self.process.roles:
            self._pool_by_kind[pool.kind] = pool
            self.wake()

    def add_listener(self, kind: str, listener: LeaseListener) -> None:
        """Register a function that is called with the numbers of a kind of lease that were gained and lost."""
        self._listeners_by_kind[kind].append(listener)

    def remove_listener(self, kind: str, listener: LeaseListener) -> None:
        """Stop calling a function about gained and lost leases; do nothing if it is not registered."""
        if listener in self._listeners_by_kind[kind]:
            self._listeners_by_kind[kind].remove(listener)

    def wake(self) -> None:
        """Renew and rebalance the leases now instead of at the next interval."""
        self._wake_event.set()

    async def start(self) -> None:
        """Register this process and take free leases; do nothing if it is registered. Raises `StoreError`."""
        if self._tasks:
            return
        await self._renew_leases()
        self.gained_count_by_kind.clear()
        self._tasks = [self._supervisor.start("lease renewal", self._run_renewal_loop)]
        if self._store.processes.is_multi_process:
            self._tasks.append(self._supervisor.start("lease extension", self._run_heartbeat_loop))
            self._tasks.append(self._supervisor.start("lease watch", self._run_expiry_loop))

    async def transfer(self, kind: str, number: int, process_id: str) -> bool:
        """Transfer a lease to another process; return whether this process does not own it any more.

        Listeners of this process are not called. Raises `StoreError`.
        """
        async with self._renewal_lock:
            is_transferred = await self._store.processes.transfer(Fence(self.process.id, kind, number), process_id)
            if is_transferred:
                self._owned_numbers_by_kind[kind] = self._owned_numbers_by_kind.get(kind, _NO_NUMBERS) - {number}
        if is_transferred:
            with suppress(StoreError):  # The other process also looks by itself.
                await self._store.notify("leases")
        return is_transferred

    async def release_kind(self, kind: str) -> None:
        """Stop sharing the leases of a kind, and release them to other processes.

        Nothing may act for these leases when this is called. Listeners are not called. Raises `StoreError`.
        """
        async with self._renewal_lock:
            self._pool_by_kind.pop(kind, None)
            self._owned_numbers_by_kind.pop(kind, None)
            await self._store.processes.release_kind(self.process.id, kind)

    async def close(self) -> None:
        """Release all leases and deregister this process.

        No work of these leases may run when this is called.
        """
        if not self._tasks:
            return
        await cancel_and_wait(self._tasks)
        self._tasks.clear()
        async with self._renewal_lock:
            self._set_owned_numbers({})
        with suppress(StoreError):  # The leases expire by themselves.
            await self._store.processes.deregister(self.process.id)

    async def _run_renewal_loop(self) -> None:
        while True:
            delay_seconds = RENEW_SECONDS if self._store.processes.is_multi_process else float("inf")
            try:
                await wait_for_event(self._clock, self._wake_event, delay_seconds)
                await self._renew_leases()
                await self._warn_of_other_versions()
            except StoreError as error:
                log.debug("lease renewal failed error=%s", error)  # The store has logged the fault.
                self._wake_event.clear()
                await self._clock.sleep(ERROR_BACKOFF_SECONDS)
                self.wake()

    async def _renew_leases(self) -> None:
        self._wake_event.clear()
        async with self._renewal_lock:
            started_at = self._clock.monotonic_with_suspension()
            if self._is_renewal_late():  # This process was suspended.
                self._drop_all_leases()
            available_process = replace(
                self.process,
                roles=tuple(role for role in self.process.roles if role not in self._unavailable_roles),
                connected_shard_count=self._store.shards.connected_count if self._store.shards.is_leased else 0,
            )
            numbers_by_kind = await self._store.processes.heartbeat_and_rebalance(
                available_process, list(self._pool_by_kind.values()), LEASE_SECONDS
            )
            self._renewed_at = max(self._renewed_at, started_at)
            if self._clock.monotonic_with_suspension() - self._renewed_at < STOP_SECONDS:
                self._set_owned_numbers(numbers_by_kind)
            else:  # Another process may own these leases by now.
                self.wake()

    async def _warn_of_other_versions(self) -> None:
        """Log a warning whenever other versions of Telex begin to share the database. Raises `StoreError`."""
        if not self._store.processes.is_multi_process:
            return
        processes = await self._store.processes.list_live()
        peer_versions = frozenset(process.version for process in processes) - {self.process.version}
        if peer_versions - self._peer_versions:
            log.warning(
                "process versions differ version=%s others=%s", self.process.version, ",".join(sorted(peer_versions))
            )
        self._peer_versions = peer_versions

    async def _run_heartbeat_loop(self) -> None:
        """Renew the owned leases even while a long write of any process blocks rebalancing."""
        while True:
            await self._clock.sleep(RENEW_SECONDS)
            started_at = self._clock.monotonic_with_suspension()
            with suppress(StoreError):  # The store has logged the fault.
                if not self._is_renewal_late() and await self._store.processes.heartbeat(
                    self.process.id, LEASE_SECONDS
                ):
                    self._renewed_at = max(self._renewed_at, started_at)

    async def _run_expiry_loop(self) -> None:
        """Drop all leases before they expire, even while a renewal hangs."""
        while True:
            remaining_seconds = self._renewed_at + STOP_SECONDS - self._clock.monotonic_with_suspension()
            if remaining_seconds > 0:
                await self._clock.sleep(remaining_seconds)
            else:
                self._drop_all_leases()
                await self._clock.sleep(ERROR_BACKOFF_SECONDS)

    def _drop_all_leases(self) -> None:
        if any(self._owned_numbers_by_kind.values()):
            log.warning("leases lost: no contact with the database seconds=%.0f", STOP_SECONDS)
        self._set_owned_numbers({})

    def _set_owned_numbers(self, numbers_by_kind: dict[str, frozenset[int]]) -> None:
        previous_numbers_by_kind, self._owned_numbers_by_kind = self._owned_numbers_by_kind, numbers_by_kind
        for kind in previous_numbers_by_kind.keys() | numbers_by_kind.keys():
            old_numbers, new_numbers = (
                previous_numbers_by_kind.get(kind, _NO_NUMBERS),
                numbers_by_kind.get(kind, _NO_NUMBERS),
            )
            if old_numbers == new_numbers:
                continue
            self.gained_count_by_kind[kind] += len(new_numbers - old_numbers)
            log.log(
                logging.INFO if self._store.processes.is_multi_process else logging.DEBUG,
                "leases changed kind=%s owned=%d gained=%d lost=%d",
                kind,
                len(new_numbers),
                len(new_numbers - old_numbers),
                len(old_numbers - new_numbers),
            )
            for listener in [*self._listeners_by_kind[kind]]:
                try:
                    listener(new_numbers - old_numbers, old_numbers - new_numbers)
                except Exception:
                    log.exception("lease listener failed kind=%s", kind)
