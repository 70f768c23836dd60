"""Recording, in the database, of what came of sending messages."""

import math
from collections.abc import Collection
from functools import partial

from bot.core.models import Dispatch
from bot.core.reasons import SendProblem
from bot.posting.sending.blocked_channels import BlockedChannels
from bot.posting.sending.send_outcomes import (
    ChannelBlocked,
    DeliveryUnknown,
    Rejected,
    RetryAfter,
    SendOutcome,
    Sent,
    Unverifiable,
)
from bot.store import Store

MAX_BACKOFF_SECONDS = 300
"""Maximum delay in seconds between two attempts to send, unless Discord demands a longer delay."""
_BASE_BACKOFF_SECONDS = 5.0
_RETRY_REASON_KIND = "retry"
"""Kind under which all reasons to send again later are logged, so that an outage with varying errors is logged once."""


def compute_backoff_seconds(dispatch: Dispatch) -> float:
    """Return the seconds until a message is sent again: 10, doubled after each further attempt, up to a maximum."""
    return min(_BASE_BACKOFF_SECONDS * 2.0 ** min(dispatch.attempt_count, 8), MAX_BACKOFF_SECONDS)


LOOKUP_DELAY_SECONDS = 5
"""Delay in seconds before looking up whether a message was delivered: after a first attempt, or a failed lookup."""


class OutcomeRecorder:
    """Recorder of the outcomes of sending messages, which also blocks and unblocks their channels."""

    def __init__(self, store: Store) -> None:
        self._store, self._clock = store, store.clock
        self._blocked_channels = BlockedChannels(store)

    async def record(
        self, dispatch: Dispatch, outcome: SendOutcome, joined_article_ids: Collection[int] = ()
    ) -> float | None:
        """Record what came of sending a message (dispatch), repeating the write until the database accepts it.

        `joined_article_ids` are the ids of articles added to the post that its message shows. If the outcome is
        `DeliveryUnknown`, returns the seconds to wait before looking up whether the message was delivered, else None.
        Raises LeaseLost if another process now serves the message's server.
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
            case RetryAfter(seconds, reason):
                self._blocked_channels.log_once(dispatch.channel_id, _RETRY_REASON_KIND, reason)
                retry_at = now + math.ceil(max(seconds, compute_backoff_seconds(dispatch)))
                await dispatch_store.schedule_retry(dispatch.id, due_at=retry_at, reason=reason)
            case DeliveryUnknown(reason):
                self._blocked_channels.log_once(dispatch.channel_id, _RETRY_REASON_KIND, reason)
                await dispatch_store.record_in_doubt(dispatch.id, reason)
                # Later attempts wait longer, so that a message that arrives late is found before the next.
                return compute_backoff_seconds(dispatch) if dispatch.attempt_count > 1 else LOOKUP_DELAY_SECONDS
            case ChannelBlocked(reason):
                if reason.code is SendProblem.DMS_CLOSED and dispatch.proposer_id is not None:
                    await self._store.proposals.move_notice_to_channel(dispatch.id)
                else:
                    await dispatch_store.schedule_retry(dispatch.id, due_at=now, reason=None)
                await self._blocked_channels.block(dispatch.channel_id, reason)
            case Rejected(reason):
                await dispatch_store.mark_failed(dispatch.id, reason)
            case Unverifiable(reason):
                await dispatch_store.mark_uncertain(dispatch.id, reason)
        return None
