"""SQL that both engines understand alike."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot import store as store_package
from bot.store.connection import Connection
from bot.store.database import Database
from tests.support.cases import check_cases

STORE = Path(store_package.__file__).parent
LISTS: dict[str, tuple[Any, list[str], list[str]]] = {
    "texts": (["a", "c%"], ["a", "c%"], ["b"]),
    "a set": ({"b"}, ["b"], ["a", "c%"]),
    "the keys of a mapping": ({"a": 1, "b": 2}.keys(), ["a", "b"], ["c%"]),
    "a text with quotes": (['"', "'"], [], ["a", "b", "c%"]),
    "an empty list": ([], [], ["a", "b", "c%"]),
    "None": (None, [], ["a", "b", "c%"]),
}


@pytest.fixture
async def database(store) -> Database:
    """The database of the store, with three rows in `meta`."""
    opened: Database = store._database  # noqa: SLF001 - for tests alone

    def fill(db: Connection) -> None:
        db.execute("DELETE FROM meta")
        db.executemany(
            "INSERT INTO meta (name, value) VALUES (:name, :number)",
            [{"name": name, "number": str(number)} for number, name in enumerate(("a", "b", "c%"))],
        )

    await opened.transact(fill)
    return opened


@check_cases("members", LISTS)
async def test_bound_list_matches_its_members(database, members):
    names, matching_names, other_names = LISTS[members]
    for operator, expected in (("IN", matching_names), ("NOT IN", other_names)):
        query = f"SELECT name FROM meta WHERE name {operator} (:names) AND value <> :besides ORDER BY name"
        assert await database.query(Connection.fetch_column, query, {"names": names, "besides": "%"}) == expected
    query = "SELECT count(*) FROM meta WHERE :names IS NULL OR name IN (:names)"
    count = 3 if names is None else len(matching_names)
    assert await database.query(Connection.fetch_value, query, {"names": names}) == count


@check_cases("ids", [[1, 2**60], (1,), range(5), set(), None])
async def test_bound_list_of_integers_matches_its_members(database, ids):
    query = "SELECT 1 WHERE CAST(:number AS BIGINT) IN (:ids)"
    assert await database.query(Connection.fetch_column, query, {"number": 1, "ids": ids}) == [1] * (1 in (ids or ()))


async def test_hint_does_not_change_rows(database):
    query = (
        "SELECT m.name FROM meta AS m /*+ INDEXED BY sqlite_autoindex_meta_1 */ "
        "/*+ CROSS */ JOIN meta AS other ON other.name = m.name WHERE m.name = 'a'"
    )
    assert await database.query(Connection.fetch_value, query) == "a"


async def test_hint_reaches_sqlite_planner(database, database_engine):
    if database_engine != "sqlite":
        pytest.skip("about SQLite's planner")
    with pytest.raises(Exception, match="no such index: missing"):
        await database.query(Connection.fetch_value, "SELECT name FROM meta /*+ INDEXED BY missing */")


async def test_fetched_ids_and_sequences_keep_values_and_order(database):
    query = "SELECT CAST(value AS BIGINT) FROM meta WHERE name IN (:names) ORDER BY name DESC LIMIT 9"
    assert await database.read(lambda db: db.fetch_ids(query, {"names": ["a", "b"]})) == [1, 0]
    query = "SELECT name, NULL, CAST(value AS BIGINT) + 0.5 FROM meta ORDER BY name DESC LIMIT 2"
    rows = await database.read(lambda db: db.fetch_sequences(("name", "nothing", "number"), query))
    assert [tuple(row) for row in rows] == [("c%", None, 2.5), ("b", None, 1.5)]
    query = "SELECT name, value FROM meta WHERE name IN (:names)"
    assert await database.read(lambda db: db.fetch_sequences(("name", "value"), query, {"names": ()})) == []


FORBIDDEN = {
    "CASE for iif": r"\biif\(",
    "CASE for the larger or smaller of two values": r"\b(max|min)\([^()]*(\([^()]*\)[^()]*)*,",
    "coalesce or IS NULL, for IS with a value": r"\bIS (NOT )?['?:]|\bIS (NOT )?DISTINCT\b",
    "a large LIMIT for LIMIT -1": r"\bLIMIT -",
    "named parameters for numbered ones": r"\?\d",
    "hints as comments": r"(?<!/\*\+ )\bINDEXED BY\b|(?<!/\*\+ )\bCROSS\b",
    "IN (:names) for lists, fetch_ids or fetch_sequences to read them": r"\bjson_\w+\(|\bgroup_concat\(|\bIN \(\?\)",
    "Python, or a column that Python writes": r"\b(fold|site|instr|hex|quiet_until|printf|strftime|datetime|random)\(",
    "ON CONFLICT": r"\bINSERT OR\b|\bREPLACE INTO\b",
    "coalesce for ifnull": r"\bifnull\(",
    "an alias that PostgreSQL does not reserve": (
        r"(?i)\bAS (similar|window|user|end|group|order|table|column|check|both|some|freeze|verbose|offset|limit|only"
        r"|primary|references|analyse|collation|desc|asc|leading|trailing|placing|using|when|to|default|grant|fetch)\b"
    ),
    "the SQL of both": r"\bsqlite_|\bPRAGMA\b|\browid\b|\bILIKE\b|::|\bARRAY\[|\b(ANY|ALL) \(",
}
"""Regular expressions of syntax that only one engine understands, by the portable alternative."""


@cache
def read_statements() -> list[tuple[str, str]]:
    """Return (location, text) of each string in the store that may be part of a statement."""
    return list(_iter_statements())


def _iter_statements() -> Iterator[tuple[str, str]]:
    for path in sorted(STORE.rglob("*.py")):
        if path.parent.name in {"sqlite", "postgres"}:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            place = f"{path.relative_to(STORE)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                yield place, "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                yield place, node.value


@check_cases("alternative", FORBIDDEN)
def test_statements_use_portable_syntax(alternative):
    pattern = re.compile(FORBIDDEN[alternative])
    assert [f"{place} {match[0]}" for place, text in read_statements() if (match := pattern.search(text))] == []
