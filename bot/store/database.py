"""Interfaces and shared logic of the database engines; `sqlite` and `postgres` implement them."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from bot.core.clock import Clock
from bot.core.database_url import DatabaseUrl
from bot.store.connection import Connection
from bot.store.database_health import DatabaseHealth
from bot.store.store_errors import StoreError

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=Connection)
C_co = TypeVar("C_co", bound=Connection, covariant=True)


class Worker(Protocol[C_co]):
    """A database connection with its own thread, which runs one function after another."""

    async def run(self, function: Callable[Concatenate[C_co, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` on the worker's thread and return the result. Raises `StoreError`.

        The function must end its transaction. It runs to its end even if the caller is cancelled; later calls
        wait for that.
        """
        ...

    async def interrupt(self) -> None:
        """Abort the running function, whose result is no longer awaited; this may take seconds."""
        ...

    async def rollback_open(self) -> None:
        """Roll back the transaction that the last function left open, after that function has ended."""
        ...

    async def close(self) -> None:
        """Close the connection once all queued functions have run; do nothing if it is closed already."""
        ...


S = TypeVar("S", bound=Worker)  # type: ignore[type-arg]  # its connection is the engine's


class Database(ABC, Generic[C, S]):
    """An open database: writers, each behind a lock, and a few readers that never wait for writers.

    All work is done by plain functions that get a connection and run on the thread of that connection. Every
    method raises `StoreError`, and no exception of the engine.
    """

    location: Path | DatabaseUrl
    is_shared: bool
    """Whether several processes may use the database at a time."""
    is_new = False
    """Whether opening the database created its tables."""
    _begin_read_sql: str
    """Statement that begins a read transaction."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.health = DatabaseHealth(clock)
        self._writer_locks = [asyncio.Lock(), asyncio.Lock()]
        # The last writer is for urgent writes; with a single writer it takes all of them.
        self._writers: list[S] = []
        self._readers: list[S] = []
        # The most recently used reader is reused first, because its page cache is warm.
        self._idle_readers: asyncio.LifoQueue[S] = asyncio.LifoQueue()

    async def close(self) -> None:
        """Close the database: abort running reads and finish a running write; do nothing if it is closed."""
        await asyncio.shield(asyncio.create_task(self._close_workers()))

    async def _close_workers(self) -> None:
        await asyncio.gather(*(reader.interrupt() for reader in self._readers))
        async with self._writer_locks[0]:
            await asyncio.gather(*(reader.close() for reader in self._readers), return_exceptions=True)
            # The last connection to a SQLite file cleans up when it closes, which a reader may not do.
            for writer in self._writers:
                await writer.close()

    async def transact(self, function: Callable[Concatenate[C, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` in a write transaction and return its result.

        The transaction is rolled back on any error or cancellation. Raises `StoreError`; raises
        `DatabaseBroken` if the database was found damaged before.
        """
        return await self._transact(0, function, *args, **kwargs)

    async def transact_urgently(self, function: Callable[Concatenate[C, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a write transaction, ahead of other writes of this process if possible.

        Raises `StoreError`.
        """
        return await self._transact(-1, function, *args, **kwargs)

    async def _transact(
        self,
        writer_index: int,
        function: Callable[Concatenate[C, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        is_awaited = True

        def run_transaction(db: C) -> T:
            transaction_id = self._begin(db)
            db.now = self.clock.now()
            return_value = function(db, *args, **kwargs)
            if is_awaited:
                self._commit(db, transaction_id)
            else:
                db.roll_back()
            return return_value

        async with self._lock_writer(writer_index) as writer:
            try:
                return await writer.run(run_transaction)
            except asyncio.CancelledError:
                is_awaited = False
                raise

    @asynccontextmanager
    async def _lock_writer(self, writer_index: int = 0) -> AsyncIterator[S]:
        async with self._writer_locks[writer_index % len(self._writers)]:
            self.health.require_undamaged()
            writer = self._writers[writer_index] = await self._ensure_alive(self._writers[writer_index])
            try:
                yield writer
            except BaseException as error:
                self.health.record_failure(error)
                # The rollback queues behind the function that still runs, so that the next write finds no
                # open transaction even if this wait is cancelled too.
                await asyncio.shield(asyncio.ensure_future(writer.rollback_open()))
                raise
            self.health.record_success()

    async def read(self, function: Callable[Concatenate[C, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` in a read transaction, whose queries all see the same state.

        Raises `StoreError`.
        """

        def run_in_snapshot(db: C) -> T:
            db.execute(self._begin_read_sql)
            db.now = self.clock.now()
            try:
                return function(db, *args, **kwargs)
            finally:
                db.roll_back()

        return await self.query(run_in_snapshot)

    async def query(self, function: Callable[Concatenate[C, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)`, which makes a single query, on a reader. Raises `StoreError`."""
        reader = await self._idle_readers.get()
        interrupt_future: asyncio.Future[None] | None = None
        try:
            reader_index = self._readers.index(reader)
            reader = self._readers[reader_index] = await self._ensure_alive(reader)
            return await reader.run(function, *args, **kwargs)
        except asyncio.CancelledError:
            # The interruption is not awaited, because a server that hangs does not answer it either.
            interrupt_future = asyncio.ensure_future(reader.interrupt())
            raise
        except StoreError as error:
            self.health.record_failure(error)
            raise
        finally:
            if interrupt_future is None:
                self._idle_readers.put_nowait(reader)
            else:
                interrupt_future.add_done_callback(lambda _: self._idle_readers.put_nowait(reader))

    async def _ensure_alive(self, worker: S) -> S:
        """Return the worker, or a new worker in its place if it is no longer usable."""
        return worker

    @abstractmethod
    def _begin(self, db: C) -> str:
        """Begin an exclusive write transaction and return its id, or "" if the engine has no such ids."""

    @abstractmethod
    def _commit(self, db: C, transaction_id: str) -> None:
        """Commit the write transaction."""

    @abstractmethod
    async def listen_for_events(self, on_event: Callable[[str], None]) -> None:
        """Call `on_event` with each cluster event, a short message from another process, until cancelled.

        An empty event means that some events may have been missed. Returns at once if the engine is used by a
        single process.
        """

    @abstractmethod
    async def notify(self, event: str) -> None:
        """Send a cluster event of less than 8,000 bytes to the other processes. Raises `StoreError`."""

    @abstractmethod
    async def check_alive(self) -> None:
        """Check that the database is still the one that was opened; record a failure in `health`.

        Raises `AlreadyRunning` if this process must end, because another bot or server has taken over.
        """

    @abstractmethod
    async def measure_size_bytes(self) -> int:
        """Return the size of the database in bytes, without its write-ahead log."""

    @abstractmethod
    async def check(self) -> int:
        """Check the integrity of the database and return its schema version.

        Raises `DatabaseBroken` if it is damaged, `DatabaseUnusable` if permissions are missing.
        """

    @abstractmethod
    async def backup(self, path: Path) -> None:
        """Copy the database into a new file.

        Raises `DatabaseUnusable` if the file exists or cannot be written, or if the engine cannot make
        backups; raises `DatabaseBroken` if the copy is damaged.
        """

    @abstractmethod
    async def scrub(self, tables: Iterable[str]) -> bool:
        """Erase deleted rows of tables from the files; return whether certainly none of them remain there."""


AnyDatabase = Database[Any, Any]
"""A database of either engine."""
