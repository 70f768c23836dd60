"""Ranked search where lists are long: by which words an article has, and which of them in its title.

FTS5's bm25() reads the whole list of every word that it scores, which takes a tenth of a second for a common
word of a million articles. Whether an article has a word costs only as much as the rarest word that it is
asked together with; so here an article's points are the weights of the words that it has.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import combinations, islice
from typing import NamedTuple, Protocol

from bot.store.database import Database
from bot.store.rows import ARTICLE, article, listed
from bot.store.search_index import (
    All,
    Any,
    Column,
    Except,
    Hit,
    Near,
    Scope,
    Terms,
    Wanted,
    in_a_row,
    in_title,
    is_narrow,
    match,
    narrowed,
    within,
)
from bot.text.terms import title_pair
from bot.words import Article

TITLE = 1.0  # how much more a word of the title counts
RECENT = 400  # of the articles that have all words, those taken in last
TITLED = 400  # and those that have all of them in the title
READ = 96  # articles that are read for the words of a phrase, at the most,
BATCH = 32  # at a time,
APART = 48  # and of those in which other forms of the words stand between them
PAIRED_TITLES = 48  # titles that have the pairs of a phrase, which are read,
PAIRED_TEXTS = 120  # and texts
SHORT = 20_000  # articles that have a word, up to which all titles with it are looked at
SINGLE = 2_000  # articles in the lists of single words that are read
PAIRED_TITLE = 7  # words, the rarest, two of which are looked for in titles,
PAIRED = 4  # and in texts,
PAIR_COST = 6_000  # articles that have the rarer word of these pairs, of all together
MOST_SEEKS = 60  # articles that are looked up one by one
IN_PAIR = 300  # articles with a pair in their texts, those taken in last,
IN_TITLE = 1_000  # and with one in their titles


class Part(NamedTuple):
    """A word that is wanted, how much it tells, and in how many articles it is, as far as that is known."""

    wanted: Wanted
    weight: float
    documents: int


class Test(Protocol):
    """What only an article's own text can tell, asked on a reader's thread."""

    def tells(self, title: str, body: str) -> bool | None:
        """Whether an article with this title and text passes; None where only `holds` knows."""

    def holds(self, article: Article) -> bool:
        """Whether the article passes."""


class Coverage:
    """Queries of both indexes. Every method raises `StoreError` and runs on a reader's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def whole(
        self, parts: Sequence[Part], *, required: Wanted | None, scope: Scope, limit: int
    ) -> list[Hit]:
        """Articles that hold all parts: the best of those with all in the title and those taken in last."""
        return await self._database.read(_whole, parts, required, scope, limit)

    async def exact(
        self,
        part: Part,
        *,
        pairs: Sequence[str],
        required: Wanted | None,
        scope: Scope,
        test: Test,
        enough: int,
    ) -> list[Hit]:
        """Articles that hold `part` and pass a test, read one after the other until enough do.

        Those that pass by the title come first, then those that were taken in last. They have all `pairs`,
        where there are any; else those with the words in a row come before others.
        """
        return await self._database.read(_exact, part, pairs, required, scope, test, enough)

    async def passing(self, ids: Sequence[int], test: Test, *, enough: int) -> set[int]:
        """Those of some articles that pass a test, read in this order until enough do."""
        return await self._database.read(_passing, ids, test, enough)

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
    core = _also(words, also)
    narrow = is_narrow(scope)
    recent = _first(connection, core, RECENT) if narrow else []
    if not narrow or len(recent) == RECENT:
        recent = _last(connection, core, RECENT)
    if not recent:
        return []
    whole = sum(part.weight for part in parts)
    points = dict.fromkeys(recent, whole)
    is_all = len(recent) < RECENT
    titles: Iterable[tuple[Part, Iterable[int]]]
    if is_all and also is not None:  # what narrows the search leads to the titles too
        few = also if narrow else core
        titles = ((part, _first(connection, All((in_title(part.wanted), few)))) for part in parts)
    else:
        titled = _titled(connection, [part.wanted for part in parts], TITLED)
        if not is_all:
            older = [id_ for id_ in titled if id_ < recent[-1]]
            points |= dict.fromkeys(_older(connection, parts, also, older), whole)
        titles = _titles(connection, parts, titled, recent[-1], is_all=is_all)
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
    return titled if also is None else _holding(connection, also, titled[:MOST_SEEKS])


def _titles(
    connection: sqlite3.Connection, parts: Sequence[Part], titled: Sequence[int], floor: int, *, is_all: bool
) -> Iterator[tuple[Part, Iterable[int]]]:
    """Each part with articles from `floor` on that have it in their titles; `titled` have all parts."""
    for part in parts:
        if is_all and part.documents > SHORT:
            yield part, titled
        else:
            yield part, [*_titled(connection, [part.wanted], SHORT, floor=floor), *titled]


def _exact(
    connection: sqlite3.Connection,
    part: Part,
    pairs: Sequence[str],
    required: Wanted | None,
    scope: Scope,
    test: Test,
    enough: int,
) -> list[Hit]:
    if pairs and required is None and not is_narrow(scope):
        return list(islice(_of_pairs(connection, part, pairs, scope, test), enough))
    also = narrowed(required, scope)
    titled = _titled(connection, [part.wanted], READ)
    if also is not None or _has_except(part.wanted):
        titled = _holding(connection, _also(part.wanted, also), titled[:MOST_SEEKS])
    return list(islice(_exactly(connection, part, also, titled, scope, test), enough))


def _exactly(
    connection: sqlite3.Connection,
    part: Part,
    also: Wanted | None,
    titled: Sequence[int],
    scope: Scope,
    test: Test,
) -> Iterator[Hit]:
    adjacent = in_a_row(part.wanted)
    rows = _matches(connection, _also(adjacent, also), READ)
    read: set[int] = set()
    yield from _read(connection, part, titled, rows, scope, test, read)
    if len(read) < READ and adjacent != part.wanted:
        ids = _last(connection, _also(part.wanted, also), APART + len(read))
        batch = [id_ for id_ in ids if id_ not in read][:APART]
        yield from _tested(connection, batch, scope, test, part.weight)


def _of_pairs(
    connection: sqlite3.Connection, part: Part, pairs: Sequence[str], scope: Scope, test: Test
) -> Iterator[Hit]:
    titled = [row[0] for row in _paired(connection, map(title_pair, pairs), scope, PAIRED_TITLES)]
    rows = _paired(connection, pairs, scope, PAIRED_TEXTS)
    yield from _read(connection, part, titled, rows, scope, test, set())


def _read(
    connection: sqlite3.Connection,
    part: Part,
    titled: Sequence[int],
    rows: sqlite3.Cursor,
    scope: Scope,
    test: Test,
    read: set[int],
) -> Iterator[Hit]:
    """Articles that pass by their title, then others of `rows`, each looked for when it is asked for."""
    for start in range(0, len(titled), BATCH):
        batch = titled[start : start + BATCH]
        for hit in _tested(connection, batch, scope, test, (1 + TITLE) * part.weight, is_title=True):
            read.add(hit.article_id)
            yield hit
    while ids := [row[0] for row in rows.fetchmany(BATCH)]:
        batch = [id_ for id_ in ids if id_ not in read]
        read.update(batch)
        yield from _tested(connection, batch, scope, test, part.weight)


def _passing(connection: sqlite3.Connection, ids: Sequence[int], test: Test, enough: int) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(ids), BATCH):
        found.update(hit.article_id for hit in _tested(connection, ids[start : start + BATCH], Scope(), test))
        if len(found) >= enough:
            break
    return found


def _tested(
    connection: sqlite3.Connection,
    ids: Collection[int],
    scope: Scope,
    test: Test,
    points: float = 0.0,
    *,
    is_title: bool = False,
) -> Iterator[Hit]:
    """Those of a few articles that are within the scope and pass the test, those taken in last first.

    With `is_title` by their titles alone, which cost a tenth, where these can tell.
    """
    conditions, parameters = within(scope)
    text = "''" if is_title else "coalesce(page_text, body, text)"
    rows = connection.execute(
        f"SELECT id, page, published, title, {text} FROM article"
        f" WHERE id IN (SELECT value FROM json_each(:ids)){conditions} ORDER BY id DESC",
        parameters | {"ids": listed(ids)},
    ).fetchall()
    for id_, page, published, title, body in rows:
        told = test.tells(title, body)
        if told is None:
            whole = connection.execute(f"SELECT {ARTICLE} FROM article WHERE id = ?", (id_,)).fetchone()
            told = test.holds(article(whole))
        if told:
            yield Hit(id_, page, published, points)


def _some(
    connection: sqlite3.Connection,
    parts: Sequence[Part],
    required: Wanted | None,
    scope: Scope,
    limit: int,
) -> list[Hit]:
    parts = sorted(parts, key=lambda part: part.documents)
    also = narrowed(required, scope)
    held: dict[int, set[int]] = defaultdict(set)
    titled: dict[int, set[int]] = defaultdict(set)
    singles = 0
    room = SINGLE
    while singles < len(parts) and parts[singles].documents <= room:
        for id_ in _last(connection, _also(parts[singles].wanted, also), room):
            held[id_].add(singles)
        for id_ in _titled(connection, [parts[singles].wanted], room):
            titled[id_].add(singles)
        room -= parts[singles].documents
        singles += 1
    for one, other in combinations(range(len(parts[:PAIRED_TITLE])), 2):
        for id_ in _titled(connection, [parts[one].wanted, parts[other].wanted], IN_TITLE):
            titled[id_] |= {one, other}
    for pair in _pairs(parts, singles):
        wanted = All(tuple(parts[number].wanted for number in pair))
        for id_ in _last(connection, _also(wanted, also), IN_PAIR):
            held[id_].update(pair)
    points = _points(parts, held, titled)
    if also is not None:
        best = heapq.nlargest(MOST_SEEKS, points, key=lambda id_: (points[id_], id_))
        points = {id_: points[id_] for id_ in _holding(connection, also, best)}
    return _hits(connection, points, scope, limit)


def _pairs(parts: Sequence[Part], singles: int) -> Iterator[tuple[int, int]]:
    """Pairs of the rarest parts that are looked for in texts: those that were not looked for alone."""
    room = PAIR_COST
    for one, other in combinations(range(len(parts[:PAIRED])), 2):
        if other >= singles and parts[one].documents <= room:
            room -= parts[one].documents
            yield one, other


def _points(
    parts: Sequence[Part], held: dict[int, set[int]], titled: dict[int, set[int]]
) -> dict[int, float]:
    """The points of articles, by which parts are known to be in them and in their titles."""
    points: dict[int, float] = {}
    for id_ in held.keys() | titled.keys():
        in_its_title = titled.get(id_, set())
        points[id_] = sum(parts[number].weight for number in held.get(id_, set()) | in_its_title)
        points[id_] += TITLE * sum(parts[number].weight for number in in_its_title)
    return points


def _also(wanted: Wanted, also: Wanted | None) -> Wanted:
    return wanted if also is None else All((wanted, also))


def _last(connection: sqlite3.Connection, wanted: Wanted, most: int) -> list[int]:
    """Articles that hold `wanted`, those taken in last first."""
    return [row[0] for row in _matches(connection, wanted, most)]


def _matches(connection: sqlite3.Connection, wanted: Wanted, most: int) -> sqlite3.Cursor:
    """The same as rows, each looked for when it is asked for."""
    return connection.execute(
        "SELECT rowid FROM article_terms WHERE article_terms MATCH ? ORDER BY rowid DESC LIMIT ?",
        (match(wanted), most),
    )


def _paired(connection: sqlite3.Connection, pairs: Iterable[str], scope: Scope, most: int) -> sqlite3.Cursor:
    """Articles within the scope that have these pairs, as `_matches`."""
    conditions, parameters = within(scope)
    join = "CROSS JOIN article INDEXED BY article_facts ON article.id = pair_terms.rowid"
    return connection.execute(
        f"SELECT pair_terms.rowid FROM pair_terms {join if conditions else ''}"
        f" WHERE pair_terms MATCH :pairs{conditions} ORDER BY pair_terms.rowid DESC LIMIT :most",
        parameters | {"pairs": " AND ".join(f'"{pair}"' for pair in pairs), "most": most},
    )


def _first(connection: sqlite3.Connection, wanted: Wanted, most: int = -1) -> list[int]:
    """Articles that hold `wanted`, those taken in first first: it costs half as much as the other way."""
    rows = connection.execute(
        "SELECT rowid FROM article_terms WHERE article_terms MATCH ? ORDER BY rowid LIMIT ?",
        (match(wanted), most),
    )
    return [row[0] for row in rows]


def _titled(
    connection: sqlite3.Connection, wanted: Iterable[Wanted], most: int, *, floor: int = 0
) -> list[int]:
    """Articles from `floor` on whose titles have all of these words, those taken in last first."""
    rows = connection.execute(
        "SELECT rowid FROM title_terms WHERE title_terms MATCH ? AND rowid >= ? ORDER BY rowid DESC LIMIT ?",
        (" AND ".join(map(_title_match, wanted)), floor, most),
    )
    return [row[0] for row in rows]


def _holding(connection: sqlite3.Connection, wanted: Wanted, ids: Sequence[int]) -> list[int]:
    """Those of a few articles that hold `wanted`."""
    rows = connection.execute(
        "SELECT value FROM json_each(?) CROSS JOIN article_terms"
        " WHERE article_terms MATCH ? AND article_terms.rowid = value",
        (listed(ids), match(wanted)),
    )
    return [row[0] for row in rows]


def _hits(connection: sqlite3.Connection, points: dict[int, float], scope: Scope, limit: int) -> list[Hit]:
    conditions, parameters = within(scope)
    best = heapq.nlargest(limit, points, key=lambda id_: (points[id_], id_))
    rows = connection.execute(
        "SELECT id, page, published FROM article"
        f" WHERE id IN (SELECT value FROM json_each(:ids)){conditions}",
        parameters | {"ids": listed(best)},
    ).fetchall()
    if len(rows) < len(best) < len(points):
        within_scope = connection.execute(
            "SELECT id FROM article INDEXED BY article_facts"
            f" WHERE id IN (SELECT value FROM json_each(:ids)){conditions}",
            parameters | {"ids": listed(points)},
        )
        return _hits(connection, {row[0]: points[row[0]] for row in within_scope}, Scope(), limit)
    hits = [Hit(row[0], row[1], row[2], points[row[0]]) for row in rows]
    return sorted(hits, key=lambda hit: (-hit.score, -hit.article_id))


def _has_except(wanted: Wanted) -> bool:
    """Whether something is excluded in it, which titles cannot tell."""
    if isinstance(wanted, Any | All):
        return any(map(_has_except, wanted.parts))
    return isinstance(wanted, Except)


def _is_word(wanted: Wanted) -> bool:
    """Whether titles alone can tell that it is held: a word of one term by each stemmer, anywhere."""
    if isinstance(wanted, Any):
        return all(map(_is_word, wanted.parts))
    return isinstance(wanted, Terms) and wanted.column is Column.TEXT and len(wanted.terms) == 1


def _title_match(wanted: Wanted) -> str:
    """The FTS5 expression for `title_terms`, which knows no columns and no places."""
    if isinstance(wanted, Terms | Near):
        quoted = ['"' + term.replace('"', '""') + '"' for term in wanted.terms]
        return f"({' AND '.join(quoted)})"
    if isinstance(wanted, Except):
        return _title_match(wanted.wanted)
    operator = " AND " if isinstance(wanted, All) else " OR "
    return "(" + operator.join(map(_title_match, wanted.parts)) + ")"
