"""That a process runs a bot on a database: a session that holds a lock of the server for as long as it does.

Several may; who needs the database alone takes the lock for itself.
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
    """Run within the block, with others or `alone`. Raises `AlreadyRunning`, `DatabaseUnusable`."""
    try:
        _acquire(server, _ALONE if alone else _WITH_OTHERS)
    except psycopg.Error as error:
        raise to_store_error(error, server) from error
    try:
        yield
    finally:
        with _mutex:
            session = _held_locks.pop(server)[0].raw
        with suppress(psycopg.Error):  # at once: the server may notice only later that a session is closed
            session.execute("SELECT pg_advisory_unlock_all()")
        session.close()


def reacquire_if_lost(server: DatabaseUrl) -> None:
    """Take the lock of this process again where its session was lost, as with a server that was restarted.

    Raises `AlreadyRunning` where another needs the database alone now, psycopg.Error where nobody answers.
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
