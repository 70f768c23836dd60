"""A database on a PostgreSQL server: two writers and several readers, each with its own thread and session.

A lost session is replaced. Reads are repeated; a write is repeated only if it certainly was not committed.
After a lost COMMIT the server is asked with `pg_xact_status`; without an answer the caller gets an error.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import psycopg

from bot.core.clock import Clock
from bot.core.database_url import DatabaseUrl
from bot.store.database import Database
from bot.store.postgres.id_sequences import database_identity, detect_restore
from bot.store.postgres.postgres_connection import PostgresConnection
from bot.store.postgres.postgres_errors import CommitStateUnknown, is_connection_lost, to_store_error
from bot.store.postgres.postgres_worker import (
    RETRY_DELAYS_SECONDS,
    PostgresWorker,
    end_stalled_sessions,
    listen,
)
from bot.store.postgres.run_session import reacquire_if_lost
from bot.store.postgres.server_migrations import (
    list_integrity_problems,
    list_missing_privileges,
    load_schema_version,
    migrate,
)
from bot.store.store_errors import AlreadyRunning, DatabaseBroken, DatabaseReplaced, DatabaseUnusable

log = logging.getLogger(__name__)

READER_COUNT = 3
"""Number of database sessions for reading."""
# One round trip: it takes the write lock and returns the transaction id for `pg_xact_status`.
_BEGIN_WRITE_SQL = "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock(1413829720, 1)"
_COMMIT_STATUS_SQL = "SELECT pg_xact_status(CAST(? AS xid8))"


class PostgresDatabase(Database[PostgresConnection, PostgresWorker]):
    """An open database on a PostgreSQL server."""

    is_shared = True
    location: DatabaseUrl
    _begin_read_sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, database_url: DatabaseUrl, clock: Clock) -> None:
        super().__init__(clock)
        self.location = database_url
        self._identity: str | None = None
        self._writers = [PostgresWorker(database_url, self._connect) for _ in self._writer_locks]
        self._readers = [PostgresWorker(database_url, self._connect) for _ in range(READER_COUNT)]
        for reader in self._readers:
            self._idle_readers.put_nowait(reader)

    @classmethod
    async def open(cls, database_url: DatabaseUrl, clock: Clock, *, create: bool = True) -> Self:
        """Connect and migrate the tables; if there are none, `create` them.

        Raises `DatabaseUnusable` or `NewerDatabase`; raises `DatabaseMissing` if there are no tables and
        `create` is False.
        """
        database = cls(database_url, clock)
        try:
            database.is_new = await database._writers[0].run(migrate, database_url, create=create)
            is_restored = await database.transact(detect_restore)
            database._identity = await database.read(database_identity)
            if is_restored:
                log.warning("database identity changed database=%s", database_url)
        except BaseException:
            await database.close()
            raise
        return database

    def _connect(self) -> PostgresConnection:
        """Connect to the server again.

        Raises `DatabaseReplaced` if another server answers, psycopg.Error if the connection fails.
        """
        connection = PostgresConnection(self.location)
        with ExitStack() as cleanup_stack:
            cleanup_stack.callback(connection.raw.close)
            if self._identity is not None and database_identity(connection) != self._identity:
                raise DatabaseReplaced(
                    f"The database {self.location} was restored, or taken over by another server: "
                    f"Telex has to "
                    "start again, to read back what it posted meanwhile."
                )
            cleanup_stack.pop_all()
        return connection

    async def listen_for_events(self, on_event: Callable[[str], None]) -> None:
        await listen(self.location, on_event)

    async def notify(self, event: str) -> None:
        await self.query(PostgresConnection.fetch_row, "SELECT pg_notify('telex', ?)", (event,))

    def _begin(self, db: PostgresConnection) -> str:
        db.execute("BEGIN")
        return str(db.fetch_value(_BEGIN_WRITE_SQL))

    def _commit(self, db: PostgresConnection, transaction_id: str) -> None:
        """Commit the transaction; if the session is lost meanwhile, ask the server for the outcome."""
        try:
            db.execute("COMMIT")
        except psycopg.Error as error:
            if not is_connection_lost(error) or not self._is_committed(transaction_id):
                raise

    def _is_committed(self, transaction_id: str) -> bool:
        """Return whether the transaction of a lost session was committed.

        Raises `CommitStateUnknown` if the server does not answer, `DatabaseReplaced` if another server
        answers.
        """
        for delay_seconds in RETRY_DELAYS_SECONDS:
            time.sleep(delay_seconds)
            with suppress(psycopg.OperationalError):
                connection = self._connect()
                try:
                    while (
                        commit_status := connection.fetch_value(_COMMIT_STATUS_SQL, (transaction_id,))
                    ) == "in progress":
                        # The server may not have noticed yet that the session's client is gone.
                        end_stalled_sessions(connection)
                        time.sleep(0.1)
                    return bool(commit_status == "committed")
                finally:
                    connection.raw.close()
        raise CommitStateUnknown("the connection was lost, and nobody knows whether it had written")

    async def check_alive(self) -> None:
        if isinstance(self.health.fault, DatabaseReplaced):
            raise AlreadyRunning(str(self.health.fault))
        try:
            await asyncio.to_thread(reacquire_if_lost, self.location)
        except psycopg.Error as error:
            self.health.record_failure(to_store_error(error, self.location))

    async def scrub(self, tables: Iterable[str]) -> bool:
        """Rewrite tables without their deleted rows; return False, as the server's log may keep them.

        Raises `StoreError`.
        """

        def rewrite_tables(connection: PostgresConnection) -> None:
            for table_name in tables:
                connection.execute(f"VACUUM (FULL) {table_name}")

        async with self._lock_writer() as writer:
            await writer.run(rewrite_tables)
        return False

    async def measure_size_bytes(self) -> int:
        """Return the size of the database in bytes."""
        return int(await self.query(PostgresConnection.fetch_value, "SELECT pg_database_size(current_database())"))

    async def check(self) -> int:
        """Check privileges, constraints and indexes, and return the schema version.

        Raises `DatabaseUnusable` if privileges are missing, `DatabaseBroken` if an index or constraint is
        invalid.
        """
        if problems := await self.read(list_missing_privileges):
            raise DatabaseUnusable(f"There is no permission to use all of {self.location}: {', '.join(problems)}.")
        if problems := await self.read(list_integrity_problems):
            raise DatabaseBroken(f"The database {self.location} is damaged: {problems[0]}.")
        return await self.read(load_schema_version)

    async def backup(self, path: Path) -> None:
        """Raise `DatabaseUnusable`: a database on a server is backed up with pg_dump."""
        raise DatabaseUnusable(
            f"PostgreSQL copies its databases itself: pg_dump --format=custom --file={path} {self.location}"
        )
