"""SQLite connections that run the store's statements."""

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from bot.store.connection import Connection, Parameters
from bot.store.sqlite.sqlite_dialect import encode_lists, translate_statement

BUSY_TIMEOUT_SECONDS = 15.0
"""Maximum number of seconds that a statement waits for a lock of another process."""


_execute = sqlite3.Connection.execute


class ThreadCall(str):
    """A function passed as if it were an SQL script, so that aiosqlite runs it in the connection's thread.

    aiosqlite has no public method that runs a function there.
    """

    __slots__ = ("function", "return_value")
    function: Callable[[], Any]
    return_value: Any


class SqliteConnection(sqlite3.Connection, Connection):
    """A SQLite connection with the interface of the store."""

    def executescript(self, call: str, /) -> Any:
        """Run the function of a `ThreadCall` and store its return value in the call."""
        assert isinstance(call, ThreadCall)
        call.return_value = call.function()

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        statement, list_names = translate_statement(sql)
        return _execute(self, statement, encode_lists(parameters, list_names) if list_names else parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        return super().executemany(translate_statement(sql)[0], parameters)

    # Fetching row by row releases and reacquires the GIL for each row, which costs more than the row itself
    # while several searches run.
    def fetch_ids(self, sql: str, parameters: Parameters = ()) -> list[int]:
        ids_json = self.fetch_value(
            f"WITH selected (id) AS ({sql}) SELECT json_group_array(id) FROM selected", parameters
        )
        return cast("list[int]", json.loads(ids_json))

    def fetch_sequences(self, columns: Collection[str], sql: str, parameters: Parameters = ()) -> list[Sequence[Any]]:
        columns_sql = ", ".join(f'"{column}"' for column in columns)
        rows_json = self.fetch_value(
            f"WITH selected ({columns_sql}) AS ({sql}) "
            f"SELECT json_group_array(json_array({columns_sql})) FROM selected",
            parameters,
        )
        return cast("list[Sequence[Any]]", json.loads(rows_json))

    def roll_back(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")


class TextAggregate:
    """Implementation of the SQL aggregate function `string_agg` for SQLite before 3.44, which lacks it."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._separator = ""

    def step(self, text: str | None, separator: str) -> None:
        """Add the text of a row to the concatenation, unless it is NULL."""
        self._separator = separator
        if text is not None:
            self._texts.append(text)

    def finalize(self) -> str | None:
        """Return the texts with separators between them, or NULL without texts."""
        return self._separator.join(self._texts) if self._texts else None


def connect(path: Path, pragmas: Iterable[str]) -> SqliteConnection:
    """Connect to a database file and run `pragmas`. Raises sqlite3.Error if that fails."""
    # Autocommit mode, because `Database` begins and ends transactions. Other threads may use the connection,
    # so that it can be closed if its own thread has ended.
    connection = sqlite3.connect(
        path,
        timeout=BUSY_TIMEOUT_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        factory=SqliteConnection,
    )
    try:
        connection.row_factory = sqlite3.Row
        if sqlite3.sqlite_version_info < (3, 44):
            connection.create_aggregate("string_agg", 2, TextAggregate)  # type: ignore[arg-type]  # two arguments
        connection.create_function("database_time", 0, _get_database_time_ms)
        for pragma in pragmas:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def _get_database_time_ms() -> int:
    return time.time_ns() // 1_000_000
