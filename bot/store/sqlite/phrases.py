"""Phrases where lists are long: articles that may hold one, read one after the other until enough do."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Protocol

from bot.core.models import Article
from bot.store.rows import ARTICLE, article, ids_of, listed
from bot.store.sqlite import lists
from bot.store.sqlite.coverage import TITLE, Part
from bot.store.sqlite.database import Database
from bot.store.sqlite.hits import Hit, Shown, read_hits
from bot.store.sqlite.search_index import (
    All,
    Any,
    Except,
    Scope,
    Wanted,
    having,
    in_a_row,
    is_narrow,
    narrowed,
    within,
)
from bot.text.terms import title_pair

READ = 96  # articles that are read for the words of a phrase, at the most,
BATCH = 16  # at a time,
APART = 48  # and of those in which other forms of the words stand between them
PAIRED_TITLES = 32  # titles that have the pairs of a phrase, which are read,
PAIRED_TEXTS = 64  # and texts


class Test(Protocol):
    """What only an article's own text can tell, asked on a reader's thread."""

    def tells(self, title: str, body: str) -> bool | None:
        """Whether an article with this title and text passes; None where only `holds` knows."""

    def holds(self, article: Article) -> bool:
        """Whether the article passes."""


class Phrases:
    """Queries of phrases. Every method raises `StoreError` and runs on a reader's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def exact(
        self,
        part: Part,
        *,
        pairs: Sequence[str],
        required: Wanted | None,
        scope: Scope,
        test: Test,
        enough: int,
        shown: Shown | None = None,
    ) -> list[Hit]:
        """Articles that hold `part` and pass a test, read one after the other until enough do.

        Those that pass by the title come first, then those that were taken in last. They have all `pairs`,
        where there are any; else those with the words in a row come before others.
        """
        return await read_hits(self._database, shown, _exact, part, pairs, required, scope, test, enough)

    async def passing(self, ids: Sequence[int], test: Test, *, enough: int) -> set[int]:
        """Those of some articles that pass a test, read in this order until enough do."""
        return await self._database.read(_passing, ids, test, enough)


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
    titled = lists.titled(connection, [part.wanted], READ)
    if also is not None or _has_except(part.wanted):
        titled = lists.holding(connection, lists.both(part.wanted, also), titled[: lists.MOST_SEEKS])
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
    texts = lists.in_batches(partial(lists.last, connection, lists.both(adjacent, also)), BATCH, READ)
    read: set[int] = set()
    yield from _read(connection, part, titled, texts, scope, test, read)
    if len(read) < READ and adjacent != part.wanted:
        ids = lists.last(connection, lists.both(part.wanted, also), APART + len(read))
        batch = [id_ for id_ in ids if id_ not in read][:APART]
        yield from _tested(connection, batch, scope, test, part.weight)


def _of_pairs(
    connection: sqlite3.Connection, part: Part, pairs: Sequence[str], scope: Scope, test: Test
) -> Iterator[Hit]:
    titled = _paired(connection, list(map(title_pair, pairs)), scope, PAIRED_TITLES)
    texts = lists.in_batches(partial(_paired, connection, pairs, scope), BATCH, PAIRED_TEXTS)
    yield from _read(connection, part, titled, texts, scope, test, set())


def _read(
    connection: sqlite3.Connection,
    part: Part,
    titled: Sequence[int],
    texts: Iterable[Sequence[int]],
    scope: Scope,
    test: Test,
    read: set[int],
) -> Iterator[Hit]:
    """Articles that pass by their title, then others of `texts`."""
    for start in range(0, len(titled), BATCH):
        batch = titled[start : start + BATCH]
        for hit in _tested(connection, batch, scope, test, (1 + TITLE) * part.weight, is_title=True):
            read.add(hit.article_id)
            yield hit
    for ids in texts:
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


def _paired(
    connection: sqlite3.Connection,
    pairs: Sequence[str],
    scope: Scope,
    most: int,
    *,
    below: int = lists.LARGEST,
) -> list[int]:
    """Articles within the scope that have these pairs, as `lists.last`."""
    conditions, parameters = within(scope)
    join = "CROSS JOIN article INDEXED BY article_facts ON article.id = pair_terms.rowid"
    return ids_of(
        connection,
        f"SELECT pair_terms.rowid FROM pair_terms {join if conditions else ''} WHERE pair_terms MATCH :pairs"
        f" AND pair_terms.rowid < :below{conditions} ORDER BY pair_terms.rowid DESC LIMIT :most",
        parameters | {"pairs": having(pairs), "below": below, "most": most},
    )


def _has_except(wanted: Wanted) -> bool:
    """Whether something is excluded in it, which titles cannot tell."""
    if isinstance(wanted, Any | All):
        return any(map(_has_except, wanted.parts))
    return isinstance(wanted, Except)
