"""Filters of subscriptions: what may be one, which new articles match, and what one would have done."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from bot.core.choices import Filter, Rule
from bot.core.models import Article, NewArticle
from bot.core.refusals import Declined
from bot.search.query.analysed_query import Part
from bot.search.query.query_matching import ReadArticle, criterion_of, holds, languages_of
from bot.search.query.query_syntax import MAX_LENGTH, parse
from bot.search.query.query_tree import Query
from bot.store import Store
from bot.watches import unfit_queries
from bot.watches.unfit_queries import Unfit

log = logging.getLogger(__name__)

MOST = 10
"""Filters of a subscription."""
TRIED = 50
"""Articles that a new filter is tried on."""

# Seconds of processor time for the articles of one poll. The longest texts against the worst queries take a
# quarter of a second each; what is left open is posted.
_A_QUERY = 0.25
_A_POLL = 10.0


def check(text: str, now: int) -> Query:
    """A query as a filter understands it. Raises `Declined`."""
    query = unfit_queries.read(text, now, Unfit.FILTER_DATED)
    if criterion_of(query) is None:
        raise Declined(Unfit.EMPTY_FILTER)
    return query


def keeping_out(filters: Sequence[Filter], matches: Callable[[str], bool | None]) -> tuple[Filter, ...]:
    """The filters that keep an article out, none where it is posted, as it is in doubt.

    `matches` says whether a query matches it, None where nobody can tell.
    """
    only = tuple(one for one in filters if one.rule is Rule.ONLY)
    for one in filters:
        if one.rule is Rule.NEVER and matches(one.query):
            return (one,)
    return only if only and all(matches(one.query) is False for one in only) else ()


class Sieve:
    """Which articles match which queries; an answer is worked out when it is first asked for.

    None is the answer where it takes too long or goes wrong.
    """

    def __init__(self, articles: Iterable[Article | NewArticle], now: int) -> None:
        self._articles = {article.key: article for article in articles}
        self._now = now
        self._read: dict[str, ReadArticle] = {}
        self._answers: dict[str, dict[str, bool]] = {}
        self._spent = 0.0

    def __call__(self, key: str, filters: Sequence[Filter]) -> tuple[Filter, ...]:
        """The filters that keep the article with a key out."""
        return keeping_out(filters, partial(self.matches, key))

    def matches(self, key: str, query: str) -> bool | None:
        """Whether the article with a key matches a query."""
        if query not in self._answers:
            self._answers[query] = self._asked(query)
        return self._answers[query].get(key)

    def prepare(self, queries: Iterable[str]) -> None:
        """Work the answers for these queries out."""
        for query in queries:
            self._answers[query] = self._asked(query)

    def _asked(self, query: str) -> dict[str, bool]:
        answers: dict[str, bool] = {}
        begun = time.thread_time()
        allowed = min(_A_QUERY, _A_POLL - self._spent)
        try:
            asked = parse(query, self._now, longest=MAX_LENGTH)
            criteria: dict[tuple[str, ...], Part | None] = {}
            for key, article in self._articles.items():
                if time.thread_time() - begun >= allowed:
                    log.warning("A filter took too long for %d articles", len(self._articles) - len(answers))
                    break
                languages = languages_of(article.language)
                if languages not in criteria:
                    criteria[languages] = criterion_of(asked, languages)
                wanted = criteria[languages]
                if key not in self._read:
                    read_from = time.thread_time()
                    self._read[key] = ReadArticle(article).whole()
                    begun += time.thread_time() - read_from  # which is no fault of this query
                if wanted is not None:
                    answers[key] = holds(wanted, self._read[key])
        except Exception:  # a filter must not keep a feed from being read
            log.exception("A filter could not be applied")
        self._spent += time.thread_time() - begun
        return answers


async def sieve(store: Store, feed_id: int, articles: Sequence[NewArticle]) -> Sieve:
    """What the filters of a feed's subscriptions say of its new articles. Raises `StoreError`."""
    made = Sieve(articles, store.clock.now())
    queries = await store.filters.queries(feed_id) if articles else []
    if queries:
        await asyncio.to_thread(made.prepare, queries)
    return made


@dataclass(frozen=True, slots=True)
class Trial:
    """What filters would have done with the newest articles of a feed: those that keep each one out."""

    outcomes: tuple[tuple[Article, tuple[Filter, ...]], ...]

    @property
    def posted(self) -> int:
        """How many would have been posted."""
        return sum(1 for _article, by in self.outcomes if not by)


async def tried(store: Store, feed_id: int, filters: Sequence[Filter]) -> Trial:
    """Try filters on the newest articles of a feed, newest first. Raises `StoreError`."""
    articles = await store.articles.newest([feed_id], limit=TRIED)
    made = Sieve(articles, store.clock.now())
    await asyncio.to_thread(made.prepare, dict.fromkeys(one.query for one in filters))
    return Trial(tuple((article, made(article.key, filters)) for article in articles))
