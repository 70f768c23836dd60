"""Search: what a person types, the articles that they may see, the best first."""

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

WORKER_TIMEOUT_SECONDS = 10.0  # seconds that reading articles in a worker may take
OVERFETCH = 10  # articles that may tell what others do
REPUBLISH_WINDOW_SECONDS = 12 * 3600
"""Seconds within which an outlet’s second article of one title is the first again, under another address."""
DUPLICATE_PREFIX_LENGTH = 200  # characters by which two texts are told to be the same

MIN_COMPLETION_LENGTH = 3  # letters of a word that is offered
COMPLETION_WINDOW_SECONDS = 30 * 86_400
"""Seconds after their last article for which words, tags and authors are offered."""

Sort = Literal["relevance", "newest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """An article that was found. `marks` are spans of `excerpt` that match.

    A `partial` one lacks a word; where the query has a single one, it is only `near` it. One that is `alike`
    has none, and is there for what it means.
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
    """A page of results.

    `total` counts the articles of all pages, None while more of them follow or may. `notes` tell what was
    understood, `suggestions` are words and names to try instead of those that nothing has.
    """

    results: tuple[SearchResult, ...] = ()
    total_results: int | None = 0
    notes: tuple[Note, ...] = ()
    suggestions: tuple[str, ...] = ()


class Searcher:
    """Searches a store by its index, and by what articles mean where that is known."""

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
        """Call a function of a module's top level where it holds nobody up.

        That is a worker process: a thread would hold the interpreter's lock. It is a thread where there are
        no workers, or where the worker fails.
        """
        if self._workers is not None:
            try:
                return await self._workers.run(function, *args, timeout=WORKER_TIMEOUT_SECONDS)
            except WorkerError as error:
                log.warning("%s goes on in a thread: %s", function.__qualname__, error)
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
        """A page of the articles that match.

        `feed_ids` are the feeds that the person may see (None: all). As many as `counted` are counted, also
        where the page ends before. Never raises for what a person typed.
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
        """What matches, with the query as it was answered."""
        if sort == "newest" or not asked.text:
            found = await self._ranked.newest(engine, query, asked, scope, most)
        else:
            asked, found = await self._ranked.best(engine, asked, scope, most)
        return asked, await self._collapse_stories(found)

    async def latest(
        self, feed_ids: Collection[int], *, outlet: str | None = None, limit: int
    ) -> list[Article]:
        """Return the newest articles of these feeds, or of one `outlet` alone, a story once."""
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
        """Tags or authors of these feeds' recent articles, or words of titles (None), the most used first.

        Those that begin so: accents and case do not matter, and a name is also found by its later words.
        None while nothing can be searched.
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
        """Words as they are written in the titles of articles; short ones in capitals alone."""
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
        """The first of each page and each story, or the first of it in the reader's language."""
        kin = await self.store.stories.similar_pairs(
            [each.article.id for each in found], SINGLE_ARTICLE_SIMILARITY
        )
        related: dict[int, set[int]] = defaultdict(set)
        for one, other in kin:
            related[one].add(other)
            related[other].add(one)
        language = i18n.current_language()
        pages: set[str] = set()
        published: dict[tuple[str, str, str], list[int]] = defaultdict(list)  # by outlet, title and beginning
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
    """The beginning of a text, folded: parts of a story have one title and other words."""
    return fold((article.body or article.summary)[:DUPLICATE_PREFIX_LENGTH])


def as_json(result: SearchResult) -> dict[str, object]:
    """A result as `telex search --json` writes it."""
    return article_as_json(result.article, score=result.score, excerpt=result.excerpt, partial=result.partial)


def article_as_json(
    article: Article, *, score: float = 0.0, excerpt: str | None = None, partial: bool = False
) -> dict[str, object]:
    """An article in the shape of a result. `published` is ISO 8601 in UTC."""
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
