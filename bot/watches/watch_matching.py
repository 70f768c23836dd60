"""Watches: what may be watched for, and holding new articles against what is."""

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
MAX_WATCHES_PER_SERVER = 50
"""Watches of one server's channels together."""

DMS_CLOSED = "closed"
"""The problem of direct messages that a person does not accept: their watches rest."""

_ARRIVAL_BATCH_SIZE = 50  # arrivals held against the watches in one transaction
_FREQUENCY_SAMPLE_SIZE = 1_000  # newest articles, which tell how rare a word is,
_MIN_FREQUENT_COUNT = 3  # in so many of which one is not rare
_SELECTIVITY_SAMPLE_SIZE = 400  # newest articles that a watch is tried on: fewer do not show what is common
_MAX_SELECTIVITY = 0.25  # of them


async def parse_watch_query(store: Store, text: str) -> Query:
    """A query as a watch for it understands it. Raises `RequestRejected`, and `StoreError`."""
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
    """How common keys are among the newest articles."""

    def __init__(self) -> None:
        self._counts: Counter[MatchKey] = Counter()

    def learn(self, articles: Iterable[Article]) -> None:
        """Learn from articles."""
        for article in articles:
            for kind, values in AnalysedArticle(article).match_keys.items():
                self._counts.update(MatchKey(kind, value) for value in values)
        self._counts = Counter(
            {key: count for key, count in self._counts.items() if count >= _MIN_FREQUENT_COUNT}
        )

    def __call__(self, key: MatchKey) -> int:
        return self._counts[key]


class WatchMatcher:
    """Holds what arrives against all watches of a store, and has it written down who is to be told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rarity = _KeyFrequencies()
        self._index = WatchIndex(self._rarity)
        self._last_watch_id = 0  # id of the last watch that was learned

    async def process_next_batch(self) -> bool:
        """Hold the next arrivals against the watches; False when there were none.

        What an interruption leaves undone is done by the next look, once. Raises `StoreError`.
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
            except Exception:  # one article must not keep all others from being told
                log.exception("Article %d was held against no watch", article.id)
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
