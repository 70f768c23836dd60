"""Ranked search where lists are long: by which words an article has, and which of them in its title.

FTS5's bm25() reads the whole list of every word that it scores, which takes a tenth of a second for a common
word of a million articles. Whether an article has a word costs only as much as the rarest word that it is
asked together with; so here an article's points are the weights of the words that it has.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

from bot.store.rows import ids_of, listed
from bot.store.sqlite import lists
from bot.store.sqlite.database import Database
from bot.store.sqlite.hits import Hit, Shown, hits, read_hits
from bot.store.sqlite.search_index import (
    All,
    Any,
    Column,
    Scope,
    Terms,
    Wanted,
    in_title,
    is_narrow,
    narrowed,
    within,
)

TITLE = 1.0  # how much more a word of the title counts
RECENT = 400  # of the articles that have all words, those taken in last
TITLED = 400  # and those that have all of them in the title
MANY = 5  # words that hardly so many articles have
SHORT = 20_000  # articles that have a word, up to which all titles with it are looked at
SINGLE = 2_000  # articles in the lists of single words that are read
PAIRED_TITLE = 7  # words, the rarest, two of which are looked for in titles,
PAIRED = 4  # and in texts,
PAIR_COST = 6_000  # articles that have the rarer word of these pairs, of all together
IN_PAIR = 300  # articles with a pair in their texts, those taken in last,
IN_TITLE = 1_000  # and with one in their titles


class Part(NamedTuple):
    """A word that is wanted, how much it tells, and in how many articles it is, as far as that is known."""

    wanted: Wanted
    weight: float
    documents: int


class Coverage:
    """Queries of both indexes. Every method raises `StoreError` and runs on a reader's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def whole(
        self,
        parts: Sequence[Part],
        *,
        required: Wanted | None,
        scope: Scope,
        limit: int,
        shown: Shown | None = None,
    ) -> list[Hit]:
        """Articles that hold all parts: the best of those with all in the title and those taken in last."""
        return await read_hits(self._database, shown, _whole, parts, required, scope, limit)

    async def some(
        self, parts: Sequence[Part], *, required: Wanted | None, scope: Scope, limit: int
    ) -> list[Hit]:
        """Articles that hold a rare part or two others, the best first."""
        return await self._database.read(_some, parts, required, scope, limit)


def _whole(
    connection: sqlite3.Connection,
    parts: Sequence[Part],
    required: Wanted | None,
    scope: Scope,
    limit: int,
) -> list[Hit]:
    parts = sorted(parts, key=lambda part: part.documents)  # the rarest leads through the lists
    words = All(tuple(part.wanted for part in parts))
    also = narrowed(required, scope)
    core = lists.both(words, also)
    narrow = is_narrow(scope)
    likely_few = narrow or len(parts) >= MANY
    recent = lists.first(connection, core, RECENT) if likely_few else []
    if not likely_few or len(recent) == RECENT:
        recent = lists.last(connection, core, RECENT)
    if not recent:
        return []
    whole = sum(part.weight for part in parts)
    points = dict.fromkeys(recent, whole)
    is_all = len(recent) < RECENT
    titles: Iterable[tuple[Part, Iterable[int]]]
    if is_all and also is not None:  # what narrows the search leads to the titles too
        few = also if narrow else core
        titles = ((part, lists.first(connection, All((in_title(part.wanted), few)))) for part in parts)
    else:
        titled = lists.titled(connection, [part.wanted for part in parts], TITLED)
        if not is_all:
            older = [id_ for id_ in titled if id_ < min(recent)]
            points |= dict.fromkeys(_older(connection, parts, also, older), whole)
        titles = _titles(connection, parts, titled, min(recent), is_all=is_all)
    for part, in_its_title in titles:
        for id_ in points.keys() & set(in_its_title):
            points[id_] += TITLE * part.weight
    return _hits(connection, points, scope, limit)


def _older(
    connection: sqlite3.Connection, parts: Sequence[Part], also: Wanted | None, titled: Sequence[int]
) -> Sequence[int]:
    """Those of the articles with all parts in the title that hold what is wanted, as far as that is known."""
    if not all(_is_word(part.wanted) for part in parts):
        return ()
    return titled if also is None else lists.holding(connection, also, titled[: lists.MOST_SEEKS])


def _titles(
    connection: sqlite3.Connection, parts: Sequence[Part], titled: Sequence[int], floor: int, *, is_all: bool
) -> Iterator[tuple[Part, Iterable[int]]]:
    """Each part with articles from `floor` on that have it in their titles; `titled` have all parts."""
    for part in parts:
        if is_all and part.documents > SHORT:
            yield part, titled
        else:
            yield part, [*lists.titled(connection, [part.wanted], SHORT, floor=floor), *titled]


def _some(
    connection: sqlite3.Connection,
    parts: Sequence[Part],
    required: Wanted | None,
    scope: Scope,
    limit: int,
) -> list[Hit]:
    parts = sorted(parts, key=lambda part: part.documents)
    also = narrowed(required, scope)
    held: dict[int, int] = defaultdict(int)  # of each article, a bit for each part that it is known to have,
    titled: dict[int, int] = defaultdict(int)  # and those that its title has
    singles = 0
    room = SINGLE
    while singles < len(parts) and parts[singles].documents <= room:
        for id_ in lists.last(connection, lists.both(parts[singles].wanted, also), room):
            held[id_] |= 1 << singles
        for id_ in lists.titled(connection, [parts[singles].wanted], room):
            titled[id_] |= 1 << singles
        room -= parts[singles].documents
        singles += 1
    for one, other in combinations(range(len(parts[:PAIRED_TITLE])), 2):
        both = 1 << one | 1 << other
        for id_ in lists.titled(connection, [parts[one].wanted, parts[other].wanted], IN_TITLE):
            titled[id_] |= both
    for one, other in _pairs(parts, singles):
        both = 1 << one | 1 << other
        wanted = All((parts[one].wanted, parts[other].wanted))
        for id_ in lists.last(connection, lists.both(wanted, also), IN_PAIR):
            held[id_] |= both
    points = _points(parts, held, titled)
    if also is not None:
        best = _best(points, lists.MOST_SEEKS)
        points = {id_: points[id_] for id_ in lists.holding(connection, also, best)}
    return _hits(connection, points, scope, limit)


def _pairs(parts: Sequence[Part], singles: int) -> Iterator[tuple[int, int]]:
    """Pairs of the rarest parts that are looked for in texts: those that were not looked for alone."""
    room = PAIR_COST
    for one, other in combinations(range(len(parts[:PAIRED])), 2):
        if other >= singles and parts[one].documents <= room:
            room -= parts[one].documents
            yield one, other


def _points(parts: Sequence[Part], held: Mapping[int, int], titled: Mapping[int, int]) -> dict[int, float]:
    """The points of articles, by which parts are known to be in them and in their titles."""

    @cache
    def weight(bits: int) -> float:
        return sum(part.weight for number, part in enumerate(parts) if bits >> number & 1)

    points = {id_: weight(bits) for id_, bits in held.items()}
    for id_, bits in titled.items():
        points[id_] = weight(bits | held.get(id_, 0)) + TITLE * weight(bits)
    return points


def _best(points: Mapping[int, float], most: int) -> list[int]:
    """The articles with the most points, those taken in last first."""
    return [id_ for _, id_ in heapq.nlargest(most, zip(points.values(), points, strict=True))]


def _hits(connection: sqlite3.Connection, points: dict[int, float], scope: Scope, limit: int) -> list[Hit]:
    conditions, parameters = within(scope)
    best = _best(points, limit)
    among = (
        f"FROM article INDEXED BY article_facts WHERE id IN (SELECT value FROM json_each(:ids)){conditions}"
        " LIMIT -1"
    )
    found = hits(connection, f"SELECT id, page, published, 0.0 {among}", parameters | {"ids": listed(best)})
    if len(found) < len(best) < len(points):
        within_scope = ids_of(connection, f"SELECT id {among}", parameters | {"ids": listed(points)})
        return _hits(connection, {id_: points[id_] for id_ in within_scope}, Scope(), limit)
    scored = [hit._replace(score=points[hit.article_id]) for hit in found]
    return sorted(scored, key=lambda hit: (-hit.score, -hit.article_id))


def _is_word(wanted: Wanted) -> bool:
    """Whether titles alone can tell that it is held: a word of one term by each stemmer, anywhere."""
    if isinstance(wanted, Any):
        return all(map(_is_word, wanted.parts))
    return isinstance(wanted, Terms) and wanted.column is Column.TEXT and len(wanted.terms) == 1
