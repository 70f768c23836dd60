"""A database in one SQLite file, with one writer and several readers in WAL mode."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from bot.core.clock import Clock, SystemClock
from bot.store.database import Database
from bot.store.sqlite import sqlite_backup
from bot.store.sqlite.migrations import PAGE_SIZE_BYTES, list_integrity_problems, load_schema_version
from bot.store.sqlite.run_lock import FileIdentityGuard
from bot.store.sqlite.sqlite_connection import SqliteConnection
from bot.store.sqlite.sqlite_worker import SqliteWorker
from bot.store.store_errors import DatabaseBroken, DatabaseGone, DatabaseUnusable

log = logging.getLogger(__name__)

READER_COUNT = 3
"""Number of database connections for reading."""
MIN_SQLITE_VERSION = (3, 37, 0)
"""Oldest supported version of SQLite, the first with STRICT tables."""
WRITER_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    # Data that users deleted must not remain in the file.
    "PRAGMA secure_delete = ON",
    # The write-ahead log shrinks to 64 MiB after a burst of writes.
    "PRAGMA journal_size_limit = 67108864",
)
"""Statements that configure the connection for writing."""
READER_PRAGMAS = ("PRAGMA query_only = ON", "PRAGMA cache_size = -1024")
"""Statements that configure a connection for reading.

A cache of 1 MiB suffices, because the system caches the file too.
"""


class SqliteDatabase(Database[SqliteConnection, SqliteWorker]):
    """An open SQLite database file."""

    is_shared = False
    location: Path
    _begin_read_sql = "BEGIN"

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(clock)
        self.location = path
        self._identity_guard = FileIdentityGuard(path)
        self._writers = [SqliteWorker(path, pragmas=WRITER_PRAGMAS)]

    @classmethod
    async def open(cls, path: Path, prepare: Callable[[sqlite3.Connection], bool], clock: Clock | None = None) -> Self:
        """Open the database file, creating it if it is missing.

        `prepare` migrates the database on the write connection and returns whether it is new. Raises
        `DatabaseUnusable` if the file cannot be used, and the errors of `prepare`.
        """
        if sqlite3.sqlite_version_info < MIN_SQLITE_VERSION:
            min_version = ".".join(map(str, MIN_SQLITE_VERSION))
            raise DatabaseUnusable(f"Python's SQLite is {sqlite3.sqlite_version}; Telex needs {min_version} or later.")
        _require_writable_file(path)
        database = cls(path, clock or SystemClock())
        (writer,) = database._writers
        try:
            await writer.open()
            await writer.run(_enable_wal)
            database._identity_guard.remember_file()
            database.is_new = await writer.run(prepare)
            for _ in range(READER_COUNT):
                reader = SqliteWorker(path, pragmas=READER_PRAGMAS)
                database._readers.append(reader)
                await reader.open()
                database._idle_readers.put_nowait(reader)
        except BaseException:
            await database.close()
            raise
        return database

    async def _close_workers(self) -> None:
        await super()._close_workers()
        self._identity_guard.release()

    async def listen_for_events(self, on_event: Callable[[str], None]) -> None:
        """Return at once: a database file is used by a single process."""

    async def notify(self, event: str) -> None:
        """Do nothing: a database file is used by a single process."""

    async def scrub(self, tables: Iterable[str]) -> bool:
        """Erase deleted rows of tables from the file and its log; return False if the log was in use.

        Raises `StoreError`.
        """
        async with self._lock_writer() as writer:
            return await writer.run(purge_deleted, tables)

    def _begin(self, db: SqliteConnection) -> str:
        self._identity_guard.require_same_file()
        db.execute("BEGIN IMMEDIATE")
        return ""

    def _commit(self, db: SqliteConnection, _transaction_id: str) -> None:
        self._identity_guard.require_same_file()
        db.execute("COMMIT")

    async def check_alive(self) -> None:
        try:
            await asyncio.to_thread(self._identity_guard.require_same_file)
        except DatabaseGone as error:
            self.health.record_failure(error)
            await asyncio.to_thread(self._identity_guard.lock_replacement)

    async def measure_size_bytes(self) -> int:
        """Return the size of the file in bytes, without its write-ahead log."""
        size_sql = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        return int(await self.query(SqliteConnection.fetch_value, size_sql))

    async def check(self) -> int:
        """Check the whole database file and return its schema version.

        Raises `DatabaseBroken` if it is damaged.
        """
        if problems := await self.read(list_integrity_problems):
            raise DatabaseBroken(f"The database {self.location} is damaged: {problems[0]}.")
        return await self.read(load_schema_version)

    async def backup(self, path: Path) -> None:
        is_awaited = True
        source_worker = SqliteWorker(self.location, pragmas=READER_PRAGMAS)
        await source_worker.open()
        try:
            await source_worker.run(sqlite_backup.copy_to_file, path, lambda: is_awaited)
        except asyncio.CancelledError:
            is_awaited = False
            raise
        finally:
            await source_worker.close()

    async def _ensure_alive(self, worker: SqliteWorker) -> SqliteWorker:
        if not worker.is_dead:
            return worker
        log.error("database thread ended database=%s action=replace", self.location)
        successor = await SqliteWorker(worker.path, pragmas=worker.pragmas).open()
        await asyncio.to_thread(worker.close_abandoned)
        return successor


def _require_writable_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            # Private to the owner, because feed URLs may contain secrets.
            path.touch(mode=0o600)
    except OSError as error:
        raise DatabaseUnusable(f"The database {path} cannot be opened or created: {error.strerror}.") from error
    if not os.access(path, os.W_OK):
        raise DatabaseUnusable(f"The database {path} may not be written to.")


def _enable_wal(connection: sqlite3.Connection) -> None:
    # The page size takes effect only in an empty file.
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE_BYTES}")
    # The mode is stored in the file; file systems without shared memory refuse it (https://www.sqlite.org/wal.html).
    (journal_mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if journal_mode != "wal":
        raise DatabaseUnusable("The database lies on a disk that SQLite's write-ahead log does not work on.")


def purge_deleted(connection: sqlite3.Connection, tables: Iterable[str]) -> bool:
    """Rewrite tables on fresh pages and empty the write-ahead log; call it outside of a transaction.

    `secure_delete` overwrites deleted rows and freed pages, but not copies left behind when SQLite moved a
    row to another page (https://www.sqlite.org/pragma.html#pragma_secure_delete). Return False if the log
    could not be emptied because a reader uses it. Raises sqlite3.Error.
    """
    connection.execute("PRAGMA temp_store = MEMORY")
    # Without foreign keys the deletions below do not cascade to referring rows.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        connection.execute("BEGIN IMMEDIATE")
        for table_name in tables:
            connection.execute(f"CREATE TEMP TABLE scrubbed AS SELECT * FROM main.{table_name}")
            connection.execute(f"DELETE FROM main.{table_name}")
            connection.execute(f"INSERT INTO main.{table_name} SELECT * FROM scrubbed ORDER BY 1, 2")
            connection.execute("DROP TABLE scrubbed")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("PRAGMA foreign_keys = ON")
    (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy
