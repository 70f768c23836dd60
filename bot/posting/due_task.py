"""Work that there is now and then: each kind in a task of its own, which rests after a fault."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from bot.core import hours
from bot.posting.posting_context import PostingContext
from bot.store import DatabaseFault
from bot.store.records.outbox_records import BestChoice
from bot.stories import story_ranking
from bot.watches.watch_matching import Watchman

log = logging.getLogger(__name__)

AFTER_FAULT = 60
"""Seconds."""


class DueTask:
    """One kind of such work. The courier is woken after each end of its task."""

    def __init__(self, context: PostingContext) -> None:
        self._context, self._store, self._clock = context, context.store, context.clock
        self._rests_until = 0
        self.task: asyncio.Task[None] | None = None

    async def start(self, now: int) -> None:
        """Begin where something is due and it was not begun."""
        due = None if self.task is not None else await self.next_due()
        if self.task is None and due is not None and due <= now:
            self._begin(self._work())

    async def next_due(self) -> int | None:
        """When there is something to do, which may be past; None when there is nothing, or nobody knows."""
        due = await self._due()
        return None if due is None else max(due, self._rests_until)

    async def _due(self) -> int | None:
        """When there is something to do, but for the rest after a fault."""
        return None

    async def _work(self) -> None:
        raise NotImplementedError

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        self._rests_until -= by

    def _rest(self) -> None:
        self._rests_until = self._clock.now() + AFTER_FAULT

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.task = asyncio.create_task(work, name=type(self).__name__)
        self.task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.task = None
        fault = None if task.cancelled() else task.exception()
        if fault is not None:
            if not isinstance(fault, DatabaseFault):  # the store has said it
                log.error("%s failed", task.get_name(), exc_info=fault)
            self._rest()
        self._context.wake()


class BestStories(DueTask):
    """The choices of all channels: by whoever has the first shard."""

    async def _due(self) -> int | None:
        return await self._store.held_posts.next_due() if self._store.shards.has(None) else None

    async def _work(self) -> None:
        await self._store.held_posts.give_up()
        for choice in await self._store.held_posts.choices():
            await self._choose(choice)

    async def _choose(self, choice: BestChoice) -> None:
        now, minutes = self._clock.now(), hours.spread(choice.number)
        # As many as were due while nobody could choose, a day's at the most.
        due, count = choice.due, 0
        while due <= now and count < choice.number:
            due, count = hours.next_of(due, minutes, choice.time_zone), count + 1
        stories = await self._store.held_posts.candidates(choice)
        taste = await self._context.tastes.of_server(choice.server_id)
        chosen = [story.post_id for story in story_ranking.best(stories, count, now, taste)]
        next_due = hours.next_of(now, minutes, choice.time_zone)
        await self._store.held_posts.choose(choice, chosen, next_due=next_due)


class Matching(DueTask):
    """Finding out who is to be told of what came: for all servers, by whoever has the first shard."""

    def __init__(self, context: PostingContext) -> None:
        super().__init__(context)
        self._watchman = Watchman(context.store)

    async def _due(self) -> int | None:
        has_news = self._store.shards.has(None) and await self._store.watches.arrivals(1)
        return 0 if has_news else None

    async def _work(self) -> None:
        while await self._watchman.look():
            pass
