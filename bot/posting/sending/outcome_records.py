"""Writing down what became of a dispatch."""

import math
from collections.abc import Collection
from functools import partial

from bot.core.models import Dispatch
from bot.posting.sending.blocked_channels import BlockedChannels
from bot.posting.sending.send_outcomes import Blocked, Later, Lost, Outcome, Problem, Refused, Sent, Unknown
from bot.store import Store

LONGEST_RETRY = 300
"""Seconds that a dispatch waits for its next attempt at the most, where Discord does not say otherwise."""
_MOMENT = 5.0


def patience(dispatch: Dispatch) -> float:
    """Seconds to leave until a further attempt at a dispatch: more after each."""
    return min(_MOMENT * 2.0 ** min(dispatch.attempts, 8), LONGEST_RETRY)


READ_BACK_AFTER = 5
"""Seconds until a message whose answer was lost is looked for."""


class OutcomeRecords:
    """The outcomes of all dispatches."""

    def __init__(self, store: Store) -> None:
        self._store, self._clock = store, store.clock
        self._blocked = BlockedChannels(store)

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
                await self._blocked.end(dispatch.channel_id)
            case Later(seconds, error):
                self._blocked.tell(dispatch.channel_id, Problem.TRYING, error)
                due = now + math.ceil(max(seconds, patience(dispatch)))
                await dispatches.retry(dispatch.id, due=due, error=f"{Problem.TRYING} {error}")
            case Lost(error):
                self._blocked.tell(dispatch.channel_id, Problem.TRYING, error)
                await dispatches.unanswered(dispatch.id, f"{Problem.TRYING} {error}")
                # After the pause and right before it is sent again: what came late was here in between.
                return patience(dispatch) if dispatch.attempts > 1 else READ_BACK_AFTER
            case Blocked(problem):
                await dispatches.retry(dispatch.id, due=now, error=None)
                await self._blocked.block(dispatch.channel_id, problem)
            case Refused(error):
                await dispatches.failed(dispatch.id, f"{Problem.REFUSED} {error}")
            case Unknown(reason):
                await dispatches.uncertain(dispatch.id, reason)
        return None
