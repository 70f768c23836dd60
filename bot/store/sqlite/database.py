"""One SQLite file: reads see the last committed state."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from bot.core.clock import Clock, SystemClock
from bot.store import ports
from bot.store.sqlite import sqlite_backup
from bot.store.sqlite.migrations import PAGE_SIZE, integrity_problems, schema_version
from bot.store.sqlite.run_lock import FileIdentityGuard
from bot.store.sqlite.sqlite_connection import SqliteConnection, SqliteSession
from bot.store.store_errors import DatabaseBroken, DatabaseGone, DatabaseUnusable

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


class SqliteDatabase(ports.Database[SqliteConnection, SqliteSession]):
    """An open database file."""

    is_shared = False
    location: Path
    _snapshot = "BEGIN"

    def __init__(self, path: Path, clock: Clock) -> None:
        super().__init__(clock)
        self.location = path
        self._presence = FileIdentityGuard(path)
        self._writers = [SqliteSession(path, pragmas=WRITER_PRAGMAS)]

    @classmethod
    async def open(
        cls, path: Path, prepare: Callable[[sqlite3.Connection], bool], clock: Clock | None = None
    ) -> Self:
        """Open the file, creating it when missing.

        `prepare` runs on the writer before anything else does, and returns whether the database is new.
        """
        if sqlite3.sqlite_version_info < OLDEST_SQLITE:
            wanted = ".".join(map(str, OLDEST_SQLITE))
            raise DatabaseUnusable(
                f"Python's SQLite is {sqlite3.sqlite_version}; Telex needs {wanted} or later."
            )
        _check_place(path)
        database = cls(path, clock or SystemClock())
        (writer,) = database._writers
        try:
            await writer.open()
            await writer.run(_enable_wal)
            database._presence.remember()
            database.is_new = await writer.run(prepare)
            for _ in range(READERS):
                reader = SqliteSession(path, pragmas=READER_PRAGMAS)
                database._readers.append(reader)
                await reader.open()
                database._idle.put_nowait(reader)
        except BaseException:
            await database.close()
            raise
        return database

    async def _close(self) -> None:
        await super()._close()
        self._presence.end()

    async def notices(self, heard: Callable[[str], None]) -> None:
        """There is nobody to tell of anything."""

    async def notify(self, notice: str) -> None:
        """Nobody hears it."""

    async def scrub(self, tables: Iterable[str]) -> bool:
        """Leave nothing in the files of what was deleted from some tables."""
        async with self._writer_session() as writer:
            return await writer.run(purge_deleted, tables)

    def _begin(self, db: SqliteConnection) -> str:
        self._presence.require_same_file()
        db.execute("BEGIN IMMEDIATE")
        return ""

    def _commit(self, db: SqliteConnection, _name: str) -> None:
        self._presence.require_same_file()
        db.execute("COMMIT")

    async def check_alive(self) -> None:
        try:
            await asyncio.to_thread(self._presence.require_same_file)
        except DatabaseGone as error:
            self.condition.record_failure(error)
            await asyncio.to_thread(self._presence.lock_replacement)

    async def size(self) -> int:
        """Bytes that the file takes, without its write-ahead log."""
        pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        return int(await self.query(SqliteConnection.value, pages))

    async def check(self) -> int:
        """The version of the schema, after all of the file was read. Raises `DatabaseBroken`."""
        if found := await self.read(integrity_problems):
            raise DatabaseBroken(f"The database {self.location} is damaged: {found[0]}.")
        return await self.read(schema_version)

    async def backup(self, path: Path) -> None:
        is_wanted = True
        source = SqliteSession(self.location, pragmas=READER_PRAGMAS)
        await source.open()
        try:
            await source.run(sqlite_backup.copy, path, lambda: is_wanted)
        except asyncio.CancelledError:
            is_wanted = False
            raise
        finally:
            await source.close()

    async def _ensure_alive(self, session: SqliteSession) -> SqliteSession:
        if not session.is_dead:
            return session
        log.error("A thread of the database ended unexpectedly; another takes its place")
        successor = await SqliteSession(session.path, pragmas=session.pragmas).open()
        await asyncio.to_thread(session.abandon)
        return successor


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


def _enable_wal(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")  # of a file that is empty
    # https://www.sqlite.org/wal.html: kept in the file, refused by file systems without shared memory.
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise DatabaseUnusable("The database lies on a disk that SQLite's write-ahead log does not work on.")


def purge_deleted(connection: sqlite3.Connection, tables: Iterable[str]) -> bool:
    """Rewrite tables on fresh pages and empty the write-ahead log; outside of a transaction.

    With `secure_delete` SQLite overwrites what is deleted and every page that is freed, but not what it left
    behind when it moved a row to another page (https://www.sqlite.org/pragma.html#pragma_secure_delete).
    Returns whether the log could be emptied: somebody may still be reading from it.
    """
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA foreign_keys = OFF")  # what points to the rows stays as it is
    try:
        connection.execute("BEGIN IMMEDIATE")
        for table in tables:
            connection.execute(f"CREATE TEMP TABLE scrubbed AS SELECT * FROM main.{table}")
            connection.execute(f"DELETE FROM main.{table}")
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM scrubbed ORDER BY 1, 2")
            connection.execute("DROP TABLE scrubbed")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("PRAGMA foreign_keys = ON")
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
