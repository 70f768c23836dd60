"""What channels hold back: given up when its time is over, or sent as one of the best of the day."""

from __future__ import annotations

from collections.abc import Callable

from bot.core import hours
from bot.core.clock import Clock
from bot.posting.due_task import DueTask
from bot.store import Store
from bot.store.records.outbox_records import BestChoice
from bot.stories import story_ranking
from bot.stories.known_tastes import Tastes


class BestStories(DueTask):
    """The choices of all channels: by whoever has the first shard."""

    def __init__(self, store: Store, clock: Clock, tastes: Tastes, *, on_end: Callable[[], None]) -> None:
        super().__init__(clock, on_end=on_end)
        self._store, self._tastes = store, tastes

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
        taste = await self._tastes.of_server(choice.server_id)
        chosen = [story.post_id for story in story_ranking.best(stories, count, now, taste)]
        next_due = hours.next_of(now, minutes, choice.time_zone)
        await self._store.held_posts.choose(choice, chosen, next_due=next_due)
