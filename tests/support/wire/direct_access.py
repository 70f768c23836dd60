"""What a test does to a database while a bot has it open, on either engine, past the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from bot.core.database_url import DatabaseUrl
from bot.store.connection import Connection
from bot.store.sqlite.sqlite_connection import SqliteConnection


def address(place: Path | DatabaseUrl) -> str:
    """What TELEX_DATABASE is to be."""
    return place.address if isinstance(place, DatabaseUrl) else str(place)


def rows(place: Path | DatabaseUrl, sql: str) -> list[tuple[Any, ...]]:
    """What it answers to a query."""
    if isinstance(place, DatabaseUrl):
        with connected(place) as connection:
            return [tuple(row) for row in connection.execute(sql)]
    with closing(sqlite3.connect(f"file:{place}?mode=ro", uri=True)) as reading:
        return reading.execute(sql).fetchall()


def change(place: Path | DatabaseUrl, sql: str, parameters: Sequence[Any] = ()) -> int:
    """Run one statement; how many rows it changed."""
    with connected(place) as connection:
        return connection.execute(sql, parameters).rowcount


def change_many(place: Path | DatabaseUrl, sql: str, parameters: Iterable[Sequence[Any]]) -> None:
    """Run one statement for each set of parameters."""
    with connected(place) as connection:
        connection.executemany(sql, parameters)


@contextmanager
def connected(place: Path | DatabaseUrl) -> Iterator[Connection]:
    """A connection of its own; what it did is kept."""
    if isinstance(place, DatabaseUrl):
        from bot.store.postgres.postgres_connection import PostgresConnection as ServerConnection  # noqa: PLC0415 - an extra

        connection = ServerConnection(place)
        try:
            yield connection
        finally:
            connection.raw.close()
    else:
        with closing(sqlite3.connect(place, factory=SqliteConnection)) as file, file:
            yield file
