"""The engine for a database in one SQLite file, with one writer and several readers in WAL mode."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from bot.store.database_health import DatabaseHealth
from bot.store.sqlite import migrations, run_lock, sqlite_backup, table_shapes
from bot.store.sqlite.sqlite_connection import SqliteConnection
from bot.store.sqlite.sqlite_worker import SqliteWorker
from bot.store.store_errors import DatabaseBroken, DatabaseFileGone, DatabaseMissing, DatabaseUnusable

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


class SqliteEngine:
    """The engine for the database in a SQLite file."""

    is_shared = False
    writer_count = 1
    begin_read_sql = "BEGIN"

    load_last_ids = staticmethod(table_shapes.load_last_ids)
    set_last_ids = staticmethod(table_shapes.set_last_ids)
    load_schema_version = staticmethod(migrations.load_schema_version)

    def __init__(self, path: Path) -> None:
        self.location = path
        self._identity_guard = run_lock.FileIdentityGuard(path)

    def require_exists(self) -> None:
        path = self.location
        try:
            is_missing = not path.exists() or (path.is_file() and not path.stat().st_size)
        except OSError as error:
            raise DatabaseUnusable(f"The database {path} cannot be opened: {error.strerror}.") from error
        if is_missing:
            raise DatabaseMissing(path.absolute())

    def lock_for_run(self, *, exclusive: bool) -> AbstractContextManager[None]:  # noqa: ARG002 - always exclusive
        return run_lock.lock_for_run(self.location)

    async def open_worker(self, *, is_writer: bool) -> SqliteWorker:
        if sqlite3.sqlite_version_info < MIN_SQLITE_VERSION:
            min_version = ".".join(map(str, MIN_SQLITE_VERSION))
            raise DatabaseUnusable(f"Python's SQLite is {sqlite3.sqlite_version}; Telex needs {min_version} or later.")
        self._identity_guard.require_same_file()
        _require_writable_file(self.location)
        return await SqliteWorker(self.location, pragmas=WRITER_PRAGMAS if is_writer else READER_PRAGMAS).open()

    def prepare(self, db: SqliteConnection, *, create: bool) -> bool:  # noqa: ARG002 - SQLite creates each file
        """Prepare the file for use, and return whether its tables were created now."""
        _enable_wal(db)
        self._identity_guard.remember_file()
        return migrations.migrate(db)

    def begin(self, db: SqliteConnection) -> str:
        self._identity_guard.require_same_file()
        db.execute("BEGIN IMMEDIATE")
        return ""

    def commit(self, db: SqliteConnection, _transaction_id: str) -> None:
        self._identity_guard.require_same_file()
        db.execute("COMMIT")

    def measure_size_bytes(self, db: SqliteConnection) -> int:
        return int(db.fetch_value("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"))

    def find_problem(self, db: SqliteConnection) -> DatabaseBroken | None:
        """Read the whole file and return the first damage in it, or None if there is none."""
        problems = migrations.list_integrity_problems(db)
        return DatabaseBroken(f"The database {self.location} is damaged: {problems[0]}.") if problems else None

    def scrub(self, db: SqliteConnection, tables: Iterable[str]) -> bool:
        """Erase deleted rows of tables from the file and its log; return False if the log was in use."""
        return purge_deleted_rows(db, tables)

    def notify(self, db: SqliteConnection, event: str) -> None:
        """Do nothing: a database file is used by a single process."""

    async def listen(self, on_event: Callable[[str], None]) -> None:
        """Return at once: a database file is used by a single process."""

    async def check_alive(self, health: DatabaseHealth) -> None:
        try:
            await asyncio.to_thread(self._identity_guard.require_same_file)
        except DatabaseFileGone as error:
            health.record_failure(error)
            await asyncio.to_thread(self._identity_guard.lock_replacement)

    async def backup(self, path: Path) -> None:
        is_awaited = True
        source_worker = await self.open_worker(is_writer=False)
        try:
            await source_worker.run(sqlite_backup.copy_to_file, path, lambda: is_awaited)
        except asyncio.CancelledError:
            is_awaited = False
            raise
        finally:
            await source_worker.close()

    def close(self) -> None:
        self._identity_guard.release_replacement()


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
    connection.execute(f"PRAGMA page_size = {migrations.PAGE_SIZE_BYTES}")
    # The mode is stored in the file; file systems without shared memory refuse it (https://www.sqlite.org/wal.html).
    (journal_mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if journal_mode != "wal":
        raise DatabaseUnusable("The database lies on a disk that SQLite's write-ahead log does not work on.")


def purge_deleted_rows(connection: sqlite3.Connection, tables: Iterable[str]) -> bool:
    """Rewrite tables without copies of deleted rows, and empty the write-ahead log; call it outside a transaction.

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
            connection.execute(f"CREATE TEMP TABLE retained_rows AS SELECT * FROM main.{table_name}")
            connection.execute(f"DELETE FROM main.{table_name}")
            connection.execute(f"INSERT INTO main.{table_name} SELECT * FROM retained_rows ORDER BY 1, 2")
            connection.execute("DROP TABLE retained_rows")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("PRAGMA foreign_keys = ON")
    (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not is_busy
