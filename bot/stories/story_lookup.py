"""Finding, for what a poll brings, the recent articles that tell the same: before it is written.

What came in the last days is kept in memory (`stories.Recent`) and read from the store again at the start.
Nothing here delays a post by more than moments: where the encoder does not answer in time, or anything goes
wrong, words decide, or nothing joins.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.core.models import NewArticle
from bot.search.index.engine import EngineError
from bot.search.index.index_follower import IndexFollower
from bot.search.ranked_search import weight
from bot.search.semantic.semantic_search import Meaning
from bot.store import Store, StoreError
from bot.store.records.content_records import NO_KIN, Brief, Kin, Kinships
from bot.stories.story_matching import LEAD, WINDOW, Recent, plain_title, telling
from bot.stories.story_membership import belonging

log = logging.getLogger(__name__)

PAGE = 500  # articles read at a time
PATIENCE = 2.0  # seconds that a poll waits for the encoder
MOST_ENCODED = 64  # titles of one poll that are waited for
AT_ONCE = 32  # titles encoded in a call, so that a question need not wait for long
REMEMBERED = 4_096  # vectors of titles whose article is still to be read
UNKNOWN = 5.0  # what a word tells while there is no index that knows


class StoryLookup:
    """Knows the articles of the last days. One poll at a time looks and is written, in all processes: what
    another one recorded after the look is taken in within the transaction that writes.
    """

    def __init__(self, store: Store, index: IndexFollower, meaning: Meaning | None = None) -> None:
        self._store, self._index, self._meaning = store, index, meaning
        self._recent = Recent()
        self._last = 0
        self._turn = asyncio.Lock()
        self._vectors: dict[str, bytes] = {}  # by keys of articles
        self._bare: dict[int, Brief] = {}  # articles whose title has no vector
        self._encoding: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """End what goes on beside the polls."""
        if self._encoding is not None:
            self._encoding.cancel()
            await asyncio.gather(self._encoding, return_exceptions=True)

    @asynccontextmanager
    async def compared(self, feed_id: int, new: Sequence[NewArticle]) -> AsyncIterator[Kinships]:
        """Which recent articles new ones of a feed seem to tell the same as.

        What is written within the block is known to the next. Raises `StoreError`.
        """
        if not new:
            yield NO_KIN
            return
        await self._encode(new)
        async with self._turn:
            yield await self._kinships(feed_id, new)

    async def _kinships(self, feed_id: int, new: Sequence[NewArticle]) -> Kinships:
        try:
            since = await self._refresh()
            found = await self._look(feed_id, new)
        except StoreError:
            raise
        except Exception:
            log.exception("articles of feed %d were not compared with others", feed_id)
            return NO_KIN
        loop = asyncio.get_running_loop()

        def again() -> Kinships:
            return asyncio.run_coroutine_threadsafe(self._kinships(feed_id, new), loop).result()

        return Kinships(found, belonging, self._last, since, again)

    async def _look(self, feed_id: int, new: Sequence[NewArticle]) -> Mapping[str, Sequence[Kin]]:
        found: dict[str, Sequence[Kin]] = {}
        for article in new:
            lead = (article.summary or article.body)[:LEAD]
            brief = Brief(0, article.key, feed_id, article.title, lead, article.language, article.published)
            kin = self._recent.kin(telling(brief, self._weight, self._vectors.get(article.key)))
            if kin:
                found[article.key] = kin
            await asyncio.sleep(0)  # a millisecond each
        return found

    async def _refresh(self) -> int:
        """Take what was written since, by any process; forget what was published before the time given."""
        since = self._store.clock.now() - WINDOW
        self._last = self._last or await self._store.stories.before(since)
        while briefs := await self._store.stories.recent(self._last, since, limit=PAGE, lead=LEAD):
            for brief in briefs:
                vector = self._vectors.pop(brief.key, None)
                self._recent.add(telling(brief, self._weight, vector))
                if vector is None and self._meaning is not None:
                    self._bare[brief.article_id] = brief
                await asyncio.sleep(0)  # a third of a millisecond each
            self._last = briefs[-1].article_id
        self._recent.forget(since)
        if self._bare and self._encoding is None:
            self._encoding = asyncio.create_task(self._encode_bare(), name="titles")
            self._encoding.add_done_callback(self._encoded)
        return since

    def _weight(self, term: str) -> float:
        engine = self._index.engine
        if engine is None:
            return UNKNOWN
        try:
            return weight(engine, (term,))
        except EngineError as error:
            self._index.distrust(error)
            return UNKNOWN

    # What titles mean, with the extra

    async def _encode(self, new: Sequence[NewArticle]) -> None:
        if self._meaning is None:
            return
        chosen = [article for article in new if article.key not in self._vectors][:MOST_ENCODED]
        vectors = await self._meaning.of_titles(
            [plain_title(article.title) for article in chosen], patience=PATIENCE
        )
        if vectors is not None:
            self._vectors.update(zip((article.key for article in chosen), vectors, strict=True))
        while len(self._vectors) > REMEMBERED:
            del self._vectors[next(iter(self._vectors))]

    async def _encode_bare(self) -> None:
        """Encode titles that came without, the newest first: at a start those of the last days."""
        assert self._meaning is not None
        while self._bare:
            ids = sorted(self._bare, reverse=True)[:AT_ONCE]
            briefs = [self._bare.pop(id_) for id_ in ids]
            titles = [plain_title(brief.title) for brief in briefs]
            vectors = await self._meaning.of_titles(titles, patience=None)
            if vectors is None:  # not ready yet: at the next poll
                self._bare.update((brief.article_id, brief) for brief in briefs)
                return
            for brief, vector in zip(briefs, vectors, strict=True):
                self._recent.encoded(brief.article_id, vector)

    def _encoded(self, task: asyncio.Task[None]) -> None:
        self._encoding = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("titles were not encoded: %s", error)
