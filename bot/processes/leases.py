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

from bot.core.choices import Role
from bot.core.clock import wait
from bot.core.version import __version__
from bot.processes.supervision import Supervisor, stop
from bot.store import Store, StoreError
from bot.store.records.process_records import Fence, Process, Share

log = logging.getLogger(__name__)

LASTS, RENEWED, STOPPED = 15, 5.0, 10.0
"""Seconds."""
AFTER_TROUBLE = 1.0
"""Seconds until the next attempt where renewing failed."""
FEEDS, SHARDS, UPKEEP = "feeds", "shard", "upkeep"
"""Kinds of leases: slots of hosts that are asked, Discord's shards, and what one process does for all."""

Heard = Callable[[frozenset[int], frozenset[int]], None]
_NONE: frozenset[int] = frozenset()


class Leases:
    """The leases of this process: none before `start`."""

    def __init__(self, store: Store, roles: Iterable[Role], supervisor: Supervisor) -> None:
        self._store, self._clock, self._supervisor = store, store.clock, supervisor
        self.me = Process(secrets.token_hex(8), socket.gethostname(), tuple(sorted(roles)), __version__)
        self.gained: Counter[str] = Counter()
        """Leases by kind that were gained after the start: mostly another process ended."""
        self._unable: set[Role] = set()
        self._shares: dict[str, Share] = {}
        self._listening: defaultdict[str, list[Heard]] = defaultdict(list)
        self._held: dict[str, frozenset[int]] = {}
        self._renewed = 0.0  # by `Clock.uptime`
        self._turn = asyncio.Lock()
        self._woken = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def has(self, role: Role) -> bool:
        """Whether this process has a role."""
        return role in self.me.roles

    def held(self, kind: str) -> frozenset[int]:
        """What this process may act for now."""
        return _NONE if self._is_late() else self._held.get(kind, _NONE)

    def _is_late(self) -> bool:
        return self._store.processes.are_shared and self._clock.uptime() - self._renewed >= STOPPED

    @property
    def owner(self) -> str | None:
        """The name of this process in leases; None where no lease ends."""
        return self.me.id if self._store.processes.are_shared else None

    def fence(self, kind: str, number: int) -> Fence | None:
        """What the store is to check where something is written for a lease; None where no lease ends."""
        return Fence(self.me.id, kind, number) if self._store.processes.are_shared else None

    def able(self, role: Role, *, now: bool) -> None:
        """Whether this process can do the work of a role now; else it keeps what it has and takes no more."""
        before = frozenset(self._unable)
        self._unable = self._unable - {role} if now else self._unable | {role}
        if self._unable != before:
            self.wake()

    def is_able(self, role: Role) -> bool:
        """Whether it has a role, and can do its work now."""
        return role in self.me.roles and role not in self._unable

    async def others(self, role: Role) -> list[str]:
        """The names of the other processes that can do the work of a role now. Raises `StoreError`."""
        living = await self._store.processes.all()
        return [each.id for each in living if role in each.roles and each.id != self.me.id]

    def share(self, share: Share) -> None:
        """Take part in dividing something, where this process has the role, from the next renewal on."""
        if share.role in self.me.roles:
            self._shares[share.kind] = share
            self.wake()

    def listen(self, kind: str, heard: Heard) -> None:
        """Call a function with what was gained and what was lost of a kind, whenever that changes."""
        self._listening[kind].append(heard)

    def unlisten(self, kind: str, heard: Heard) -> None:
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
        self._tasks = [self._supervisor.start("lease renewal", self._keep)]
        if self._store.processes.are_shared:
            self._tasks.append(self._supervisor.start("lease extension", self._live))
            self._tasks.append(self._supervisor.start("lease watch", self._watch))

    async def hand_over(self, kind: str, number: int, to: str) -> bool:
        """Give something to another process, by its name; whoever listens knows already.

        Returns whether it is this one's no more. Raises `StoreError`.
        """
        async with self._turn:
            is_gone = await self._store.processes.hand_over(Fence(self.me.id, kind, number), to)
            if is_gone:
                self._held[kind] = self._held.get(kind, _NONE) - {number}
        if is_gone:
            with suppress(StoreError):  # it looks by itself, too
                await self._store.tell("leases")
        return is_gone

    async def give_back(self, kind: str) -> None:
        """Take no part in dividing something; nothing acts for what was held. Raises `StoreError`."""
        async with self._turn:
            self._shares.pop(kind, None)
            self._held.pop(kind, None)
            await self._store.processes.give_back(self.me.id, kind)

    async def close(self) -> None:
        """Give everything back; whatever acts for a lease has ended."""
        if not self._tasks:
            return
        await stop(self._tasks)
        self._tasks.clear()
        async with self._turn:
            self._now_held({})
        with suppress(StoreError):  # they end by themselves
            await self._store.processes.leave(self.me.id)

    async def _keep(self) -> None:
        while True:
            pause = RENEWED if self._store.processes.are_shared else float("inf")
            try:
                await wait(self._clock, self._woken, pause)
                await self._renew()
            except StoreError as error:
                log.debug("leases were not renewed: %s", error)  # the store has told of it
                self._woken.clear()
                await self._clock.sleep(AFTER_TROUBLE)
                self.wake()

    async def _renew(self) -> None:
        self._woken.clear()
        async with self._turn:
            begun = self._clock.uptime()
            if self._is_late():  # it was stopped itself
                self._lose_all()
            me = replace(self.me, roles=tuple(each for each in self.me.roles if each not in self._unable))
            held = await self._store.processes.keep(me, list(self._shares.values()), LASTS)
            self._renewed = max(self._renewed, begun)
            if self._clock.uptime() - self._renewed < STOPPED:
                self._now_held(held)
            else:  # what it took may be another's by now
                self.wake()

    async def _live(self) -> None:
        """Keep what is held, also while a long write of any process lets nobody divide."""
        while True:
            await self._clock.sleep(RENEWED)
            begun = self._clock.uptime()
            with suppress(StoreError):  # the store has told of it
                if not self._is_late() and await self._store.processes.extend(self.me.id, LASTS):
                    self._renewed = max(self._renewed, begun)

    async def _watch(self) -> None:
        """Lose everything in time, even while renewing hangs."""
        while True:
            left = self._renewed + STOPPED - self._clock.uptime()
            if left > 0:
                await self._clock.sleep(left)
            else:
                self._lose_all()
                await self._clock.sleep(AFTER_TROUBLE)

    def _lose_all(self) -> None:
        if any(self._held.values()):
            log.warning(
                "No contact with the database for %.0f s. Pausing: another process may have taken over.",
                STOPPED,
            )
        self._now_held({})

    def _now_held(self, held: dict[str, frozenset[int]]) -> None:
        before, self._held = self._held, held
        for kind in before.keys() | held.keys():
            had, has = before.get(kind, _NONE), held.get(kind, _NONE)
            if had == has:
                continue
            self.gained[kind] += len(has - had)
            log.log(
                logging.INFO if self._store.processes.are_shared else logging.DEBUG,
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
