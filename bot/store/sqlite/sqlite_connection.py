"""SQLite connections, each with its own thread that runs store functions."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

import aiosqlite

from bot.core import local_time
from bot.store import connection as base
from bot.store.sqlite.result_codes import SQLITE_ERRORS, to_store_error
from bot.store.store_errors import StoreError
from bot.text import urls
from bot.text.words import fold

BUSY_TIMEOUT_SECONDS = 15.0
"""Maximum number of seconds that a statement waits for a lock of another process."""
INTERRUPT_INTERVAL_SECONDS = 0.01
"""Seconds between two attempts to interrupt the running statement."""
_THREAD_ENDED_MESSAGE = "The thread of the database ended."

P = ParamSpec("P")
T = TypeVar("T")


class SqliteConnection(sqlite3.Connection, base.Connection):
    """A SQLite connection with the interface of the store."""

    def roll_back(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")


class SqliteWorker(aiosqlite.Connection):
    """A SQLite connection with its own thread; translates SQLite's errors to `StoreError`."""

    def __init__(self, path: Path, *, pragmas: Iterable[str]) -> None:
        self.path = path
        self.pragmas = tuple(pragmas)
        self._pending_futures: set[asyncio.Future[Any]] = set()
        # Set at the end of the thread's work: the thread itself stays alive for a moment longer.
        self._has_thread_ended = False

        def connect_to_file() -> sqlite3.Connection:
            # Autocommit mode, because `Database` begins and ends transactions. Other threads may use the
            # connection, so that it can be closed if its own thread has ended.
            connection = sqlite3.connect(
                path,
                timeout=BUSY_TIMEOUT_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                factory=SqliteConnection,
            )
            try:
                connection.row_factory = sqlite3.Row
                connection.create_function("fold", 1, _fold_text, deterministic=True)
                connection.create_function("site", 1, _get_site, deterministic=True)
                connection.create_function("quiet_until", 3, local_time.quiet_hours_end, deterministic=True)
                connection.create_function("database_time", 0, _get_database_time_ms)
                for pragma in self.pragmas:
                    connection.execute(pragma)
            except BaseException:
                connection.close()
                raise
            return connection

        super().__init__(connect_to_file, iter_chunk_size=64)

    @property
    def is_open(self) -> bool:
        """Whether the worker has an open connection."""
        return self._running and self._connection is not None

    @property
    def is_dead(self) -> bool:
        """Whether the thread of the open connection ended unexpectedly."""
        return self.is_open and self._has_thread_ended

    async def open(self) -> Self:
        """Connect to the database file. Raises `StoreError` if that fails."""
        self._watch_thread(asyncio.get_running_loop())
        try:
            await self
        except SQLITE_ERRORS as error:
            # The ending thread must not call the event loop after the loop is closed.
            self._thread.join()
            raise to_store_error(error, self.path) from error
        return self

    async def run(
        self, function: Callable[Concatenate[SqliteConnection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._connection is None or not self._running:
            raise StoreError("The database is closed.")
        if self._has_thread_ended:
            raise StoreError(_THREAD_ENDED_MESSAGE)
        result_future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending_futures.add(result_future)
        self._tx.put_nowait(
            (result_future, partial(function, cast("SqliteConnection", self._connection), *args, **kwargs))
        )
        try:
            return await result_future
        except SQLITE_ERRORS as error:
            raise to_store_error(error, self.path) from error
        finally:
            self._pending_futures.discard(result_future)

    async def interrupt(self) -> None:
        """Interrupt the running function at its current or next statement, and wait until it has ended."""
        if not self.is_open or self._has_thread_ended:
            return
        drain_future = asyncio.ensure_future(self.run(lambda _: None))
        while not drain_future.done():
            # An interrupt between two statements has no effect, hence the loop.
            await super().interrupt()
            await asyncio.wait([drain_future], timeout=INTERRUPT_INTERVAL_SECONDS)
        with suppress(StoreError):
            await drain_future

    async def rollback_open(self) -> None:
        await self.run(SqliteConnection.roll_back)

    async def close(self) -> None:
        if self.is_dead:
            self.close_abandoned()
        elif self.is_open:
            await super().close()

    def close_abandoned(self) -> None:
        """Close the connection of a thread that has ended, rolling back its open transaction."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _watch_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        run_thread = self._thread.run

        def run_and_report_end() -> None:
            try:
                run_thread()
            finally:
                self._has_thread_ended = True
                # A closed event loop raises RuntimeError.
                with suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._fail_pending)

        self._thread.run = run_and_report_end  # type: ignore[method-assign]  # no public hook

    def _fail_pending(self) -> None:
        """Make all waiting calls fail with `StoreError`, because the thread has ended."""
        for future in self._pending_futures:
            if not future.done():
                future.set_exception(StoreError(_THREAD_ENDED_MESSAGE))


def _get_database_time_ms() -> int:
    return time.time_ns() // 1_000_000


def _fold_text(text: object) -> str | None:
    return fold(text) if isinstance(text, str) else None


def _get_site(url: object) -> str:
    return urls.parse_host(str(url)).removeprefix("www.")
