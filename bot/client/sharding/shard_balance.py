"""Balancing of shards: a process with at least two shards fewer than another asks for one.

One at a time: each move costs its servers some seconds without a session, and the bot one of its daily
sessions, of which a cold start of all shards must find enough. A process asks only after it has run for a
while, so that one that dies soon after its start takes no shard along.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from bot.client.services import Services
from bot.core.preferences import ProcessRole
from bot.processes.leases import SHARDS
from bot.store import StoreError

if TYPE_CHECKING:
    from bot.client.sharding.leased_shards import LeasedShards

log = logging.getLogger(__name__)

FIRST_REQUEST_DELAY_SECONDS = 30.0
"""Seconds after the start until the first request."""
ASK_EVERY, LONGEST_PAUSE = 5.0, 60.0
"""Seconds between requests; doubled after each unsuccessful one, up to the maximum."""
SHUTDOWN_HANDOVER_SECONDS = 30.0
"""Seconds that a process that ends spends on handing its shards over; the rest is then released."""
_WANTED = "want"
"""Name of the cluster event that requests a shard."""


class ShardBalancer:
    """Requests for shards of processes that own more, and handovers to those that own fewer."""

    def __init__(self, leased: LeasedShards, newsroom: Services) -> None:
        self._leased, self._starts, self._connections = leased, leased.starts, leased.connections
        self._leases, self._notices = newsroom.leases, newsroom.notices
        self._store, self._clock = newsroom.store, newsroom.clock
        self._handing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start to request shards, and to answer requests."""
        self._notices.set_payload_handler(_WANTED, self._on_request)
        self._leased.keep_running("shards wanted", self._ask)

    def stop(self) -> None:
        """Ignore further requests."""
        self._notices.set_payload_handler(_WANTED, None)

    async def hand_over_all(self) -> None:
        """Hand the connected shards over, at the pace at which sessions may start."""
        with suppress(StoreError, TimeoutError):
            async with asyncio.timeout(SHUTDOWN_HANDOVER_SECONDS):
                for number in filter(self._connections.has, sorted(self._store.shards.numbers)):
                    if (to := await self.recipient()) is None:
                        return
                    await self._leased.hand_over(number, to)
                    await self._clock.sleep(self._starts.pause)

    async def recipient(self) -> str | None:
        """Return the available process with the fewest shards, None without any. Raises `StoreError`."""
        counts = await self._counts()
        others = await self._leases.other_processes(ProcessRole.GATEWAY)
        return min(others, key=counts.__getitem__, default=None)

    async def _ask(self) -> None:
        await self._clock.sleep(FIRST_REQUEST_DELAY_SECONDS)
        pause = ASK_EVERY
        while True:
            had = self._leases.owned(SHARDS)
            is_asked = await self._ask_where_short()
            await self._clock.sleep(pause)
            in_vain = is_asked and self._leases.owned(SHARDS) == had
            pause = min(2 * pause, LONGEST_PAUSE) if in_vain else ASK_EVERY

    async def _ask_where_short(self) -> bool:
        try:
            counts = await self._counts()
            is_short = max(counts.values(), default=0) - counts[self._leases.process.id] > 1
            if not (is_short and self._is_settled and await self._starts.has_ample_quota()):
                return False
            await self._store.notify(f"{_WANTED} {self._leases.process.id}")
        except StoreError as error:
            log.debug("shard request failed error=%s", error)  # The store has logged the fault.
            return False
        return True

    def _on_request(self, by: str) -> None:
        if by != self._leases.process.id and (self._handing is None or self._handing.done()):
            self._handing = self._leased.spawn(self._hand_one_over(by), "shard handed over")

    async def _hand_one_over(self, to: str) -> None:
        try:
            counts, me = await self._counts(), self._leases.process.id
            first = min(counts, key=lambda owner: (-counts[owner], owner), default=None)
            number = max(filter(self._connections.has, self._leases.owned(SHARDS)), default=None)
            if first == me and counts[me] - counts[to] > 1 and self._is_settled and number is not None:
                await self._leased.hand_over(number, to)
        except StoreError as error:
            log.debug("shard handover failed error=%s", error)

    @property
    def _is_settled(self) -> bool:
        """Whether this process reaches Discord and serves every shard that it owns."""
        is_served = self._leases.owned(SHARDS) <= self._store.shards.numbers
        return is_served and self._leases.is_available(ProcessRole.GATEWAY)

    async def _counts(self) -> Counter[str]:
        """Return the number of shards of each process."""
        return Counter((await self._store.processes.owners(SHARDS)).values())
