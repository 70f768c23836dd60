"""Search: from a query to a page of the articles that the user may read, best first."""

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, TypeVar, TypeVarTuple

from bot.core import i18n
from bot.core.concurrency.worker_pool import WorkerError, WorkerPool
from bot.core.models import Article
from bot.core.user_models import saved_pages_feed_id
from bot.search.highlighting import MAX_SNIPPET_LENGTH, Highlighter, extract_snippet
from bot.search.index import text_analysis
from bot.search.index.index_updater import IndexUpdater
from bot.search.index.search_engine import CompletionField, EngineError, Hit, Scope, SearchEngine
from bot.search.query.query_checks import asks_for_bookmarks, check_query
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_parser import parse_query
from bot.search.query.query_tree import Query
from bot.search.query_suggestions import QueryAdvice, suggest_corrections, suggest_quotes
from bot.search.ranked_search import MIN_FULL_MATCHES, QueryParts, RankedArticle, RankedSearch
from bot.search.semantic.semantic_index import SemanticIndex
from bot.store import Store
from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY
from bot.text import excerpts
from bot.text.words import fold

__all__ = [
    "Query",
    "SearchPage",
    "SearchResult",
    "Searcher",
    "build_article_json",
    "build_search_result_json",
    "parse_query",
]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = logging.getLogger(__name__)

WORKER_TIMEOUT_SECONDS = 10.0
"""Maximum duration in seconds of a call in a worker process."""
OVERFETCH_COUNT = 10
"""Number of articles fetched beyond a page, because several articles on one story become one result."""
REPUBLISH_WINDOW_SECONDS = 12 * 3600
"""Maximum time in seconds between two articles of an outlet that are taken for copies of one.

Copies have the same title and beginning but different addresses.
"""
DUPLICATE_PREFIX_LENGTH = 200
"""Number of first characters of two texts that are compared to recognise copies."""

MIN_COMPLETION_LENGTH = 3
"""Minimum length, in characters, of a title word that is offered as a completion, unless it is in capitals."""
COMPLETION_WINDOW_SECONDS = 30 * 86_400
"""Maximum age in seconds of the articles whose words, tags and authors are offered as completions."""

SortOrder = Literal["relevance", "newest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """An article found by a search.

    Attributes:
        score: Relevance; higher is better, 0 if results are sorted by date.
        snippet: Part of the text that contains most of the query.
        highlights: Start and end offsets, in characters, of the parts of the snippet that match.
        is_partial: Whether the article lacks a word or phrase of the query.
        has_similar_word: Whether the article only has a word similar to the query's single word.
        is_semantic_only: Whether the article matches by meaning alone.
    """

    article: Article
    score: float
    snippet: str
    highlights: tuple[tuple[int, int], ...]
    is_partial: bool = False
    has_similar_word: bool = False
    is_semantic_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """A page of search results.

    Attributes:
        total_results: Number of results on all pages, or None if there may be more than were counted.
        notes: Notes on how the query was understood.
        suggestions: Words and names to try instead of words and names of the query that no article has.
    """

    results: tuple[SearchResult, ...] = ()
    total_results: int | None = 0
    notes: tuple[Note, ...] = ()
    suggestions: tuple[str, ...] = ()


class Searcher:
    """Search in a store by its index, and by meaning if there is a semantic index."""

    def __init__(
        self,
        store: Store,
        index: IndexUpdater,
        semantic_index: SemanticIndex | None = None,
        *,
        workers: WorkerPool | None = None,
    ) -> None:
        self.store = store
        self.index = index
        self.semantic_index = semantic_index
        self._ranked_search = RankedSearch(store, semantic_index)
        self._workers = workers

    async def run_in_worker(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a module-level function in a worker process, and return its result.

        The event loop is not blocked. If there are no workers, or if the worker fails, the function runs in a
        thread.
        """
        if self._workers is not None:
            try:
                return await self._workers.run(function, *args, timeout=WORKER_TIMEOUT_SECONDS)
            except WorkerError as error:
                log.warning("worker call failed function=%s error=%s", function.__qualname__, error)
        return await asyncio.to_thread(function, *args)

    async def run_in_engine(self, function: Callable[[SearchEngine], T]) -> T | None:
        """Call a function with the engine of the up-to-date index in a thread, and return its result.

        Returns None if the index cannot be used. Raises StoreError.
        """
        await self.index.ensure_up_to_date()
        if self.index.engine is None:
            return None
        try:
            return await asyncio.to_thread(function, self.index.engine)
        except EngineError as error:
            self.index.report_search_failure(error)
            return None

    async def search(
        self,
        query: str | Query,
        *,
        feed_ids: Collection[int] | None,
        limit: int = 20,
        offset: int = 0,
        sort: SortOrder = "relevance",
        user_id: int | None = None,
        count_up_to: int = 0,
    ) -> SearchPage:
        """Return a page of the articles that match a query. Any text is accepted.

        `feed_ids` are the feeds that the user may read (None: all feeds). A query that asks for the bookmarks of
        `user_id` also finds the pages that this user saved. Matches are counted up to `count_up_to`, even beyond the
        page. If the index fails, or is not built yet, the page is empty and has a note. If no article has the query's
        single word, articles with a similar word are returned.

        Raises:
            StoreError: The database failed.
        """
        if isinstance(query, str):
            query = parse_query(query, self.store.clock.now())
        notes = [*query.notes, *check_query(query, user_id)]
        scope = await self._build_scope(query, feed_ids, user_id)
        if not query.nodes or (scope.feed_ids is not None and not scope.feed_ids):
            return SearchPage(notes=tuple(notes))
        await self.index.ensure_up_to_date()
        if (build_progress := self.index.build_progress) is not None:
            notes.append(Note.create(NoteKind.INDEX_BUILDING, percent=int(100 * build_progress)))
        engine = self.index.engine
        if engine is None:
            return SearchPage(notes=tuple(notes))
        query_parts = replace(
            QueryParts.from_query(query),
            reader_language=i18n.current_language() if user_id is not None else None,
        )
        needed_count = max(offset + limit, count_up_to) + 1
        try:
            query_parts, ranked_articles = await self._rank(
                engine, query, query_parts, scope, needed_count + OVERFETCH_COUNT, sort
            )
            query_advice = (
                await suggest_quotes(query, self.store, engine, scope) if query.unquoted_filters else QueryAdvice()
            )
            full_match_count = sum(not ranked_article.is_partial for ranked_article in ranked_articles)
            if not query_advice.suggestions and full_match_count < MIN_FULL_MATCHES:
                query_advice = await suggest_corrections(
                    query, self.store, engine, scope, has_full_match=full_match_count > 0
                )
            if not ranked_articles and query_advice.suggestions and len(query_parts.words) == 1:
                query_parts = replace(query_parts, words=query_advice.suggestions[:1])
                query_parts, similar_word_articles = await self._rank(
                    engine, query, query_parts, scope, needed_count + OVERFETCH_COUNT, "relevance"
                )
                ranked_articles = [ranked_article._replace(is_partial=True) for ranked_article in similar_word_articles]
        except EngineError as error:
            self.index.report_search_failure(error)
            return SearchPage(notes=(*notes, Note.create(NoteKind.INDEX_DAMAGED)))
        results = await query_parts.run_in_thread_if_slow(
            self._build_results, query_parts, ranked_articles[offset : offset + limit]
        )
        return SearchPage(
            results=results,
            total_results=None if len(ranked_articles) >= needed_count else len(ranked_articles),
            notes=(*notes, *query_parts.notes, *query_advice.notes),
            suggestions=query_advice.suggestions,
        )

    async def _rank(
        self,
        engine: SearchEngine,
        query: Query,
        query_parts: QueryParts,
        scope: Scope,
        limit: int,
        sort: SortOrder,
    ) -> tuple[QueryParts, list[RankedArticle]]:
        """Return the matches, only one article of each story, and the query, whose phrases may have become optional."""
        if sort == "newest" or not query_parts.text:
            ranked_articles = await self._ranked_search.find_newest(engine, query, query_parts, scope, limit)
        else:
            query_parts, ranked_articles = await self._ranked_search.find_best(engine, query_parts, scope, limit)
        return query_parts, await self._collapse_stories(ranked_articles)

    async def list_latest(
        self,
        feed_ids: Collection[int],
        *,
        outlet: str | None = None,
        limit: int,
        excluded_article_ids: Collection[int] = (),
    ) -> list[Article]:
        """Return at most `limit` of the newest articles of these feeds, each story once, without excluded articles.

        `outlet` restricts them to the outlet with that name.

        Raises:
            StoreError: The database failed.
        """
        fetch_limit = limit + OVERFETCH_COUNT
        while True:
            newest_articles = await self.store.articles.list_newest(feed_ids, outlet=outlet, limit=fetch_limit)
            story_articles = await self._collapse_stories(
                [RankedArticle(article, 0.0) for article in newest_articles if article.id not in excluded_article_ids]
            )
            if len(story_articles) >= limit or len(newest_articles) < fetch_limit:
                return [story_article.article for story_article in story_articles[:limit]]
            fetch_limit *= 2

    async def suggest_completions(
        self, field: CompletionField | None, prefix: str, *, feed_ids: Collection[int], limit: int
    ) -> list[str]:
        """Return at most `limit` tags or authors of recent articles with the prefix, or title words if `field` is None.

        Recent articles are at most `COMPLETION_WINDOW_SECONDS` old. The most used come first. Case and accents are
        ignored, and the prefix may also begin a later word of a name. The list is empty if the index is not available.

        Raises:
            StoreError: The database failed.
        """
        await self.index.ensure_up_to_date()
        engine = self.index.engine
        if engine is None or not feed_ids or not (field or prefix):
            return []
        scope, published_since = (
            Scope(feed_ids=frozenset(feed_ids)),
            self.store.clock.now() - COMPLETION_WINDOW_SECONDS,
        )
        try:
            if field is None:
                words = await asyncio.to_thread(
                    lambda: engine.complete_title_words(prefix, scope, limit, since=published_since)
                )
                return await self._load_original_spellings(*words)
            return await asyncio.to_thread(
                lambda: engine.complete_names(field, prefix, scope, limit, since=published_since)
            )
        except EngineError as error:
            self.index.report_search_failure(error)
            return []

    async def _load_original_spellings(self, words: Sequence[str], hits: Sequence[Hit]) -> list[str]:
        """Return words as they are spelled in titles; short words only if they are in capitals."""
        spelling_by_word: dict[str, str] = {}
        for article in await self.store.articles.list_by_ids([hit.article_id for hit in hits]):
            for word, start, end in text_analysis.find_token_spans(article.title):
                spelling_by_word.setdefault(word, article.title[start:end])
        spellings = [spelling_by_word.get(word, word) for word in words]
        return [spelling for spelling in spellings if len(spelling) >= MIN_COMPLETION_LENGTH or spelling.isupper()]

    async def _build_scope(self, query: Query, feed_ids: Collection[int] | None, user_id: int | None) -> Scope:
        if user_id is None or not asks_for_bookmarks(query):
            return Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
        return Scope(
            feed_ids=None if feed_ids is None else frozenset((*feed_ids, saved_pages_feed_id(user_id))),
            bookmarked_article_ids=await self.store.bookmarks.load_article_ids(user_id),
        )

    async def _collapse_stories(self, ranked_articles: Sequence[RankedArticle]) -> list[RankedArticle]:
        """Return one article per web page and story: the first in the user's language, or else the first."""
        similar_pairs = await self.store.stories.load_similar_pairs(
            [ranked_article.article.id for ranked_article in ranked_articles], MIN_SINGLE_ARTICLE_SIMILARITY
        )
        similar_article_ids_by_id: dict[int, set[int]] = defaultdict(set)
        for first_id, second_id in similar_pairs:
            similar_article_ids_by_id[first_id].add(second_id)
            similar_article_ids_by_id[second_id].add(first_id)
        language = i18n.current_language()
        page_keys: set[str] = set()
        title_keys = [(ranked.article.outlet, ranked.article.title.lower()) for ranked in ranked_articles]
        title_counts = Counter(title_keys)
        # By outlet, title and, where several results have both, beginning.
        published_times_by_text: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        story_articles: list[RankedArticle] = []
        for ranked_article, title_key in zip(ranked_articles, title_keys, strict=True):
            article = ranked_article.article
            beginning = _fold_beginning(article) if title_counts[title_key] > 1 else ""
            published_times = published_times_by_text[*title_key, beginning]
            if article.page_key in page_keys or any(
                abs(article.published - published_at) < REPUBLISH_WINDOW_SECONDS for published_at in published_times
            ):
                continue
            page_keys.add(article.page_key)
            published_times.append(article.published)
            for index, story_article in enumerate(story_articles) if article.id in similar_article_ids_by_id else ():
                if story_article.article.id in similar_article_ids_by_id[article.id]:
                    if (
                        article.language == language != story_article.article.language
                        and not ranked_article.is_partial > story_article.is_partial
                    ):
                        story_articles[index] = ranked_article._replace(score=story_article.score)
                    break
            else:
                story_articles.append(ranked_article)
        return story_articles

    def _build_results(
        self, query_parts: QueryParts, ranked_articles: Sequence[RankedArticle]
    ) -> tuple[SearchResult, ...]:
        highlighter = Highlighter((*query_parts.nodes, *query_parts.relaxed_phrases))
        results = []
        for ranked_article in ranked_articles:
            snippet_text, highlights = extract_snippet(ranked_article.article, highlighter)
            results.append(
                SearchResult(
                    article=ranked_article.article,
                    score=ranked_article.score,
                    snippet=snippet_text,
                    highlights=highlights,
                    is_partial=ranked_article.is_partial,
                    has_similar_word=ranked_article.is_partial and len(query_parts.words) == 1,
                    is_semantic_only=ranked_article.is_semantic_only,
                )
            )
        return tuple(results)


def _fold_beginning(article: Article) -> str:
    """Return the beginning of an article's text, folded (no case or accents).

    It differs between the parts of a series, which have one title.
    """
    return fold((article.body or article.summary)[:DUPLICATE_PREFIX_LENGTH])


def build_search_result_json(result: SearchResult) -> dict[str, object]:
    """Return a search result as the JSON object that `telex search --json` prints."""
    return build_article_json(
        result.article, score=result.score, excerpt=result.snippet, is_partial_match=result.is_partial
    )


def build_article_json(
    article: Article, *, score: float = 0.0, excerpt: str | None = None, is_partial_match: bool = False
) -> dict[str, object]:
    """Return an article in the JSON form of a search result. `published` is ISO 8601 in UTC."""
    if excerpt is None:
        excerpt = excerpts.make_excerpt(article.body or article.summary, MAX_SNIPPET_LENGTH)
    return {
        "url": article.url,
        "title": article.title,
        "source": article.outlet,
        "published": datetime.fromtimestamp(article.published, UTC).isoformat().replace("+00:00", "Z"),
        "language": article.language,
        "score": round(score, 4),
        "excerpt": excerpt,
        "partial": is_partial_match,
    }
