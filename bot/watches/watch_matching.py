"""Watches: validation of their queries, and matching of new articles."""

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
    cheapest_keys,
    matchable_clause,
    matches,
)
from bot.search.query.query_parser import MAX_LENGTH, parse_query
from bot.search.query.query_tree import AnyOf, Not, Query
from bot.store import Store
from bot.store.records.people_records import ActiveWatch, Arrival
from bot.watches import live_query_validation
from bot.watches.live_query_validation import QueryRejection
from bot.watches.watch_index import WatchIndex

log = logging.getLogger(__name__)

MAX_WATCHES_PER_PERSON = 25
"""Maximum number of watches of a user."""
MAX_WATCHES_PER_SERVER = 50
"""Maximum number of watches in all channels of a server."""

DMS_CLOSED = "closed"
"""Stored problem of a user who does not accept direct messages; their watches are paused."""

_ARRIVAL_BATCH_SIZE = 50
"""Number of new articles that are matched in one transaction."""
_FREQUENCY_SAMPLE_SIZE = 1_000
"""Number of newest articles from which the frequencies of keys are counted."""
_MIN_FREQUENT_COUNT = 3
"""Minimum count of a key that is not rare; lower counts are not stored."""
_SELECTIVITY_SAMPLE_SIZE = 400
"""Number of newest articles on which a new watch is tried; with fewer articles it is not."""
_MAX_SELECTIVITY = 0.25
"""Share of those articles from which on a query is rejected as too common."""


async def parse_watch_query(store: Store, text: str) -> Query:
    """Parse the query of a watch.

    Raises:
        RequestRejected: The query cannot be a watch, or matches too many articles.
        StoreError: The database failed.
    """
    query = live_query_validation.parse_live_query(text, store.clock.now(), QueryRejection.WATCH_HAS_DATE)
    wanted = matchable_clause(query)
    keys = cheapest_keys(wanted, lambda _key: 0) if wanted is not None else frozenset()
    if wanted is None or not keys:
        raise RequestRejected(QueryRejection.EMPTY_WATCH if wanted is None else _rejection_for(query))
    if all(key.kind is not KeyKind.NAME for key in keys):
        newest = await store.articles.newest(None, limit=_SELECTIVITY_SAMPLE_SIZE)
        if (
            len(newest) == _SELECTIVITY_SAMPLE_SIZE
            and await asyncio.to_thread(_match_share, wanted, newest) >= _MAX_SELECTIVITY
        ):
            raise RequestRejected(QueryRejection.TOO_COMMON)
    return query


def _rejection_for(query: Query) -> QueryRejection:
    if any(isinstance(node, AnyOf) for node in query.nodes):
        return QueryRejection.COMMON_ALTERNATIVE
    if any(isinstance(node, Not) for node in query.nodes):
        return QueryRejection.ONLY_EXCLUSIONS
    return QueryRejection.TOO_COMMON


def _match_share(wanted: Clause, articles: Sequence[Article]) -> float:
    return sum(matches(wanted, AnalysedArticle(article)) for article in articles) / len(articles)


class _KeyFrequencies:
    """Frequencies of keys among the newest articles."""

    def __init__(self) -> None:
        self._counts: Counter[MatchKey] = Counter()

    def learn(self, articles: Iterable[Article]) -> None:
        """Count the keys of articles."""
        for article in articles:
            for kind, values in AnalysedArticle(article).match_keys.items():
                self._counts.update(MatchKey(kind, value) for value in values)
        self._counts = Counter(
            {key: count for key, count in self._counts.items() if count >= _MIN_FREQUENT_COUNT}
        )

    def __call__(self, key: MatchKey) -> int:
        return self._counts[key]


class WatchMatcher:
    """Matches new articles against all watches of a store, and enqueues the notifications."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rarity = _KeyFrequencies()
        self._index = WatchIndex(self._rarity)
        self._last_watch_id = 0

    async def process_next_batch(self) -> bool:
        """Match the next batch of new articles against all watches, and enqueue the notifications.

        Return False if there were no new articles. A batch that was interrupted is processed by the next
        call, without duplicate notifications.

        Raises:
            StoreError: The database failed.
        """
        arrivals = await self._store.watches.unmatched_arrivals(_ARRIVAL_BATCH_SIZE)
        if not arrivals:
            return False
        await self._load_new_watches()
        matches = await asyncio.to_thread(self._matches, arrivals)
        gone = await self._store.watches.enqueue_notifications(
            matches, [arrival.article.id for arrival in arrivals], closed=DMS_CLOSED
        )
        self._index.discard(gone)
        return True

    def _matches(self, arrivals: Sequence[Arrival]) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for article, server_ids in arrivals:
            try:
                watches = self._index.matching(article, server_ids)
            except Exception:  # An article that fails must not prevent other notifications.
                log.exception("watch matching failed article_id=%d", article.id)
                continue
            found += [(watch_id, article.id) for watch_id in watches]
        return found

    async def _load_new_watches(self) -> None:
        added = await self._store.watches.active_after_id(self._last_watch_id)
        if not added:
            return
        if not self._last_watch_id:
            newest = await self._store.articles.newest(None, limit=_FREQUENCY_SAMPLE_SIZE)
            await asyncio.to_thread(self._rarity.learn, newest)
        await asyncio.to_thread(self._add, added)
        self._last_watch_id = added[-1].id

    def _add(self, watches: Sequence[ActiveWatch]) -> None:
        queries: dict[str, Query] = {}
        for watch in watches:
            if watch.query not in queries:
                queries[watch.query] = parse_query(watch.query, self._store.clock.now(), max_chars=MAX_LENGTH)
            self._index.add(watch.id, watch.server_id, queries[watch.query])
