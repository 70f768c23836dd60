"""Scheduling of identifies (session starts of shards) within Discord's limits, across all processes.

Discord allows a bot a number of identifies at a time, five seconds apart, and a number per day; exceeding it
resets the bot's token: https://discord.com/developers/docs/events/gateway#session-start-limit-object
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial

import discord

from bot.client.services import Services
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.store.records.process_records import IdentifyDecision

log = logging.getLogger(__name__)

MAX_RECHECK_SECONDS = 300.0
"""Maximum number of seconds until Discord's limits are fetched again while no session may start."""
_LIMITS_TIMEOUT_SECONDS = 10.0
"""Maximum number of seconds to wait for Discord's session limits."""


class IdentifyScheduler:
    """Scheduler of the identifies (session starts) of a bot's shards.

    `bucket_count` shards may identify concurrently, one of each bucket. A bucket is all shards whose numbers have the
    same remainder when divided by `bucket_count`.
    """

    def __init__(self, client: discord.AutoShardedClient, services: Services) -> None:
        self._client, self._store, self._clock = client, services.store, services.clock
        self.bucket_count = 1
        self.sessions_remaining: int | None = None
        """Number of sessions that may still start today by Discord's last response, or None if unknown."""
        self.waiting_count = 0
        """Number of this process's shards that wait to identify (start a session)."""
        self._is_exhaustion_logged = False
        self._permit_by_shard_number: dict[int, IdentifyDecision] = {}
        # Asyncio's locks are first come, first served.
        self._lock_by_bucket_number: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def mean_interval_seconds(self) -> float:
        """Mean number of seconds between two identifies (session starts) of the bot."""
        return self._store.shards.identify_interval_seconds / self.bucket_count

    async def wait_for_identify(self, shard_number: int) -> None:
        """Wait until a shard may identify: one per bucket every five seconds while the daily quota lasts.

        To identify is to start a session. A shard that did not use its last permit could not connect and does
        not count as waiting.
        """
        bucket_number = shard_number % self.bucket_count
        with nullcontext() if shard_number in self._permit_by_shard_number else self._count_waiting():
            async with self._lock_by_bucket_number[bucket_number]:
                while True:
                    await self._wait_for_quota()
                    decision = await self._store.retry_until_written(
                        partial(self._store.shards.request_identify, bucket_number, self.sessions_remaining)
                    )
                    if not decision.wait_seconds:
                        break
                    await self._clock.sleep(decision.wait_seconds)
        self._permit_by_shard_number[shard_number] = decision

    async def confirm_identify(self, shard_number: int) -> None:
        """Use up the permit of a shard to identify (start a session) now; if it has expired, wait for a new one first.

        A permit expires as soon as the next one in the same bucket is granted.
        """
        confirm_permit = partial(self._store.shards.confirm_identify, shard_number % self.bucket_count)
        while (
            permit := self._permit_by_shard_number.pop(shard_number, None)
        ) is None or not await self._store.retry_until_written(partial(confirm_permit, permit)):
            await self.wait_for_identify(shard_number)

    async def _wait_for_quota(self) -> None:
        """Wait while Discord allows no further session; if the limits are unknown, do not wait."""
        while (session_limits := await self._fetch_session_limits()) is not None and session_limits.remaining <= 0:
            reset_seconds = session_limits.reset_after / 1_000
            if not self._is_exhaustion_logged:
                log.warning(
                    "session quota exhausted; frequent restarts use it up reset_after=%s",
                    timedelta(seconds=round(reset_seconds)),
                )
            self._is_exhaustion_logged = True
            await self._clock.sleep(min(max(reset_seconds, 1.0), MAX_RECHECK_SECONDS))
        self._is_exhaustion_logged = False

    async def has_ample_quota(self) -> bool:
        """Return whether more than half of the daily sessions are left, enough for optional ones; False if unknown."""
        session_limits = await self._fetch_session_limits()
        return session_limits is not None and 2 * session_limits.remaining > session_limits.total

    @contextmanager
    def _count_waiting(self) -> Iterator[None]:
        self.waiting_count += 1
        try:
            yield
        finally:
            self.waiting_count -= 1

    async def _fetch_session_limits(self) -> discord.SessionStartLimits | None:
        session_limits: discord.SessionStartLimits | None
        try:
            async with asyncio.timeout(_LIMITS_TIMEOUT_SECONDS):
                session_limits = await self._client.fetch_session_start_limits()
        except DISCORD_ERRORS as error:
            log.debug("session limits unavailable error=%s", error)
            session_limits = None
        self.sessions_remaining = None if session_limits is None else session_limits.remaining
        return session_limits
