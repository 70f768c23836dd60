"""Filters of what is posted, of one feed or of a whole channel or server: validation, evaluation, and dry runs."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from bot.core.models import Article, NewArticle
from bot.core.preferences import Filter, FilterMode
from bot.core.user_errors import RequestRejected
from bot.search.query.analysed_query import Clause
from bot.search.query.query_matching import (
    AnalysedArticle,
    build_matchable_clause,
    matches_clause,
    select_query_languages,
)
from bot.search.query.query_parser import MAX_QUERY_LENGTH, parse_query
from bot.search.query.query_tree import Query
from bot.store import Store
from bot.watches import live_query_validation
from bot.watches.live_query_validation import QueryRejection

log = logging.getLogger(__name__)

MAX_FILTERS_PER_PLACE = 10
"""Maximum number of filters of a feed in a channel, of a whole channel or of a whole server."""
DRY_RUN_ARTICLES = 50
"""Maximum number of newest articles on which new filters are tried before they are saved."""


_MAX_CPU_SECONDS_PER_QUERY = 0.25
"""Maximum CPU time in seconds that one query may take on all articles of an evaluator, such as those of a poll.

The worst queries take a quarter of a second for each of the longest texts.
"""
_MAX_CPU_SECONDS_PER_EVALUATOR = 10.0
"""Maximum CPU time in seconds for all queries of an evaluator on all its articles, such as those of a poll.

Articles that were not evaluated in time are posted.
"""
_ARTICLES_PER_BATCH = 100
"""Number of stored articles that are loaded and evaluated at once."""


def parse_filter_query(text: str, now: int) -> Query:
    """Parse the query of a filter. Raises `RequestRejected` if the query cannot be used in a filter."""
    query = live_query_validation.parse_live_query(text, now, QueryRejection.FILTER_HAS_DATE)
    if build_matchable_clause(query) is None:
        raise RequestRejected(QueryRejection.EMPTY_FILTER)
    return query


def select_blocking_filters(filters: Sequence[Filter], matches: Callable[[str], bool | None]) -> tuple[Filter, ...]:
    """Return the filters that block an article: one that excludes it, or all including ones if none of them matches.

    `matches` returns whether a query matches the article, or None if that is unknown. An unknown match never leads
    to blocking. The tuple is empty if nothing blocks the article.
    """
    include_filters = tuple(query_filter for query_filter in filters if query_filter.mode is FilterMode.INCLUDE)
    for query_filter in filters:
        if query_filter.mode is FilterMode.EXCLUDE and matches(query_filter.query):
            return (query_filter,)
    return (
        include_filters
        if include_filters and all(matches(include_filter.query) is False for include_filter in include_filters)
        else ()
    )


class FilterEvaluator:
    """Evaluator of filter queries on articles.

    A query is evaluated on all articles when it is first needed. Whether it matches an article is None if the
    evaluation failed or took too long, or no part of the query applies to the article's language.
    """

    def __init__(self, articles: Iterable[Article | NewArticle], now: int) -> None:
        self._article_by_key = {article.key: article for article in articles}
        self._now = now
        self._analysed_article_by_article_key: dict[str, AnalysedArticle] = {}
        self._matches_by_article_key_by_query: dict[str, dict[str, bool]] = {}
        self._used_cpu_seconds = 0.0

    def __call__(self, article_key: str, filters: Sequence[Filter]) -> tuple[Filter, ...]:
        """Return the filters, of the given ones, that block the article with a key."""
        return select_blocking_filters(filters, partial(self.is_match, article_key))

    def is_match(self, article_key: str, query: str) -> bool | None:
        """Return whether the article with a key matches the query of a filter.

        Returns None if the evaluation failed or took too long, or no part of the query applies to its language.
        """
        if query not in self._matches_by_article_key_by_query:
            self._matches_by_article_key_by_query[query] = self._evaluate(query)
        return self._matches_by_article_key_by_query[query].get(article_key)

    def evaluate_all(self, queries: Iterable[str]) -> None:
        """Evaluate filter queries on all articles of the evaluator now, rather than when first needed."""
        for query in queries:
            self._matches_by_article_key_by_query[query] = self._evaluate(query)

    def _evaluate(self, query: str) -> dict[str, bool]:
        is_match_by_article_key: dict[str, bool] = {}
        started_at = time.thread_time()
        max_seconds = min(_MAX_CPU_SECONDS_PER_QUERY, _MAX_CPU_SECONDS_PER_EVALUATOR - self._used_cpu_seconds)
        try:
            parsed_query = parse_query(query, self._now, max_chars=MAX_QUERY_LENGTH)
            clause_by_languages: dict[tuple[str, ...], Clause | None] = {}
            for article_key, article in self._article_by_key.items():
                if time.thread_time() - started_at >= max_seconds:
                    log.warning(
                        "filter timed out unmatched=%d", len(self._article_by_key) - len(is_match_by_article_key)
                    )
                    break
                languages = select_query_languages(article.language)
                if languages not in clause_by_languages:
                    clause_by_languages[languages] = build_matchable_clause(parsed_query, languages)
                clause = clause_by_languages[languages]
                if article_key not in self._analysed_article_by_article_key:
                    analysis_started_at = time.thread_time()
                    self._analysed_article_by_article_key[article_key] = AnalysedArticle(article).precompute()
                    started_at += time.thread_time() - analysis_started_at  # Analysing is not charged to the query.
                if clause is not None:
                    is_match_by_article_key[article_key] = matches_clause(
                        clause, self._analysed_article_by_article_key[article_key]
                    )
        except Exception:  # A filter must not prevent a poll.
            log.exception("filter evaluation failed")
        self._used_cpu_seconds += time.thread_time() - started_at
        return is_match_by_article_key


async def evaluate_feed_filters(store: Store, feed_id: int, articles: Sequence[NewArticle]) -> FilterEvaluator:
    """Return an evaluator that has evaluated the filters of all subscriptions of a feed on new articles.

    Raises `StoreError` if the database failed.
    """
    evaluator = FilterEvaluator(articles, store.clock.now())
    queries = await store.filters.list_queries(feed_id) if articles else []
    if queries:
        await asyncio.to_thread(evaluator.evaluate_all, queries)
    return evaluator


async def find_blocked_article_ids(store: Store, article_ids: Sequence[int], filters: Sequence[Filter]) -> set[int]:
    """Return the ids of those of the given stored articles that filters block.

    Raises `StoreError` if the database failed.
    """
    queries = list(dict.fromkeys(query_filter.query for query_filter in filters))
    blocked_ids: set[int] = set()
    for offset in range(0, len(article_ids), _ARTICLES_PER_BATCH):
        articles = await store.articles.list_by_ids(article_ids[offset : offset + _ARTICLES_PER_BATCH])
        evaluator = FilterEvaluator(articles, store.clock.now())
        await asyncio.to_thread(evaluator.evaluate_all, queries)
        blocked_ids |= {article.id for article in articles if evaluator(article.key, filters)}
    return blocked_ids


@dataclass(frozen=True, slots=True)
class FilterDryRun:
    """Trial of filters: the newest articles, each with the filters that would block it."""

    articles_with_filters: tuple[tuple[Article, tuple[Filter, ...]], ...]

    @property
    def posted_count(self) -> int:
        """Number of articles that no filter would block."""
        return sum(1 for _article, blocking_filters in self.articles_with_filters if not blocking_filters)


async def dry_run_filters(store: Store, feed_ids: Collection[int], filters: Sequence[Filter]) -> FilterDryRun:
    """Evaluate filters on the newest articles of feeds, newest first, without saving them.

    Raises `StoreError` if the database failed.
    """
    articles = await store.articles.list_newest(feed_ids, limit=DRY_RUN_ARTICLES)
    evaluator = FilterEvaluator(articles, store.clock.now())
    await asyncio.to_thread(evaluator.evaluate_all, dict.fromkeys(query_filter.query for query_filter in filters))
    return FilterDryRun(tuple((article, evaluator(article.key, filters)) for article in articles))
