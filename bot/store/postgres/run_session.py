"""Run lock of a PostgreSQL database: a session that holds an advisory lock while the process runs.

Running bots share the lock; a process that needs the database alone takes it exclusively.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from bot.core.database_url import DatabaseUrl
from bot.store.postgres.server_connection import PostgresConnection
from bot.store.postgres.server_errors import to_store_error
from bot.store.store_errors import AlreadyRunning

_WITH_OTHERS = "SELECT pg_try_advisory_lock_shared(1413829720, 2)"
_ALONE = "SELECT pg_try_advisory_lock(1413829720, 2)"

_held_locks: dict[DatabaseUrl, tuple[PostgresConnection, str]] = {}
_mutex = threading.Lock()


@contextmanager
def lock_for_run(server: DatabaseUrl, *, alone: bool) -> Iterator[None]:
    """Hold the run lock within the block, shared or `alone`.

    Raises `AlreadyRunning` if another process holds a conflicting lock, `DatabaseUnusable` if the server
    cannot be reached.
    """
    try:
        _acquire(server, _ALONE if alone else _WITH_OTHERS)
    except psycopg.Error as error:
        raise to_store_error(error, server) from error
    try:
        yield
    finally:
        with _mutex:
            session = _held_locks.pop(server)[0].raw
        # Unlock explicitly, because the server may notice the closed session only later.
        with suppress(psycopg.Error):
            session.execute("SELECT pg_advisory_unlock_all()")
        session.close()


def reacquire_if_lost(server: DatabaseUrl) -> None:
    """Take this process's run lock again if its session was lost, such as after a restart of the server.

    Raises `AlreadyRunning` if another process holds a conflicting lock now, psycopg.Error if the server does
    not answer.
    """
    with _mutex:
        held, kind = _held_locks.get(server, (None, ""))
        if held is not None:
            try:
                held.raw.execute("SELECT 1")
            except psycopg.OperationalError:
                held.raw.close()
            else:
                return
    if held is not None:
        _acquire(server, kind)


def _acquire(server: DatabaseUrl, kind: str) -> None:
    connection = PostgresConnection(server)
    if not connection.value(kind):
        connection.raw.close()
        raise AlreadyRunning(f"Telex is already running with the database {server}.")
    with _mutex:
        _held_locks[server] = connection, kind
