"""Watches: what may be watched for, and holding new articles against what is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence

from bot.core.locale import _
from bot.core.refusals import Refusal
from bot.search.query_matching import Matcher, Sought, Token, is_name, is_text, keys, tokens
from bot.search.query_plan import Plan, plan
from bot.search.query_syntax import AllOf, AnyOf, Condition, Filter, Node, Not, Query, parse
from bot.store import Store
from bot.store.records import Arrival, Standing

log = logging.getLogger(__name__)

MOST_OF_A_PERSON = 25
MOST_OF_A_SERVER = 50
"""Watches of one server's channels together."""

CLOSED = "closed"
"""The problem of direct messages that a person does not accept: their watches rest."""

_BATCH = 50  # arrivals held against the watches in one transaction
_ENOUGH = 2_000  # articles up to which the rarity of a term is told apart
_TOO_COMMON = 0.25  # of all articles
_FEW = 400  # articles, which do not show what is common
_BROAD = 1 << 40  # more than all articles


async def check(store: Store, text: str) -> Query:
    """A query as a watch for it understands it. Raises `Refusal` with what to change."""
    query = parse(text, store.clock.now())
    for node in parts(query.nodes):
        if isinstance(node, Condition) and node.filter in (Filter.SINCE, Filter.BEFORE):
            raise Refusal(_("A watch looks at new articles only. Leave out the date."))
        if isinstance(node, Condition) and node.filter is Filter.BOOKMARKED:
            raise Refusal(_("Nobody has bookmarked a new article yet. Leave out `is:bookmarked`."))
    sought = Sought.of(query)
    articles = await store.articles.count()
    costs = await _costs(store, [sought], at_most=articles) if sought is not None else {}
    chosen = keys(sought.wanted, costs.__getitem__) if sought is not None else frozenset()
    if not chosen:
        raise Refusal(_nothing(plan(query, feed_ids=None, person_id=None)))
    common = articles * _TOO_COMMON if articles >= _FEW else _BROAD
    if sum(costs[token] for token in chosen if not is_name(token)) >= common:
        raise Refusal(_("Too many articles would match. Add a rarer word that they must have."))
    return query


def _nothing(asked: Plan) -> str:
    """Why a query names nothing that an article must have."""
    if any(isinstance(node, AnyOf) for node in asked.exact):
        return _("One of the alternatives is in nearly every article. Leave it out.")
    if asked.unwanted or asked.exact:
        return _("That only says what articles must not have. Add a word that they must have.")
    if asked.empty:
        return _("Nearly every article has these words: {words}.").format(words=", ".join(asked.empty))
    return _(
        "Say what to watch for: a word, an “exact phrase”, or `source:`, `author:` or `tag:` with a name."
    )


def parts(nodes: Iterable[Node]) -> Iterator[Node]:
    """The parts of a query, and what they are made of."""
    for node in nodes:
        yield node
        if isinstance(node, AllOf | AnyOf):
            yield from parts(node.nodes)
        elif isinstance(node, Not):
            yield from parts((node.node,))


async def _costs(store: Store, sought: Iterable[Sought], *, at_most: int) -> dict[Token, int]:
    """How common the terms are that these may be found by; a language or a picture is found everywhere."""
    known = sorted({token for one in sought for token in tokens(one.wanted)})
    counted = [token for token in known if is_text(token) or is_name(token)]
    costs = dict.fromkeys(known, _BROAD)
    costs.update(zip(counted, await store.watches.frequencies(counted, at_most=at_most), strict=True))
    return costs


class Watchman:
    """Holds what arrives against all watches of a store, and has it written down who is to be told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._matcher = Matcher()
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
        self._matcher.discard(gone)
        return True

    def _matches(self, arrivals: Sequence[Arrival]) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        for article, server_ids in arrivals:
            try:
                watches = self._matcher.matching(article, server_ids)
            except Exception:  # one article must not keep all others from being told
                log.exception("Article %d was held against no watch", article.id)
                continue
            found += [(watch_id, article.id) for watch_id in watches]
        return found

    async def _learn(self) -> None:
        """Take up the watches that were added since."""
        added = await self._store.watches.standing(self._latest)
        if not added:
            return
        sought = await asyncio.to_thread(_understood, added, self._store.clock.now())
        costs = await _costs(self._store, sought.values(), at_most=_ENOUGH)
        for watch in added:
            if watch.query in sought:
                self._matcher.add(
                    watch.id, watch.server_id, watch.query, sought[watch.query], costs.__getitem__
                )
        self._latest = added[-1].id


def _understood(watches: Sequence[Standing], now: int) -> dict[str, Sought]:
    """What each query asks for; those left out ask for nothing."""
    queries = {watch.query for watch in watches}
    return {text: sought for text in queries if (sought := Sought.of(parse(text, now))) is not None}
