"""SQLite connections, each with its own thread that runs store functions."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar, cast

import aiosqlite

from bot.store.sqlite.sqlite_connection import SqliteConnection, ThreadCall, connect
from bot.store.sqlite.sqlite_errors import SQLITE_ERRORS, to_store_error
from bot.store.store_errors import StoreError

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
