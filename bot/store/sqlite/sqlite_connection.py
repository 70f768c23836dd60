"""SQLite connections that run the store's statements."""

import asyncio
import json
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

import aiosqlite

from bot.store.connection import Connection, Parameters
from bot.store.store_errors import DatabaseBroken, DatabaseUnusable, StoreError
from bot.text.discord_text import to_plain_line

_TOKEN_PATTERN = re.compile(r"/\*\+ (?P<hint>[\w ]+) \*/|\bIN \(:(?P<list_parameter_name>\w+)\)")


@lru_cache(maxsize=4096)
def translate_statement(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement in SQLite's syntax, and the names of its parameters that are lists."""
    list_parameter_names: set[str] = set()

    def replace_token(match: re.Match[str]) -> str:
        if (list_parameter_name := match["list_parameter_name"]) is None:
            return match["hint"]
        list_parameter_names.add(list_parameter_name)
        return f"IN (SELECT value FROM json_each(:{list_parameter_name}))"

    return _TOKEN_PATTERN.sub(replace_token, sql), tuple(list_parameter_names)


def encode_lists(parameters: Mapping[str, Any], list_parameter_names: Iterable[str]) -> dict[str, Any]:
    """Return parameters with each list (a collection of integers or texts) as a JSON array, and None as it is."""
    encoded_parameters = dict(parameters)
    for list_parameter_name in list_parameter_names:
        if (members := parameters[list_parameter_name]) is not None:
            encoded_parameters[list_parameter_name] = json.dumps([*members])
    return encoded_parameters


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


SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Exceptions that Python's sqlite3 raises; a message with damaged bytes raises UnicodeDecodeError."""

_MIN_FREE_BYTES = 64 * 1024
"""Free disk space in bytes below which a failure to read, write or open a file counts as a full disk.

SQLite then cannot create the file of its shared memory.
"""

_REPAIR_HINT = (
    "Stop Telex and restore a backup, or what `sqlite3 .recover` saves; `telex check` tells whether a"
    " database is whole."
)

# By primary result code, as listed at https://www.sqlite.org/rescode.html.
_ERROR_CLASS_AND_SENTENCE_BY_CODE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_PERM: (DatabaseUnusable, "There is no permission to use the database {path}."),
    sqlite3.SQLITE_AUTH: (DatabaseUnusable, "There is no permission to use the database {path}."),
    sqlite3.SQLITE_BUSY: (DatabaseUnusable, "Another program keeps the database {path} locked."),
    sqlite3.SQLITE_LOCKED: (DatabaseUnusable, "Another program keeps the database {path} locked."),
    sqlite3.SQLITE_READONLY: (DatabaseUnusable, "The database {path} may not be written to."),
    sqlite3.SQLITE_IOERR: (DatabaseUnusable, "The disk failed while using the database {path}: {error}."),
    sqlite3.SQLITE_FULL: (DatabaseUnusable, "The disk with the database {path} is full."),
    sqlite3.SQLITE_CANTOPEN: (DatabaseUnusable, "The database {path} cannot be opened or created."),
    sqlite3.SQLITE_NOTADB: (
        DatabaseUnusable,
        "The file {path} is not a database, or its beginning is damaged.",
    ),
    sqlite3.SQLITE_INTERRUPT: (StoreError, "The database was closed before it had answered."),
    sqlite3.SQLITE_CORRUPT: (DatabaseBroken, "The database {path} is damaged: {error}. " + _REPAIR_HINT),
}


def to_store_error(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> StoreError:
    """Return the `StoreError` that corresponds to an error of SQLite, with a sentence for the operator."""
    # Errors that the Python module raises itself have no code.
    result_code = getattr(error, "sqlite_errorcode", None)
    primary_code = result_code & 0xFF if isinstance(result_code, int) else -1
    message = str(error)
    if isinstance(error, UnicodeDecodeError):
        primary_code, message = sqlite3.SQLITE_CORRUPT, error.object.decode("utf-8", "replace")
    if primary_code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN} and _is_disk_full(path):
        primary_code = sqlite3.SQLITE_FULL
    error_class, sentence_template = _ERROR_CLASS_AND_SENTENCE_BY_CODE.get(
        primary_code, (StoreError, "The database {path} refused a request: {error}.")
    )
    return error_class(sentence_template.format(path=path, error=to_plain_line(message)))


def _is_disk_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _MIN_FREE_BYTES
    except OSError:
        return False


INTERRUPT_INTERVAL_SECONDS = 0.01
"""Seconds between two attempts to interrupt the running statement."""
THREAD_CHECK_INTERVAL_SECONDS = 1.0
"""Seconds between two checks whether the thread is alive, while calls wait for it."""
_THREAD_ENDED_MESSAGE = "The thread of the database ended."

P = ParamSpec("P")
T = TypeVar("T")


class SqliteWorker:
    """A SQLite connection with its own thread; translates SQLite's errors to `StoreError`."""

    def __init__(self, path: Path, *, pragmas: Iterable[str]) -> None:
        self._path, self._pragmas = path, tuple(pragmas)
        self._driver = aiosqlite.Connection(self._connect, iter_chunk_size=64)
        self._connection: SqliteConnection | None = None
        self._thread: threading.Thread | None = None
        self._deadlines: set[asyncio.Timeout] = set()
        self._thread_check_timer: asyncio.TimerHandle | None = None

    def _connect(self) -> SqliteConnection:
        self._thread = threading.current_thread()
        self._connection = connect(self._path, self._pragmas)
        return self._connection

    @property
    def is_dead(self) -> bool:
        """Whether the thread of the open connection ended unexpectedly."""
        return self._connection is not None and not self._is_thread_alive

    @property
    def _is_thread_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    async def open(self) -> Self:
        """Connect to the database file. Raises `StoreError` if that fails."""
        try:
            await self._driver
        except SQLITE_ERRORS as error:
            # The ending thread must not call the event loop after the loop is closed.
            if self._thread is not None:
                self._thread.join()
            raise to_store_error(error, self._path) from error
        return self

    async def run(
        self, function: Callable[Concatenate[SqliteConnection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._connection is None:
            raise StoreError("The database is closed.")
        if not self._is_thread_alive:
            raise StoreError(_THREAD_ENDED_MESSAGE)
        call = ThreadCall()
        call.function = partial(function, self._connection, *args, **kwargs)
        deadline = asyncio.timeout(None)
        try:
            async with deadline:
                self._watch_thread(deadline)
                await self._driver.executescript(call)  # It runs the function of the call in the thread.
        except SQLITE_ERRORS as error:
            raise to_store_error(error, self._path) from error
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise StoreError(_THREAD_ENDED_MESSAGE) from error
        finally:
            self._deadlines.discard(deadline)
            self._cancel_thread_check_if_idle()
        return cast("T", call.return_value)

    async def interrupt(self) -> None:
        """Interrupt the running function at its current or next statement, and wait until it has ended."""
        if self._connection is None or not self._is_thread_alive:
            return
        drain_future = asyncio.ensure_future(self.run(lambda _: None))
        while not drain_future.done():
            # An interrupt between two statements has no effect, hence the loop.
            await self._driver.interrupt()
            await asyncio.wait([drain_future], timeout=INTERRUPT_INTERVAL_SECONDS)
        with suppress(StoreError):
            await drain_future

    async def roll_back_open_transaction(self) -> None:
        await self.run(SqliteConnection.roll_back)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._is_thread_alive:
            await self._driver.close()
        elif connection is not None:
            # SQLite rolls back the open transaction.
            await asyncio.to_thread(connection.close)

    def _watch_thread(self, deadline: asyncio.Timeout) -> None:
        """Let the deadline of a call expire if the thread ends, which is checked at intervals."""
        self._deadlines.add(deadline)
        if self._thread_check_timer is None:
            self._schedule_thread_check()

    def _cancel_thread_check_if_idle(self) -> None:
        """Cancel the timer of the thread check if no call waits, so that the event loop can become idle."""
        if not self._deadlines and self._thread_check_timer is not None:
            self._thread_check_timer.cancel()
            self._thread_check_timer = None

    def _schedule_thread_check(self) -> None:
        self._thread_check_timer = asyncio.get_running_loop().call_later(
            THREAD_CHECK_INTERVAL_SECONDS, self._check_thread
        )

    def _check_thread(self) -> None:
        self._thread_check_timer = None
        if self._is_thread_alive:
            if self._deadlines:
                self._schedule_thread_check()
        else:
            for deadline in self._deadlines:
                deadline.reschedule(0)
