"""SQL on a test's database, on a connection of its own: for what no port of the store tells or does."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path


def run(path: Path, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
    """Run one statement and keep what it did; its rows."""
    with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.row_factory = sqlite3.Row
        return connection.execute(sql, parameters).fetchall()
