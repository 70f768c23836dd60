"""When a shard may begin a session: as Discord lets one bot begin them, whatever process asks.

So many at a time, five seconds apart, and so many in a day; whoever begins more has its token reset:
https://discord.com/developers/docs/events/gateway#session-start-limit-object
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial

import aiohttp
import discord

from bot.client.services import Services
from bot.store.records.process_records import IdentifyPermit

log = logging.getLogger(__name__)

MAX_RECHECK_SECONDS = 300.0
"""Seconds until Discord is asked again, at the most, where it lets no session begin."""
_PATIENCE = 10.0  # seconds that Discord may take to say how many sessions may begin


class IdentifyScheduler:
    """Those of one bot. `buckets` shards may begin at a time."""

    def __init__(self, client: discord.AutoShardedClient, newsroom: Services) -> None:
        self._client, self._store, self._clock = client, newsroom.store, newsroom.clock
        self.buckets = 1
        self.sessions_remaining: int | None = None
        """How many more may begin, as Discord said last; None where it did not."""
        self.waiting = 0
        """Shards of this process that wait until they may begin."""
        self._is_told = False
        self._granted: dict[int, IdentifyPermit] = {}  # by shard
        # By bucket: first come, first served.
        self._lines: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def pause(self) -> float:
        """Seconds between two sessions that begin, on the average."""
        return self._store.shards.identify_interval_seconds / self.buckets

    async def wait_for_identify(self, number: int) -> None:
        """Wait until a shard may identify: one of a bucket every five seconds, as long as some are left.

        One that did not use its last turn could not connect: it does not count as waiting.
        """
        bucket = number % self.buckets
        with nullcontext() if number in self._granted else self._wait():
            async with self._lines[bucket]:
                while True:
                    await self._wait_for_quota()
                    turn = await self._store.retry_until_written(
                        partial(self._store.shards.request_identify, bucket, self.sessions_remaining)
                    )
                    if not turn.wait_seconds:
                        break
                    await self._clock.sleep(turn.wait_seconds)
        self._granted[number] = turn

    async def confirm_identify(self, number: int) -> None:
        """A shard identifies now: in its turn, which those that connect had before, or when that comes.

        A turn is over as soon as another has the next one.
        """
        identifies, bucket = self._store.shards.confirm_identify, number % self.buckets
        while (turn := self._granted.pop(number, None)) is None or not await self._store.retry_until_written(
            partial(identifies, bucket, turn)
        ):
            await self.wait_for_identify(number)

    async def _wait_for_quota(self) -> None:
        """Wait while Discord lets no session begin; where it does not say, it does."""
        while (limits := await self._fetch_limits()) is not None and limits.remaining <= 0:
            seconds = limits.reset_after / 1_000
            if not self._is_told:
                log.warning(
                    "Discord won’t let this bot start any more sessions for %s. Shards without one are "
                    "waiting. Restarting over and over uses sessions up.",
                    timedelta(seconds=round(seconds)),
                )
            self._is_told = True
            await self._clock.sleep(min(max(seconds, 1.0), MAX_RECHECK_SECONDS))
        self._is_told = False

    async def has_ample_quota(self) -> bool:
        """Whether more than half of a day's are left, so that some may go for what need not be."""
        limits = await self._fetch_limits()
        return limits is not None and 2 * limits.remaining > limits.total

    @contextmanager
    def _wait(self) -> Iterator[None]:
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    async def _fetch_limits(self) -> discord.SessionStartLimits | None:
        limits: discord.SessionStartLimits | None
        try:
            async with asyncio.timeout(_PATIENCE):
                limits = await self._client.fetch_session_start_limits()
        except (discord.DiscordException, aiohttp.ClientError, TimeoutError) as error:
            log.debug("Discord did not tell how many sessions may begin: %s", error)
            limits = None
        self.sessions_remaining = None if limits is None else limits.remaining
        return limits
