"""Lookup of recent articles that report the same event as new ones, before those are written.

The articles of the last days are held in memory (`RecentArticleIndex`) and read from the store at the start.
This delays a post by moments at most: if the encoder does not answer in time, only words count, and after any
other failure nothing is grouped.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.core.models import NewArticle
from bot.search.index.index_updater import IndexUpdater
from bot.search.index.search_engine import EngineError
from bot.search.ranked_search import inverse_document_frequency
from bot.search.semantic.semantic_index import SemanticIndex
from bot.store import Store, StoreError
from bot.store.records.content_records import NO_MATCHES, ArticleBrief, SimilarArticle, StoryMatches
from bot.stories.story_matching import (
    LEAD_LENGTH,
    WINDOW_SECONDS,
    RecentArticleIndex,
    extract_story_features,
    plain_title,
)
from bot.stories.story_membership import membership_score

log = logging.getLogger(__name__)

PAGE_SIZE = 500
"""Number of articles that are read at a time."""
ENCODE_WAIT_SECONDS = 2.0
"""Maximum time that a poll waits for the encoder."""
MAX_TITLES_AWAITED = 64
"""Maximum number of titles of a poll that are encoded before it is written."""
ENCODE_BATCH_SIZE = 32
"""Number of titles that are encoded in a call, so that a query does not wait long."""
MAX_CACHED_VECTORS = 4_096
"""Maximum number of title vectors that are cached until their articles are read from the store."""
DEFAULT_TERM_WEIGHT = 5.0
"""IDF of every term while there is no search index."""


class StoryLookup:
    """Finds similar articles among those of the last days.

    In all processes together, one poll at a time is compared and written. What another process records in
    between is considered within the transaction that writes.
    """

    def __init__(self, store: Store, index: IndexUpdater, meaning: SemanticIndex | None = None) -> None:
        self._store, self._index, self._meaning = store, index, meaning
        self._index_of_recent = RecentArticleIndex()
        self._last = 0
        self._poll_lock = asyncio.Lock()
        self._vectors: dict[str, bytes] = {}
        self._without_vector: dict[int, ArticleBrief] = {}
        self._encoding: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Cancel the encoding of titles."""
        if self._encoding is not None:
            self._encoding.cancel()
            await asyncio.gather(self._encoding, return_exceptions=True)

    @asynccontextmanager
    async def compare(self, feed_id: int, new: Sequence[NewArticle]) -> AsyncIterator[StoryMatches]:
        """Yield the recent articles that are similar to new ones of a feed.

        The new articles must be written within the block, so that the next call knows them.

        Raises:
            StoreError: The database failed.
        """
        if not new:
            yield NO_MATCHES
            return
        await self._encode(new)
        async with self._poll_lock:
            yield await self._match_stories(feed_id, new)

    async def _match_stories(self, feed_id: int, new: Sequence[NewArticle]) -> StoryMatches:
        try:
            since = await self._refresh()
            found = await self._find_similar(feed_id, new)
        except StoreError:
            raise
        except Exception:
            log.exception("story matching failed feed_id=%d", feed_id)
            return NO_MATCHES
        loop = asyncio.get_running_loop()

        def again() -> StoryMatches:
            return asyncio.run_coroutine_threadsafe(self._match_stories(feed_id, new), loop).result()

        return StoryMatches(found, membership_score, self._last, since, again)

    async def _find_similar(
        self, feed_id: int, new: Sequence[NewArticle]
    ) -> Mapping[str, Sequence[SimilarArticle]]:
        found: dict[str, Sequence[SimilarArticle]] = {}
        for article in new:
            lead = (article.summary or article.body)[:LEAD_LENGTH]
            brief = ArticleBrief(
                0, article.key, feed_id, article.title, lead, article.language, article.published
            )
            kin = self._index_of_recent.find_similar(
                extract_story_features(brief, self._weight, self._vectors.get(article.key))
            )
            if kin:
                found[article.key] = kin
            await asyncio.sleep(0)  # Each takes about a millisecond.
        return found

    async def _refresh(self) -> int:
        """Load articles written since the last call, by any process, and evict old ones.

        Return the time before which articles are evicted.
        """
        since = self._store.clock.now() - WINDOW_SECONDS
        self._last = self._last or await self._store.stories.id_before(since)
        while briefs := await self._store.stories.recent(
            self._last, since, limit=PAGE_SIZE, lead=LEAD_LENGTH
        ):
            for brief in briefs:
                vector = self._vectors.pop(brief.key, None)
                self._index_of_recent.add(extract_story_features(brief, self._weight, vector))
                if vector is None and self._meaning is not None:
                    self._without_vector[brief.article_id] = brief
                await asyncio.sleep(0)  # Each takes about 0.3 ms.
            self._last = briefs[-1].article_id
        self._index_of_recent.evict_before(since)
        if self._without_vector and self._encoding is None:
            self._encoding = asyncio.create_task(self._encode_missing(), name="titles")
            self._encoding.add_done_callback(self._encoded)
        return since

    def _weight(self, term: str) -> float:
        engine = self._index.engine
        if engine is None:
            return DEFAULT_TERM_WEIGHT
        try:
            return inverse_document_frequency(engine, (term,))
        except EngineError as error:
            self._index.report_search_failure(error)
            return DEFAULT_TERM_WEIGHT

    async def _encode(self, new: Sequence[NewArticle]) -> None:
        if self._meaning is None:
            return
        chosen = [article for article in new if article.key not in self._vectors][:MAX_TITLES_AWAITED]
        vectors = await self._meaning.encode_titles(
            [plain_title(article.title) for article in chosen], timeout_seconds=ENCODE_WAIT_SECONDS
        )
        if vectors is not None:
            self._vectors.update(zip((article.key for article in chosen), vectors, strict=True))
        while len(self._vectors) > MAX_CACHED_VECTORS:
            del self._vectors[next(iter(self._vectors))]

    async def _encode_missing(self) -> None:
        """Encode titles without a vector, newest first; at the start those of the last days."""
        assert self._meaning is not None
        while self._without_vector:
            ids = sorted(self._without_vector, reverse=True)[:ENCODE_BATCH_SIZE]
            briefs = [self._without_vector.pop(id_) for id_ in ids]
            titles = [plain_title(brief.title) for brief in briefs]
            vectors = await self._meaning.encode_titles(titles, timeout_seconds=None)
            if vectors is None:  # The encoder is not ready; the next poll tries again.
                self._without_vector.update((brief.article_id, brief) for brief in briefs)
                return
            for brief, vector in zip(briefs, vectors, strict=True):
                self._index_of_recent.set_vector(brief.article_id, vector)

    def _encoded(self, task: asyncio.Task[None]) -> None:
        self._encoding = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("title encoding failed error=%s", error)
