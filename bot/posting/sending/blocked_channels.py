"""Channels that take nothing: how long each is left alone, and what the log says of it."""

import logging

from bot.store import Store
from bot.watches.watch_matching import DMS_CLOSED

log = logging.getLogger(__name__)

MIN_BLOCK_SECONDS, MAX_BLOCK_SECONDS = 300, 21_600
"""Seconds after which a channel that takes nothing is tried again: at first, and at the latest."""


class BlockedChannels:
    """What is wrong with the channels, remembered so that the log does not say it at each attempt."""

    def __init__(self, store: Store) -> None:
        self._store, self._clock = store, store.clock
        self._logged_reasons: dict[int, str] = {}

    async def block(self, channel_id: int, problem: str) -> None:
        """Leave a channel alone for as long as it has been blocked; closed messages until they are open."""
        now = self._clock.now()
        before = await self._store.dispatches.problem(channel_id)
        wait = min(max(now - before.since if before is not None else 0, MIN_BLOCK_SECONDS), MAX_BLOCK_SECONDS)
        retry_at = None if problem == DMS_CLOSED else now + wait
        await self._store.dispatches.block_channel(channel_id, problem, retry_at)
        self.log_once(channel_id, problem, problem)

    def log_once(self, channel_id: int, kind: str, details: str) -> None:
        """Let the log say, unless it did, that a channel takes nothing for a reason of this kind."""
        if self._logged_reasons.get(channel_id) != kind:
            self._logged_reasons[channel_id] = kind
            log.warning("Can’t post in channel %d for now: %s", channel_id, details)

    async def unblock(self, channel_id: int) -> None:
        """A channel took something."""
        if await self._store.dispatches.problem(channel_id) is not None:
            await self._store.dispatches.unblock_channel(channel_id)
        if self._logged_reasons.pop(channel_id, None) is not None:
            log.info("Channel %d accepts posts again", channel_id)
