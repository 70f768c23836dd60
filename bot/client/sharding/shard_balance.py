"""Shards find to the processes that have fewest: who has at least two less than another asks for one.

One at a time: each move costs its servers some seconds without a session, and the bot one of the sessions
that Discord lets it begin in a day, of which a cold start of all shards is to find enough. Who asks has run
for a while, so that a process that dies soon after its start takes nothing along.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.client.services import Newsroom
from bot.client.sharding.gateway_reach import GatewayReach
from bot.client.sharding.session_starts import SessionStarts
from bot.core.choices import Role
from bot.processes.leases import SHARDS
from bot.store import StoreError

if TYPE_CHECKING:
    from bot.client.sharding.leased_shards import LeasedShards

log = logging.getLogger(__name__)

SETTLED = 30.0
"""Seconds until a process asks for the first time."""
ASK_EVERY = 5.0
"""Seconds until it asks again."""
LEAVING = 20.0
"""Seconds that a process which is to end takes to give its shards away; what is left then is free at once."""
_WANTED = "want"


class ShardBalance:
    """Asks for shards that others have too many of, and gives away those that this process has."""

    def __init__(
        self, leased: LeasedShards, starts: SessionStarts, reach: GatewayReach, newsroom: Newsroom
    ) -> None:
        self._leased, self._starts, self._reach, self._leases = leased, starts, reach, newsroom.leases
        self._store, self._clock, self._notices = newsroom.store, newsroom.clock, newsroom.notices
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Begin to ask, and to hear who asks."""
        self._notices.hear(_WANTED, self._wanted)
        self._tasks["ask"] = asyncio.create_task(self._ask(), name="shards wanted")

    def stop(self) -> None:
        """End it."""
        self._notices.hear(_WANTED, None)
        for task in self._tasks.values():
            task.cancel()

    async def give_all(self) -> None:
        """Give the shards that have a connection to others, one after the other as sessions may begin."""
        held = filter(self._reach.is_connected, sorted(self._store.shards.numbers))
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(LEAVING):
                for number in held:
                    counts = await self._counts()
                    others = [
                        each.id
                        for each in await self._store.processes.all()
                        if Role.GATEWAY in each.roles and each.id != self._leases.me.id
                    ]
                    if not others:
                        return
                    await self._leased.give(number, min(others, key=counts.__getitem__))
                    await self._clock.sleep(self._starts.pause)

    async def _ask(self) -> None:
        await self._clock.sleep(SETTLED)
        while True:
            try:
                if self._is_settled and await self._is_short() and await self._starts.are_ample():
                    await self._store.tell(f"{_WANTED} {self._leases.me.id}")
            except StoreError as error:
                log.debug("No shard was asked for: %s", error)  # the store has told of it
            await self._clock.sleep(ASK_EVERY)

    def _wanted(self, by: str) -> None:
        task = self._tasks.get("give")
        if by != self._leases.me.id and (task is None or task.done()):
            self._tasks["give"] = asyncio.create_task(self._give(by), name="shard given")

    async def _give(self, to: str) -> None:
        try:
            counts, me = await self._counts(), self._leases.me.id
            first = min(counts, key=lambda owner: (-counts[owner], owner), default=None)
            number = max(filter(self._reach.is_connected, self._leases.held(SHARDS)), default=None)
            if first == me and counts[me] - counts[to] > 1 and self._is_settled and number is not None:
                await self._leased.give(number, to)
        except StoreError as error:
            log.debug("No shard was given away: %s", error)

    @property
    def _is_settled(self) -> bool:
        """Whether every shard that this process has is served, and it reaches Discord."""
        is_served = self._leases.held(SHARDS) <= self._store.shards.numbers
        return is_served and self._leases.is_able(Role.GATEWAY)

    async def _is_short(self) -> bool:
        counts = await self._counts()
        return max(counts.values(), default=0) - counts[self._leases.me.id] > 1

    async def _counts(self) -> Counter[str]:
        """How many shards each process has."""
        return Counter((await self._store.processes.owners(SHARDS)).values())
