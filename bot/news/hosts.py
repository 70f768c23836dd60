"""Manners towards publishers' machines: one request at a time, a pause after it, no visit when so asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.clock import Clock
from bot.words import Feed

PAUSE = 4
"""A host rests this many times as long as it took to answer."""
LONGEST_PAUSE = 10.0
"""Seconds."""
MANY = 10_000
"""Hosts kept in memory before those at rest are forgotten."""


@dataclass(slots=True)
class Host:
    """A machine. `free_at` is monotonic, `held_until` wall-clock time, both in seconds.

    `queue` holds the feeds that wait for it in the scheduler, `busy` says that the scheduler polls one.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    queue: deque[Feed] = field(default_factory=deque)
    busy: bool = False
    free_at: float = 0.0
    held_until: int = 0


class Hosts:
    """The hosts, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hosts: dict[str, Host] = {}

    def of(self, name: str) -> Host:
        """The host of that name."""
        host = self._hosts.get(name)
        if host is None:
            if len(self._hosts) >= MANY:
                self._forget()
            host = self._hosts[name] = Host()
        return host

    @asynccontextmanager
    async def visit(self, host: Host) -> AsyncIterator[None]:
        """The time of one request: alone, and after the pause that the one before left."""
        async with host.lock:
            if (wait := host.free_at - self._clock.monotonic()) > 0:
                await self._clock.sleep(wait)
            started = self._clock.monotonic()
            try:
                yield
            finally:
                ended = self._clock.monotonic()
                host.free_at = ended + min(PAUSE * (ended - started), LONGEST_PAUSE)

    def clear(self) -> None:
        """Forget what waited."""
        for host in self._hosts.values():
            host.queue.clear()
            host.busy = False

    def _forget(self) -> None:
        now, wall = self._clock.monotonic(), self._clock.now()
        self._hosts = {
            name: host
            for name, host in self._hosts.items()
            if host.busy or host.queue or host.lock.locked() or host.free_at > now or host.held_until > wall
        }
