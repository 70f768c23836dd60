"""Relay of the outbox: sends each dispatch (queued message) once, oldest first, with a task for every channel.

A dispatch is claimed (marked as being sent), sent, recorded as sent, and finalized. After an interruption between
any two of these steps, the message is looked up in its channel before it is sent again: its claim is in doubt. The
store keeps the order within a channel.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace

from bot.core.clock import wait_for_event
from bot.core.concurrency.fair_queue import FairSemaphore
from bot.core.concurrency.keyed_runner import KeyedRunner
from bot.core.models import Dispatch, DispatchState
from bot.core.reasons import Reason, SendProblem
from bot.posting.channel_digest_task import ChannelDigestTask
from bot.posting.monthly_report_task import MonthlyReportTask
from bot.posting.personal_digest_task import PersonalDigestTask
from bot.posting.post_send_worker import PostSendWorker
from bot.posting.posting_context import ERROR_BACKOFF_SECONDS, PostingContext
from bot.posting.recovery.in_doubt_claims import InDoubtClaim, InDoubtClaims, compute_seconds_until_next_lookup
from bot.posting.recovery.restore_reconciler import DeduplicatedDispatch
from bot.posting.scheduled_task import NoticeTask, ProposalTask, TaskSchedule, TopStorySelectionTask, WatchMatchingTask
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

_MAX_SEARCH_INTERVAL_SECONDS = 60
"""Maximum time in seconds between two searches of the outbox for messages that are due."""
_SHARED_DB_SEARCH_INTERVAL_SECONDS = 5
"""Maximum time in seconds between two searches of the outbox for due messages when processes share the database.

If the event of a new message is lost between processes, the message is delayed by no more than this.
"""
_MAX_ERRORS_PER_DISPATCH = 5


class OutboxRelay:
    """Sender of the queued messages (dispatches) of one process. `client` must be logged in before `run`."""

    def __init__(self, context: PostingContext) -> None:
        self._context, self._store = context, context.store
        self._client, self._clock = context.client, context.clock
        self.audience, self._restore_reconciler = context.audience, context.restore_reconciler
        self.wake = context.wake_relay
        self._work_available = context.work_available
        self.channel_digest_task, self.personal_digest_task = ChannelDigestTask(context), PersonalDigestTask(context)
        self._schedule = TaskSchedule(
            context,
            (
                self.channel_digest_task,
                TranslationTask(context),
                ProposalTask(context),
                MonthlyReportTask(context),
                NoticeTask(context),
            ),
            (self.personal_digest_task, WatchMatchingTask(context), TopStorySelectionTask(context)),
        )
        self._send_runner: KeyedRunner[int] = KeyedRunner(self._clock, self._on_send_fault, self._on_send_end)
        self._send_semaphore = FairSemaphore(MAX_CONCURRENT_SENDS)
        self._sender = DispatchSender(context)
        self._in_doubt_claims = InDoubtClaims(self._clock)
        self._error_count_by_dispatch_id: Counter[int] = Counter()
        self._post_send = PostSendWorker(context, self._sender.render)
        self._runners = (self._send_runner, *self._post_send.runners, self._schedule.runner)
        self._outcome_recorder = OutcomeRecorder(self._store)
        self._in_flight_dispatch_by_channel_id: dict[int, Dispatch] = {}
        self._adopted_shard_numbers: set[int] = set()
        self._shard_adoption_lock = asyncio.Lock()
        self.on_delivery_confirmed: Callable[[Dispatch], None] = lambda _dispatch: None
        """Function called with a message (dispatch) that a lookup found delivered, perhaps long after it was sent."""

    async def run(self) -> None:
        """Send the messages of the outbox whenever they are due, until cancelled. Raises StoreError."""
        if not self._store.shards.is_leased:  # else shards start one by one
            await self._client.wait_until_ready()
        while True:
            self._work_available.clear()
            await self._wait_for_work(await self._start_due_work())

    async def run_until_idle(self) -> None:
        """Do all work that is due, such as sends, then return when nothing is running and the rest is due later.

        Tests and the demo use this instead of the endless `run`. Raises StoreError.
        """
        idle_round_count = 0
        # Work that starts and ends within one round may enqueue more, which the next round starts.
        while idle_round_count < 2:  # noqa: PLR2004
            await self._start_due_work()
            running_tasks = {task for runner in self._runners for task in runner.tasks}
            idle_round_count = 0 if running_tasks else idle_round_count + 1
            if running_tasks:
                await asyncio.wait(running_tasks)

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Start no new sends or tasks, wait up to `grace_seconds` for running ones, and cancel those that still run.

        Cancelled messages stay marked as being sent (claimed), and are looked up in Discord after the next start.
        """
        await asyncio.gather(*(runner.stop(grace_seconds) for runner in self._runners))

    async def release_shard(self, shard_number: int, grace_seconds: float = 5.0) -> None:
        """Wait up to `grace_seconds` for running sends of a shard that another process takes over.

        Messages that are still marked as being sent (claimed) stay so; the new owner looks up whether they were, and
        this process no longer does. The caller must have given up the shard before, so that no new send starts.
        """
        async with self._shard_adoption_lock:  # A running `adopt_shard` would add it again.
            self._adopted_shard_numbers.discard(shard_number)
        get_shard_number = self._store.shards.get_shard_number
        channel_ids = [
            channel_id
            for channel_id, dispatch in self._in_flight_dispatch_by_channel_id.items()
            if get_shard_number(dispatch.target_server_id) == shard_number
        ]
        await self._send_runner.wait_for(channel_ids, grace_seconds)
        self._in_doubt_claims.drop_where(lambda dispatch: get_shard_number(dispatch.target_server_id) == shard_number)

    async def recheck_channel(self, channel_id: int) -> None:
        """Unblock a blocked channel, unless Telex is known to lack permissions to post in it. Raises StoreError."""
        problem = await self._store.dispatches.get_problem(channel_id)
        if problem is None:
            return
        channel = self._client.get_channel(channel_id)
        if isinstance(channel, message_targets.GuildTarget) and permissions.find_missing_permissions(channel):
            return
        await self._store.dispatches.unblock_channel(channel_id)
        self.wake()

    async def adopt_shard(self, shard_number: int) -> None:
        """Load the messages of a shard that may have been sent or lack their steps after sending, unless already done.

        This must run before anything is sent for the shard's servers. Raises StoreError.
        """
        async with self._shard_adoption_lock:
            if shard_number in self._adopted_shard_numbers:
                return
            if not self._adopted_shard_numbers:
                await self._restore_reconciler.load_restore_marker()
            for dispatch in await self._store.dispatches.list_claimed(shard_number):
                self._in_doubt_claims.add(dispatch)
            await self._post_send.adopt_shard(shard_number)
            self._adopted_shard_numbers.add(shard_number)

    async def _start_due_work(self) -> int | None:
        """Start the sends, edits and tasks that are due; return when a channel can be sent to next (Unix time).

        Returns None if no channel waits, and starts nothing during maintenance or while the database cannot be written.
        """
        # A dispatch is sent only after its claim was stored.
        if self._context.maintenance.is_on or not await self._store.is_writable():
            return None
        for shard_number in self._store.shards.served_numbers - self._adopted_shard_numbers:
            await self.adopt_shard(shard_number)
        await self._in_doubt_claims.load_maybe_claimed_dispatches(self._store)
        now = self._clock.now()
        busy_channel_ids = self._send_runner.unavailable_keys
        ready_channel_ids = [
            channel_id for channel_id in self._in_doubt_claims.list_channel_ids() if channel_id not in busy_channel_ids
        ]
        queue_outlook = await self._store.dispatches.load_queue_outlook(now, busy_channel_ids)
        for channel_id in [*ready_channel_ids, *queue_outlook.ready_channel_ids]:
            self._send_runner.start(channel_id, self._drain_channel)
        await self._schedule.start_due(now)
        await self._post_send.start_due_work(now)
        return queue_outlook.next_due_at

    def _on_send_fault(self, channel_id: int, error: BaseException) -> float:
        self._in_doubt_claims.mark_maybe_claimed_channel(channel_id)
        return self._context.handle_fault("send", error, channel=channel_id)

    def _on_send_end(self, channel_id: int) -> None:
        self._in_flight_dispatch_by_channel_id.pop(channel_id, None)
        self.wake()

    async def _wait_for_work(self, next_channel_due_at: int | None) -> None:
        if self._store.fault is not None:
            await self._clock.sleep(WRITE_RETRY_SECONDS)
            return
        if self._context.maintenance.is_on:  # Its end wakes the relay.
            await wait_for_event(self._clock, self._work_available, _MAX_SEARCH_INTERVAL_SECONDS)
            return
        now = self._clock.now()
        wait_seconds: list[float] = [
            _SHARED_DB_SEARCH_INTERVAL_SECONDS if self._store.shards.is_leased else _MAX_SEARCH_INTERVAL_SECONDS,
            *self._send_runner.list_back_off_seconds(),
            *await self._post_send.list_wait_seconds(now),
            *await self._schedule.list_wait_seconds(now),
        ]
        if next_channel_due_at is not None:
            wait_seconds.append(next_channel_due_at - now)
        await wait_for_event(self._clock, self._work_available, max(min(wait_seconds), 0))

    async def _drain_channel(self, channel_id: int) -> None:
        while not (
            self._send_runner.is_backing_off(channel_id)
            or self._send_runner.is_stopping
            or self._context.maintenance.is_on
        ):
            async with self._send_semaphore.acquire(message_targets.fair_share_key(self._client, channel_id)):
                in_doubt_claim = self._in_doubt_claims.get_first(channel_id)
                dispatch = in_doubt_claim.dispatch if in_doubt_claim else await self._store.dispatches.claim(channel_id)
                if dispatch is None:
                    return
                self._in_flight_dispatch_by_channel_id[channel_id] = dispatch
                current_server_id.set(dispatch.target_server_id)
                try:
                    await (self._reconcile_claim(in_doubt_claim) if in_doubt_claim else self._send(dispatch))
                except (DatabaseFault, LeaseLost) as error:
                    if isinstance(error, LeaseLost) and not self._store.shards.serves(dispatch.target_server_id):
                        self._in_doubt_claims.resolve(dispatch)  # The new owner of the shard looks it up.
                        return
                    self._mark_in_doubt(dispatch, WRITE_RETRY_SECONDS)
                except Exception:
                    log.exception("dispatch failed dispatch_id=%d", dispatch.id)
                    await self._record_error(dispatch)

    async def _record_error(self, dispatch: Dispatch) -> None:
        """Mark a message as perhaps sent (in doubt) after an unexpected error, or as failed after several errors."""
        self._mark_in_doubt(dispatch, ERROR_BACKOFF_SECONDS)
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
        target, dispatch, message = prepared_send
        outcome = await self._restore_reconciler.reconcile(target, dispatch, message)
        if isinstance(outcome, DeduplicatedDispatch):
            return
        joined_article_ids: tuple[int, ...] = ()
        if outcome is None and not self._store.shards.serves(dispatch.target_server_id):
            return  # The new owner of the shard looks it up.
        if outcome is None:
            outcome = await self._sender.send(target, dispatch, message)
            joined_article_ids = dispatch.joined_article_ids
        await self._record_outcome(dispatch, outcome, joined_article_ids)
        if isinstance(outcome, Sent):
            self._post_send.schedule_finalize(_with_message_ids(dispatch, outcome))

    async def _reconcile_claim(self, in_doubt_claim: InDoubtClaim) -> None:
        """Look up in Discord whether a message was sent; record the outcome, let it be sent again, or retry later."""
        dispatch = in_doubt_claim.dispatch
        stored_dispatch = await self._store.dispatches.get(dispatch.id)
        if stored_dispatch is None or stored_dispatch.state is not DispatchState.CLAIMED:
            self._in_doubt_claims.resolve(dispatch)  # Its outcome was recorded before the error.
            return
        dispatch = replace(dispatch, webhook_id=stored_dispatch.webhook_id)
        elapsed_seconds = self._in_doubt_claims.get_elapsed_seconds(in_doubt_claim)
        outcome, is_safe_to_resend = await self._sender.look_up_delivery(dispatch)
        if (
            outcome is None
            and not is_safe_to_resend
            and (wait_seconds := compute_seconds_until_next_lookup(elapsed_seconds)) is not None
        ):
            self._send_runner.back_off(dispatch.channel_id, wait_seconds)
            return
        if isinstance(outcome, RetryAfter | DeliveryUnknown):
            self._send_runner.back_off(
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
        """Pause a channel, and look up its message `dispatch` after the pause, since it may have been sent."""
        self._in_doubt_claims.add(dispatch)
        self._send_runner.back_off(dispatch.channel_id, pause_seconds)


def _with_message_ids(dispatch: Dispatch, outcome: Sent) -> Dispatch:
    return replace(dispatch, message_id=outcome.message_id, thread_id=outcome.thread_id)
