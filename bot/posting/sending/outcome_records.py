"""Writing down what became of a dispatch, and of the channel that took it or did not."""

import logging
import math
from collections.abc import Collection
from functools import partial

from bot.core.models import Dispatch
from bot.posting.sending.send_outcomes import Blocked, Later, Lost, Outcome, Problem, Refused, Sent, Unknown
from bot.store import Store
from bot.watches.watch_matching import CLOSED

log = logging.getLogger(__name__)

LONGEST_RETRY = 300
"""Seconds that a dispatch waits for its next attempt at the most, where Discord does not say otherwise."""
LONGEST_BLOCK = 21_600
"""Seconds after which a channel that takes nothing is tried again at the latest."""

_BLOCKED = (300, LONGEST_BLOCK)  # seconds after which a blocked channel is tried again: first, and at most
_MOMENT = 5.0


class BlockedPlaces:
    """What is wrong with the channels, remembered so that the log does not say it at each attempt."""

    def __init__(self, store: Store) -> None:
        self._store, self._clock = store, store.clock
        self._told: dict[int, str] = {}

    async def block(self, channel_id: int, problem: str) -> None:
        """Leave a channel alone for as long as it has been blocked; closed messages until they are open."""
        now = self._clock.now()
        before = await self._store.dispatches.problem(channel_id)
        first, most = _BLOCKED
        wait = min(max(now - before.since if before is not None else 0, first), most)
        retry_at = None if problem == CLOSED else now + wait
        await self._store.dispatches.block_channel(channel_id, problem, retry_at)
        self.tell(channel_id, problem, problem)

    def tell(self, channel_id: int, kind: str, details: str) -> None:
        """Let the log say, unless it did, that a channel takes nothing for a reason of this kind."""
        if self._told.get(channel_id) != kind:
            self._told[channel_id] = kind
            log.warning("Can’t post in channel %d for now: %s", channel_id, details)

    async def end(self, channel_id: int) -> None:
        """A channel took something."""
        if await self._store.dispatches.problem(channel_id) is not None:
            await self._store.dispatches.unblock_channel(channel_id)
        if self._told.pop(channel_id, None) is not None:
            log.info("Channel %d accepts posts again", channel_id)


def patience(dispatch: Dispatch) -> float:
    """Seconds to leave until a further attempt at a dispatch: more after each."""
    return min(_MOMENT * 2.0 ** min(dispatch.attempts, 8), LONGEST_RETRY)


READ_BACK_AFTER = 5
"""Seconds until a message whose answer was lost is looked for."""


class OutcomeRecords:
    """The outcomes of all dispatches."""

    def __init__(self, store: Store) -> None:
        self._store, self._clock = store, store.clock
        self._blocked_places = BlockedPlaces(store)

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
                self._blocked_places.tell(dispatch.channel_id, Problem.TRYING, error)
                due = now + math.ceil(max(seconds, patience(dispatch)))
                await dispatches.retry(dispatch.id, due=due, error=f"{Problem.TRYING} {error}")
            case Lost(error):
                self._blocked_places.tell(dispatch.channel_id, Problem.TRYING, error)
                await dispatches.unanswered(dispatch.id, f"{Problem.TRYING} {error}")
                # After the pause and right before it is sent again: what came late was here in between.
                return patience(dispatch) if dispatch.attempts > 1 else READ_BACK_AFTER
            case Blocked(problem):
                await dispatches.retry(dispatch.id, due=now, error=None)
                await self._blocked_places.block(dispatch.channel_id, problem)
            case Refused(error):
                await dispatches.failed(dispatch.id, f"{Problem.REFUSED} {error}")
            case Unknown(reason):
                await dispatches.uncertain(dispatch.id, reason)
        return None
