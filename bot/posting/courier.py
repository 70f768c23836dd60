"""Takes what is owed to channels there: once each, oldest first, no channel waiting for another.

A dispatch is claimed, sent, recorded as sent, and finished. Whatever happens between these steps, the next
start finds how far it came: a claim that has no message yet is looked for in its channel before it is sent
again. The order within a channel is the store's; each channel has a task of its own while it has work.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from bot.core.clock import wait
from bot.core.fair_queue import FairSlots
from bot.core.models import Dispatch, DispatchState
from bot.posting.chores import Chores
from bot.posting.digest_making import Digests
from bot.posting.due_task import BestStories, DueTask, Matching
from bot.posting.personal_digest_making import PersonalDigests
from bot.posting.posting_context import PostingContext
from bot.posting.recovery.pending_claims import Pending, PendingClaims, until_next_look
from bot.posting.recovery.restored_backup import Narrowed
from bot.posting.sending import message_places, permissions
from bot.posting.sending.dispatch_sender import DispatchSender
from bot.posting.sending.lease_checks import acting_for
from bot.posting.sending.outcome_records import READ_BACK_AFTER, OutcomeRecords
from bot.posting.sending.send_outcomes import Later, Lost, Outcome, Problem, Sent
from bot.posting.translating import Translating
from bot.store import UNTIL_NEXT_TRY, DatabaseFault, LeaseLost

log = logging.getLogger(__name__)

CONCURRENT = 64
"""Posts under way at a time, all channels together; servers share them."""

_LONGEST_SLEEP = 60  # seconds after which the store is asked again although nothing should be due
_OTHERS_OWE = 5  # likewise, where other processes bring what is due and their notice may be missed
_AFTER_FAULT = 60
_MOST_FAULTS = 5


class Courier:
    """The outbox of one process. `client` is logged in; `run` is the loop, `settle` one round of it."""

    def __init__(self, context: PostingContext) -> None:
        self._store, self._client, self._clock = context.store, context.client, context.clock
        self.audience, self._restored = context.audience, context.restored
        self.wake = context.wake
        self._woken = context.woken
        self.digests, self.personal_digests = Digests(context), PersonalDigests(context)
        self._own: tuple[DueTask, ...] = (self.digests, Translating(context))
        self._once: tuple[DueTask, ...] = (self.personal_digests, Matching(context), BestStories(context))
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._slots = FairSlots(CONCURRENT)
        self._sender = DispatchSender(context)
        self._pending = PendingClaims(self._clock)
        self._resting: dict[int, int] = {}  # channels left alone until a time
        self._faults: Counter[int] = Counter()
        self._chores = Chores(context, self._sender.render)
        self._records = OutcomeRecords(self._store)
        self._under_way: dict[int, Dispatch] = {}  # by channel
        self._begun: set[int] = set()
        self._beginning = asyncio.Lock()
        self._stopping = False
        self.on_found: Callable[[Dispatch], None] = lambda _dispatch: None
        """Called with a dispatch that turned out to have been sent: people may have seen it for a while."""

    async def run(self) -> None:
        """Deliver whenever something is due. Ends by cancellation only, or by a fault."""
        if not self._store.shards.end:  # else each shard is served when it is ready
            await self._client.wait_until_ready()
        while True:
            self._woken.clear()
            await self._start_due()
            await self._wait()

    async def settle(self) -> None:
        """Deliver what is due now, and return when it is done or waits for a later time."""
        idle = 0
        while idle < 2:  # noqa: PLR2004  # what began and ended within one look shows in the next
            await self._start_due()
            running = self._running()
            idle = 0 if running else idle + 1
            if running:
                await asyncio.wait(running)

    async def stop(self, grace: float = 5.0) -> None:
        """Take nothing new; let what is being sent end within `grace` seconds, then leave it claimed."""
        self._stopping = self._chores.stopping = True
        running = self._running()
        if running:
            _done, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def release(self, shard: int, grace: float = 5.0) -> None:
        """Let what is being sent for a shard end within so many seconds; whoever gets it finds the rest.

        This process decides about its servers no more, so that nothing new begins.
        """
        async with self._beginning:  # or it would count as begun in the end
            self._begun.discard(shard)
        of = self._store.shards.of
        sending = [self._tasks[id_] for id_, each in self._under_way.items() if of(each.server_id) == shard]
        if sending:
            await asyncio.wait(sending, timeout=grace)
        self._pending.leave(lambda each: of(each.server_id) == shard)

    async def look_again(self, channel_id: int) -> None:
        """Something about a channel changed: where it was blocked and may not be any more, try again."""
        problem = await self._store.dispatches.problem(channel_id)
        if problem is None:
            return
        channel = self._client.get_channel(channel_id)
        if isinstance(channel, message_places.Place) and permissions.lacking(channel):
            return
        await self._store.dispatches.unblock_channel(channel_id)
        self.wake()

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        self._resting = {channel: until - by for channel, until in self._resting.items()}
        self._chores.clock_set_back(by)
        for other in (*self._own, *self._once):
            other.clock_set_back(by)
        self.wake()

    @property
    def _others(self) -> tuple[DueTask, ...]:
        """What is done for the servers of this process, and for all by the one with direct messages."""
        return (*self._own, *self._once) if self._store.shards.has(None) else self._own

    # The loop

    async def begin(self, shard: int) -> None:
        """Learn, once, what whoever had a shard left undone: before anything is decided about its servers.

        Raises `StoreError`.
        """
        async with self._beginning:
            if shard in self._begun:
                return
            if not self._begun:
                await self._restored.begin()
            for dispatch in await self._store.dispatches.interrupted(shard):
                self._pending.add(dispatch)
            await self._chores.begin(shard)
            self._begun.add(shard)

    async def _start_due(self) -> None:
        if not await self._store.takes_writes():
            return  # what is not claimed in writing is not sent
        for shard in self._store.shards.numbers - self._begun:
            await self.begin(shard)
        await self._pending.learn(self._store)
        now = self._clock.now()
        self._resting = {channel: until for channel, until in self._resting.items() if until > now}
        busy = self._tasks.keys() | self._resting.keys()
        ready = [channel for channel in self._pending.channels() if channel not in busy]
        ready += await self._store.dispatches.channels_ready(now, busy)
        for channel_id in ready:
            if channel_id not in self._tasks and not self._stopping:
                task = asyncio.create_task(self._serve(channel_id))
                self._tasks[channel_id] = task
                task.add_done_callback(partial(self._ended, channel_id))
        if not self._stopping:
            for other in self._others:
                await other.start(now)
            await self._chores.start(now)

    def _ended(self, channel_id: int, task: asyncio.Task[None]) -> None:
        self._tasks.pop(channel_id, None)
        self._under_way.pop(channel_id, None)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            self._pending.doubt(channel_id)
        if isinstance(fault, DatabaseFault | LeaseLost):
            self._rest(channel_id, UNTIL_NEXT_TRY)
        elif fault is not None:
            log.error("Posting in channel %d stopped", channel_id, exc_info=fault)
            self._resting[channel_id] = self._clock.now() + _AFTER_FAULT
        self.wake()

    def _running(self) -> set[asyncio.Task[None]]:
        others = (other.task for other in (*self._own, *self._once) if other.task is not None)
        return {*self._tasks.values(), *self._chores.tasks(), *others}

    async def _wait(self) -> None:
        if self._store.fault is not None:
            await self._clock.sleep(UNTIL_NEXT_TRY)
            return
        now = self._clock.now()
        busy = self._tasks.keys() | self._resting.keys()
        dues = [now + (_OTHERS_OWE if self._store.shards.end else _LONGEST_SLEEP), *self._resting.values()]
        nexts = [await self._store.dispatches.next_due(busy), await self._chores.next_due()]
        nexts += [await other.next_due() for other in self._others if other.task is None]
        dues += [due for due in nexts if due is not None]
        await wait(self._clock, self._woken, max(min(dues) - now, 0))

    async def _serve(self, channel_id: int) -> None:
        while channel_id not in self._resting and not self._stopping:
            async with self._slots.turn(message_places.share_of(self._client, channel_id)):
                pending = self._pending.first(channel_id)
                dispatch = pending.dispatch if pending else await self._store.dispatches.claim(channel_id)
                if dispatch is None:
                    return
                self._under_way[channel_id] = dispatch
                acting_for.set(dispatch.server_id)
                try:
                    await (self._resolve(pending) if pending else self._deliver(dispatch))
                except (DatabaseFault, LeaseLost) as fault:
                    if isinstance(fault, LeaseLost) and not self._store.shards.has(dispatch.server_id):
                        self._pending.clear(dispatch)  # whoever has the shard finds out
                        return
                    self._leave_pending(dispatch, UNTIL_NEXT_TRY)
                except Exception:
                    log.exception("Dispatch %d was not delivered", dispatch.id)
                    await self._fault(dispatch)

    async def _fault(self, dispatch: Dispatch) -> None:
        """After an error of ours nobody knows whether it was sent: look for it later, a few times."""
        self._leave_pending(dispatch, _AFTER_FAULT)
        self._faults[dispatch.id] += 1
        if self._faults[dispatch.id] >= _MOST_FAULTS:
            await self._store.dispatches.failed(dispatch.id, Problem.FAULT)
            self._pending.clear(dispatch)

    # The steps of a dispatch

    async def _deliver(self, dispatch: Dispatch) -> None:
        prepared = await self._sender.prepare(dispatch)
        if isinstance(prepared, Problem):
            await self._store.dispatches.failed(dispatch.id, prepared)
            return
        if isinstance(prepared, Outcome):
            await self._record(dispatch, prepared)
            return
        place, dispatch, message = prepared
        outcome = await self._restored.look_back(place, dispatch, message)
        if isinstance(outcome, Narrowed):
            return
        shown: tuple[int, ...] = ()
        if outcome is None and not self._store.shards.has(dispatch.server_id):
            return  # whoever has the shard by now looks for it
        if outcome is None:
            outcome = await self._sender.send(place, dispatch, message)
            shown = dispatch.joined_ids
        await self._record(dispatch, outcome, shown)
        if isinstance(outcome, Sent):
            self._chores.finish_soon(_sent(dispatch, outcome))

    async def _resolve(self, pending: Pending) -> None:
        """Find out how a claim ended: it was sent, or it waits again, or nobody can tell."""
        dispatch = pending.dispatch
        current = await self._store.dispatches.get(dispatch.id)
        if current is None or current.state is not DispatchState.CLAIMED:
            self._pending.clear(dispatch)  # it was recorded before something else went wrong
            return
        dispatch = replace(dispatch, webhook_id=current.webhook_id)
        passed = self._pending.passed(pending)
        outcome, is_safe = await self._sender.look_for(dispatch)
        if outcome is None and not is_safe and (wait := until_next_look(passed)) is not None:
            outcome = Later(wait, "Discord may still be at it")
        if isinstance(outcome, Later | Lost):
            self._rest(
                dispatch.channel_id, outcome.seconds if isinstance(outcome, Later) else READ_BACK_AFTER
            )
            return
        if outcome is None:
            await self._store.dispatches.retry(dispatch.id, due=self._clock.now(), error=current.error)
        else:
            await self._record(dispatch, outcome)
        self._pending.clear(dispatch)
        if isinstance(outcome, Sent):
            self.on_found(_sent(dispatch, outcome))
            self._chores.finish_soon(_sent(dispatch, outcome))

    async def _record(self, dispatch: Dispatch, outcome: Outcome, shown: Collection[int] = ()) -> None:
        rest = await self._records.record(dispatch, outcome, shown)
        if rest is not None:
            self._leave_pending(dispatch, rest)

    def _leave_pending(self, dispatch: Dispatch, rest: float) -> None:
        """Nobody knows whether it was sent: it is looked for after a rest of its channel."""
        self._pending.add(dispatch)
        self._rest(dispatch.channel_id, rest)

    def _rest(self, channel_id: int, seconds: float) -> None:
        self._resting[channel_id] = self._clock.now() + math.ceil(seconds)


def _sent(dispatch: Dispatch, outcome: Sent) -> Dispatch:
    return replace(dispatch, message_id=outcome.message_id, thread_id=outcome.thread_id)
