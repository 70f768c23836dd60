"""Leases of this process in the database: renewed, shared out, transferred and released.

A lease lasts `LEASE_SECONDS` of the database's clock and is renewed every `RENEW_SECONDS`. A process that
could not renew for `STOP_SECONDS` of its own clock, counted from the start of its last renewal, stops acting
before the lease ends (C. Gray, D. Cheriton, "Leases: an efficient fault-tolerant mechanism for distributed
file cache consistency", SOSP 1989). Later writes are refused by the database (`Fence`).
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
from bot.processes.supervision import Supervisor, stop
from bot.store import Store, StoreError
from bot.store.records.process_records import Fence, LeasePool, Process

log = logging.getLogger(__name__)

LASTS, RENEWED, STOPPED = 15, 5.0, 10.0
"""Seconds of a lease: its lifetime, its renewal interval, and the time after which it is not used.

The lifetime counts by the database's clock. The last one counts without a renewal, by this process's clock.
"""
ERROR_BACKOFF_SECONDS = 1.0
"""Seconds until the next attempt after a failed renewal."""
FEEDS, SHARDS, UPKEEP = "feeds", "shard", "upkeep"
"""Kinds of leases: host slots that are polled, Discord shards, and upkeep that one process does for all."""

LeaseListener = Callable[[frozenset[int], frozenset[int]], None]
_NONE: frozenset[int] = frozenset()


class Leases:
    """The leases of this process; none before `start`."""

    def __init__(self, store: Store, roles: Iterable[ProcessRole], supervisor: Supervisor) -> None:
        self._store, self._clock, self._supervisor = store, store.clock, supervisor
        self.process = Process(secrets.token_hex(8), socket.gethostname(), tuple(sorted(roles)), __version__)
        self.gained: Counter[str] = Counter()
        """Number of leases gained after the start, by kind; usually because another process ended."""
        self._unable: set[ProcessRole] = set()
        self._shares: dict[str, LeasePool] = {}
        self._listening: defaultdict[str, list[LeaseListener]] = defaultdict(list)
        self._held: dict[str, frozenset[int]] = {}
        self._renewed = 0.0  # By `Clock.uptime`
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def has_role(self, role: ProcessRole) -> bool:
        """Return whether this process has a role."""
        return role in self.process.roles

    def owned(self, kind: str) -> frozenset[int]:
        """Return the numbers of a kind for which this process may act now."""
        return _NONE if self._is_late() else self._held.get(kind, _NONE)

    def _is_late(self) -> bool:
        return self._store.processes.is_multi_process and self._clock.uptime() - self._renewed >= STOPPED

    @property
    def owner(self) -> str | None:
        """The id of this process in leases; None where leases never end."""
        return self.process.id if self._store.processes.is_multi_process else None

    def fence(self, kind: str, number: int) -> Fence | None:
        """Return the fence for writes under a lease; None where leases never end."""
        return Fence(self.process.id, kind, number) if self._store.processes.is_multi_process else None

    def set_available(self, role: ProcessRole, *, now: bool) -> None:
        """Set whether this process can do the work of a role.

        While unavailable it keeps the leases that it owns and takes no more.
        """
        before = frozenset(self._unable)
        self._unable = self._unable - {role} if now else self._unable | {role}
        if self._unable != before:
            self.wake()

    def is_available(self, role: ProcessRole) -> bool:
        """Return whether this process has a role and can do its work now."""
        return role in self.process.roles and role not in self._unable

    async def other_processes(self, role: ProcessRole) -> list[str]:
        """Return the ids of the other processes that can do the work of a role now. Raises `StoreError`."""
        living = await self._store.processes.list_live()
        return [each.id for each in living if role in each.roles and each.id != self.process.id]

    def join_pool(self, share: LeasePool) -> None:
        """Take part in a lease pool from the next renewal on, if this process has the pool's role."""
        if share.role in self.process.roles:
            self._shares[share.kind] = share
            self.wake()

    def add_listener(self, kind: str, heard: LeaseListener) -> None:
        """Call a function with the gained and the lost numbers of a kind whenever these change."""
        self._listening[kind].append(heard)

    def remove_listener(self, kind: str, heard: LeaseListener) -> None:
        """Remove a listener; no effect if it is not registered."""
        if heard in self._listening[kind]:
            self._listening[kind].remove(heard)

    def wake(self) -> None:
        """Renew and rebalance now."""
        self._woken.set()

    async def start(self) -> None:
        """Register this process and take free leases, unless already done. Raises `StoreError`."""
        if self._tasks:
            return
        await self._renew()
        self.gained.clear()
        self._tasks = [self._supervisor.start("lease renewal", self._renew_loop)]
        if self._store.processes.is_multi_process:
            self._tasks.append(self._supervisor.start("lease extension", self._heartbeat_loop))
            self._tasks.append(self._supervisor.start("lease watch", self._expiry_loop))

    async def transfer(self, kind: str, number: int, to: str) -> bool:
        """Transfer a lease to another process; return whether this process no longer owns it.

        Listeners of this process are not called. Raises `StoreError`.
        """
        async with self._turn:
            is_gone = await self._store.processes.transfer(Fence(self.process.id, kind, number), to)
            if is_gone:
                self._held[kind] = self._held.get(kind, _NONE) - {number}
        if is_gone:
            with suppress(StoreError):  # The other process also looks by itself.
                await self._store.notify("leases")
        return is_gone

    async def release_kind(self, kind: str) -> None:
        """Leave a pool and release its leases; nothing may act for them any more. Raises `StoreError`."""
        async with self._turn:
            self._shares.pop(kind, None)
            self._held.pop(kind, None)
            await self._store.processes.release_kind(self.process.id, kind)

    async def close(self) -> None:
        """Release all leases and deregister this process; nothing may act for them any more."""
        if not self._tasks:
            return
        await stop(self._tasks)
        self._tasks.clear()
        async with self._turn:
            self._set_owned({})
        with suppress(StoreError):  # The leases expire by themselves.
            await self._store.processes.deregister(self.process.id)

    async def _renew_loop(self) -> None:
        while True:
            pause = RENEWED if self._store.processes.is_multi_process else float("inf")
            try:
                await wait_for_event(self._clock, self._woken, pause)
                await self._renew()
            except StoreError as error:
                log.debug("lease renewal failed error=%s", error)  # The store has logged the fault.
                self._woken.clear()
                await self._clock.sleep(ERROR_BACKOFF_SECONDS)
                self.wake()

    async def _renew(self) -> None:
        self._woken.clear()
        async with self._turn:
            begun = self._clock.uptime()
            if self._is_late():  # This process was suspended.
                self._drop_all()
            me = replace(
                self.process, roles=tuple(each for each in self.process.roles if each not in self._unable)
            )
            held = await self._store.processes.heartbeat_and_rebalance(me, list(self._shares.values()), LASTS)
            self._renewed = max(self._renewed, begun)
            if self._clock.uptime() - self._renewed < STOPPED:
                self._set_owned(held)
            else:  # Another process may own these leases by now.
                self.wake()

    async def _heartbeat_loop(self) -> None:
        """Renew owned leases even while a long write of any process blocks rebalancing."""
        while True:
            await self._clock.sleep(RENEWED)
            begun = self._clock.uptime()
            with suppress(StoreError):  # The store has logged the fault.
                if not self._is_late() and await self._store.processes.heartbeat(self.process.id, LASTS):
                    self._renewed = max(self._renewed, begun)

    async def _expiry_loop(self) -> None:
        """Drop all leases in time, even while a renewal hangs."""
        while True:
            left = self._renewed + STOPPED - self._clock.uptime()
            if left > 0:
                await self._clock.sleep(left)
            else:
                self._drop_all()
                await self._clock.sleep(ERROR_BACKOFF_SECONDS)

    def _drop_all(self) -> None:
        if any(self._held.values()):
            log.warning("leases lost: no contact with the database seconds=%.0f", STOPPED)
        self._set_owned({})

    def _set_owned(self, held: dict[str, frozenset[int]]) -> None:
        before, self._held = self._held, held
        for kind in before.keys() | held.keys():
            had, has = before.get(kind, _NONE), held.get(kind, _NONE)
            if had == has:
                continue
            self.gained[kind] += len(has - had)
            log.log(
                logging.INFO if self._store.processes.is_multi_process else logging.DEBUG,
                "leases changed kind=%s owned=%d gained=%d lost=%d",
                kind,
                len(has),
                len(has - had),
                len(had - has),
            )
            for heard in [*self._listening[kind]]:
                try:
                    heard(has - had, had - has)
                except Exception:
                    log.exception("lease listener failed kind=%s", kind)
