"""SQL on a test's database, for tests of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.support.store_probe import DatabaseLocation, open_connection


def run(place: DatabaseLocation, sql: str, parameters: Sequence[object] = ()) -> list[Any]:
    """Run and commit a statement on a new connection, and return its rows."""
    with open_connection(place) as connection:
        cursor = connection.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []
