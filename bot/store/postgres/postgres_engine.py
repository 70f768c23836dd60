"""The engine for a database on a PostgreSQL server: each writer and reader has its own thread and session.

A lost session is replaced. Reads are repeated; a write is repeated only if it certainly was not committed.
After a lost COMMIT the server is asked with `pg_xact_status`; without an answer the caller gets an error.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg

from bot.core.configuration.database_url import DatabaseUrl
from bot.store.engine import DatabaseHealth
from bot.store.meta import NEVER_REUSED_ID_TABLES, RESTORED_ID_GAP, RESTORED_KEY
from bot.store.postgres.postgres_connection import (
    SCHEMA,
    CommitStateUnknown,
    PostgresConnection,
    is_connection_lost,
    to_store_error,
)
from bot.store.postgres.postgres_worker import (
    RETRY_DELAYS_SECONDS,
    PostgresWorker,
    end_stalled_sessions,
    listen,
)
from bot.store.schema_scripts import load_pending_scripts
from bot.store.store_errors import DatabaseBroken, DatabaseMissing, DatabaseUnusable, OtherServerAnswers, ProcessMustEnd

log = logging.getLogger(__name__)

_IDENTITY_KEY = "identity"
# A dump and restore changes the oid of a table; a server restored from an older copy of its files, or a
# promoted replica, which may lack the latest writes, starts a new timeline.
# Everyone may execute now(): the oid is always part of the identity.
_IDENTITY_EXPRESSION_BY_REQUIRED_FUNCTION = {
    "pg_control_system()": "(SELECT system_identifier FROM pg_control_system())",
    "pg_walfile_name(pg_lsn)": "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)",
    "now()": "CAST(CAST('meta' AS regclass) AS oid)",
}


def record_restore(connection: PostgresConnection) -> bool:
    """Mark the database as restored from a backup if its identifiers say so, and return whether they do.

    A restored database may lack the latest rows: ids that Discord may know from these are skipped.
    """
    current_identity = load_database_identity(connection)
    stored_identity = connection.fetch_value("SELECT value FROM meta WHERE name = ?", (_IDENTITY_KEY,))
    if stored_identity == current_identity:
        return False
    connection.execute("DELETE FROM meta WHERE name = ?", (_IDENTITY_KEY,))
    connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (_IDENTITY_KEY, current_identity))
    if stored_identity is None:
        return False
    connection.execute("INSERT INTO meta (name, value) VALUES (?, '1') ON CONFLICT (name) DO NOTHING", (RESTORED_KEY,))
    set_last_ids(
        connection,
        {table_name: last_id + RESTORED_ID_GAP for table_name, last_id in load_last_ids(connection).items()},
    )
    return True


def load_database_identity(connection: PostgresConnection) -> str:
    """Return a text that changes when the database is restored from a backup or a replica takes over.

    The text consists of those identifiers of the server that the database user may read.
    """
    permitted_expressions = (
        expression
        for function_signature, expression in _IDENTITY_EXPRESSION_BY_REQUIRED_FUNCTION.items()
        if connection.fetch_value("SELECT has_function_privilege(?, 'EXECUTE')", (function_signature,))
    )
    return str(connection.fetch_value(f"SELECT concat_ws('/', {', '.join(permitted_expressions)})"))


def load_last_ids(connection: PostgresConnection) -> dict[str, int]:
    """Return the last assigned id of each table that never uses an id twice, even after its row was deleted."""
    return {
        table_name: connection.fetch_value(
            f"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {table_name}_id_seq"
        )
        for table_name in NEVER_REUSED_ID_TABLES
    }


def set_last_ids(connection: PostgresConnection, last_id_by_table: Mapping[str, int]) -> None:
    """Have each table assign only ids above its rows' ids and above its id in `last_id_by_table`, if it has one."""
    rows = connection.execute(
        "SELECT table_name FROM information_schema.columns "
        "WHERE table_schema = ? AND column_name = 'id' AND is_identity = 'YES'",
        (SCHEMA,),
    )
    for (table_name,) in rows.fetchall():
        largest_id = connection.fetch_value(f"SELECT coalesce(max(id), 0) FROM {table_name}")
        connection.execute(
            f"SELECT setval('{table_name}_id_seq', CAST(? AS BIGINT), false)",
            (max(largest_id, last_id_by_table.get(table_name, 0)) + 1,),
        )


_SHARED_LOCK_SQL = "SELECT pg_try_advisory_lock_shared(1413829720, 2)"
_EXCLUSIVE_LOCK_SQL = "SELECT pg_try_advisory_lock(1413829720, 2)"

_run_locks: dict[DatabaseUrl, tuple[PostgresConnection, str]] = {}
_run_locks_mutex = threading.Lock()


@contextmanager
def lock_for_run(database_url: DatabaseUrl, *, exclusive: bool) -> Iterator[None]:
    """Hold the run lock within the `with` block: alone if `exclusive`, otherwise shared with others.

    Raises `ProcessMustEnd` if another process holds a conflicting lock, `DatabaseUnusable` if the server
    cannot be reached.
    """
    try:
        _acquire_run_lock(database_url, _EXCLUSIVE_LOCK_SQL if exclusive else _SHARED_LOCK_SQL)
    except psycopg.Error as error:
        raise to_store_error(error, database_url) from error
    try:
        yield
    finally:
        with _run_locks_mutex:
            raw_connection = _run_locks.pop(database_url)[0].raw_connection
        # Unlock explicitly, because the server may notice the closed session only later.
        with suppress(psycopg.Error):
            raw_connection.execute("SELECT pg_advisory_unlock_all()")
        raw_connection.close()


def reacquire_if_lost(database_url: DatabaseUrl) -> None:
    """Take this process's run lock again if its session was lost, such as after a restart of the server.

    Raises `ProcessMustEnd` if another process now holds a conflicting lock, psycopg.Error if the server does
    not answer.
    """
    with _run_locks_mutex:
        connection, lock_sql = _run_locks.get(database_url, (None, ""))
        if connection is not None:
            try:
                connection.raw_connection.execute("SELECT 1")
            except psycopg.OperationalError:
                connection.raw_connection.close()
            else:
                return
    if connection is not None:
        _acquire_run_lock(database_url, lock_sql)


def _acquire_run_lock(database_url: DatabaseUrl, lock_sql: str) -> None:
    connection = PostgresConnection(database_url)
    if not connection.fetch_value(lock_sql):
        connection.raw_connection.close()
        raise ProcessMustEnd(f"Telex is already running with the database {database_url}.")
    with _run_locks_mutex:
        _run_locks[database_url] = connection, lock_sql


PACKAGE_DIRECTORY = Path(__file__).parent
MIN_SERVER_VERSION = 150_000
"""Oldest supported version of the server, in the notation of `server_version_num`."""
_MIGRATION_LOCK_SQL = "SELECT pg_advisory_xact_lock(1413829720, 3)"


def migrate(connection: PostgresConnection, database_url: DatabaseUrl, *, create: bool = True) -> bool:
    """Apply the missing migrations and return whether the database is new.

    An interruption leaves the database at its old version. Raises `NewerDatabase`, `DatabaseUnusable` or
    psycopg.Error; raises `DatabaseMissing` if there are no tables and `create` is False.
    """
    _require_supported_server(connection, database_url)
    schema_version = load_schema_version(connection)
    script_by_number = load_pending_scripts(schema_version, "postgres")
    if not schema_version and not create:
        raise DatabaseMissing(database_url)
    if not script_by_number:
        return False
    if schema_version:
        log.info("database migration started from_version=%d to_version=%d", schema_version, max(script_by_number))
    raw_connection = connection.raw_connection
    raw_connection.execute("BEGIN")
    try:
        raw_connection.execute(_MIGRATION_LOCK_SQL)
        # Another process may have migrated the database before the lock was taken.
        schema_version = load_schema_version(connection)
        if not raw_connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchone():
            raw_connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for migration_number, script in load_pending_scripts(schema_version, "postgres").items():
            raw_connection.execute(script.encode())
            raw_connection.execute("DELETE FROM schema_version")
            raw_connection.execute("INSERT INTO schema_version (number) VALUES (%s)", (migration_number,))
            log.debug("database migrated version=%d", migration_number)
        raw_connection.execute((PACKAGE_DIRECTORY / "functions.sql").read_bytes())
        raw_connection.execute("COMMIT")
    except BaseException:
        connection.roll_back()
        raise
    return not schema_version


def load_schema_version(connection: PostgresConnection) -> int:
    """Return the number of the last applied migration, or 0 if the schema has no tables."""
    if connection.fetch_value("SELECT to_regclass('schema_version')") is None:
        return 0
    return int(connection.fetch_value("SELECT max(number) FROM schema_version") or 0)


def list_missing_privileges(connection: PostgresConnection) -> list[str]:
    """Return the names of tables that the database user may not read or write."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = CAST(? AS regnamespace) "
        "AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') "
        "AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))",
        (SCHEMA,),
    )
    return [row[0] for row in rows]


def list_integrity_problems(connection: PostgresConnection) -> list[str]:
    """Return descriptions of constraints and indexes that are not valid.

    Damage of files is not examined: that is the server's concern.
    """
    return [
        f"{row['name']} is not {row['required_state']}"
        for row in connection.execute(
            "SELECT conname AS name, 'checked' AS required_state FROM pg_constraint "
            "WHERE connamespace = CAST(? AS regnamespace) AND NOT convalidated "
            "UNION ALL SELECT indexrelid::regclass::text, 'valid' FROM pg_index "
            "JOIN pg_class ON pg_class.oid = indexrelid "
            "WHERE relnamespace = CAST(? AS regnamespace) AND NOT indisvalid",
            (SCHEMA, SCHEMA),
        )
    ]


def _require_supported_server(connection: PostgresConnection, database_url: DatabaseUrl) -> None:
    version_number, version_name, encoding = (
        connection.fetch_value(f"SELECT current_setting('{setting_name}')")
        for setting_name in ("server_version_num", "server_version", "server_encoding")
    )
    if int(version_number) < MIN_SERVER_VERSION:
        raise DatabaseUnusable(f"The server is PostgreSQL {version_name}; Telex needs 15 or later.")
    if encoding != "UTF8":
        raise DatabaseUnusable(
            f"The database {database_url} has the encoding {encoding}; Telex needs UTF8: "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )


# One round trip: it takes the write lock (any two numbers) and returns the transaction id for `pg_xact_status`.
_BEGIN_WRITE_SQL = "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock(1413829720, 1)"
_COMMIT_STATUS_SQL = "SELECT pg_xact_status(CAST(? AS xid8))"


class PostgresEngine:
    """What the store does otherwise on a PostgreSQL server than on SQLite: connect, migrate, commit, check, scrub."""

    is_shared = True
    writer_count = 2
    begin_read_sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    load_last_ids = staticmethod(load_last_ids)
    set_last_ids = staticmethod(set_last_ids)
    load_schema_version = staticmethod(load_schema_version)

    def __init__(self, database_url: DatabaseUrl) -> None:
        self.location = database_url
        self._identity: str | None = None

    def require_exists(self) -> None:
        """Do nothing: a database on a server is checked when it is opened."""

    def lock_for_run(self, *, exclusive: bool) -> AbstractContextManager[None]:
        return lock_for_run(self.location, exclusive=exclusive)

    async def open_worker(self, *, is_writer: bool) -> PostgresWorker:  # noqa: ARG002 - reads begin read-only
        """Return a worker (a database session with a thread of its own), which connects when it is used."""
        return PostgresWorker(self.location, self._connect)

    def prepare(self, db: PostgresConnection, *, create: bool) -> bool:
        """Migrate the database, remember its identity to notice another one later, and return whether it is new."""
        is_new = migrate(db, self.location, create=create)
        transaction_id = self.begin(db)
        is_restored = record_restore(db)
        self.commit(db, transaction_id)
        self._identity = load_database_identity(db)
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
            if self._identity is not None and load_database_identity(connection) != self._identity:
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
        if problems := list_missing_privileges(db):
            return DatabaseUnusable(f"There is no permission to use all of {self.location}: {', '.join(problems)}.")
        if problems := list_integrity_problems(db):
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
            await asyncio.to_thread(reacquire_if_lost, self.location)
        except psycopg.Error as error:
            health.record_failure(to_store_error(error, self.location))

    async def backup(self, path: Path) -> None:
        """Raise `DatabaseUnusable`: a database on a server is backed up with pg_dump."""
        raise DatabaseUnusable(
            f"PostgreSQL copies its databases itself: pg_dump --format=custom --file={path} {self.location}"
        )

    def close(self) -> None:
        """Do nothing: the engine holds no connection."""
