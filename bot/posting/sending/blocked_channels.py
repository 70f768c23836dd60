"""Channels that Discord does not let Telex post in: when to try them again, and when to log that they are blocked."""

import logging

from bot.core.reasons import Reason, SendProblem
from bot.store import Store

log = logging.getLogger(__name__)

MIN_BLOCK_SECONDS = 300
"""Minimum number of seconds until a blocked channel is tried again."""
MAX_BLOCK_SECONDS = 21_600
"""Maximum number of seconds until a blocked channel is tried again."""


class BlockedChannels:
    """Recorder of channels in which Telex cannot post. The reason is logged when its kind changes, not every time."""

    def __init__(self, store: Store) -> None:
        self._store, self._clock = store, store.clock
        self._logged_reason_kind_by_channel_id: dict[int, str] = {}

    async def block(self, channel_id: int, reason: Reason) -> None:
        """Block a channel for as long again as it has been blocked, within a minimum and a maximum.

        A user's direct messages that are closed stay blocked until the user opens them. Raises StoreError.
        """
        now = self._clock.now()
        previous_problem = await self._store.dispatches.get_problem(channel_id)
        wait_seconds = min(
            max(now - previous_problem.since if previous_problem is not None else 0, MIN_BLOCK_SECONDS),
            MAX_BLOCK_SECONDS,
        )
        retry_at = None if reason.code is SendProblem.DMS_CLOSED else now + wait_seconds
        await self._store.dispatches.block_channel(channel_id, reason, retry_at)
        self.log_once(channel_id, reason.code, reason)

    def log_once(self, channel_id: int, reason_kind: str, reason: Reason) -> None:
        """Log that a channel is blocked, unless its last logged reason was of the same kind."""
        if self._logged_reason_kind_by_channel_id.get(channel_id) != reason_kind:
            self._logged_reason_kind_by_channel_id[channel_id] = reason_kind
            log.warning("channel blocked channel_id=%d reason=%s", channel_id, reason)

    async def unblock(self, channel_id: int) -> None:
        """Unblock a channel, if it is blocked, after a successful send. Raises StoreError."""
        if await self._store.dispatches.get_problem(channel_id) is not None:
            await self._store.dispatches.unblock_channel(channel_id)
        if self._logged_reason_kind_by_channel_id.pop(channel_id, None) is not None:
            log.info("channel unblocked channel_id=%d", channel_id)
