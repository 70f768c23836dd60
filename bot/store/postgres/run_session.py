"""Run lock of a PostgreSQL database: a session that holds an advisory lock while the process runs.

Running bots share the lock; a process that needs the database alone takes it exclusively.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from bot.core.configuration.database_url import DatabaseUrl
from bot.store.postgres.postgres_connection import PostgresConnection
from bot.store.postgres.postgres_errors import to_store_error
from bot.store.store_errors import ProcessMustEnd

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
