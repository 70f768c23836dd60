"""The lists of articles that the indexes have of words, each read as far as it is wanted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from bot.store.rows import ids_of, listed
from bot.store.sqlite.search_index import All, Except, Near, Terms, Wanted, match

LARGEST = 2**63 - 1  # id
MOST_SEEKS = 60
"""Articles that are looked up one by one."""


class Reader(Protocol):
    """Reads a list."""

    def __call__(self, most: int, /, *, below: int) -> list[int]:
        """The last of it with ids `below` this, the largest first."""


def both(wanted: Wanted, also: Wanted | None) -> Wanted:
    """What holds `wanted`, and `also` where there is such."""
    return wanted if also is None else All((wanted, also))


def last(connection: sqlite3.Connection, wanted: Wanted, most: int, *, below: int = LARGEST) -> list[int]:
    """Articles with ids `below` this that hold `wanted`, those taken in last first."""
    return ids_of(
        connection,
        "SELECT rowid FROM article_terms WHERE article_terms MATCH ? AND rowid < ?"
        " ORDER BY rowid DESC LIMIT ?",
        (match(wanted), below, most),
    )


def in_batches(read: Reader, size: int, most: int) -> Iterator[list[int]]:
    """A list from its end, so many at a time, each looked for when it is asked for."""
    below = LARGEST
    while most > 0 and (batch := read(min(size, most), below=below)):
        yield batch
        most -= len(batch)
        below = batch[-1]


def first(connection: sqlite3.Connection, wanted: Wanted, most: int = -1) -> list[int]:
    """Articles that hold `wanted`, those taken in first first: it costs half as much as the other way."""
    return ids_of(
        connection,
        "SELECT rowid FROM article_terms WHERE article_terms MATCH ? ORDER BY rowid LIMIT ?",
        (match(wanted), most),
    )


def titled(
    connection: sqlite3.Connection, wanted: Iterable[Wanted], most: int, *, floor: int = 0
) -> list[int]:
    """Articles from `floor` on whose titles have all of these words, those taken in last first."""
    return ids_of(
        connection,
        "SELECT rowid FROM title_terms WHERE title_terms MATCH ? AND rowid >= ? ORDER BY rowid DESC LIMIT ?",
        (" AND ".join(map(_title_match, wanted)), floor, most),
    )


def holding(connection: sqlite3.Connection, wanted: Wanted, some: Sequence[int]) -> list[int]:
    """Those of a few articles that hold `wanted`."""
    return ids_of(
        connection,
        "SELECT value FROM json_each(?) CROSS JOIN article_terms"
        " WHERE article_terms MATCH ? AND article_terms.rowid = value LIMIT -1",
        (listed(some), match(wanted)),
    )


def _title_match(wanted: Wanted) -> str:
    """The FTS5 expression for `title_terms`, which knows no columns and no places."""
    if isinstance(wanted, Terms | Near):
        quoted = ['"' + term.replace('"', '""') + '"' for term in wanted.terms]
        return f"({' AND '.join(quoted)})"
    if isinstance(wanted, Except):
        return _title_match(wanted.wanted)
    operator = " AND " if isinstance(wanted, All) else " OR "
    return "(" + operator.join(map(_title_match, wanted.parts)) + ")"
