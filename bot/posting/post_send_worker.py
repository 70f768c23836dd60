"""Worker that finalizes sent messages and edits them, with at most one task of each kind per channel.

Finalizing a message adds the seed reaction and crossposts it from an announcement channel. A dispatch is the stored
record of a message.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Iterator

from bot.core.concurrency.fair_queue import FairSemaphore
from bot.core.concurrency.keyed_runner import KeyedRunner
from bot.core.models import Dispatch
from bot.core.reasons import Reason, SendProblem
from bot.posting import post_send_steps
from bot.posting.posting_context import ERROR_BACKOFF_SECONDS, PostingContext
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_targets
from bot.posting.sending.lease_guard import current_server_id
from bot.posting.sending.send_outcomes import Rejected, RetryAfter, SendOutcome
from bot.store import WRITE_RETRY_SECONDS, DatabaseFault, LeaseLost

log = logging.getLogger(__name__)

MAX_CONCURRENT_EDITS = 32
"""Maximum number of edits at the same time, over all channels; servers share them fairly."""


class PostSendWorker:
    """Worker that finalizes sent messages (adds a reaction, crossposts) and edits them.

    If a task leaves work, the relay that sends messages is woken. `render` returns the current message of a sent
    dispatch (its record in the outbox), or None if there is nothing to show any more.
    """

    def __init__(self, context: PostingContext, render: Callable[[Dispatch], Awaitable[Message | None]]) -> None:
        self._context, self._render_dispatch = context, render
        self._store, self._clock = context.store, context.clock
        self._edit_slots = FairSemaphore(MAX_CONCURRENT_EDITS)
        # Pairs of due time (`Clock.monotonic_with_suspension`) and dispatch to finalize, by channel id and dispatch id
        self._finalizations_by_channel_id: dict[int, dict[int, tuple[float, Dispatch]]] = {}
        self._finalize_runner: KeyedRunner[int] = KeyedRunner(
            self._clock,
            lambda channel_id, error: context.handle_fault("finalize", error, channel=channel_id),
            self._on_finalize_end,
        )
        self._edit_runner: KeyedRunner[int] = KeyedRunner(
            self._clock,
            lambda channel_id, error: context.handle_fault("edit", error, channel=channel_id),
            lambda _channel_id: context.wake_relay(),
        )
        self.runners = (self._finalize_runner, self._edit_runner)
        """Two runners of tasks by channel: one finalizes sent messages (reaction, crosspost), the other edits them."""

    async def adopt_shard(self, shard: int) -> None:
        """Load the sent messages of a shard that still lack their reaction or crosspost. Raises StoreError."""
        for dispatch in await self._store.dispatches.list_unfinalized(shard):
            self._schedule_after(0, dispatch)

    async def start_due_work(self, now: int) -> None:
        """Start a task in each channel with sent messages to react to or crosspost, and another in each with due edits.

        A channel has at most one task of each kind. Raises StoreError.
        """
        monotonic_time = self._clock.monotonic_with_suspension()
        for channel_id, due_at in self._iter_channels_to_finalize():
            if due_at <= monotonic_time:
                self._finalize_runner.start(channel_id, self._finalize_channel)
        for channel_id in await self._store.dispatches.list_channel_ids_to_edit(
            now, self._edit_runner.unavailable_keys
        ):
            self._edit_runner.start(channel_id, self._edit_channel)

    async def list_wait_seconds(self, now: int) -> list[float]:
        """Return the seconds until messages may be due to be finalized or edited in channels without a task for that.

        Raises StoreError.
        """
        monotonic_time = self._clock.monotonic_with_suspension()
        wait_seconds = [due_at - monotonic_time for _channel_id, due_at in self._iter_channels_to_finalize()]
        edit_due_at = await self._store.dispatches.get_next_edit_due_at(self._edit_runner.unavailable_keys)
        if edit_due_at is not None:
            wait_seconds.append(edit_due_at - now)
        return wait_seconds + [seconds for runner in self.runners for seconds in runner.list_back_off_seconds()]

    def schedule_finalize(self, dispatch: Dispatch) -> None:
        """Finalize a message that was just sent (add a reaction, crosspost), in the background."""
        self._schedule_after(0, dispatch)
        self._finalize_runner.start(dispatch.channel_id, self._finalize_channel)

    async def finalize(self, dispatch: Dispatch) -> None:
        """Add the reaction to a sent message and crosspost it, or schedule that again after an error.

        Never raises: an error here must not make a sent message look unsent. Unexpected errors are logged.
        """
        current_server_id.set(dispatch.target_server_id)
        try:
            retry_outcome = await post_send_steps.finalize_message(
                self._context.client, dispatch, add_seed_reaction=self._context.settings.seed_reaction
            )
            if retry_outcome is None:
                await self._store.dispatches.mark_finalized(dispatch.id)
                return
            retry_seconds = retry_outcome.seconds
        except (DatabaseFault, LeaseLost) as error:
            if isinstance(error, LeaseLost) and not self._store.shards.serves(dispatch.target_server_id):
                return  # The new owner of the shard finalizes it.
            retry_seconds = WRITE_RETRY_SECONDS
        except Exception:
            log.exception("finalize failed dispatch_id=%d", dispatch.id)
            retry_seconds = ERROR_BACKOFF_SECONDS
        self._schedule_after(retry_seconds, dispatch)

    def _schedule_after(self, seconds: float, dispatch: Dispatch) -> None:
        due_at = self._clock.monotonic_with_suspension() + seconds
        self._finalizations_by_channel_id.setdefault(dispatch.channel_id, {})[dispatch.id] = (due_at, dispatch)

    def _iter_channels_to_finalize(self) -> Iterator[tuple[int, float]]:
        """Yield the id of each channel with messages to finalize and no task for that, with the earliest due time."""
        busy_channel_ids = self._finalize_runner.unavailable_keys
        for channel_id, finalization_by_dispatch_id in self._finalizations_by_channel_id.items():
            if channel_id not in busy_channel_ids:
                yield channel_id, min(due_at for due_at, _dispatch in finalization_by_dispatch_id.values())

    def _on_finalize_end(self, channel_id: int) -> None:
        # The relay's next wake-up depends on what is left here.
        if channel_id in self._finalizations_by_channel_id:
            self._context.wake_relay()

    async def _finalize_channel(self, channel_id: int) -> None:
        while not self._finalize_runner.is_stopping and (dispatch := self._take_due(channel_id)) is not None:
            await self.finalize(dispatch)

    def _take_due(self, channel_id: int) -> Dispatch | None:
        """Remove and return the first message of a channel that is due to be finalized after sending, or None."""
        monotonic_time = self._clock.monotonic_with_suspension()
        finalization_by_dispatch_id = self._finalizations_by_channel_id.get(channel_id, {})
        dispatch = next(
            (dispatch for due_at, dispatch in finalization_by_dispatch_id.values() if due_at <= monotonic_time), None
        )
        if dispatch is not None:
            del finalization_by_dispatch_id[dispatch.id]
            if not finalization_by_dispatch_id:
                del self._finalizations_by_channel_id[channel_id]
        return dispatch

    async def _edit_channel(self, channel_id: int) -> None:
        while not (self._edit_runner.is_stopping or self._context.maintenance.is_on):
            async with self._edit_slots.acquire(message_targets.fair_share_key(self._context.client, channel_id)):
                dispatch = next(
                    iter(await self._store.dispatches.list_dispatches_to_edit(self._clock.now(), 1, channel_id)), None
                )
                if dispatch is None:
                    return
                try:
                    await self._apply_edit(dispatch)
                except (DatabaseFault, LeaseLost):
                    raise  # The channel backs off.
                except Exception:
                    log.exception("edit failed dispatch_id=%d", dispatch.id)
                    retry_at = self._clock.now() + math.ceil(ERROR_BACKOFF_SECONDS)
                    await self._store.dispatches.postpone_edit(dispatch.id, retry_at)

    async def _apply_edit(self, dispatch: Dispatch) -> None:
        current_server_id.set(dispatch.target_server_id)
        message = await self._render_dispatch(dispatch)
        outcome: SendOutcome | None = Rejected(Reason(SendProblem.ARTICLE_GONE))
        if message is not None:
            outcome = await post_send_steps.edit_sent_message(
                self._context.client, self._context.webhooks, dispatch, message
            )
        if outcome is None:
            await self._store.dispatches.mark_edited(
                dispatch.id, due_at=dispatch.edit_due_at, shown_article_ids=dispatch.joined_article_ids
            )
        elif isinstance(outcome, RetryAfter):
            retry_at = self._clock.now() + math.ceil(outcome.seconds)
            await self._store.dispatches.postpone_edit(dispatch.id, retry_at)
        elif await self._store.dispatches.abandon_edits(dispatch.id):
            self._context.wake_relay()
