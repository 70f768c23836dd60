"""Search: what a person types, the articles that they may see, the best first."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, TypeVar, TypeVarTuple

from bot.core import locale
from bot.core.models import Article
from bot.core.workers import WorkerError, Workers
from bot.search.index import analysis
from bot.search.index.engine import EngineError, Hit, Kind, Scope, SearchEngine
from bot.search.index.index_follower import IndexFollower
from bot.search.matched_excerpts import LONGEST, Marker, excerpt_of
from bot.search.query.notes import Note, Remark
from bot.search.query.query_remarks import asks_for_bookmarks, remarks
from bot.search.query.query_syntax import parse
from bot.search.query.query_tree import Query
from bot.search.ranked_search import FEW, Asked, Found, RankedSearch
from bot.search.semantic.semantic_search import Meaning
from bot.search.suggestions import Advice, advise, quoted
from bot.store import Store
from bot.store.records.content_records import ALONE
from bot.text import excerpts
from bot.text.words import fold

__all__ = ["Query", "Result", "SearchPage", "Searcher", "article_as_json", "as_json", "parse"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = logging.getLogger(__name__)

ASIDE_TIME = 10.0  # seconds that reading articles in a worker may take
SPARE = 10  # articles that may tell what others do
AGAIN = 12 * 3600
"""Seconds within which an outlet’s second article of one title is the first again, under another address."""
BEGINNING = 200  # characters by which two texts are told to be the same

SHORTEST = 3  # letters of a word that is offered
OFFERED = 30 * 86_400
"""Seconds after their last article for which words, tags and authors are offered."""

Sort = Literal["relevance", "newest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An article that was found. `marks` are spans of `excerpt` that match.

    A `partial` one lacks a word; where the query has a single one, it is only `near` it. One that is `alike`
    has none, and is there for what it means.
    """

    article: Article
    score: float
    excerpt: str
    marks: tuple[tuple[int, int], ...]
    partial: bool = False
    near: bool = False
    alike: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPage:
    """A page of results.

    `total` counts the articles of all pages, None while more of them follow or may. `notes` tell what was
    understood, `suggestions` are words and names to try instead of those that nothing has.
    """

    results: tuple[Result, ...] = ()
    total: int | None = 0
    notes: tuple[Note, ...] = ()
    suggestions: tuple[str, ...] = ()


class Searcher:
    """Searches a store by its index, and by what articles mean where that is known."""

    def __init__(
        self,
        store: Store,
        index: IndexFollower,
        meaning: Meaning | None = None,
        *,
        workers: Workers | None = None,
    ) -> None:
        self.store = store
        self.index = index
        self.meaning = meaning
        self._ranked = RankedSearch(store, meaning)
        self._workers = workers

    async def aside(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a function of a module's top level where it holds nobody up.

        That is a worker process: a thread would hold the interpreter's lock. It is a thread where there are
        no workers, or where the worker fails.
        """
        if self._workers is not None:
            try:
                return await self._workers.run(function, *args, timeout=ASIDE_TIME)
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
        counted: int = 0,
    ) -> SearchPage:
        """A page of the articles that match.

        `feed_ids` are the feeds that the person may see (None: all). As many as `counted` are counted, also
        where the page ends before. Never raises for what a person typed.
        """
        if isinstance(query, str):
            query = parse(query, self.store.clock.now())
        notes = [*query.notes, *remarks(query, person_id)]
        if not query.nodes or (feed_ids is not None and not feed_ids):
            return SearchPage(notes=tuple(notes))
        await self.index.ready()
        if (built := self.index.built) is not None:
            notes.append(Note.of(Remark.BUILDING, percent=int(100 * built)))
        engine = self.index.engine
        if engine is None:
            return SearchPage(notes=tuple(notes))
        scope = await self._scope(query, feed_ids, person_id)
        asked = replace(Asked.of(query), reader=locale.current() if person_id is not None else None)
        needed = max(offset + limit, counted) + 1
        try:
            asked, found = await self._found(engine, query, asked, scope, needed + SPARE, sort)
            advice = await quoted(query, self.store, engine, scope) if query.loose else Advice()
            full = sum(not each.partial for each in found)
            if not advice.suggestions and full < FEW:
                advice = await advise(query, self.store, engine, scope, are_there=full > 0)
            if not found and advice.suggestions and len(asked.words) == 1:
                asked = replace(asked, words=advice.suggestions[:1])
                asked, near = await self._found(engine, query, asked, scope, needed + SPARE, "relevance")
                found = [each._replace(partial=True) for each in near]
        except EngineError as error:
            self.index.distrust(error)
            return SearchPage(notes=(*notes, Note.of(Remark.DAMAGED)))
        results = await asked.reading(self._results, asked, found[offset : offset + limit])
        return SearchPage(
            results=results,
            total=None if len(found) >= needed else len(found),
            notes=(*notes, *asked.notes, *advice.notes),
            suggestions=advice.suggestions,
        )

    async def _found(
        self, engine: SearchEngine, query: Query, asked: Asked, scope: Scope, most: int, sort: Sort
    ) -> tuple[Asked, list[Found]]:
        """What matches, with the query as it was answered."""
        if sort == "newest" or not asked.text:
            found = await self._ranked.newest(engine, query, asked, scope, most)
        else:
            asked, found = await self._ranked.best(engine, asked, scope, most)
        return asked, await self._one_a_story(found)

    async def latest(
        self, feed_ids: Collection[int], *, outlet: str | None = None, limit: int
    ) -> list[Article]:
        """Return the newest articles of these feeds, or of one `outlet` alone, a story once."""
        read = limit + SPARE
        while True:
            newest = await self.store.articles.newest(feed_ids, outlet=outlet, limit=read)
            stories = await self._one_a_story([Found(article, 0.0) for article in newest])
            if len(stories) >= limit or len(newest) < read:
                return [story.article for story in stories[:limit]]
            read *= 2

    async def complete(
        self, kind: Kind | None, prefix: str, *, feed_ids: Collection[int], limit: int
    ) -> list[str]:
        """Tags or authors of these feeds' recent articles, or words of titles (None), the most used first.

        Those that begin so: accents and case do not matter, and a name is also found by its later words.
        None while nothing can be searched.
        """
        await self.index.ready()
        engine = self.index.engine
        if engine is None or not feed_ids or not (kind or prefix):
            return []
        scope, since = Scope(feed_ids=frozenset(feed_ids)), self.store.clock.now() - OFFERED
        try:
            if kind is None:
                words = await asyncio.to_thread(lambda: engine.title_words(prefix, scope, limit, since=since))
                return await self._as_written(*words)
            return await asyncio.to_thread(lambda: engine.complete(kind, prefix, scope, limit, since=since))
        except EngineError as error:
            self.index.distrust(error)
            return []

    async def _as_written(self, words: Sequence[str], hits: Sequence[Hit]) -> list[str]:
        """Words as they are written in the titles of articles; short ones in capitals alone."""
        written: dict[str, str] = {}
        for article in await self.store.articles.by_ids([hit.article_id for hit in hits]):
            for word, start, end in analysis.word_spans(article.title):
                written.setdefault(word, article.title[start:end])
        ways = [written.get(word, word) for word in words]
        return [way for way in ways if len(way) >= SHORTEST or way.isupper()]

    async def _scope(self, query: Query, feed_ids: Collection[int] | None, person_id: int | None) -> Scope:
        bookmarked: frozenset[int] = frozenset()
        if person_id is not None and asks_for_bookmarks(query):
            bookmarked = await self.store.bookmarks.article_ids(person_id)
        return Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids), bookmarked=bookmarked)

    async def _one_a_story(self, found: Sequence[Found]) -> list[Found]:
        """The first of each page and each story, or the first of it in the reader's language."""
        kin = await self.store.stories.kin([each.article.id for each in found], ALONE)
        related: dict[int, set[int]] = defaultdict(set)
        for one, other in kin:
            related[one].add(other)
            related[other].add(one)
        language = locale.current()
        pages: set[str] = set()
        published: dict[tuple[str, str, str], list[int]] = defaultdict(list)  # by outlet, title and beginning
        stories: list[Found] = []
        for each in found:
            article = each.article
            times = published[article.outlet, article.title.lower(), _beginning(article)]
            if article.page in pages or any(abs(article.published - time) < AGAIN for time in times):
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

    def _results(self, asked: Asked, found: Sequence[Found]) -> tuple[Result, ...]:
        marker = Marker((*asked.nodes, *asked.loose))
        results = []
        for each in found:
            excerpt, marks = excerpt_of(each.article, marker)
            results.append(
                Result(
                    article=each.article,
                    score=each.score,
                    excerpt=excerpt,
                    marks=marks,
                    partial=each.partial,
                    near=each.partial and len(asked.words) == 1,
                    alike=each.alike,
                )
            )
        return tuple(results)


def _beginning(article: Article) -> str:
    """The beginning of a text, folded: parts of a story have one title and other words."""
    return fold((article.body or article.summary)[:BEGINNING])


def as_json(result: Result) -> dict[str, object]:
    """A result as `telex search --json` writes it."""
    return article_as_json(result.article, score=result.score, excerpt=result.excerpt, partial=result.partial)


def article_as_json(
    article: Article, *, score: float = 0.0, excerpt: str | None = None, partial: bool = False
) -> dict[str, object]:
    """An article in the shape of a result. `published` is ISO 8601 in UTC."""
    if excerpt is None:
        excerpt = excerpts.excerpt(article.body or article.summary, LONGEST)
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
