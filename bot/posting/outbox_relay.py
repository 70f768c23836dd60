"""Relay of the outbox: sends each dispatch once, oldest first, with a task of its own for every channel.

A dispatch is claimed, sent, recorded as sent, and finalized. After an interruption between any two of these
steps, the message is looked up in its channel before it is sent again. The store keeps the order within a
channel.
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
from bot.core.reasons import Reason, SendProblem
from bot.posting.channel_digest_task import ChannelDigestTask
from bot.posting.personal_digest_task import PersonalDigestTask
from bot.posting.post_send_worker import PostSendWorker
from bot.posting.posting_context import PostingContext
from bot.posting.recovery.in_doubt_claims import InDoubtClaim, InDoubtClaims, seconds_until_next_lookup
from bot.posting.recovery.restore_reconciler import Deduplicated
from bot.posting.scheduled_task import BestStorySelectionTask, TaskSchedule, WatchMatchingTask
from bot.posting.sending import message_targets, permissions
from bot.posting.sending.dispatch_sender import DispatchSender
from bot.posting.sending.lease_guard import current_server_id
from bot.posting.sending.outcome_recorder import LOOKUP_DELAY_SECONDS, OutcomeRecorder
from bot.posting.sending.send_outcomes import DeliveryUnknown, RetryAfter, SendOutcome, Sent
from bot.posting.translation_task import TranslationTask
from bot.store import WRITE_RETRY_SECONDS, DatabaseFault, LeaseLost

log = logging.getLogger(__name__)

MAX_CONCURRENT_SENDS = 64
"""Maximum number of messages being sent at the same time, over all channels; servers share them fairly."""

_MAX_POLL_INTERVAL_SECONDS = 60
"""Maximum time in seconds between two polls of the outbox."""
_SHARED_DB_POLL_INTERVAL_SECONDS = 5
"""Maximum time in seconds between two polls of the outbox when processes share the database.

If the event of a new dispatch is lost between processes, the dispatch is delayed by no more than this.
"""
_ERROR_BACKOFF_SECONDS = 60
_MAX_ERRORS_PER_DISPATCH = 5


class OutboxRelay:
    """Sender of the dispatches of one process. `client` must be logged in before `run`."""

    def __init__(self, context: PostingContext) -> None:
        self._store, self._client, self._clock = context.store, context.client, context.clock
        self.audience, self._restore_reconciler = context.audience, context.restore_reconciler
        self.wake = context.wake
        self._work_available = context.work_available
        self.digests, self.personal_digests = ChannelDigestTask(context), PersonalDigestTask(context)
        self._schedule = TaskSchedule(
            context,
            (self.digests, TranslationTask(context)),
            (self.personal_digests, WatchMatchingTask(context), BestStorySelectionTask(context)),
        )
        self._task_by_channel_id: dict[int, asyncio.Task[None]] = {}
        self._send_slots = FairSemaphore(MAX_CONCURRENT_SENDS)
        self._sender = DispatchSender(context)
        self._in_doubt_claims = InDoubtClaims(self._clock)
        self._paused_until_by_channel_id: dict[int, int] = {}  # timestamps by channel id
        self._error_count_by_dispatch_id: Counter[int] = Counter()
        self._post_send = PostSendWorker(context, self._sender.render)
        self._outcome_recorder = OutcomeRecorder(self._store)
        self._in_flight_by_channel: dict[int, Dispatch] = {}
        self._adopted_shards: set[int] = set()
        self._shard_adoption_lock = asyncio.Lock()
        self._is_stopping = False
        self.on_delivery_confirmed: Callable[[Dispatch], None] = lambda _dispatch: None
        """Callback for a dispatch that a later lookup found delivered; users may have seen it for a while."""

    async def run(self) -> None:
        """Send dispatches whenever they are due, until cancelled. Raises StoreError."""
        if not self._store.shards.is_leased:  # else shards start one by one
            await self._client.wait_until_ready()
        while True:
            self._work_available.clear()
            await self._wait_for_work(await self._start_due_work())

    async def run_until_idle(self) -> None:
        """Process all due work, then return when nothing is running and all remaining work is due later.

        This is for tests and the demo; `run` is the loop of the bot. Raises StoreError.
        """
        idle_rounds = 0
        # Work that starts and ends within one round may enqueue more, which the next round starts.
        while idle_rounds < 2:  # noqa: PLR2004
            await self._start_due_work()
            running_tasks = self._running_tasks()
            idle_rounds = 0 if running_tasks else idle_rounds + 1
            if running_tasks:
                await asyncio.wait(running_tasks)

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Start no new work, wait up to `grace_seconds` for running work, and cancel what is not done then.

        The claims of cancelled sends stay in the outbox, and are looked up after the next start.
        """
        self._is_stopping = self._post_send.is_stopping = True
        running_tasks = self._running_tasks()
        if running_tasks:
            _done, unfinished_tasks = await asyncio.wait(running_tasks, timeout=grace_seconds)
            for task in unfinished_tasks:
                task.cancel()
            await asyncio.gather(*unfinished_tasks, return_exceptions=True)

    async def release_shard(self, shard: int, grace_seconds: float = 5.0) -> None:
        """Wait up to `grace_seconds` for running sends of a shard that another process takes over.

        Claims that are still open stay in the outbox; the new owner looks up whether they were sent. The
        caller must have given up the shard before, so that no new send starts.
        """
        async with self._shard_adoption_lock:  # A running `adopt_shard` would add it again.
            self._adopted_shards.discard(shard)
        get_shard = self._store.shards.get_shard
        sending_tasks = [
            self._task_by_channel_id[channel_id]
            for channel_id, dispatch in self._in_flight_by_channel.items()
            if get_shard(dispatch.server_id) == shard
        ]
        if sending_tasks:
            await asyncio.wait(sending_tasks, timeout=grace_seconds)
        self._in_doubt_claims.drop_where(lambda in_doubt_dispatch: get_shard(in_doubt_dispatch.server_id) == shard)

    async def recheck_channel(self, channel_id: int) -> None:
        """Unblock a blocked channel if Telex now has the permissions to post in it. Raises StoreError."""
        problem = await self._store.dispatches.get_problem(channel_id)
        if problem is None:
            return
        channel = self._client.get_channel(channel_id)
        if isinstance(channel, message_targets.GuildTarget) and permissions.find_missing_permissions(channel):
            return
        await self._store.dispatches.unblock_channel(channel_id)
        self.wake()

    def on_clock_set_back(self, seconds: int) -> None:
        """Move all times of this relay back by `seconds`, by which the system's clock was set back."""
        self._paused_until_by_channel_id = {
            channel_id: paused_until - seconds for channel_id, paused_until in self._paused_until_by_channel_id.items()
        }
        self._post_send.on_clock_set_back(seconds)
        self.wake()

    async def adopt_shard(self, shard: int) -> None:
        """Load the open claims and the unfinished post-send steps of a shard, unless this was done before.

        This must run before anything is sent for the shard's servers. Raises StoreError.
        """
        async with self._shard_adoption_lock:
            if shard in self._adopted_shards:
                return
            if not self._adopted_shards:
                await self._restore_reconciler.load_restore_marker()
            for dispatch in await self._store.dispatches.list_claimed(shard):
                self._in_doubt_claims.add(dispatch)
            await self._post_send.adopt_shard(shard)
            self._adopted_shards.add(shard)

    async def _start_due_work(self) -> int | None:
        """Start what is due now; return when the next channel can be sent to, or None if none waits."""
        if not await self._store.is_writable():
            return None  # A dispatch is sent only after its claim was stored.
        for shard in self._store.shards.numbers - self._adopted_shards:
            await self.adopt_shard(shard)
        await self._in_doubt_claims.load_suspect_channels(self._store)
        now = self._clock.now()
        self._paused_until_by_channel_id = {
            channel: paused_until
            for channel, paused_until in self._paused_until_by_channel_id.items()
            if paused_until > now
        }
        busy_channel_ids = self._task_by_channel_id.keys() | self._paused_until_by_channel_id.keys()
        ready_channel_ids = [
            paused_channel_id
            for paused_channel_id in self._in_doubt_claims.channel_ids()
            if paused_channel_id not in busy_channel_ids
        ]
        outlook = await self._store.dispatches.load_outlook(now, busy_channel_ids)
        for channel_id in [*ready_channel_ids, *outlook.ready_channel_ids]:
            if channel_id not in self._task_by_channel_id and not self._is_stopping:
                task = asyncio.create_task(self._drain_channel(channel_id))
                self._task_by_channel_id[channel_id] = task
                task.add_done_callback(partial(self._on_channel_task_done, channel_id))
        if not self._is_stopping:
            await self._schedule.start_due(now)
            await self._post_send.start_due_work(now)
        return outlook.next_due_at

    def _on_channel_task_done(self, channel_id: int, task: asyncio.Task[None]) -> None:
        self._task_by_channel_id.pop(channel_id, None)
        self._in_flight_by_channel.pop(channel_id, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._in_doubt_claims.mark_channel_suspect(channel_id)
        if isinstance(error, DatabaseFault | LeaseLost):
            self._pause_channel(channel_id, WRITE_RETRY_SECONDS)
        elif error is not None:
            log.error("channel task failed channel=%d", channel_id, exc_info=error)
            self._paused_until_by_channel_id[channel_id] = self._clock.now() + _ERROR_BACKOFF_SECONDS
        self.wake()

    def _running_tasks(self) -> set[asyncio.Task[None]]:
        return {
            *self._task_by_channel_id.values(),
            *self._post_send.running_tasks(),
            *self._schedule.runner.tasks,
        }

    async def _wait_for_work(self, next_channel_due_at: int | None) -> None:
        if self._store.fault is not None:
            await self._clock.sleep(WRITE_RETRY_SECONDS)
            return
        now = self._clock.now()
        wake_times = [
            now + (_SHARED_DB_POLL_INTERVAL_SECONDS if self._store.shards.is_leased else _MAX_POLL_INTERVAL_SECONDS),
            *self._paused_until_by_channel_id.values(),
        ]
        next_due_times = [
            next_channel_due_at,
            await self._post_send.next_due(),
            await self._schedule.next_due_at(),
        ]
        wake_times += [due_at for due_at in next_due_times if due_at is not None]
        wait_seconds: list[float] = [max(min(wake_times) - now, 0)]
        if (back_off_seconds := self._schedule.runner.seconds_until_next_end()) is not None:
            wait_seconds.append(back_off_seconds)
        await wait_for_event(self._clock, self._work_available, min(wait_seconds))

    async def _drain_channel(self, channel_id: int) -> None:
        while channel_id not in self._paused_until_by_channel_id and not self._is_stopping:
            async with self._send_slots.acquire(message_targets.fair_share_key(self._client, channel_id)):
                in_doubt_claim = self._in_doubt_claims.first(channel_id)
                dispatch = in_doubt_claim.dispatch if in_doubt_claim else await self._store.dispatches.claim(channel_id)
                if dispatch is None:
                    return
                self._in_flight_by_channel[channel_id] = dispatch
                current_server_id.set(dispatch.server_id)
                try:
                    await (self._reconcile_claim(in_doubt_claim) if in_doubt_claim else self._send(dispatch))
                except (DatabaseFault, LeaseLost) as error:
                    if isinstance(error, LeaseLost) and not self._store.shards.serves(dispatch.server_id):
                        self._in_doubt_claims.resolve(dispatch)  # The new owner of the shard looks it up.
                        return
                    self._mark_in_doubt(dispatch, WRITE_RETRY_SECONDS)
                except Exception:
                    log.exception("dispatch failed dispatch=%d", dispatch.id)
                    await self._record_error(dispatch)

    async def _record_error(self, dispatch: Dispatch) -> None:
        """Mark a dispatch as in doubt after an unexpected error, or as failed after several errors."""
        self._mark_in_doubt(dispatch, _ERROR_BACKOFF_SECONDS)
        self._error_count_by_dispatch_id[dispatch.id] += 1
        if self._error_count_by_dispatch_id[dispatch.id] >= _MAX_ERRORS_PER_DISPATCH:
            await self._store.dispatches.mark_failed(dispatch.id, Reason(SendProblem.INTERNAL_ERROR))
            self._in_doubt_claims.resolve(dispatch)

    async def _send(self, dispatch: Dispatch) -> None:
        prepared_send = await self._sender.prepare(dispatch)
        if isinstance(prepared_send, Reason):
            await self._store.dispatches.mark_failed(dispatch.id, prepared_send)
            return
        if isinstance(prepared_send, SendOutcome):
            await self._record_outcome(dispatch, prepared_send)
            return
        place, dispatch, message = prepared_send
        outcome = await self._restore_reconciler.reconcile(place, dispatch, message)
        if isinstance(outcome, Deduplicated):
            return
        joined_article_ids: tuple[int, ...] = ()
        if outcome is None and not self._store.shards.serves(dispatch.server_id):
            return  # The new owner of the shard looks it up.
        if outcome is None:
            outcome = await self._sender.send(place, dispatch, message)
            joined_article_ids = dispatch.joined_article_ids
        await self._record_outcome(dispatch, outcome, joined_article_ids)
        if isinstance(outcome, Sent):
            self._post_send.schedule_finalize(_with_message_ids(dispatch, outcome))

    async def _reconcile_claim(self, in_doubt_claim: InDoubtClaim) -> None:
        """Look up whether an in-doubt dispatch was sent; record it as sent, release it, or retry later."""
        dispatch = in_doubt_claim.dispatch
        stored_dispatch = await self._store.dispatches.get(dispatch.id)
        if stored_dispatch is None or stored_dispatch.state is not DispatchState.CLAIMED:
            self._in_doubt_claims.resolve(dispatch)  # Its outcome was recorded before the error.
            return
        dispatch = replace(dispatch, webhook_id=stored_dispatch.webhook_id)
        elapsed_seconds = self._in_doubt_claims.elapsed_seconds(in_doubt_claim)
        outcome, is_safe_to_resend = await self._sender.find_delivered(dispatch)
        if (
            outcome is None
            and not is_safe_to_resend
            and (wait_seconds := seconds_until_next_lookup(elapsed_seconds)) is not None
        ):
            self._pause_channel(dispatch.channel_id, wait_seconds)
            return
        if isinstance(outcome, RetryAfter | DeliveryUnknown):
            self._pause_channel(
                dispatch.channel_id,
                outcome.seconds if isinstance(outcome, RetryAfter) else LOOKUP_DELAY_SECONDS,
            )
            return
        if outcome is None:
            await self._store.dispatches.schedule_retry(
                dispatch.id, due_at=self._clock.now(), reason=stored_dispatch.last_error
            )
        else:
            await self._record_outcome(dispatch, outcome)
        self._in_doubt_claims.resolve(dispatch)
        if isinstance(outcome, Sent):
            self.on_delivery_confirmed(_with_message_ids(dispatch, outcome))
            self._post_send.schedule_finalize(_with_message_ids(dispatch, outcome))

    async def _record_outcome(
        self, dispatch: Dispatch, outcome: SendOutcome, joined_article_ids: Collection[int] = ()
    ) -> None:
        lookup_delay_seconds = await self._outcome_recorder.record(dispatch, outcome, joined_article_ids)
        if lookup_delay_seconds is not None:
            self._mark_in_doubt(dispatch, lookup_delay_seconds)

    def _mark_in_doubt(self, dispatch: Dispatch, pause_seconds: float) -> None:
        """Pause a channel, and look up one of its dispatches after the pause, since it may have been sent."""
        self._in_doubt_claims.add(dispatch)
        self._pause_channel(dispatch.channel_id, pause_seconds)

    def _pause_channel(self, channel_id: int, seconds: float) -> None:
        self._paused_until_by_channel_id[channel_id] = self._clock.now() + math.ceil(seconds)


def _with_message_ids(dispatch: Dispatch, outcome: Sent) -> Dispatch:
    return replace(dispatch, message_id=outcome.message_id, thread_id=outcome.thread_id)
