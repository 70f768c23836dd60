"""SQL on a test's database, on a connection of its own: for what no port of the store tells or does."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.core.database_url import DatabaseUrl
from bot.store import Store


def place_of(store: Store) -> Path | DatabaseUrl:
    """Where the database of an open store is."""
    return store._database.location  # noqa: SLF001 - for tests alone


def file(place: Path | DatabaseUrl) -> Path:
    """The file of a database, for what is about SQLite's alone."""
    if isinstance(place, DatabaseUrl):
        pytest.skip("about SQLite's file")
    return place


def run(path: Path | DatabaseUrl, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
    """Run one statement and keep what it did; its rows."""
    if isinstance(path, DatabaseUrl):
        from bot.store.postgres.postgres_connection import PostgresConnection  # noqa: PLC0415 - not everywhere

        session = PostgresConnection(path)
        with closing(session.raw):
            cursor = session.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []
    with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.row_factory = sqlite3.Row
        return connection.execute(sql, parameters).fetchall()
