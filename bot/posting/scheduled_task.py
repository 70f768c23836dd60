"""Background work that is due from time to time, such as digests, and the schedule that starts it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from bot.core import local_time
from bot.core.concurrency.keyed_runner import KeyedRunner
from bot.posting.posting_context import PostingContext
from bot.store.records.outbox_records import DueTopStorySelection
from bot.stories import story_ranking
from bot.watches.watch_matching import WatchMatcher

RETRY_SECONDS = 60.0
"""Seconds after which scheduled work that could not be done is tried again."""
NOTICE_BATCH_SIZE = 25
"""Maximum number of servers for which notices (texts of the operator) are enqueued at once."""
NOTICE_BATCH_SECONDS = 5.0
"""Seconds between two batches of notices: a process then sends 5 a second, a tenth of what Discord lets a bot send."""


class ScheduledTask(ABC):
    """Base class of background tasks, such as making digests, that run at times stored in the database."""

    def __init__(self, context: PostingContext) -> None:
        self._context, self._store, self._clock = context, context.store, context.clock

    @abstractmethod
    async def get_next_due_at(self) -> int | None:
        """Return the Unix time in seconds when work is due next, which may be past; None if there is no work.

        Raises StoreError.
        """

    @abstractmethod
    async def run(self) -> float:
        """Do the work that is due; return the minimum seconds until the next run, or 0 if it may follow at once.

        May raise any error: the schedule reports it and runs the task again later.
        """


class TaskSchedule:
    """Schedule of the tasks of one process: runs each when it is due, and then wakes the relay that sends messages.

    `per_shard_tasks` run in every process, for the servers of its shards; `singleton_tasks` run only in the process
    that owns the first shard.
    """

    def __init__(
        self,
        context: PostingContext,
        per_shard_tasks: Sequence[ScheduledTask],
        singleton_tasks: Sequence[ScheduledTask],
    ) -> None:
        self._shards = context.store.shards
        self._per_shard_tasks, self._singleton_tasks = per_shard_tasks, singleton_tasks
        self.runner: KeyedRunner[ScheduledTask] = KeyedRunner(
            context.clock,
            lambda task, error: context.handle_fault(type(task).__name__, error),
            lambda _task: context.wake_relay(),
        )

    async def start_due(self, now: int) -> None:
        """Start the tasks that are due at `now`. Raises StoreError."""
        for task in self._list_idle_tasks():
            due_at = await task.get_next_due_at()
            if due_at is not None and due_at <= now:
                self.runner.start(task, self._run)

    async def list_wait_seconds(self, now: int) -> list[float]:
        """Return the seconds until each task that is not running is due, or may run again. Raises StoreError."""
        due_times = [await task.get_next_due_at() for task in self._list_idle_tasks()]
        return [due_at - now for due_at in due_times if due_at is not None] + self.runner.list_back_off_seconds()

    async def _run(self, task: ScheduledTask) -> None:
        self.runner.back_off(task, await task.run())

    def _list_idle_tasks(self) -> list[ScheduledTask]:
        tasks = [*self._per_shard_tasks, *(self._singleton_tasks if self._shards.serves(None) else ())]
        busy_tasks = self.runner.unavailable_keys
        return [task for task in tasks if task not in busy_tasks]


class TopStorySelectionTask(ScheduledTask):
    """Scheduled task that posts the top stories in channels that limit the number of stories per day.

    In such a channel each new post is held: it waits until it is selected, or until it expires and is withheld.
    """

    async def get_next_due_at(self) -> int | None:
        """Return when the next held post expires or the next selection is due (Unix time in seconds), or None."""
        return await self._store.held_posts.get_next_due_at()

    async def run(self) -> float:
        """Withhold the expired posts and make the selections that are due."""
        await self._store.held_posts.withhold_expired()
        for selection in await self._store.held_posts.list_due_selections():
            await self._select_for_channel(selection)
        return 0.0

    async def _select_for_channel(self, selection: DueTopStorySelection) -> None:
        now, minutes_of_day = (
            self._clock.now(),
            local_time.spread_over_waking_hours(selection.stories_per_day),
        )
        # Selections missed during downtime are made up for, at most as many as a day has.
        due_at, story_count = selection.due_at, 0
        while due_at <= now and story_count < selection.stories_per_day:
            due_at, story_count = (
                local_time.find_next_occurrence_of_any(due_at, minutes_of_day, selection.time_zone),
                story_count + 1,
            )
        stories = await self._store.held_posts.list_eligible_stories(selection)
        preference_model = await self._context.preference_models.get(selection.server_id)
        selected_post_ids = [
            story.post_id for story in story_ranking.select_best_stories(stories, story_count, now, preference_model)
        ]
        next_due_at = local_time.find_next_occurrence_of_any(now, minutes_of_day, selection.time_zone)
        await self._store.held_posts.release_selected(selection, selected_post_ids, next_due_at=next_due_at)


class ProposalTask(ScheduledTask):
    """Scheduled task that shows proposed feeds to managers, and closes the proposals that nobody decided on in time."""

    async def get_next_due_at(self) -> int | None:
        """Return when the next open proposal closes (Unix time in seconds), or None without any.

        Returns 0 if a message about an open proposal is not enqueued yet, but can be.
        """
        return await self._store.proposals.get_next_due_at()

    async def run(self) -> float:
        """Enqueue messages about the open proposals that have none yet, and close the proposals whose time is over."""
        await self._store.proposals.process_due()
        return 0.0


class NoticeTask(ScheduledTask):
    """Scheduled task that enqueues notices of the operator, for a few servers at a time so that no post is delayed."""

    async def get_next_due_at(self) -> int | None:
        """Return 0 if servers of this process are still to get a notice, else None."""
        return await self._store.notices.get_next_due_at()

    async def run(self) -> float:
        """Enqueue notices for the next servers, and return the seconds until notices for further servers may follow."""
        await self._store.notices.enqueue_next(NOTICE_BATCH_SIZE)
        return NOTICE_BATCH_SECONDS


class WatchMatchingTask(ScheduledTask):
    """Scheduled task that matches new articles against the watches (saved searches) of all servers."""

    def __init__(self, context: PostingContext) -> None:
        super().__init__(context)
        self._matcher = WatchMatcher(context.store)

    async def get_next_due_at(self) -> int | None:
        """Return 0 if articles wait to be matched, else None."""
        return 0 if await self._store.watches.list_unmatched_arrivals(1) else None

    async def run(self) -> float:
        """Match all new articles against the watches (saved searches), and enqueue their notifications."""
        while await self._matcher.process_next_batch():
            pass
        return 0.0
