"""The lists of articles that the indexes have of words, each read as far as it is wanted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from bot.store.rows import listed
from bot.store.search_index import All, Except, Near, Terms, Wanted, match

MOST_SEEKS = 60
"""Articles that are looked up one by one."""


def both(wanted: Wanted, also: Wanted | None) -> Wanted:
    """What holds `wanted`, and `also` where there is such."""
    return wanted if also is None else All((wanted, also))


def last(connection: sqlite3.Connection, wanted: Wanted, most: int) -> list[int]:
    """Articles that hold `wanted`, those taken in last first."""
    return [row[0] for row in matches(connection, wanted, most)]


def matches(connection: sqlite3.Connection, wanted: Wanted, most: int) -> sqlite3.Cursor:
    """As `last`, as rows, each looked for when it is asked for."""
    return connection.execute(
        "SELECT rowid FROM article_terms WHERE article_terms MATCH ? ORDER BY rowid DESC LIMIT ?",
        (match(wanted), most),
    )


def first(connection: sqlite3.Connection, wanted: Wanted, most: int = -1) -> list[int]:
    """Articles that hold `wanted`, those taken in first first: it costs half as much as the other way."""
    rows = connection.execute(
        "SELECT rowid FROM article_terms WHERE article_terms MATCH ? ORDER BY rowid LIMIT ?",
        (match(wanted), most),
    )
    return [row[0] for row in rows]


def titled(
    connection: sqlite3.Connection, wanted: Iterable[Wanted], most: int, *, floor: int = 0
) -> list[int]:
    """Articles from `floor` on whose titles have all of these words, those taken in last first."""
    rows = connection.execute(
        "SELECT rowid FROM title_terms WHERE title_terms MATCH ? AND rowid >= ? ORDER BY rowid DESC LIMIT ?",
        (" AND ".join(map(_title_match, wanted)), floor, most),
    )
    return [row[0] for row in rows]


def holding(connection: sqlite3.Connection, wanted: Wanted, ids: Sequence[int]) -> list[int]:
    """Those of a few articles that hold `wanted`."""
    rows = connection.execute(
        "SELECT value FROM json_each(?) CROSS JOIN article_terms"
        " WHERE article_terms MATCH ? AND article_terms.rowid = value",
        (listed(ids), match(wanted)),
    )
    return [row[0] for row in rows]


def _title_match(wanted: Wanted) -> str:
    """The FTS5 expression for `title_terms`, which knows no columns and no places."""
    if isinstance(wanted, Terms | Near):
        quoted = ['"' + term.replace('"', '""') + '"' for term in wanted.terms]
        return f"({' AND '.join(quoted)})"
    if isinstance(wanted, Except):
        return _title_match(wanted.wanted)
    operator = " AND " if isinstance(wanted, All) else " OR "
    return "(" + operator.join(map(_title_match, wanted.parts)) + ")"
