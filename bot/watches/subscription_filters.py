"""Filters of subscriptions: what may be one, which new articles match, and what one would have done."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from bot.core.models import Article, NewArticle
from bot.core.preferences import Filter, FilterMode
from bot.core.user_errors import RequestRejected
from bot.search.query.analysed_query import Clause
from bot.search.query.query_matching import AnalysedArticle, matchable_clause, matches, query_languages_for
from bot.search.query.query_parser import MAX_LENGTH, parse_query
from bot.search.query.query_tree import Query
from bot.store import Store
from bot.watches import live_query_validation
from bot.watches.live_query_validation import QueryRejection

log = logging.getLogger(__name__)

MAX_FILTERS_PER_SUBSCRIPTION = 10
"""Filters of a subscription."""
DRY_RUN_ARTICLES = 50
"""Articles that a new filter is tried on."""

# Seconds of processor time for the articles of one poll. The longest texts against the worst queries take a
# quarter of a second each; what is left open is posted.
_MAX_SECONDS_PER_QUERY = 0.25
_MAX_SECONDS_PER_POLL = 10.0


def parse_filter_query(text: str, now: int) -> Query:
    """A query as a filter understands it. Raises `RequestRejected`."""
    query = live_query_validation.parse_live_query(text, now, QueryRejection.FILTER_HAS_DATE)
    if matchable_clause(query) is None:
        raise RequestRejected(QueryRejection.EMPTY_FILTER)
    return query


def blocking_filters(filters: Sequence[Filter], matches: Callable[[str], bool | None]) -> tuple[Filter, ...]:
    """The filters that keep an article out, none where it is posted, as it is in doubt.

    `matches` says whether a query matches it, None where nobody can tell.
    """
    only = tuple(one for one in filters if one.rule is FilterMode.INCLUDE)
    for one in filters:
        if one.rule is FilterMode.EXCLUDE and matches(one.query):
            return (one,)
    return only if only and all(matches(one.query) is False for one in only) else ()


class FilterEvaluator:
    """Which articles match which queries; an answer is worked out when it is first asked for.

    None is the answer where it takes too long or goes wrong.
    """

    def __init__(self, articles: Iterable[Article | NewArticle], now: int) -> None:
        self._articles = {article.key: article for article in articles}
        self._now = now
        self._read: dict[str, AnalysedArticle] = {}
        self._results_by_query: dict[str, dict[str, bool]] = {}
        self._cpu_seconds = 0.0

    def __call__(self, key: str, filters: Sequence[Filter]) -> tuple[Filter, ...]:
        """The filters that keep the article with a key out."""
        return blocking_filters(filters, partial(self.matches, key))

    def matches(self, key: str, query: str) -> bool | None:
        """Whether the article with a key matches a query."""
        if query not in self._results_by_query:
            self._results_by_query[query] = self._evaluate(query)
        return self._results_by_query[query].get(key)

    def evaluate_all(self, queries: Iterable[str]) -> None:
        """Work the answers for these queries out."""
        for query in queries:
            self._results_by_query[query] = self._evaluate(query)

    def _evaluate(self, query: str) -> dict[str, bool]:
        answers: dict[str, bool] = {}
        begun = time.thread_time()
        allowed = min(_MAX_SECONDS_PER_QUERY, _MAX_SECONDS_PER_POLL - self._cpu_seconds)
        try:
            asked = parse_query(query, self._now, max_chars=MAX_LENGTH)
            criteria: dict[tuple[str, ...], Clause | None] = {}
            for key, article in self._articles.items():
                if time.thread_time() - begun >= allowed:
                    log.warning("A filter took too long for %d articles", len(self._articles) - len(answers))
                    break
                languages = query_languages_for(article.language)
                if languages not in criteria:
                    criteria[languages] = matchable_clause(asked, languages)
                wanted = criteria[languages]
                if key not in self._read:
                    read_from = time.thread_time()
                    self._read[key] = AnalysedArticle(article).precompute()
                    begun += time.thread_time() - read_from  # which is no fault of this query
                if wanted is not None:
                    answers[key] = matches(wanted, self._read[key])
        except Exception:  # a filter must not keep a feed from being read
            log.exception("A filter could not be applied")
        self._cpu_seconds += time.thread_time() - begun
        return answers


async def evaluate_feed_filters(
    store: Store, feed_id: int, articles: Sequence[NewArticle]
) -> FilterEvaluator:
    """What the filters of a feed's subscriptions say of its new articles. Raises `StoreError`."""
    made = FilterEvaluator(articles, store.clock.now())
    queries = await store.filters.queries(feed_id) if articles else []
    if queries:
        await asyncio.to_thread(made.evaluate_all, queries)
    return made


@dataclass(frozen=True, slots=True)
class FilterDryRun:
    """What filters would have done with the newest articles of a feed: those that keep each one out."""

    outcomes: tuple[tuple[Article, tuple[Filter, ...]], ...]

    @property
    def posted_count(self) -> int:
        """How many would have been posted."""
        return sum(1 for _article, by in self.outcomes if not by)


async def dry_run_filters(store: Store, feed_id: int, filters: Sequence[Filter]) -> FilterDryRun:
    """Try filters on the newest articles of a feed, newest first. Raises `StoreError`."""
    articles = await store.articles.newest([feed_id], limit=DRY_RUN_ARTICLES)
    made = FilterEvaluator(articles, store.clock.now())
    await asyncio.to_thread(made.evaluate_all, dict.fromkeys(one.query for one in filters))
    return FilterDryRun(tuple((article, made(article.key, filters)) for article in articles))
