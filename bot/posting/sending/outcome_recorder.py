"""Recording of the outcomes of sends in the store."""

import math
from collections.abc import Collection
from functools import partial

from bot.core.models import Dispatch
from bot.posting.sending.blocked_channels import BlockedChannels
from bot.posting.sending.send_outcomes import (
    ChannelBlocked,
    DeliveryUnknown,
    Rejected,
    RetryAfter,
    SendOutcome,
    SendProblem,
    Sent,
    Unverifiable,
)
from bot.store import Store

MAX_BACKOFF_SECONDS = 300
"""Maximum delay in seconds between two attempts to send, unless Discord demands a longer one."""
_BASE_BACKOFF_SECONDS = 5.0


def backoff_seconds(dispatch: Dispatch) -> float:
    """Return the delay in seconds before the next attempt: 5 s, doubled at each attempt up to a maximum."""
    return min(_BASE_BACKOFF_SECONDS * 2.0 ** min(dispatch.attempts, 8), MAX_BACKOFF_SECONDS)


LOOKUP_DELAY_SECONDS = 5
"""Delay in seconds before looking up whether a message whose response was lost was delivered."""


class OutcomeRecorder:
    """Recorder of the outcomes of dispatches, which also blocks and unblocks their channels."""

    def __init__(self, store: Store) -> None:
        self._store, self._clock = store, store.clock
        self._blocked_channels = BlockedChannels(store)

    async def record(
        self, dispatch: Dispatch, outcome: SendOutcome, joined_article_ids: Collection[int] = ()
    ) -> float | None:
        """Record the outcome of a dispatch, repeating the write until the database accepts it.

        `joined_article_ids` are further articles that its message shows. Returns the seconds to wait before
        looking up whether it was delivered if the outcome is `DeliveryUnknown`, else None.
        """
        return await self._store.retry_until_written(partial(self._record_once, dispatch, outcome, joined_article_ids))

    async def _record_once(
        self, dispatch: Dispatch, outcome: SendOutcome, joined_article_ids: Collection[int]
    ) -> float | None:
        now, dispatch_store = self._clock.now(), self._store.dispatches
        match outcome:
            case Sent(message_id, thread_id, webhook_id):
                await dispatch_store.mark_sent(
                    dispatch.id,
                    message_id=message_id,
                    thread_id=thread_id,
                    webhook_id=webhook_id,
                    sent_at=now,
                    shown_article_ids=joined_article_ids,
                )
                await self._blocked_channels.unblock(dispatch.channel_id)
            case RetryAfter(seconds, error):
                self._blocked_channels.log_once(dispatch.channel_id, SendProblem.RETRYING, error)
                retry_at = now + math.ceil(max(seconds, backoff_seconds(dispatch)))
                await dispatch_store.schedule_retry(
                    dispatch.id, due_at=retry_at, error=f"{SendProblem.RETRYING} {error}"
                )
            case DeliveryUnknown(error):
                self._blocked_channels.log_once(dispatch.channel_id, SendProblem.RETRYING, error)
                await dispatch_store.record_in_doubt(dispatch.id, f"{SendProblem.RETRYING} {error}")
                # Later attempts wait longer, so that a message that arrives late is found before the next.
                return backoff_seconds(dispatch) if dispatch.attempts > 1 else LOOKUP_DELAY_SECONDS
            case ChannelBlocked(problem):
                await dispatch_store.schedule_retry(dispatch.id, due_at=now, error=None)
                await self._blocked_channels.block(dispatch.channel_id, problem)
            case Rejected(error):
                await dispatch_store.mark_failed(dispatch.id, f"{SendProblem.REFUSED} {error}")
            case Unverifiable(reason):
                await dispatch_store.mark_uncertain(dispatch.id, reason)
        return None
