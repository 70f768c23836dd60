"""Writing down what became of a dispatch, and of the channel that took it or did not."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import partial

from bot.core.clock import Clock
from bot.core.models import Dispatch
from bot.posting.sending.failing_places import BlockedPlaces, patience
from bot.posting.sending.send_outcomes import (
    REFUSED,
    TRYING,
    Blocked,
    Later,
    Lost,
    Outcome,
    Refused,
    Sent,
    Unknown,
)
from bot.store import Store

READ_BACK_AFTER = 5
"""Seconds until a message whose answer was lost is looked for."""


class OutcomeRecords:
    """The outcomes of all dispatches."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._blocked_places = BlockedPlaces(store, clock)

    async def record(self, dispatch: Dispatch, outcome: Outcome, shown: Collection[int] = ()) -> float | None:
        """Write down what became of a dispatch, however long the database takes nothing.

        `shown` are the articles that its message names beside its own. Where nobody knows whether it was
        sent, returns the seconds after which to look for it.
        """
        return await self._store.insist(partial(self._write_down, dispatch, outcome, shown))

    async def _write_down(self, dispatch: Dispatch, outcome: Outcome, shown: Collection[int]) -> float | None:
        now, dispatches = self._clock.now(), self._store.dispatches
        match outcome:
            case Sent(message_id, thread_id, webhook_id):
                await dispatches.sent(
                    dispatch.id,
                    message_id=message_id,
                    thread_id=thread_id,
                    webhook_id=webhook_id,
                    now=now,
                    shown=shown,
                )
                await self._blocked_places.end(dispatch.channel_id)
            case Later(seconds, error):
                self._blocked_places.tell(dispatch.channel_id, TRYING, error)
                due = now + math.ceil(max(seconds, patience(dispatch)))
                await dispatches.retry(dispatch.id, due=due, error=f"{TRYING} {error}")
            case Lost(error):
                self._blocked_places.tell(dispatch.channel_id, TRYING, error)
                await dispatches.unanswered(dispatch.id, f"{TRYING} {error}")
                # After the pause and right before it is sent again: what came late was here in between.
                return patience(dispatch) if dispatch.attempts > 1 else READ_BACK_AFTER
            case Blocked(problem):
                await dispatches.retry(dispatch.id, due=now, error=None)
                await self._blocked_places.block(dispatch.channel_id, problem)
            case Refused(error):
                await dispatches.failed(dispatch.id, f"{REFUSED} {error}")
            case Unknown(reason):
                await dispatches.uncertain(dispatch.id, reason)
        return None
