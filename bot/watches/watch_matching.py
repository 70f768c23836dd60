"""Matching of new articles against watches (saved searches), and validation of the queries of watches."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Sequence

from bot.core.models import Article
from bot.core.user_errors import RequestRejected
from bot.search.query.analysed_query import Clause
from bot.search.query.query_matching import (
    AnalysedArticle,
    KeyKind,
    MatchKey,
    build_matchable_clause,
    matches_clause,
    select_cheapest_keys,
)
from bot.search.query.query_parser import MAX_QUERY_LENGTH, parse_query
from bot.search.query.query_tree import AnyOf, Not, Query
from bot.store import Store
from bot.store.records.people_records import Arrival, WatchQuery
from bot.watches import live_query_validation
from bot.watches.live_query_validation import QueryRejection
from bot.watches.watch_index import WatchIndex

log = logging.getLogger(__name__)


_ARRIVAL_BATCH_SIZE = 50
"""Maximum number of new articles that are matched against the watches at once."""
_FREQUENCY_SAMPLE_SIZE = 1_000
"""Number of newest articles in which the frequencies of keys (words of articles) are counted."""
_MIN_FREQUENT_COUNT = 3
"""Minimum number of sampled articles with a key for its count to be stored; other keys are rare."""
_MATCH_SHARE_SAMPLE_SIZE = 400
"""Number of newest articles on which a new watch is tried.

With fewer articles in all, the watch is not tried.
"""
_MIN_TOO_COMMON_SHARE = 0.25
"""Minimum share of the newest articles that a query matches to be rejected as too common for a watch."""


async def parse_watch_query(store: Store, text: str) -> Query:
    """Return the parsed query of a watch.

    Raises:
        RequestRejected: The query cannot be a watch, or matches too many articles.
        StoreError: The database failed.
    """
    query = live_query_validation.parse_live_query(text, store.clock.now(), QueryRejection.WATCH_HAS_DATE)
    clause = build_matchable_clause(query)
    match_keys = select_cheapest_keys(clause, lambda _key: 0) if clause is not None else frozenset()
    if clause is None or not match_keys:
        raise RequestRejected(QueryRejection.EMPTY_WATCH if clause is None else _find_rejection(query))
    # A query for an outlet, an author or a tag may match often.
    if all(match_key.kind is not KeyKind.NAME for match_key in match_keys):
        recent_articles = await store.articles.list_newest(None, limit=_MATCH_SHARE_SAMPLE_SIZE)
        if (
            len(recent_articles) == _MATCH_SHARE_SAMPLE_SIZE
            and await asyncio.to_thread(_compute_match_share, clause, recent_articles) >= _MIN_TOO_COMMON_SHARE
        ):
            raise RequestRejected(QueryRejection.TOO_COMMON)
    return query


def _find_rejection(query: Query) -> QueryRejection:
    if any(isinstance(node, AnyOf) for node in query.nodes):
        return QueryRejection.COMMON_ALTERNATIVE
    if any(isinstance(node, Not) for node in query.nodes):
        return QueryRejection.ONLY_EXCLUSIONS
    return QueryRejection.TOO_COMMON


def _compute_match_share(clause: Clause, articles: Sequence[Article]) -> float:
    return sum(matches_clause(clause, AnalysedArticle(article)) for article in articles) / len(articles)


class _KeyFrequencies:
    """Frequencies of keys (words of articles) among the newest articles."""

    def __init__(self) -> None:
        self._article_count_by_key: Counter[MatchKey] = Counter()

    def count_keys(self, articles: Iterable[Article]) -> None:
        """Count the articles that have each key (word), and forget the rare keys."""
        for article in articles:
            for kind, key_texts in AnalysedArticle(article).match_keys.items():
                self._article_count_by_key.update(MatchKey(kind, key_text) for key_text in key_texts)
        self._article_count_by_key = Counter(
            {key: count for key, count in self._article_count_by_key.items() if count >= _MIN_FREQUENT_COUNT}
        )

    def __call__(self, key: MatchKey) -> int:
        return self._article_count_by_key[key]


class WatchMatcher:
    """Matcher of new articles against all watches of a store, which enqueues the notifications."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._key_frequencies = _KeyFrequencies()
        self._watch_index = WatchIndex(self._key_frequencies)
        self._last_watch_id = 0  # Watches with higher ids are not in the index yet.

    async def process_next_batch(self) -> bool:
        """Match the next batch of new articles against all watches, and enqueue the notifications.

        Returns False if there were no new articles. If a batch is interrupted, the next call processes it
        again, without duplicate notifications.

        Raises:
            StoreError: The database failed.
        """
        arrivals = await self._store.watches.list_unmatched_arrivals(_ARRIVAL_BATCH_SIZE)
        if not arrivals:
            return False
        await self._load_new_watches()
        watch_and_article_ids = await asyncio.to_thread(self._match_arrivals, arrivals)
        inactive_watch_ids = await self._store.watches.enqueue_notifications(
            watch_and_article_ids,
            [arrival.article.id for arrival in arrivals],
        )
        self._watch_index.discard_watches(inactive_watch_ids)
        return True

    def _match_arrivals(self, arrivals: Sequence[Arrival]) -> list[tuple[int, int]]:
        watch_and_article_ids: list[tuple[int, int]] = []
        for article, server_ids in arrivals:
            try:
                watch_ids = self._watch_index.find_matching(article, server_ids)
            except Exception:  # An article that fails must not prevent other notifications.
                log.exception("watch matching failed article_id=%d", article.id)
                continue
            watch_and_article_ids += [(watch_id, article.id) for watch_id in watch_ids]
        return watch_and_article_ids

    async def _load_new_watches(self) -> None:
        new_watches = await self._store.watches.list_unremoved_after_id(self._last_watch_id)
        if not new_watches:
            return
        if not self._last_watch_id:
            recent_articles = await self._store.articles.list_newest(None, limit=_FREQUENCY_SAMPLE_SIZE)
            await asyncio.to_thread(self._key_frequencies.count_keys, recent_articles)
        await asyncio.to_thread(self._add_watches, new_watches)
        self._last_watch_id = new_watches[-1].id

    def _add_watches(self, watches: Sequence[WatchQuery]) -> None:
        query_by_text: dict[str, Query] = {}
        for watch in watches:
            if watch.query not in query_by_text:
                query_by_text[watch.query] = parse_query(
                    watch.query, self._store.clock.now(), max_chars=MAX_QUERY_LENGTH
                )
            self._watch_index.add_watch(watch.id, watch.server_id, query_by_text[watch.query])
