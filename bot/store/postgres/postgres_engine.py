"""The engine for a database on a PostgreSQL server: each writer and reader has its own thread and session.

A lost session is replaced. Reads are repeated; a write is repeated only if it certainly was not committed.
After a lost COMMIT the server is asked with `pg_xact_status`; without an answer the caller gets an error.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

import psycopg

from bot.core.configuration.database_url import DatabaseUrl
from bot.store.database_health import DatabaseHealth
from bot.store.postgres import id_sequences, run_session, server_migrations
from bot.store.postgres.postgres_connection import PostgresConnection
from bot.store.postgres.postgres_errors import CommitStateUnknown, is_connection_lost, to_store_error
from bot.store.postgres.postgres_worker import (
    RETRY_DELAYS_SECONDS,
    PostgresWorker,
    end_stalled_sessions,
    listen,
)
from bot.store.store_errors import DatabaseBroken, DatabaseUnusable, OtherServerAnswers, ProcessMustEnd

log = logging.getLogger(__name__)

# One round trip: it takes the write lock (any two numbers) and returns the transaction id for `pg_xact_status`.
_BEGIN_WRITE_SQL = "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock(1413829720, 1)"
_COMMIT_STATUS_SQL = "SELECT pg_xact_status(CAST(? AS xid8))"


class PostgresEngine:
    """What the store does otherwise on a PostgreSQL server than on SQLite: connect, migrate, commit, check, scrub."""

    is_shared = True
    writer_count = 2
    begin_read_sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    load_last_ids = staticmethod(id_sequences.load_last_ids)
    set_last_ids = staticmethod(id_sequences.set_last_ids)
    load_schema_version = staticmethod(server_migrations.load_schema_version)

    def __init__(self, database_url: DatabaseUrl) -> None:
        self.location = database_url
        self._identity: str | None = None

    def require_exists(self) -> None:
        """Do nothing: a database on a server is checked when it is opened."""

    def lock_for_run(self, *, exclusive: bool) -> AbstractContextManager[None]:
        return run_session.lock_for_run(self.location, exclusive=exclusive)

    async def open_worker(self, *, is_writer: bool) -> PostgresWorker:  # noqa: ARG002 - reads begin read-only
        """Return a worker (a database session with a thread of its own), which connects when it is used."""
        return PostgresWorker(self.location, self._connect)

    def prepare(self, db: PostgresConnection, *, create: bool) -> bool:
        """Migrate the database, remember its identity to notice another one later, and return whether it is new."""
        is_new = server_migrations.migrate(db, self.location, create=create)
        transaction_id = self.begin(db)
        is_restored = id_sequences.record_restore(db)
        self.commit(db, transaction_id)
        self._identity = id_sequences.load_database_identity(db)
        if is_restored:
            log.warning("database identity changed database=%s", self.location)
        return is_new

    def _connect(self) -> PostgresConnection:
        """Connect to the server.

        Raises `OtherServerAnswers` if another database than the prepared one answers, psycopg.Error if the
        connection fails.
        """
        connection = PostgresConnection(self.location)
        with ExitStack() as cleanup_stack:
            cleanup_stack.callback(connection.raw_connection.close)
            if self._identity is not None and id_sequences.load_database_identity(connection) != self._identity:
                raise OtherServerAnswers(
                    f"The database {self.location} was restored, or taken over by another server: "
                    f"Telex has to "
                    "start again, to read back what it posted meanwhile."
                )
            cleanup_stack.pop_all()
        return connection

    def begin(self, db: PostgresConnection) -> str:
        db.execute("BEGIN")
        return str(db.fetch_value(_BEGIN_WRITE_SQL))

    def commit(self, db: PostgresConnection, transaction_id: str) -> None:
        """Commit the transaction; if the session is lost meanwhile, ask the server for the outcome."""
        try:
            db.execute("COMMIT")
        except psycopg.Error as error:
            if not is_connection_lost(error) or not self._is_committed(transaction_id):
                raise

    def _is_committed(self, transaction_id: str) -> bool:
        """Return whether the transaction of a lost session was committed.

        Raises `CommitStateUnknown` if the server does not answer, `OtherServerAnswers` if another server
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
                    connection.raw_connection.close()
        raise CommitStateUnknown("the connection was lost, and nobody knows whether it had written")

    def measure_size_bytes(self, db: PostgresConnection) -> int:
        return int(db.fetch_value("SELECT pg_database_size(current_database())"))

    def find_problem(self, db: PostgresConnection) -> DatabaseUnusable | DatabaseBroken | None:
        """Check privileges, constraints and indexes, and return the first problem."""
        if problems := server_migrations.list_missing_privileges(db):
            return DatabaseUnusable(f"There is no permission to use all of {self.location}: {', '.join(problems)}.")
        if problems := server_migrations.list_integrity_problems(db):
            return DatabaseBroken(f"The database {self.location} is damaged: {problems[0]}.")
        return None

    def scrub(self, db: PostgresConnection, tables: Iterable[str]) -> bool:
        """Rewrite tables without their deleted rows; return False, as the server's log may keep them."""
        for table_name in tables:
            db.execute(f"VACUUM (FULL) {table_name}")
        return False

    def notify(self, db: PostgresConnection, event: str) -> None:
        db.execute("SELECT pg_notify('telex', ?)", (event,))

    async def listen(self, on_event: Callable[[str], None]) -> None:
        await listen(self.location, on_event)

    async def check_alive(self, health: DatabaseHealth) -> None:
        if isinstance(health.fault, OtherServerAnswers):
            raise ProcessMustEnd(str(health.fault))
        try:
            await asyncio.to_thread(run_session.reacquire_if_lost, self.location)
        except psycopg.Error as error:
            health.record_failure(to_store_error(error, self.location))

    async def backup(self, path: Path) -> None:
        """Raise `DatabaseUnusable`: a database on a server is backed up with pg_dump."""
        raise DatabaseUnusable(
            f"PostgreSQL copies its databases itself: pg_dump --format=custom --file={path} {self.location}"
        )

    def close(self) -> None:
        """Do nothing: the engine holds no connection."""
