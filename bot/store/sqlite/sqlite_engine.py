"""The engine for a database in one SQLite file, with one writer and several readers in WAL mode."""

import asyncio
import contextlib
import fcntl
import glob
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import filelock

from bot.store.engine import DatabaseHealth
from bot.store.meta import RESTORED_ID_GAP, RESTORED_KEY
from bot.store.sqlite import migrations
from bot.store.sqlite.migrations import list_integrity_problems
from bot.store.sqlite.sqlite_connection import SqliteConnection, SqliteWorker
from bot.store.store_errors import DatabaseBroken, DatabaseFileGone, DatabaseMissing, DatabaseUnusable, ProcessMustEnd


@contextmanager
def lock_for_run(path: Path) -> Iterator[None]:
    """Hold the run lock of a database file within the `with` block.

    Its folder, and an empty file, are created if they are missing. Raises `ProcessMustEnd` if another process holds it,
    `DatabaseUnusable` if it cannot be taken.
    """
    file_lock = filelock.FileLock(path.with_name(f"{path.name}.lock"), thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file_lock.acquire(timeout=0)
        try:
            descriptor = open_locked(path)
        except BaseException:
            file_lock.release()
            raise
    except (filelock.Timeout, BlockingIOError) as error:
        raise ProcessMustEnd(f"Telex is already running with the database {path}.") from error
    except OSError as error:
        raise DatabaseUnusable(f"The database {path} cannot be locked: {error.strerror}.") from error
    try:
        yield
    finally:
        # SQLite's connections are closed before: closing any descriptor of a file drops all POSIX locks of the
        # process on it.
        os.close(descriptor)
        file_lock.release()


def open_locked(path: Path) -> int:
    """Open a file, creating it if it is missing, and return a descriptor that holds a lock on the file.

    Raises BlockingIOError if another process holds the lock, another OSError if the file cannot be opened.
    """
    # Private to the owner, because feed URLs may contain secrets.
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


class FileIdentityGuard:
    """Guard that checks whether the file at a path is still the opened one, and locks one that replaced it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened_identity: tuple[int, int] | None = None
        self._replacement_descriptor: int | None = None

    def remember_file(self) -> None:
        """Remember the file that is now at the path as the one that was opened."""
        self._opened_identity = self._load_identity()

    def require_same_file(self) -> None:
        """Raise `DatabaseFileGone` if the opened file was deleted or replaced: writes to it would be lost."""
        if self._opened_identity is not None and self._load_identity() != self._opened_identity:
            raise DatabaseFileGone(
                f"The database {self._path} is gone: it was deleted or replaced, or its disk was unmounted. "
                "What is in its place is not touched; start Telex again to use it."
            )

    def lock_replacement(self) -> None:
        """Lock the file that replaced the opened one, if there is one that can be opened.

        Raises `ProcessMustEnd` if another bot has locked it.
        """
        if self._replacement_descriptor is not None or self._load_identity() in {None, self._opened_identity}:
            return
        try:
            self._replacement_descriptor = open_locked(self._path)
        except BlockingIOError as error:
            raise ProcessMustEnd(f"Another Telex runs with a new database {self._path}.") from error
        except OSError:
            return

    def release_replacement(self) -> None:
        """Release the lock on the file that replaced the opened one, if it is held."""
        if self._replacement_descriptor is not None:
            os.close(self._replacement_descriptor)
            self._replacement_descriptor = None

    def _load_identity(self) -> tuple[int, int] | None:
        with contextlib.suppress(OSError):
            file_status = self._path.stat()
            return file_status.st_dev, file_status.st_ino
        return None


PAGES_PER_STEP = 4096
"""Number of pages copied between two checks for cancellation."""


class BackupCancelled(Exception):
    """Error raised when the caller of a backup was cancelled."""


def copy_to_file(connection: sqlite3.Connection, path: Path, is_awaited: Callable[[], bool]) -> None:
    """Copy a database into a new file, using a connection reserved for the copy.

    The copy is checked, marked as restored (for the bot that may use it some day) and synced to disk before it gets its
    name; partial files of killed processes are removed. Raises `DatabaseUnusable` if the file exists or cannot be
    written, `DatabaseBroken` if the copy is damaged, `BackupCancelled` once `is_awaited()` is False.
    """
    _require_absent(path)
    _remove_stale_partial_files(path)
    partial_path = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    descriptor: int | None = None
    try:
        try:
            descriptor = open_locked(partial_path)
            try:
                _copy_pages(connection, partial_path, is_awaited)
            except sqlite3.OperationalError as error:
                # Mostly the disk of the copy is full or failing.
                raise DatabaseUnusable(f"The backup {path} cannot be written: {error}.") from error
            with partial_path.open("rb+") as partial_file:
                os.fsync(partial_file.fileno())
            _require_absent(path)
            partial_path.rename(path)
            _sync_directory(path.parent)
        finally:
            _remove_partial_file(partial_path)
            if descriptor is not None:
                os.close(descriptor)
    except OSError as error:
        raise DatabaseUnusable(f"The backup {path} cannot be written: {error.strerror}.") from error


def _require_absent(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise DatabaseUnusable(f"The file {path} exists already: a backup overwrites nothing.")


def _remove_stale_partial_files(path: Path) -> None:
    for partial_path in path.parent.glob(f"{glob.escape(path.name)}.????????.part"):
        with suppress(OSError):
            descriptor = open_locked(partial_path)
            _remove_partial_file(partial_path)
            os.close(descriptor)


def _remove_partial_file(partial_path: Path) -> None:
    partial_path.with_name(f"{partial_path.name}-journal").unlink(missing_ok=True)
    partial_path.unlink(missing_ok=True)


def _copy_pages(connection: sqlite3.Connection, partial_path: Path, is_awaited: Callable[[], bool]) -> None:
    def raise_if_cancelled(*_pages: int) -> None:
        if not is_awaited():
            raise BackupCancelled

    target_connection = sqlite3.connect(partial_path, isolation_level=None)
    try:
        # An open read transaction pins the copied state; without it each write would restart the backup
        # (https://www.sqlite.org/backup.html).
        connection.execute("BEGIN")
        try:
            connection.execute("SELECT count(*) FROM meta").fetchone()
            connection.backup(target_connection, pages=PAGES_PER_STEP, sleep=0, progress=raise_if_cancelled)
        finally:
            connection.execute("ROLLBACK")
        # The backup is one file, without a write-ahead log and its index.
        target_connection.execute("PRAGMA journal_mode = DELETE")
        target_connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, '1')", (RESTORED_KEY,))
        _reserve_id_gap(target_connection)
        if problems := list_integrity_problems(target_connection):
            raise DatabaseBroken(f"The backup was not kept, for it is damaged: {problems[0]}.")
    finally:
        target_connection.close()


def _reserve_id_gap(target_connection: sqlite3.Connection) -> None:
    """Skip ids in the copy that the original may assign after the backup, since buttons in Discord carry them."""
    last_id_by_table = migrations.load_last_ids(target_connection)
    migrations.set_last_ids(
        target_connection,
        {table_name: last_id + RESTORED_ID_GAP for table_name, last_id in last_id_by_table.items()},
    )


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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

    load_last_ids = staticmethod(migrations.load_last_ids)
    set_last_ids = staticmethod(migrations.set_last_ids)
    load_schema_version = staticmethod(migrations.load_schema_version)

    def __init__(self, path: Path) -> None:
        self.location = path
        self._identity_guard = FileIdentityGuard(path)

    def require_exists(self) -> None:
        path = self.location
        try:
            is_missing = not path.exists() or (path.is_file() and not path.stat().st_size)
        except OSError as error:
            raise DatabaseUnusable(f"The database {path} cannot be opened: {error.strerror}.") from error
        if is_missing:
            raise DatabaseMissing(path.absolute())

    def lock_for_run(self, *, exclusive: bool) -> AbstractContextManager[None]:  # noqa: ARG002 - always exclusive
        return lock_for_run(self.location)

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
            await source_worker.run(copy_to_file, path, lambda: is_awaited)
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
