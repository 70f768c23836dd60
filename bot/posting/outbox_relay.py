"""Send the dispatches of the outbox: each once, oldest first, every channel in a task of its own.

A dispatch is claimed, sent, recorded as sent, and finalized. After an interruption between any two steps, the
claim is looked up in its channel before it is sent again. The store keeps the order within a channel.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from bot.core.clock import wait_for_event
from bot.core.fair_queue import FairSemaphore
from bot.core.models import Dispatch, DispatchState
from bot.posting.channel_digest_task import ChannelDigestTask
from bot.posting.personal_digest_task import PersonalDigestTask
from bot.posting.post_send_worker import PostSendWorker
from bot.posting.posting_context import PostingContext
from bot.posting.recovery.in_doubt_claims import InDoubtClaim, InDoubtClaims, seconds_until_next_lookup
from bot.posting.recovery.restore_reconciler import Deduplicated
from bot.posting.scheduled_task import BestStorySelectionTask, ScheduledTask, WatchMatchingTask
from bot.posting.sending import message_targets, permissions
from bot.posting.sending.dispatch_sender import DispatchSender
from bot.posting.sending.lease_guard import current_server_id
from bot.posting.sending.outcome_recorder import LOOKUP_DELAY_SECONDS, OutcomeRecorder
from bot.posting.sending.send_outcomes import DeliveryUnknown, RetryAfter, SendOutcome, SendProblem, Sent
from bot.posting.translation_task import TranslationTask
from bot.store import WRITE_RETRY_SECONDS, DatabaseFault, LeaseLost

log = logging.getLogger(__name__)

MAX_CONCURRENT_SENDS = 64
"""Maximum number of sends in flight, over all channels. Servers share the slots fairly."""

_MAX_POLL_INTERVAL_SECONDS = 60
"""Maximum time in seconds between two polls of the outbox."""
_SHARED_DB_POLL_INTERVAL_SECONDS = 5
"""Maximum time in seconds between two polls when processes share the database.

A lost cluster event about a new dispatch then delays it by no more than this.
"""
_ERROR_BACKOFF_SECONDS = 60
_MAX_ERRORS_PER_DISPATCH = 5


class OutboxRelay:
    """Sends the dispatches of one process. `client` must be logged in before `run`."""

    def __init__(self, context: PostingContext) -> None:
        self._store, self._client, self._clock = context.store, context.client, context.clock
        self.audience, self._restore_reconciler = context.audience, context.restore_reconciler
        self.wake = context.wake
        self._woken = context.work_available
        self.digests, self.personal_digests = ChannelDigestTask(context), PersonalDigestTask(context)
        self._per_shard_tasks: tuple[ScheduledTask, ...] = (self.digests, TranslationTask(context))
        self._singleton_tasks: tuple[ScheduledTask, ...] = (
            self.personal_digests,
            WatchMatchingTask(context),
            BestStorySelectionTask(context),
        )
        self._channel_tasks: dict[int, asyncio.Task[None]] = {}
        self._slots = FairSemaphore(MAX_CONCURRENT_SENDS)
        self._sender = DispatchSender(context)
        self._in_doubt = InDoubtClaims(self._clock)
        self._paused_until: dict[int, int] = {}  # timestamps by channel id
        self._error_counts: Counter[int] = Counter()
        self._post_send = PostSendWorker(context, self._sender.render)
        self._outcome_recorder = OutcomeRecorder(self._store)
        self._in_flight_by_channel: dict[int, Dispatch] = {}
        self._adopted_shards: set[int] = set()
        self._adopt_lock = asyncio.Lock()
        self._stopping = False
        self.on_delivery_confirmed: Callable[[Dispatch], None] = lambda _dispatch: None
        """Called with a dispatch that a delivery lookup found sent; users may have seen it for a while."""

    async def run(self) -> None:
        """Send dispatches whenever they are due, until cancelled. Raises StoreError."""
        if not self._store.shards.are_transferable:  # else shards start one by one
            await self._client.wait_until_ready()
        while True:
            self._woken.clear()
            await self._start_due_work()
            await self._wait_for_work()

    async def run_until_idle(self) -> None:
        """Process all due work, then return when the relay is idle.

        Idle means that nothing is running and all remaining work is due later. For tests and the demo; `run`
        is the loop of the bot. Raises StoreError.
        """
        idle = 0
        # Work that starts and ends within one round may enqueue more, which the next round starts.
        while idle < 2:  # noqa: PLR2004
            await self._start_due_work()
            running = self._running_tasks()
            idle = 0 if running else idle + 1
            if running:
                await asyncio.wait(running)

    async def stop(self, grace: float = 5.0) -> None:
        """Start nothing new, and wait up to `grace_seconds` for work in flight; cancel what is left.

        The claims of cancelled sends stay in the outbox, and are looked up after the next start.
        """
        self._stopping = self._post_send.stopping = True
        running = self._running_tasks()
        if running:
            _done, late = await asyncio.wait(running, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def release_shard(self, shard: int, grace: float = 5.0) -> None:
        """Wait up to `grace_seconds` for the sends in flight of a shard that another process takes over.

        Claims that are still open stay in the outbox; the new owner reconciles them. The caller must have
        given up the shard already, so that no new send starts.
        """
        async with self._adopt_lock:  # A running `adopt_shard` would add it again.
            self._adopted_shards.discard(shard)
        of = self._store.shards.shard_of
        sending = [
            self._channel_tasks[id_]
            for id_, each in self._in_flight_by_channel.items()
            if of(each.server_id) == shard
        ]
        if sending:
            await asyncio.wait(sending, timeout=grace)
        self._in_doubt.drop_where(lambda each: of(each.server_id) == shard)

    async def recheck_channel(self, channel_id: int) -> None:
        """Unblock a channel if its permissions now suffice, and wake the relay. Raises StoreError."""
        problem = await self._store.dispatches.problem(channel_id)
        if problem is None:
            return
        channel = self._client.get_channel(channel_id)
        if isinstance(channel, message_targets.GuildTarget) and permissions.missing_permissions(channel):
            return
        await self._store.dispatches.unblock_channel(channel_id)
        self.wake()

    def on_clock_set_back(self, by: int) -> None:
        """Move all stored times back by `seconds`, by which the wall clock was set back."""
        self._paused_until = {channel: until - by for channel, until in self._paused_until.items()}
        self._post_send.on_clock_set_back(by)
        for other in (*self._per_shard_tasks, *self._singleton_tasks):
            other.on_clock_set_back(by)
        self.wake()

    @property
    def _active_tasks(self) -> tuple[ScheduledTask, ...]:
        """Scheduled tasks of this process, with the singletons if it serves direct messages."""
        return (
            (*self._per_shard_tasks, *self._singleton_tasks)
            if self._store.shards.serves(None)
            else self._per_shard_tasks
        )

    async def adopt_shard(self, shard: int) -> None:
        """Load the open claims and unfinished post-send steps of a shard, once.

        Must run before anything is sent for its servers. Raises StoreError.
        """
        async with self._adopt_lock:
            if shard in self._adopted_shards:
                return
            if not self._adopted_shards:
                await self._restore_reconciler.load_restore_marker()
            for dispatch in await self._store.dispatches.claimed(shard):
                self._in_doubt.add(dispatch)
            await self._post_send.adopt_shard(shard)
            self._adopted_shards.add(shard)

    async def _start_due_work(self) -> None:
        if not await self._store.is_writable():
            return  # A dispatch is sent only after its claim was stored.
        for shard in self._store.shards.numbers - self._adopted_shards:
            await self.adopt_shard(shard)
        await self._in_doubt.load_suspect_channels(self._store)
        now = self._clock.now()
        self._paused_until = {channel: until for channel, until in self._paused_until.items() if until > now}
        busy = self._channel_tasks.keys() | self._paused_until.keys()
        ready = [channel for channel in self._in_doubt.channels() if channel not in busy]
        ready += await self._store.dispatches.channels_ready(now, busy)
        for channel_id in ready:
            if channel_id not in self._channel_tasks and not self._stopping:
                task = asyncio.create_task(self._drain_channel(channel_id))
                self._channel_tasks[channel_id] = task
                task.add_done_callback(partial(self._on_channel_task_done, channel_id))
        if not self._stopping:
            for other in self._active_tasks:
                await other.start_if_due(now)
            await self._post_send.start_due_work(now)

    def _on_channel_task_done(self, channel_id: int, task: asyncio.Task[None]) -> None:
        self._channel_tasks.pop(channel_id, None)
        self._in_flight_by_channel.pop(channel_id, None)
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            self._in_doubt.mark_channel_suspect(channel_id)
        if isinstance(fault, DatabaseFault | LeaseLost):
            self._pause_channel(channel_id, WRITE_RETRY_SECONDS)
        elif fault is not None:
            log.error("channel task failed channel=%d", channel_id, exc_info=fault)
            self._paused_until[channel_id] = self._clock.now() + _ERROR_BACKOFF_SECONDS
        self.wake()

    def _running_tasks(self) -> set[asyncio.Task[None]]:
        others = (
            other.task for other in (*self._per_shard_tasks, *self._singleton_tasks) if other.task is not None
        )
        return {*self._channel_tasks.values(), *self._post_send.running_tasks(), *others}

    async def _wait_for_work(self) -> None:
        if self._store.fault is not None:
            await self._clock.sleep(WRITE_RETRY_SECONDS)
            return
        now = self._clock.now()
        busy = self._channel_tasks.keys() | self._paused_until.keys()
        dues = [
            now
            + (
                _SHARED_DB_POLL_INTERVAL_SECONDS
                if self._store.shards.are_transferable
                else _MAX_POLL_INTERVAL_SECONDS
            ),
            *self._paused_until.values(),
        ]
        nexts = [await self._store.dispatches.next_due(busy), await self._post_send.next_due()]
        nexts += [await other.next_due() for other in self._active_tasks if other.task is None]
        dues += [due for due in nexts if due is not None]
        await wait_for_event(self._clock, self._woken, max(min(dues) - now, 0))

    async def _drain_channel(self, channel_id: int) -> None:
        while channel_id not in self._paused_until and not self._stopping:
            async with self._slots.acquire(message_targets.fair_share_key(self._client, channel_id)):
                pending = self._in_doubt.first(channel_id)
                dispatch = pending.dispatch if pending else await self._store.dispatches.claim(channel_id)
                if dispatch is None:
                    return
                self._in_flight_by_channel[channel_id] = dispatch
                current_server_id.set(dispatch.server_id)
                try:
                    await (self._reconcile_claim(pending) if pending else self._send(dispatch))
                except (DatabaseFault, LeaseLost) as fault:
                    if isinstance(fault, LeaseLost) and not self._store.shards.serves(dispatch.server_id):
                        self._in_doubt.resolve(dispatch)  # The new owner of the shard looks it up.
                        return
                    self._mark_in_doubt(dispatch, WRITE_RETRY_SECONDS)
                except Exception:
                    log.exception("dispatch failed dispatch=%d", dispatch.id)
                    await self._record_error(dispatch)

    async def _record_error(self, dispatch: Dispatch) -> None:
        """Mark a dispatch as in doubt after an unexpected error, or as failed after several of them."""
        self._mark_in_doubt(dispatch, _ERROR_BACKOFF_SECONDS)
        self._error_counts[dispatch.id] += 1
        if self._error_counts[dispatch.id] >= _MAX_ERRORS_PER_DISPATCH:
            await self._store.dispatches.mark_failed(dispatch.id, SendProblem.INTERNAL_ERROR)
            self._in_doubt.resolve(dispatch)

    async def _send(self, dispatch: Dispatch) -> None:
        prepared = await self._sender.prepare(dispatch)
        if isinstance(prepared, SendProblem):
            await self._store.dispatches.mark_failed(dispatch.id, prepared)
            return
        if isinstance(prepared, SendOutcome):
            await self._record_outcome(dispatch, prepared)
            return
        place, dispatch, message = prepared
        outcome = await self._restore_reconciler.reconcile(place, dispatch, message)
        if isinstance(outcome, Deduplicated):
            return
        shown: tuple[int, ...] = ()
        if outcome is None and not self._store.shards.serves(dispatch.server_id):
            return  # The new owner of the shard looks it up.
        if outcome is None:
            outcome = await self._sender.send(place, dispatch, message)
            shown = dispatch.joined_article_ids
        await self._record_outcome(dispatch, outcome, shown)
        if isinstance(outcome, Sent):
            self._post_send.schedule_finalize(_with_message_ids(dispatch, outcome))

    async def _reconcile_claim(self, pending: InDoubtClaim) -> None:
        """Look up an in-doubt claim: record it as sent, release it, or try again later."""
        dispatch = pending.dispatch
        current = await self._store.dispatches.get(dispatch.id)
        if current is None or current.state is not DispatchState.CLAIMED:
            self._in_doubt.resolve(dispatch)  # Its outcome was recorded before the error.
            return
        dispatch = replace(dispatch, webhook_id=current.webhook_id)
        passed = self._in_doubt.elapsed_seconds(pending)
        outcome, is_safe = await self._sender.find_delivered(dispatch)
        if outcome is None and not is_safe and (wait := seconds_until_next_lookup(passed)) is not None:
            outcome = RetryAfter(wait, "Discord may still be at it")
        if isinstance(outcome, RetryAfter | DeliveryUnknown):
            self._pause_channel(
                dispatch.channel_id,
                outcome.seconds if isinstance(outcome, RetryAfter) else LOOKUP_DELAY_SECONDS,
            )
            return
        if outcome is None:
            await self._store.dispatches.schedule_retry(
                dispatch.id, due=self._clock.now(), error=current.last_error
            )
        else:
            await self._record_outcome(dispatch, outcome)
        self._in_doubt.resolve(dispatch)
        if isinstance(outcome, Sent):
            self.on_delivery_confirmed(_with_message_ids(dispatch, outcome))
            self._post_send.schedule_finalize(_with_message_ids(dispatch, outcome))

    async def _record_outcome(
        self, dispatch: Dispatch, outcome: SendOutcome, shown: Collection[int] = ()
    ) -> None:
        rest = await self._outcome_recorder.record(dispatch, outcome, shown)
        if rest is not None:
            self._mark_in_doubt(dispatch, rest)

    def _mark_in_doubt(self, dispatch: Dispatch, rest: float) -> None:
        """Have a dispatch looked up when the pause of its channel is over."""
        self._in_doubt.add(dispatch)
        self._pause_channel(dispatch.channel_id, rest)

    def _pause_channel(self, channel_id: int, seconds: float) -> None:
        self._paused_until[channel_id] = self._clock.now() + math.ceil(seconds)


def _with_message_ids(dispatch: Dispatch, outcome: Sent) -> Dispatch:
    return replace(dispatch, message_id=outcome.message_id, thread_id=outcome.thread_id)
