"""An open database, which runs functions of a connection as reads and write transactions."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from bot.core.clock import Clock
from bot.store.connection import Connection
from bot.store.engine import DatabaseHealth, Engine, Worker
from bot.store.store_errors import StoreError

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
StoreFunction = Callable[Concatenate[Any, P], T]
"""Function that uses the database: its first argument is a connection, and further ones may follow."""

READER_COUNT = 3
"""Number of database connections for reading."""


class Database:
    """An open database: writers, each behind a lock, and a few readers that never wait for writers.

    All work is done by plain functions that get a connection and run on the thread of that connection. Every
    method raises `StoreError`, and no exception of the engine.
    """

    is_new = False
    """Whether opening the database created its tables."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self.location, self.is_shared = engine.location, engine.is_shared
        self.clock = clock
        self.health = DatabaseHealth(clock)
        # The last writer is for urgent writes; with a single writer it takes all of them.
        self._writers: list[Worker] = []
        self._writer_locks = [asyncio.Lock() for _ in range(engine.writer_count)]
        self._readers: list[Worker] = []
        # The most recently used reader is reused first, because its page cache is warm.
        self._idle_readers: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()

    @classmethod
    async def open(cls, engine: Engine, clock: Clock, *, create: bool = True) -> Self:
        """Open and migrate a database; if there is none, `create` it.

        Raises `NewerDatabase`, `DatabaseBroken` or `DatabaseUnusable`; raises `DatabaseMissing` if there is no
        database and `create` is False.
        """
        if not create:
            engine.require_exists()
        database = cls(engine, clock)
        try:
            for _ in database._writer_locks:
                database._writers.append(await engine.open_worker(is_writer=True))
            database.is_new = await database._writers[0].run(engine.prepare, create=create)
            for _ in range(READER_COUNT):
                reader = await engine.open_worker(is_writer=False)
                database._readers.append(reader)
                database._idle_readers.put_nowait(reader)
        except BaseException:
            await database.close()
            raise
        return database

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
            self.engine.close()

    async def transact(self, function: StoreFunction[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` in a write transaction and return its result.

        The transaction is rolled back on any error or cancellation. Raises `StoreError`; raises
        `DatabaseBroken` if the database was found damaged before.
        """
        return await self._transact(0, function, *args, **kwargs)

    async def transact_urgently(self, function: StoreFunction[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function in a write transaction, ahead of other writes of this process if possible.

        Raises `StoreError`.
        """
        return await self._transact(-1, function, *args, **kwargs)

    async def _transact(
        self,
        writer_index: int,
        function: StoreFunction[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        is_awaited = True

        def run_transaction(db: Connection) -> T:
            transaction_id = self.engine.begin(db)
            db.now = self.clock.now()
            return_value = function(db, *args, **kwargs)
            if is_awaited:
                self.engine.commit(db, transaction_id)
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
    async def _lock_writer(self, writer_index: int = 0) -> AsyncIterator[Worker]:
        async with self._writer_locks[writer_index]:
            self.health.require_undamaged()
            writer = await self._replace_if_dead(self._writers, writer_index)
            try:
                yield writer
            except BaseException as error:
                self.health.record_failure(error)
                # The rollback queues behind the function that still runs, so that the next write finds no
                # open transaction even if this wait is cancelled too.
                await asyncio.shield(asyncio.ensure_future(writer.roll_back_open_transaction()))
                raise
            self.health.record_success()

    async def read(self, function: StoreFunction[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` in a read transaction, whose queries all see the same state.

        Raises `StoreError`.
        """

        def run_in_snapshot(db: Connection) -> T:
            db.execute(self.engine.begin_read_sql)
            db.now = self.clock.now()
            try:
                return function(db, *args, **kwargs)
            finally:
                db.roll_back()

        return await self.query(run_in_snapshot)

    async def query(self, function: StoreFunction[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)`, which makes a single query, on a reader. Raises `StoreError`."""
        reader = await self._idle_readers.get()
        interrupt_future: asyncio.Future[None] | None = None
        try:
            reader = await self._replace_if_dead(self._readers, self._readers.index(reader))
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

    async def _replace_if_dead(self, workers: list[Worker], worker_index: int) -> Worker:
        """Return a worker (connection with a thread), after replacing it in `workers` if it is no longer usable."""
        worker = workers[worker_index]
        if worker.is_dead:
            log.error("database thread ended database=%s action=replace", self.location)
            workers[worker_index] = await self.engine.open_worker(is_writer=workers is self._writers)
            await worker.close()
        return workers[worker_index]

    async def load_last_ids(self) -> dict[str, int]:
        """Return the last assigned id of each table that never reuses ids."""
        return await self.read(self.engine.load_last_ids)

    async def set_last_ids(self, last_id_by_table: Mapping[str, int]) -> None:
        """Make the tables in `last_id_by_table` assign only ids above the given ids."""
        await self.transact(self.engine.set_last_ids, last_id_by_table)

    async def measure_size_bytes(self) -> int:
        """Return the size of the database in bytes, without its write-ahead log."""
        return await self.query(self.engine.measure_size_bytes)

    async def check(self) -> int:
        """Check the integrity of the database and return its schema version.

        Raises `DatabaseBroken` if it is damaged, `DatabaseUnusable` if permissions are missing.
        """
        if (problem := await self.read(self.engine.find_problem)) is not None:
            raise problem
        return await self.read(self.engine.load_schema_version)

    async def scrub(self, tables: Iterable[str]) -> bool:
        """Erase deleted rows of tables from the files; return whether certainly none of them remain there.

        Raises `StoreError`.
        """
        async with self._lock_writer() as writer:
            return await writer.run(self.engine.scrub, tables)

    async def notify(self, event: str) -> None:
        """Send a short message (cluster event) of less than 8,000 bytes to the other processes. Raises `StoreError`."""
        await self.query(self.engine.notify, event)
