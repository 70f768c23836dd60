"""Search: what a person types, the articles that they may see, the best first."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar, TypeVarTuple

from bot.core.locale import gettext as _
from bot.core.models import Article
from bot.core.workers import WorkerError, Workers
from bot.search.query_plan import Plan, plan
from bot.search.query_syntax import Query, parse
from bot.search.retrieval import FRESH, Finder, Found, one_a_page
from bot.search.semantic.semantic_search import Meaning
from bot.search.suggestions import Advice, advise, quoted
from bot.store import Store
from bot.store.sqlite.hits import Shown
from bot.text import excerpts, terms
from bot.text.skimming import Marker

__all__ = ["Query", "Result", "SearchPage", "Searcher", "article_as_json", "as_json", "parse"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = logging.getLogger(__name__)

ASIDE_TIME = 10.0  # seconds that reading articles in a worker may take
EXCERPT = 300  # characters
LONGEST_READ = 6_000  # characters of a text that an excerpt is looked for in
AT_ONCE = 5  # excerpts made before the event loop goes on: a fifth of a millisecond
SPARE = 4  # articles that may be on the pages of others
FAINT = 0.25  # part of the best partial match’s score below which what has none of the words is left out
AGAIN = 12 * 3600
"""Seconds within which an outlet’s second article of one title is the first again, under another address."""
BEGINNING = 200  # characters by which two texts are told to be the same
FEW = 5  # full matches below which partial ones follow,
FEW_OF_MANY = 20  # and of a query of so many words that they may stand together by chance:
MANY = 5

Sort = Literal["relevance", "newest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An article that was found. `marks` are spans of `excerpt` that match.

    A `partial` one lacks a word; where the query has a single one, it is only `near` it. One that is `alike`
    has none, and is there for what it means or for a word of the same family.
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
    notes: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


class Searcher:
    """Searches a store, by what articles mean too where that is known."""

    def __init__(
        self, store: Store, meaning: Meaning | None = None, *, workers: Workers | None = None
    ) -> None:
        self.store = store
        self.finder = Finder(store, meaning)
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
    ) -> SearchPage:
        """A page of the articles that match.

        `feed_ids` are the feeds that the person may see (None: all). Never raises for what a person typed.
        """
        if isinstance(query, str):
            query = parse(query, self.store.clock.now())
        asked = plan(query, feed_ids=feed_ids, person_id=person_id, may_have=self.finder.vocabulary.may_have)
        notes = (*query.notes, *asked.notes)
        if not asked.asks or (feed_ids is not None and not feed_ids):
            return SearchPage(notes=notes)
        needed = offset + limit + 1
        found = await self._found(asked, sort, needed, Shown(offset, limit))
        advice = await quoted(query, self.store, feed_ids=feed_ids) if query.loose else Advice()
        if not advice.suggestions and _few(found, asked):
            advice = await advise(query, self.store, self.finder.vocabulary, feed_ids=feed_ids)
        results = await self._results(asked, found[offset : offset + limit])
        total = len(results) if not offset and len(found) <= limit else len(found)
        is_cut = asked.is_cut and len(found) < needed
        if is_cut and not asked.is_told_cut:
            notes = (
                *notes,
                _("Not all articles were read for what stands in quotation marks: more may match."),
            )
        return SearchPage(
            results=results,
            total=None if is_cut or len(found) >= needed else total,
            notes=(*notes, *advice.notes),
            suggestions=advice.suggestions,
        )

    async def _found(self, asked: Plan, sort: Sort, needed: int, shown: Shown) -> list[Found]:
        """What was found, best first, one a page."""
        by_date = sort == "newest" or not (asked.words or asked.texts)
        find = self.finder.newest if by_date else self.finder.full
        found = await find(asked, needed + SPARE, shown)
        if len(one_a_page(found)) < needed <= len(found):
            found = await find(asked, 4 * needed, shown)
        found = one_a_page(found)
        is_few, is_long = _few(found, asked), len(asked.words) >= MANY and any(each.points for each in found)
        if not by_date and (is_few or is_long) and (len(asked.words) > 1 or not found):
            partial = await self.finder.partial(asked)
            least = FAINT * max((each.hit.score for each in partial), default=0.0)
            likely = (each for each in partial if not each.alike or each.hit.score >= least)
            together = [*found, *likely]
            if not is_few:  # many have so many words by chance; fresh ones of these have gained by it
                together.sort(key=lambda each: -each.points * (1 + FRESH if each.partial else 1))
            found = one_a_page(together)
        return found

    async def _results(self, asked: Plan, found: Sequence[Found]) -> tuple[Result, ...]:
        by_id = {each.article.id: each.article for each in found if each.article}
        others = [each.hit.article_id for each in found if each.hit.article_id not in by_id]
        if others:
            by_id |= {article.id: article for article in await self.store.articles.by_ids(others)}
        marker = Marker(asked.forms)
        results: list[Result] = []
        titled: dict[tuple[str, str], list[Article]] = defaultdict(list)  # what is shown, by outlet and title
        for each in found:
            article = by_id.get(each.hit.article_id)
            alike = titled[article.outlet, terms.fold(article.title)] if article else []
            if article and not any(_is_again(article, other) for other in alike):
                alike.append(article)
                excerpt, marks = excerpt_of(article, marker)
                results.append(
                    Result(
                        article=article,
                        score=each.hit.score,
                        excerpt=excerpt,
                        marks=marks,
                        partial=each.partial,
                        near=each.partial and len(asked.words) == 1,
                        alike=each.alike,
                    )
                )
                if len(results) % AT_ONCE == 0:
                    await asyncio.sleep(0)
        return tuple(results)


def _is_again(article: Article, other: Article) -> bool:
    """Whether two of one outlet and title are the same: parts of a story have one title and other words."""
    if abs(article.published - other.published) >= AGAIN:
        return False
    one, two = ((each.body or each.summary)[:BEGINNING] for each in (article, other))
    return terms.fold(one) == terms.fold(two)


def _few(found: Sequence[Found], asked: Plan) -> bool:
    enough = FEW if len(asked.words) < MANY else FEW_OF_MANY
    return sum(1 for each in found if not each.partial) < enough


def excerpt_of(article: Article, marker: Marker) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The stretch of an article that holds most of what is marked, and where that is in it."""
    text = (article.body or article.summary)[:LONGEST_READ]
    excerpt, marks = excerpts.around(text, marker.marks(text, article.language), EXCERPT)
    return excerpt, tuple(marks)


def as_json(result: Result) -> dict[str, object]:
    """A result as `telex search --json` writes it."""
    return article_as_json(result.article, score=result.score, excerpt=result.excerpt, partial=result.partial)


def article_as_json(
    article: Article, *, score: float = 0.0, excerpt: str | None = None, partial: bool = False
) -> dict[str, object]:
    """An article in the shape of a result. `published` is ISO 8601 in UTC."""
    if excerpt is None:
        excerpt = excerpts.excerpt(article.body or article.summary, EXCERPT)
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
