"""Background work that is due from time to time: one asyncio task per kind, with a pause after an error."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from bot.core import local_time
from bot.posting.posting_context import PostingContext
from bot.store import DatabaseFault
from bot.store.records.outbox_records import TopStorySelection
from bot.stories import story_ranking
from bot.watches.watch_matching import WatchMatcher

log = logging.getLogger(__name__)

ERROR_BACKOFF_SECONDS = 60
"""Pause in seconds after a scheduled task has failed."""


class ScheduledTask:
    """Base class of one kind of scheduled work. When its task ends, it wakes the outbox relay."""

    def __init__(self, context: PostingContext) -> None:
        self._context, self._store, self._clock = context, context.store, context.clock
        self._paused_until = 0
        self.task: asyncio.Task[None] | None = None

    async def start_if_due(self, now: int) -> None:
        """Start the task if work is due at `now` and no task is running. Raises StoreError."""
        due_at = None if self.task is not None else await self.next_due()
        if self.task is None and due_at is not None and due_at <= now:
            self._start(self._run())

    async def next_due(self) -> int | None:
        """Return the Unix time in seconds when work is due next, which may be past; None if there is no work.

        Raises StoreError.
        """
        due_at = await self._next_due()
        return None if due_at is None else max(due_at, self._paused_until)

    async def _next_due(self) -> int | None:
        """Return the Unix time in seconds when work is due next, or None; ignore a pause after an error."""
        return None

    async def _run(self) -> None:
        raise NotImplementedError

    def on_clock_set_back(self, seconds: int) -> None:
        """Move the end of a pause back by `seconds`, by which the system's clock was set back."""
        self._paused_until -= seconds

    def _back_off(self) -> None:
        self._paused_until = self._clock.now() + ERROR_BACKOFF_SECONDS

    def _start(self, task_coroutine: Coroutine[Any, Any, None]) -> None:
        self.task = asyncio.create_task(task_coroutine, name=type(self).__name__)
        self.task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self.task = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            if not isinstance(error, DatabaseFault):  # The store logs its own faults.
                log.error("scheduled task failed task=%s", task.get_name(), exc_info=error)
            self._back_off()
        self._context.wake()


class BestStorySelectionTask(ScheduledTask):
    """Scheduled task that posts the best stories in channels that limit their number per day.

    It runs only in the process that owns the first shard.
    """

    async def _next_due(self) -> int | None:
        return await self._store.held_posts.next_due_at() if self._store.shards.serves(None) else None

    async def _run(self) -> None:
        await self._store.held_posts.withhold_expired()
        for selection in await self._store.held_posts.list_due_selections():
            await self._select_for_channel(selection)

    async def _select_for_channel(self, selection: TopStorySelection) -> None:
        now, minutes_of_day = (
            self._clock.now(),
            local_time.spread_over_waking_hours(selection.stories_per_day),
        )
        # Selections missed during downtime are made up for, at most those of a day.
        due_at, story_count = selection.due_at, 0
        while due_at <= now and story_count < selection.stories_per_day:
            due_at, story_count = (
                local_time.next_occurrence_of_any(due_at, minutes_of_day, selection.time_zone),
                story_count + 1,
            )
        stories = await self._store.held_posts.list_eligible_stories(selection)
        preference_model = await self._context.preference_models.get(selection.server_id)
        selected_post_ids = [
            story.post_id for story in story_ranking.select_best_stories(stories, story_count, now, preference_model)
        ]
        next_due_at = local_time.next_occurrence_of_any(now, minutes_of_day, selection.time_zone)
        await self._store.held_posts.release_selected(selection, selected_post_ids, next_due_at=next_due_at)


class WatchMatchingTask(ScheduledTask):
    """Scheduled task that matches new articles against the watches (saved searches) of all servers.

    It runs only in the process that owns the first shard.
    """

    def __init__(self, context: PostingContext) -> None:
        super().__init__(context)
        self._matcher = WatchMatcher(context.store)

    async def _next_due(self) -> int | None:
        has_unmatched_articles = self._store.shards.serves(None) and await self._store.watches.list_unmatched_arrivals(
            1
        )
        return 0 if has_unmatched_articles else None

    async def _run(self) -> None:
        while await self._matcher.process_next_batch():
            pass
