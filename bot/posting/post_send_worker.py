"""Worker that finalizes sent messages and applies edits, with one task per channel for each.

Finalizing a message adds the seed reaction and crossposts it from an announcement channel. Reactions have the
lowest priority in the rate limiter.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from bot.core.fair_queue import FairSemaphore
from bot.core.models import Dispatch
from bot.core.reasons import Reason, SendProblem
from bot.posting import post_send_steps
from bot.posting.posting_context import PostingContext
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_targets
from bot.posting.sending.lease_guard import current_server_id
from bot.posting.sending.send_outcomes import Rejected, RetryAfter, SendOutcome
from bot.store import WRITE_RETRY_SECONDS, DatabaseFault, LeaseLost

log = logging.getLogger(__name__)

MAX_CONCURRENT_EDITS = 32
"""Maximum number of edits at the same time, over all channels; servers share them fairly."""
_ERROR_BACKOFF_SECONDS = 60


class PostSendWorker:
    """Worker that finalizes and edits sent messages, and wakes the outbox relay if a task leaves work.

    `render` builds the current message of a dispatch, or returns None if its articles are gone.
    """

    def __init__(self, context: PostingContext, render: Callable[[Dispatch], Awaitable[Message | None]]) -> None:
        self._context, self._render_dispatch = context, render
        self._store, self._clock = context.store, context.clock
        self._edit_slots = FairSemaphore(MAX_CONCURRENT_EDITS)
        # Due time and dispatch, by channel id and dispatch id.
        self._unfinalized_by_channel: dict[int, dict[int, tuple[int, Dispatch]]] = {}
        self._finalize_task_by_channel_id: dict[int, asyncio.Task[None]] = {}
        self._edit_task_by_channel_id: dict[int, asyncio.Task[None]] = {}
        self.is_stopping = False
        """Whether no new work may start, because the process is stopping."""

    async def adopt_shard(self, shard: int) -> None:
        """Load the messages of a shard that are not finalized yet, to finalize them. Raises StoreError."""
        for dispatch in await self._store.dispatches.list_unfinalized(shard):
            self._schedule_at(self._clock.now(), dispatch)

    async def start_due_work(self, now: int) -> None:
        """Start a task in each channel with messages to finalize, and another in each channel with due edits.

        A channel has at most one task of each kind. Raises StoreError.
        """
        for channel_id in [due_channel_id for due_channel_id, due_at in self._iter_idle_channels() if due_at <= now]:
            self._start_channel_task(self._finalize_task_by_channel_id, channel_id, self._finalize_channel)
        for channel_id in await self._store.dispatches.list_channels_to_edit(now, self._edit_task_by_channel_id.keys()):
            self._start_channel_task(self._edit_task_by_channel_id, channel_id, self._edit_channel)

    def running_tasks(self) -> list[asyncio.Task[None]]:
        """Return the asyncio tasks that are finalizing or editing messages."""
        return [*self._finalize_task_by_channel_id.values(), *self._edit_task_by_channel_id.values()]

    async def next_due(self) -> int | None:
        """Return the Unix time in seconds of the next work in a channel without a running task, or None.

        Raises StoreError.
        """
        due_times = [due_at for _channel_id, due_at in self._iter_idle_channels()]
        edit_due_at = await self._store.dispatches.next_edit_due_at(self._edit_task_by_channel_id.keys())
        return min(due_times if edit_due_at is None else [*due_times, edit_due_at], default=None)

    def on_clock_set_back(self, seconds: int) -> None:
        """Move all due times back by `seconds`, by which the system's clock was set back."""
        for unfinalized_by_dispatch_id in self._unfinalized_by_channel.values():
            unfinalized_by_dispatch_id.update(
                {
                    dispatch_id: (due_at - seconds, dispatch)
                    for dispatch_id, (due_at, dispatch) in unfinalized_by_dispatch_id.items()
                }
            )

    def schedule_finalize(self, dispatch: Dispatch) -> None:
        """Finalize a message that was just sent, in the background."""
        self._schedule_at(self._clock.now(), dispatch)
        self._start_channel_task(self._finalize_task_by_channel_id, dispatch.channel_id, self._finalize_channel)

    async def finalize(self, dispatch: Dispatch) -> None:
        """Run the post-send steps of a message and log any error.

        Never raises: an error here must not make a sent message look unsent.
        """
        current_server_id.set(dispatch.server_id)
        try:
            retry_outcome = await post_send_steps.finalize_message(
                self._context.client, dispatch, add_seed_reaction=self._context.settings.seed_reaction
            )
            if retry_outcome is None:
                await self._store.dispatches.mark_finalized(dispatch.id)
        except (DatabaseFault, LeaseLost) as error:
            if isinstance(error, LeaseLost) and not self._store.shards.serves(dispatch.server_id):
                return  # The new owner of the shard finalizes it.
            retry_outcome = RetryAfter(WRITE_RETRY_SECONDS, Reason(SendProblem.INTERNAL_ERROR))
        except Exception:
            log.exception("finalize failed dispatch=%d", dispatch.id)
            retry_outcome = RetryAfter(_ERROR_BACKOFF_SECONDS, Reason(SendProblem.INTERNAL_ERROR))
        if retry_outcome is not None:
            self._schedule_at(self._clock.now() + math.ceil(retry_outcome.seconds), dispatch)

    def _schedule_at(self, due_at: int, dispatch: Dispatch) -> None:
        self._unfinalized_by_channel.setdefault(dispatch.channel_id, {})[dispatch.id] = (due_at, dispatch)

    def _iter_idle_channels(self) -> Iterator[tuple[int, int]]:
        """Yield each channel with messages to finalize and no running task, with its earliest due time."""
        for channel_id, unfinalized_by_dispatch_id in self._unfinalized_by_channel.items():
            if channel_id not in self._finalize_task_by_channel_id:
                yield channel_id, min(due_at for due_at, _dispatch in unfinalized_by_dispatch_id.values())

    def _start_channel_task(
        self,
        tasks_by_channel: dict[int, asyncio.Task[None]],
        channel_id: int,
        process_channel: Callable[[int], Coroutine[Any, Any, None]],
    ) -> None:
        if channel_id not in tasks_by_channel and not self.is_stopping:
            task = tasks_by_channel[channel_id] = asyncio.create_task(process_channel(channel_id))
            task.add_done_callback(partial(self._on_task_done, tasks_by_channel, channel_id))

    def _on_task_done(
        self, tasks_by_channel: dict[int, asyncio.Task[None]], channel_id: int, task: asyncio.Task[None]
    ) -> None:
        del tasks_by_channel[channel_id]
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, DatabaseFault | LeaseLost):
            log.error("post-send task failed channel=%d", channel_id, exc_info=error)
        # The relay's next wake-up depends on what is left here.
        if tasks_by_channel is self._edit_task_by_channel_id or channel_id in self._unfinalized_by_channel:
            self._context.wake()

    async def _finalize_channel(self, channel_id: int) -> None:
        while not self.is_stopping:
            now = self._clock.now()
            unfinalized_by_dispatch_id = self._unfinalized_by_channel[channel_id]
            dispatch = next(
                (dispatch for due_at, dispatch in unfinalized_by_dispatch_id.values() if due_at <= now), None
            )
            if dispatch is None:
                return
            del unfinalized_by_dispatch_id[dispatch.id]
            await self.finalize(dispatch)
            if not unfinalized_by_dispatch_id:
                del self._unfinalized_by_channel[channel_id]
                return

    async def _edit_channel(self, channel_id: int) -> None:
        while not self.is_stopping:
            async with self._edit_slots.acquire(message_targets.fair_share_key(self._context.client, channel_id)):
                dispatch = next(
                    iter(await self._store.dispatches.list_due_edits(self._clock.now(), 1, channel_id)), None
                )
                if dispatch is None:
                    return
                try:
                    await self._apply_edit(dispatch)
                except (DatabaseFault, LeaseLost):
                    await self._clock.sleep(WRITE_RETRY_SECONDS)
                    return
                except Exception:
                    log.exception("edit failed dispatch=%d", dispatch.id)
                    retry_at = self._clock.now() + _ERROR_BACKOFF_SECONDS
                    await self._store.dispatches.postpone_edit(dispatch.id, retry_at)

    async def _apply_edit(self, dispatch: Dispatch) -> None:
        current_server_id.set(dispatch.server_id)
        message = await self._render_dispatch(dispatch)
        outcome: SendOutcome | None = Rejected(Reason(SendProblem.ARTICLE_GONE))
        if message is not None:
            outcome = await post_send_steps.edit_sent_message(
                self._context.client, self._context.webhooks, dispatch, message
            )
        if outcome is None:
            await self._store.dispatches.mark_edited(
                dispatch.id, as_of=dispatch.edit_due_at, shown_article_ids=dispatch.joined_article_ids
            )
        elif isinstance(outcome, RetryAfter):
            retry_at = self._clock.now() + math.ceil(outcome.seconds)
            await self._store.dispatches.postpone_edit(dispatch.id, retry_at)
        elif await self._store.dispatches.abandon_edits(dispatch.id):
            self._context.wake()
