"""Search: from a query to a page of the articles that the user may read, best first."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, TypeVar, TypeVarTuple

from bot.core import i18n
from bot.core.models import Article
from bot.core.worker_pool import WorkerError, WorkerPool
from bot.search.highlighting import MAX_SNIPPET_LENGTH, Highlighter, snippet_of
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
from bot.store.records.content_records import SINGLE_ARTICLE_SIMILARITY
from bot.text import excerpts
from bot.text.words import fold

__all__ = ["Query", "SearchPage", "SearchResult", "Searcher", "article_as_json", "as_json", "parse_query"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = logging.getLogger(__name__)

WORKER_TIMEOUT_SECONDS = 10.0
"""Maximum time of a call in a worker."""
OVERFETCH = 10
"""Number of additional articles that are fetched because some report one story."""
REPUBLISH_WINDOW_SECONDS = 12 * 3600
"""Time within which an outlet's second article of one title and beginning is a copy at another address."""
DUPLICATE_PREFIX_LENGTH = 200
"""Number of first characters by which two texts are compared for equality."""

MIN_COMPLETION_LENGTH = 3
"""Minimum length of a word that is offered as a completion, in characters."""
COMPLETION_WINDOW_SECONDS = 30 * 86_400
"""Maximum age of the articles whose words, tags and authors are offered as completions."""

Sort = Literal["relevance", "newest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """An article found by a search.

    Attributes:
        score: Relevance; higher is better, 0 if results are sorted by date.
        snippet: Part of the text that contains most of the query.
        highlights: Spans of the snippet that match, in characters.
        is_partial: Whether it lacks a word or phrase of the query.
        has_similar_word: Whether it only has a word similar to the query's single word.
        is_semantic_only: Whether it matches by meaning alone.
    """

    article: Article
    score: float
    excerpt: str
    highlights: tuple[tuple[int, int], ...]
    partial: bool = False
    similar_word: bool = False
    semantic_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """A page of search results.

    Attributes:
        total_results: Number of results on all pages, or None if there may be more than were counted.
        notes: How the query was understood.
        suggestions: Words and names to try instead of those that no article has.
    """

    results: tuple[SearchResult, ...] = ()
    total_results: int | None = 0
    notes: tuple[Note, ...] = ()
    suggestions: tuple[str, ...] = ()


class Searcher:
    """Searches a store by its index, and by meaning if there is a semantic index."""

    def __init__(
        self,
        store: Store,
        index: IndexUpdater,
        meaning: SemanticIndex | None = None,
        *,
        workers: WorkerPool | None = None,
    ) -> None:
        self.store = store
        self.index = index
        self.semantic_index = meaning
        self._ranked = RankedSearch(store, meaning)
        self._workers = workers

    async def run_in_worker(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a module-level function in a worker process, which does not block the event loop.

        It runs in a thread if there are no workers, or if the worker fails.
        """
        if self._workers is not None:
            try:
                return await self._workers.run(function, *args, timeout=WORKER_TIMEOUT_SECONDS)
            except WorkerError as error:
                log.warning("worker call failed function=%s error=%s", function.__qualname__, error)
        return await asyncio.to_thread(function, *args)

    async def search(
        self,
        query: str | Query,
        *,
        feed_ids: Collection[int] | None,
        limit: int = 20,
        offset: int = 0,
        sort: Sort = "relevance",
        person_id: int | None = None,
        count_up_to: int = 0,
    ) -> SearchPage:
        """Return a page of the articles that match a query. Any text is accepted.

        `feed_ids` are the feeds that the user may read (None: all feeds). Matches are counted up to
        `count_up_to`, even beyond the page. If the index fails, the page is empty and has a note.

        Raises:
            StoreError: The database failed.
        """
        if isinstance(query, str):
            query = parse_query(query, self.store.clock.now())
        notes = [*query.notes, *check_query(query, person_id)]
        if not query.nodes or (feed_ids is not None and not feed_ids):
            return SearchPage(notes=tuple(notes))
        await self.index.ensure_current()
        if (built := self.index.build_progress) is not None:
            notes.append(Note.of(NoteKind.BUILDING, percent=int(100 * built)))
        engine = self.index.engine
        if engine is None:
            return SearchPage(notes=tuple(notes))
        scope = await self._scope(query, feed_ids, person_id)
        asked = replace(
            QueryParts.of(query), reader_language=i18n.current_language() if person_id is not None else None
        )
        needed = max(offset + limit, count_up_to) + 1
        try:
            asked, found = await self._rank(engine, query, asked, scope, needed + OVERFETCH, sort)
            advice = (
                await suggest_quotes(query, self.store, engine, scope)
                if query.unquoted_filters
                else QueryAdvice()
            )
            full = sum(not each.partial for each in found)
            if not advice.suggestions and full < MIN_FULL_MATCHES:
                advice = await suggest_corrections(query, self.store, engine, scope, has_full_match=full > 0)
            if not found and advice.suggestions and len(asked.words) == 1:
                asked = replace(asked, words=advice.suggestions[:1])
                asked, near = await self._rank(engine, query, asked, scope, needed + OVERFETCH, "relevance")
                found = [each._replace(partial=True) for each in near]
        except EngineError as error:
            self.index.report_search_failure(error)
            return SearchPage(notes=(*notes, Note.of(NoteKind.DAMAGED)))
        results = await asked.run_maybe_in_thread(self._results, asked, found[offset : offset + limit])
        return SearchPage(
            results=results,
            total_results=None if len(found) >= needed else len(found),
            notes=(*notes, *asked.notes, *advice.notes),
            suggestions=advice.suggestions,
        )

    async def _rank(
        self, engine: SearchEngine, query: Query, asked: QueryParts, scope: Scope, most: int, sort: Sort
    ) -> tuple[QueryParts, list[RankedArticle]]:
        """Return the matches without repeated stories, and the query as it was answered."""
        if sort == "newest" or not asked.text:
            found = await self._ranked.newest(engine, query, asked, scope, most)
        else:
            asked, found = await self._ranked.best(engine, asked, scope, most)
        return asked, await self._collapse_stories(found)

    async def latest(
        self, feed_ids: Collection[int], *, outlet: str | None = None, limit: int
    ) -> list[Article]:
        """Return the newest articles of these feeds or of one outlet, each story once.

        Raises:
            StoreError: The database failed.
        """
        read = limit + OVERFETCH
        while True:
            newest = await self.store.articles.newest(feed_ids, outlet=outlet, limit=read)
            stories = await self._collapse_stories([RankedArticle(article, 0.0) for article in newest])
            if len(stories) >= limit or len(newest) < read:
                return [story.article for story in stories[:limit]]
            read *= 2

    async def complete(
        self, kind: CompletionField | None, prefix: str, *, feed_ids: Collection[int], limit: int
    ) -> list[str]:
        """Return tags or authors of recent articles with the prefix, or title words if `field` is None.

        Most used first. Case and accents are ignored, and the prefix may also begin a later word of a name.
        Empty while nothing can be searched.

        Raises:
            StoreError: The database failed.
        """
        await self.index.ensure_current()
        engine = self.index.engine
        if engine is None or not feed_ids or not (kind or prefix):
            return []
        scope, since = Scope(feed_ids=frozenset(feed_ids)), self.store.clock.now() - COMPLETION_WINDOW_SECONDS
        try:
            if kind is None:
                words = await asyncio.to_thread(
                    lambda: engine.complete_title_words(prefix, scope, limit, since=since)
                )
                return await self._original_spellings(*words)
            return await asyncio.to_thread(lambda: engine.complete(kind, prefix, scope, limit, since=since))
        except EngineError as error:
            self.index.report_search_failure(error)
            return []

    async def _original_spellings(self, words: Sequence[str], hits: Sequence[Hit]) -> list[str]:
        """Return words as they are spelled in titles; short ones only if they are in capitals."""
        written: dict[str, str] = {}
        for article in await self.store.articles.by_ids([hit.article_id for hit in hits]):
            for word, start, end in text_analysis.token_spans(article.title):
                written.setdefault(word, article.title[start:end])
        ways = [written.get(word, word) for word in words]
        return [way for way in ways if len(way) >= MIN_COMPLETION_LENGTH or way.isupper()]

    async def _scope(self, query: Query, feed_ids: Collection[int] | None, person_id: int | None) -> Scope:
        bookmarked: frozenset[int] = frozenset()
        if person_id is not None and asks_for_bookmarks(query):
            bookmarked = await self.store.bookmarks.article_ids(person_id)
        return Scope(
            feed_ids=None if feed_ids is None else frozenset(feed_ids), bookmarked_article_ids=bookmarked
        )

    async def _collapse_stories(self, found: Sequence[RankedArticle]) -> list[RankedArticle]:
        """Return one article per page and story: the first, or the first one in the user's language."""
        kin = await self.store.stories.similar_pairs(
            [each.article.id for each in found], SINGLE_ARTICLE_SIMILARITY
        )
        related: dict[int, set[int]] = defaultdict(set)
        for one, other in kin:
            related[one].add(other)
            related[other].add(one)
        language = i18n.current_language()
        pages: set[str] = set()
        # By outlet, title and beginning.
        published: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        stories: list[RankedArticle] = []
        for each in found:
            article = each.article
            times = published[article.outlet, article.title.lower(), _beginning(article)]
            if article.page in pages or any(
                abs(article.published - time) < REPUBLISH_WINDOW_SECONDS for time in times
            ):
                continue
            pages.add(article.page)
            times.append(article.published)
            for place, first in enumerate(stories) if article.id in related else ():
                if first.article.id in related[article.id]:
                    if (
                        article.language == language != first.article.language
                        and not each.partial > first.partial
                    ):
                        stories[place] = each._replace(score=first.score)
                    break
            else:
                stories.append(each)
        return stories

    def _results(self, asked: QueryParts, found: Sequence[RankedArticle]) -> tuple[SearchResult, ...]:
        marker = Highlighter((*asked.nodes, *asked.relaxed_phrases))
        results = []
        for each in found:
            excerpt, marks = snippet_of(each.article, marker)
            results.append(
                SearchResult(
                    article=each.article,
                    score=each.score,
                    excerpt=excerpt,
                    highlights=marks,
                    partial=each.partial,
                    similar_word=each.partial and len(asked.words) == 1,
                    semantic_only=each.semantic_only,
                )
            )
        return tuple(results)


def _beginning(article: Article) -> str:
    """Return the beginning of a text, folded: parts of a series have one title but differ here."""
    return fold((article.body or article.summary)[:DUPLICATE_PREFIX_LENGTH])


def as_json(result: SearchResult) -> dict[str, object]:
    """Return a search result as `telex search --json` prints it."""
    return article_as_json(result.article, score=result.score, excerpt=result.excerpt, partial=result.partial)


def article_as_json(
    article: Article, *, score: float = 0.0, excerpt: str | None = None, partial: bool = False
) -> dict[str, object]:
    """Return an article in the form of a search result. `published` is ISO 8601 in UTC."""
    if excerpt is None:
        excerpt = excerpts.excerpt(article.body or article.summary, MAX_SNIPPET_LENGTH)
    return {
        "url": article.url,
        "title": article.title,
        "source": article.outlet,
        "published": datetime.fromtimestamp(article.published, UTC).isoformat().replace("+00:00", "Z"),
        "language": article.language,
        "score": round(score, 4),
        "excerpt": excerpt,
        "partial": partial,
    }
