"""Watches: what may be watched for, and holding new articles against what is."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Sequence

from bot.core.models import Article
from bot.core.refusals import Declined
from bot.search.query.analysed_query import Part
from bot.search.query.query_matching import Key, Kind, ReadArticle, criterion_of, holds, keys_of
from bot.search.query.query_syntax import MAX_LENGTH, parse
from bot.search.query.query_tree import AnyOf, Not, Query
from bot.store import Store
from bot.store.records.people_records import Arrival, Standing
from bot.watches import unfit_queries
from bot.watches.unfit_queries import Unfit
from bot.watches.watch_index import WatchIndex

log = logging.getLogger(__name__)

MOST_OF_A_PERSON = 25
MOST_OF_A_SERVER = 50
"""Watches of one server's channels together."""

CLOSED = "closed"
"""The problem of direct messages that a person does not accept: their watches rest."""

_BATCH = 50  # arrivals held against the watches in one transaction
_SAMPLE = 1_000  # newest articles, which tell how rare a word is,
_FREQUENT = 3  # in so many of which one is not rare
_TRIED = 400  # newest articles that a watch is tried on: fewer do not show what is common
_TOO_COMMON = 0.25  # of them


async def check(store: Store, text: str) -> Query:
    """A query as a watch for it understands it. Raises `Declined`, and `StoreError`."""
    query = unfit_queries.read(text, store.clock.now(), Unfit.WATCH_DATED)
    wanted = criterion_of(query)
    keys = keys_of(wanted, lambda _key: 0) if wanted is not None else frozenset()
    if wanted is None or not keys:
        raise Declined(Unfit.EMPTY_WATCH if wanted is None else _says_too_little(query))
    if all(key.kind is not Kind.NAME for key in keys):
        newest = await store.articles.newest(None, limit=_TRIED)
        if len(newest) == _TRIED and await asyncio.to_thread(_share, wanted, newest) >= _TOO_COMMON:
            raise Declined(Unfit.TOO_COMMON)
    return query


def _says_too_little(query: Query) -> Unfit:
    if any(isinstance(node, AnyOf) for node in query.nodes):
        return Unfit.COMMON_ALTERNATIVE
    if any(isinstance(node, Not) for node in query.nodes):
        return Unfit.ONLY_NOT
    return Unfit.TOO_COMMON


def _share(wanted: Part, articles: Sequence[Article]) -> float:
    return sum(holds(wanted, ReadArticle(article)) for article in articles) / len(articles)


class _Rarity:
    """How common keys are among the newest articles."""

    def __init__(self) -> None:
        self._counts: Counter[Key] = Counter()

    def read(self, articles: Iterable[Article]) -> None:
        """Learn from articles."""
        for article in articles:
            for kind, values in ReadArticle(article).values.items():
                self._counts.update(Key(kind, value) for value in values)
        self._counts = Counter({key: count for key, count in self._counts.items() if count >= _FREQUENT})

    def __call__(self, key: Key) -> int:
        return self._counts[key]


class Watchman:
    """Holds what arrives against all watches of a store, and has it written down who is to be told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rarity = _Rarity()
        self._index = WatchIndex(self._rarity)
        self._latest = 0  # id of the last watch that was learned

    async def look(self) -> bool:
        """Hold the next arrivals against the watches; False when there were none.

        What an interruption leaves undone is done by the next look, once. Raises `StoreError`.
        """
        arrivals = await self._store.watches.arrivals(_BATCH)
        if not arrivals:
            return False
        await self._learn()
        matches = await asyncio.to_thread(self._matches, arrivals)
        gone = await self._store.watches.tell(
            matches, [arrival.article.id for arrival in arrivals], closed=CLOSED
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

    async def _learn(self) -> None:
        added = await self._store.watches.standing(self._latest)
        if not added:
            return
        if not self._latest:
            newest = await self._store.articles.newest(None, limit=_SAMPLE)
            await asyncio.to_thread(self._rarity.read, newest)
        await asyncio.to_thread(self._add, added)
        self._latest = added[-1].id

    def _add(self, watches: Sequence[Standing]) -> None:
        queries: dict[str, Query] = {}
        for watch in watches:
            if watch.query not in queries:
                queries[watch.query] = parse(watch.query, self._store.clock.now(), longest=MAX_LENGTH)
            self._index.add(watch.id, watch.server_id, queries[watch.query])
