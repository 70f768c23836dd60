"""Lookup of recent articles and muted stories on the event of new articles, before the new ones are stored.

The articles of the last days are held in memory (`RecentArticleIndex`) and read from the store at the start.
This delays a post by moments at most: if the encoder does not answer in time, only words count, and after any
other failure, except of the database, nothing is grouped.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.core.models import NewArticle
from bot.search.index.index_updater import IndexUpdater
from bot.search.index.search_engine import EngineError
from bot.search.ranked_search import compute_idf
from bot.search.semantic.semantic_index import SemanticIndex
from bot.store import Store, StoreError
from bot.store.records.content_records import NO_MATCHES, ArticleBrief, MuteMatch, SimilarArticle, StoryMatches
from bot.stories.muted_story_index import MutedStoryIndex
from bot.stories.story_matching import (
    LEAD_LENGTH,
    RECENT_WINDOW_SECONDS,
    RecentArticleIndex,
    extract_story_features,
    strip_agency_prefix,
)
from bot.stories.story_membership import compute_post_membership_score

log = logging.getLogger(__name__)

READ_BATCH_SIZE = 500
"""Number of articles that are read from the store as one batch."""
ENCODE_WAIT_SECONDS = 2.0
"""Maximum time in seconds that the poll of a feed waits until its titles are encoded as vectors."""
MAX_TITLES_PER_POLL = 64
"""Maximum number of titles that are encoded as vectors before the new articles of a poll are stored."""
ENCODE_BATCH_SIZE = 32
"""Number of titles that are encoded as vectors in one call.

A query waits until the running call ends, so calls must be short.
"""
MAX_CACHED_VECTORS = 4_096
"""Maximum number of title vectors that are cached until their articles are read from the store."""
DEFAULT_TERM_WEIGHT = 5.0
"""Inverse document frequency that is assumed for every term if no search index can be searched."""


class StoryLookup:
    """Finder of similar articles among those of the last days, and of muted stories.

    A process compares and stores the articles of one poll at a time. What another process stores in between is
    considered within the transaction that stores the articles.
    """

    def __init__(self, store: Store, search_index: IndexUpdater, semantic_index: SemanticIndex | None = None) -> None:
        self._store, self._search_index, self._semantic_index = store, search_index, semantic_index
        self._recent_articles = RecentArticleIndex()
        self._muted_stories = MutedStoryIndex()
        self._last_mute_id = 0
        self._last_muted_article_id = 0
        self._last_article_id = 0
        self._poll_lock = asyncio.Lock()
        self._vector_by_article_key: dict[str, bytes] = {}
        self._unencoded_brief_by_id: dict[int, ArticleBrief] = {}
        self._encoding_task: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Cancel the encoding of titles that is in progress, and wait until it has ended."""
        if self._encoding_task is not None:
            self._encoding_task.cancel()
            await asyncio.gather(self._encoding_task, return_exceptions=True)

    @asynccontextmanager
    async def match_new_articles(self, feed_id: int, new_articles: Sequence[NewArticle]) -> AsyncIterator[StoryMatches]:
        """Yield the recent articles that are similar to new articles of a feed, and the muted stories they belong to.

        Use it with `async with`. The new articles must be stored within the block, so that the next call knows them.
        Raises `StoreError` if the database failed.
        """
        if not new_articles:
            yield NO_MATCHES
            return
        await self._encode_titles(new_articles)
        async with self._poll_lock:
            yield await self._match_stories(feed_id, new_articles)

    async def _match_stories(self, feed_id: int, new_articles: Sequence[NewArticle]) -> StoryMatches:
        try:
            since = await self._load_recent_articles()
            await self._load_muted_stories()
            similar_articles_by_key, mute_matches_by_key = await self._find_matches(feed_id, new_articles)
        except StoreError:
            raise
        except Exception:
            log.exception("story matching failed feed_id=%d", feed_id)
            return NO_MATCHES
        loop = asyncio.get_running_loop()

        def recompute_matches() -> StoryMatches:
            return asyncio.run_coroutine_threadsafe(self._match_stories(feed_id, new_articles), loop).result()

        return StoryMatches(
            similar_articles_by_key,
            compute_post_membership_score,
            self._last_article_id,
            since,
            recompute_matches,
            mute_matches_by_key,
            self._last_mute_id,
        )

    async def _find_matches(
        self, feed_id: int, new_articles: Sequence[NewArticle]
    ) -> tuple[Mapping[str, Sequence[SimilarArticle]], Mapping[str, Sequence[MuteMatch]]]:
        similar_articles_by_key: dict[str, Sequence[SimilarArticle]] = {}
        mute_matches_by_key: dict[str, Sequence[MuteMatch]] = {}
        for article in new_articles:
            lead = (article.summary or article.body)[:LEAD_LENGTH]
            brief = ArticleBrief(0, article.key, feed_id, article.title, lead, article.language, article.published)
            features = extract_story_features(brief, self._compute_idf, self._vector_by_article_key.get(article.key))
            if similar_articles := self._recent_articles.find_similar(features):
                similar_articles_by_key[article.key] = similar_articles
            if mute_matches := self._muted_stories.find_matches(features):
                mute_matches_by_key[article.key] = mute_matches
            await asyncio.sleep(0)  # Each article takes about a millisecond; other tasks run in between.
        return similar_articles_by_key, mute_matches_by_key

    async def _load_muted_stories(self) -> None:
        """Load mutes and articles of muted stories stored since the last call, by any process; remove ended mutes."""
        changes = await self._store.muted_stories.load_changes(
            after_mute_id=self._last_mute_id,
            after_article_id=self._last_muted_article_id,
            lead_length=LEAD_LENGTH,
        )
        for mute_id, briefs in changes.articles_by_mute_id.items():
            for brief in briefs:
                if not self._muted_stories.has_article(brief.article_id):
                    self._muted_stories.add_article(extract_story_features(brief, self._compute_idf))
                    if self._semantic_index is not None:
                        self._unencoded_brief_by_id[brief.article_id] = brief
                    await asyncio.sleep(0)  # Each article takes about 0.3 ms; other tasks run in between.
            self._muted_stories.extend_mute(mute_id, [brief.article_id for brief in briefs])
        self._muted_stories.remove_ended_mutes(changes.active_mute_ids)
        self._last_mute_id = max(self._last_mute_id, changes.last_mute_id)
        self._last_muted_article_id = max(self._last_muted_article_id, changes.last_article_id)

    async def _load_recent_articles(self) -> int:
        """Load articles stored since the last call, by any process, and evict old articles from memory.

        Titles without a vector are then encoded in the background. Returns the publication time, as Unix time in
        seconds, from which on articles are in memory.
        """
        since = self._store.clock.now() - RECENT_WINDOW_SECONDS
        self._last_article_id = self._last_article_id or await self._store.stories.find_id_before(since)
        while briefs := await self._store.stories.list_recent(
            self._last_article_id, since, limit=READ_BATCH_SIZE, lead_length=LEAD_LENGTH
        ):
            for brief in briefs:
                vector = self._vector_by_article_key.pop(brief.key, None)
                self._recent_articles.add(extract_story_features(brief, self._compute_idf, vector))
                if vector is None and self._semantic_index is not None:
                    self._unencoded_brief_by_id[brief.article_id] = brief
                await asyncio.sleep(0)  # Each article takes about 0.3 ms; other tasks run in between.
            self._last_article_id = briefs[-1].article_id
        self._recent_articles.evict_before(since)
        if self._unencoded_brief_by_id and self._encoding_task is None:
            self._encoding_task = asyncio.create_task(self._encode_missing_titles(), name="titles")
            self._encoding_task.add_done_callback(self._on_titles_encoded)
        return since

    def _compute_idf(self, term: str) -> float:
        engine = self._search_index.engine
        if engine is None:
            return DEFAULT_TERM_WEIGHT
        try:
            return compute_idf(engine, (term,))
        except EngineError as error:
            self._search_index.report_search_failure(error)
            return DEFAULT_TERM_WEIGHT

    async def _encode_titles(self, new_articles: Sequence[NewArticle]) -> None:
        if self._semantic_index is None:
            return
        articles_to_encode = [article for article in new_articles if article.key not in self._vector_by_article_key][
            :MAX_TITLES_PER_POLL
        ]
        vectors = await self._semantic_index.encode_titles(
            [strip_agency_prefix(article.title) for article in articles_to_encode],
            timeout_seconds=ENCODE_WAIT_SECONDS,
        )
        if vectors is not None:
            self._vector_by_article_key.update(
                zip((article.key for article in articles_to_encode), vectors, strict=True)
            )
        while len(self._vector_by_article_key) > MAX_CACHED_VECTORS:
            del self._vector_by_article_key[next(iter(self._vector_by_article_key))]

    async def _encode_missing_titles(self) -> None:
        """Encode titles that have no vector yet, newest first, including those of the last days after a start."""
        assert self._semantic_index is not None
        while self._unencoded_brief_by_id:
            article_ids = sorted(self._unencoded_brief_by_id, reverse=True)[:ENCODE_BATCH_SIZE]
            briefs = [self._unencoded_brief_by_id.pop(article_id) for article_id in article_ids]
            titles = [strip_agency_prefix(brief.title) for brief in briefs]
            vectors = await self._semantic_index.encode_titles(titles, timeout_seconds=None)
            if vectors is None:  # The encoder is not ready; the next poll tries again.
                self._unencoded_brief_by_id.update((brief.article_id, brief) for brief in briefs)
                return
            for brief, vector in zip(briefs, vectors, strict=True):
                self._recent_articles.set_vector(brief.article_id, vector)
                self._muted_stories.set_vector(brief.article_id, vector)

    def _on_titles_encoded(self, task: asyncio.Task[None]) -> None:
        self._encoding_task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("title encoding failed error=%s", error)
