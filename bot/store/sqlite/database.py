"""One SQLite file: a writer behind a lock, a few readers, no business logic.

Work is done by plain functions of an `sqlite3.Connection` that run on the connection's own thread, so that
the event loop only waits. Reads see the last committed state and never wait for the writer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from bot.core.clock import Clock, SystemClock
from bot.store.condition import Condition
from bot.store.connection import Parameters
from bot.store.sqlite import scrubbing, sqlite_backup
from bot.store.sqlite.migrating import PAGE_SIZE, problems, schema_version
from bot.store.sqlite.run_lock import Presence
from bot.store.sqlite.sqlite_connection import Connection
from bot.store.store_errors import DatabaseBroken, DatabaseGone, DatabaseUnusable, StoreError
from bot.store.transaction import Transaction, fetchall, fetchone, objects

log = logging.getLogger(__name__)

READERS = 3
OLDEST_SQLITE = (3, 37, 0)  # the first with STRICT tables
WRITER_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what people had deleted is not in the file either
    "PRAGMA journal_size_limit = 67108864",  # a burst does not leave its write-ahead log behind
)
READER_PRAGMAS = ("PRAGMA query_only = ON", "PRAGMA cache_size = -1024")  # the system caches the file too

_BEGIN, _COMMIT = "BEGIN IMMEDIATE", "COMMIT"

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """An open database file. Every method raises `StoreError` and nothing of sqlite3's."""

    is_shared = False

    def __init__(self, path: Path, clock: Clock) -> None:
        self.place = path
        self.condition = Condition(clock)
        self._presence = Presence(path)
        self._lock = asyncio.Lock()
        self._writer = Connection(path, pragmas=WRITER_PRAGMAS)
        self._readers: list[Connection] = []
        # The reader used last is used first: its page cache is warm.
        self._idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()

    @classmethod
    async def open(
        cls, path: Path, prepare: Callable[[sqlite3.Connection], None], clock: Clock | None = None
    ) -> Self:
        """Open the file, creating it when missing. `prepare` runs on the writer before anything else does."""
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            wanted = ".".join(map(str, OLDEST_SQLITE))
            raise DatabaseUnusable(
                f"Python's SQLite is {sqlite3.sqlite_version}; Telex needs {wanted} or later."
            )
        _check_place(path)
        database = cls(path, clock or SystemClock())
        try:
            await database._writer.open()
            await database._writer.run(_write_ahead)
            database._presence.begin()
            await database._writer.run(prepare)
            for _ in range(READERS):
                reader = Connection(path, pragmas=READER_PRAGMAS)
                database._readers.append(reader)
                await reader.open()
                database._idle.put_nowait(reader)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Close all connections: running reads are cut short, a running write ends first."""
        await asyncio.shield(asyncio.create_task(self._close()))

    async def _close(self) -> None:
        for reader in self._readers:
            if reader.is_open:
                await reader.interrupt()
        async with self._lock:
            readers = [reader.close() for reader in self._readers if reader.is_open]
            await asyncio.gather(*readers, return_exceptions=True)
            if self._writer.is_open:
                # The last to close brings the write-ahead log into the file, which a reader may not.
                await self._writer.close()
        self._presence.end()

    async def notices(self, heard: Callable[[str], None]) -> None:
        """There is nobody to tell of anything."""

    async def tell(self, notice: str) -> None:
        """Nobody hears it."""

    async def transact(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` in a transaction of its own, all in one step on the writer's thread.

        It is undone on any error or cancellation, as that of `write` is.
        """
        is_awaited = True

        def whole(connection: sqlite3.Connection) -> T:
            self._begin(connection)
            result = function(connection, *args, **kwargs)
            if is_awaited:
                self._commit(connection)
            return result

        async with self._writing() as writer:
            try:
                return await writer.run(whole)
            except asyncio.CancelledError:
                is_awaited = False
                raise

    urgent = transact

    async def scrub(self, tables: Iterable[str]) -> bool:
        """Leave nothing in the files of what was deleted from some tables; see `scrubbing.scrub`."""
        async with self._writing() as writer:
            return await writer.run(scrubbing.scrub, tables)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """One transaction, alone: committed at the end of the block, undone on any error or cancellation."""
        async with self._writing() as writer:
            await writer.run(self._begin)
            yield Transaction(writer)
            await writer.run(self._commit)

    def _begin(self, connection: sqlite3.Connection) -> None:
        self._presence.check()
        connection.execute(_BEGIN)

    def _commit(self, connection: sqlite3.Connection) -> None:
        self._presence.check()
        connection.execute(_COMMIT)

    async def look(self) -> None:
        """As `Store.look`."""
        try:
            await asyncio.to_thread(self._presence.check)
        except DatabaseGone as error:
            self.condition.failed(error)
            await asyncio.to_thread(self._presence.take_successor)

    async def size(self) -> int:
        """Bytes that the file takes, without its write-ahead log."""
        row = await self.fetchone("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        return int(row[0]) if row else 0

    async def check(self) -> int:
        """The version of the schema, after all of the file was read. Raises `DatabaseBroken`."""
        if found := await self.read(problems):
            raise DatabaseBroken(f"The database {self.place} is damaged: {found[0]}.")
        return await self.read(schema_version)

    async def backup(self, path: Path) -> None:
        """As `Store.backup`."""
        is_wanted = True
        source = Connection(self.place, pragmas=READER_PRAGMAS)
        await source.open()
        try:
            await source.run(sqlite_backup.copy, path, lambda: is_wanted)
        except asyncio.CancelledError:
            is_wanted = False
            raise
        finally:
            await source.close()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Connection]:
        """The writer, for one transaction."""
        async with self._lock:
            self.condition.admit()
            if self._writer.is_dead:
                self._writer = await _replaced(self._writer)
            try:
                yield self._writer
            except BaseException as error:
                self.condition.failed(error)
                # Queued behind whatever still runs there, so the next write finds no transaction open
                # even when this wait is cancelled in its turn.
                await asyncio.shield(asyncio.ensure_future(self._writer.run(_rollback)))
                raise
            self.condition.wrote()

    async def fetchall(self, sql: str, parameters: Parameters = ()) -> list[sqlite3.Row]:
        """The rows of a query."""
        async with self._reader() as reader:
            return await reader.run(fetchall, sql, parameters)

    async def objects(
        self, make: Callable[[sqlite3.Row], T], sql: str, parameters: Parameters = ()
    ) -> list[T]:
        """What `make` makes of the rows of a query, on the reader's thread: rows may be many and large."""
        async with self._reader() as reader:
            return await reader.run(objects, make, sql, parameters)

    async def fetchone(self, sql: str, parameters: Parameters = ()) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        async with self._reader() as reader:
            return await reader.run(fetchone, sql, parameters)

    async def read(
        self, function: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` on a reader's thread; all its queries see one state."""

        def snapshot(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN")
            try:
                return function(connection, *args, **kwargs)
            finally:
                _rollback(connection)

        async with self._reader() as reader:
            return await reader.run(snapshot)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Connection]:
        reader = await self._idle.get()
        try:
            if reader.is_dead:
                self._readers.remove(reader)
                reader = await _replaced(reader)
                self._readers.append(reader)
            yield reader
        except asyncio.CancelledError:
            if reader.is_open:
                await reader.interrupt()  # nobody waits for its answer any more
            raise
        except StoreError as error:
            self.condition.failed(error)
            raise
        finally:
            self._idle.put_nowait(reader)


async def _replaced(dead: Connection) -> Connection:
    """A new connection in the place of one whose thread ended."""
    log.error("A thread of the database ended unexpectedly; another takes its place")
    await asyncio.to_thread(dead.abandon)
    return await Connection(dead.path, pragmas=dead.pragmas).open()


def _check_place(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)  # addresses of feeds may hold secrets
    except OSError as error:
        raise DatabaseUnusable(
            f"The database {path} cannot be opened or created: {error.strerror}."
        ) from error
    if not os.access(path, os.W_OK):
        raise DatabaseUnusable(f"The database {path} may not be written to.")


def _write_ahead(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")  # of a file that is empty
    # https://www.sqlite.org/wal.html: kept in the file, refused by file systems without shared memory.
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise DatabaseUnusable("The database lies on a disk that SQLite's write-ahead log does not work on.")


def _rollback(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
