"""What this process works at, so that no other does: leased from the database, kept, and given back.

A lease lasts `LASTS` seconds of the database's clock and is renewed every `RENEWED`. Who could not renew for
`STOPPED` seconds of its own, counted from when it last began to, stops acting before the lease ends
(C. Gray, D. Cheriton, "Leases: an efficient fault-tolerant mechanism for distributed file cache consistency",
SOSP 1989). What it writes nevertheless is refused by the database (`Fence`).
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
"""Seconds."""
ERROR_BACKOFF_SECONDS = 1.0
"""Seconds until the next attempt where renewing failed."""
FEEDS, SHARDS, UPKEEP = "feeds", "shard", "upkeep"
"""Kinds of leases: slots of hosts that are asked, Discord's shards, and what one process does for all."""

LeaseListener = Callable[[frozenset[int], frozenset[int]], None]
_NONE: frozenset[int] = frozenset()


class Leases:
    """The leases of this process: none before `start`."""

    def __init__(self, store: Store, roles: Iterable[ProcessRole], supervisor: Supervisor) -> None:
        self._store, self._clock, self._supervisor = store, store.clock, supervisor
        self.process = Process(secrets.token_hex(8), socket.gethostname(), tuple(sorted(roles)), __version__)
        self.gained: Counter[str] = Counter()
        """Leases by kind that were gained after the start: mostly another process ended."""
        self._unable: set[ProcessRole] = set()
        self._shares: dict[str, LeasePool] = {}
        self._listening: defaultdict[str, list[LeaseListener]] = defaultdict(list)
        self._held: dict[str, frozenset[int]] = {}
        self._renewed = 0.0  # by `Clock.uptime`
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def has_role(self, role: ProcessRole) -> bool:
        """Whether this process has a role."""
        return role in self.process.roles

    def owned(self, kind: str) -> frozenset[int]:
        """What this process may act for now."""
        return _NONE if self._is_late() else self._held.get(kind, _NONE)

    def _is_late(self) -> bool:
        return self._store.processes.is_multi_process and self._clock.uptime() - self._renewed >= STOPPED

    @property
    def owner(self) -> str | None:
        """The name of this process in leases; None where no lease ends."""
        return self.process.id if self._store.processes.is_multi_process else None

    def fence(self, kind: str, number: int) -> Fence | None:
        """What the store is to check where something is written for a lease; None where no lease ends."""
        return Fence(self.process.id, kind, number) if self._store.processes.is_multi_process else None

    def set_available(self, role: ProcessRole, *, now: bool) -> None:
        """Whether this process can do the work of a role now; else it keeps what it has and takes no more."""
        before = frozenset(self._unable)
        self._unable = self._unable - {role} if now else self._unable | {role}
        if self._unable != before:
            self.wake()

    def is_available(self, role: ProcessRole) -> bool:
        """Whether it has a role, and can do its work now."""
        return role in self.process.roles and role not in self._unable

    async def other_processes(self, role: ProcessRole) -> list[str]:
        """The names of the other processes that can do the work of a role now. Raises `StoreError`."""
        living = await self._store.processes.list_live()
        return [each.id for each in living if role in each.roles and each.id != self.process.id]

    def join_pool(self, share: LeasePool) -> None:
        """Take part in dividing something, where this process has the role, from the next renewal on."""
        if share.role in self.process.roles:
            self._shares[share.kind] = share
            self.wake()

    def add_listener(self, kind: str, heard: LeaseListener) -> None:
        """Call a function with what was gained and what was lost of a kind, whenever that changes."""
        self._listening[kind].append(heard)

    def remove_listener(self, kind: str, heard: LeaseListener) -> None:
        """Call it no more."""
        if heard in self._listening[kind]:
            self._listening[kind].remove(heard)

    def wake(self) -> None:
        """Look now: there may be something to take or to give back."""
        self._woken.set()

    async def start(self) -> None:
        """Enter, and take what is free, unless that was done. Raises `StoreError`."""
        if self._tasks:
            return
        await self._renew()
        self.gained.clear()
        self._tasks = [self._supervisor.start("lease renewal", self._renew_loop)]
        if self._store.processes.is_multi_process:
            self._tasks.append(self._supervisor.start("lease extension", self._heartbeat_loop))
            self._tasks.append(self._supervisor.start("lease watch", self._expiry_loop))

    async def transfer(self, kind: str, number: int, to: str) -> bool:
        """Give something to another process, by its name; whoever listens knows already.

        Returns whether it is this one's no more. Raises `StoreError`.
        """
        async with self._turn:
            is_gone = await self._store.processes.transfer(Fence(self.process.id, kind, number), to)
            if is_gone:
                self._held[kind] = self._held.get(kind, _NONE) - {number}
        if is_gone:
            with suppress(StoreError):  # it looks by itself, too
                await self._store.notify("leases")
        return is_gone

    async def release_kind(self, kind: str) -> None:
        """Take no part in dividing something; nothing acts for what was held. Raises `StoreError`."""
        async with self._turn:
            self._shares.pop(kind, None)
            self._held.pop(kind, None)
            await self._store.processes.release_kind(self.process.id, kind)

    async def close(self) -> None:
        """Give everything back; whatever acts for a lease has ended."""
        if not self._tasks:
            return
        await stop(self._tasks)
        self._tasks.clear()
        async with self._turn:
            self._set_owned({})
        with suppress(StoreError):  # they end by themselves
            await self._store.processes.deregister(self.process.id)

    async def _renew_loop(self) -> None:
        while True:
            pause = RENEWED if self._store.processes.is_multi_process else float("inf")
            try:
                await wait_for_event(self._clock, self._woken, pause)
                await self._renew()
            except StoreError as error:
                log.debug("leases were not renewed: %s", error)  # the store has told of it
                self._woken.clear()
                await self._clock.sleep(ERROR_BACKOFF_SECONDS)
                self.wake()

    async def _renew(self) -> None:
        self._woken.clear()
        async with self._turn:
            begun = self._clock.uptime()
            if self._is_late():  # it was stopped itself
                self._drop_all()
            me = replace(
                self.process, roles=tuple(each for each in self.process.roles if each not in self._unable)
            )
            held = await self._store.processes.heartbeat_and_rebalance(me, list(self._shares.values()), LASTS)
            self._renewed = max(self._renewed, begun)
            if self._clock.uptime() - self._renewed < STOPPED:
                self._set_owned(held)
            else:  # what it took may be another's by now
                self.wake()

    async def _heartbeat_loop(self) -> None:
        """Keep what is held, also while a long write of any process lets nobody divide."""
        while True:
            await self._clock.sleep(RENEWED)
            begun = self._clock.uptime()
            with suppress(StoreError):  # the store has told of it
                if not self._is_late() and await self._store.processes.heartbeat(self.process.id, LASTS):
                    self._renewed = max(self._renewed, begun)

    async def _expiry_loop(self) -> None:
        """Lose everything in time, even while renewing hangs."""
        while True:
            left = self._renewed + STOPPED - self._clock.uptime()
            if left > 0:
                await self._clock.sleep(left)
            else:
                self._drop_all()
                await self._clock.sleep(ERROR_BACKOFF_SECONDS)

    def _drop_all(self) -> None:
        if any(self._held.values()):
            log.warning(
                "No contact with the database for %.0f s. Pausing: another process may have taken over.",
                STOPPED,
            )
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
                "Leases of %s: %d now, %d gained, %d lost",
                kind,
                len(has),
                len(has - had),
                len(had - has),
            )
            for heard in [*self._listening[kind]]:
                try:
                    heard(has - had, had - has)
                except Exception:
                    log.exception("A change of %s was not heard", kind)
