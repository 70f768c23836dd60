"""That a process runs a bot on a database: a session that holds a lock of the server for as long as it does.

Several may; who needs the database alone takes the lock for itself.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg

from bot.core.database_server import DatabaseServer
from bot.store.postgres.server_connection import Connection
from bot.store.postgres.server_errors import understand
from bot.store.store_errors import AlreadyRunning

_WITH_OTHERS = "SELECT pg_try_advisory_lock_shared(1413829720, 2)"
_ALONE = "SELECT pg_try_advisory_lock(1413829720, 2)"

_held: dict[DatabaseServer, tuple[Connection, str]] = {}
_one_at_a_time = threading.Lock()


@contextmanager
def lock_for_run(server: DatabaseServer, *, alone: bool) -> Iterator[None]:
    """Run within the block, with others or `alone`. Raises `AlreadyRunning`, `DatabaseUnusable`."""
    try:
        _take(server, _ALONE if alone else _WITH_OTHERS)
    except psycopg.Error as error:
        raise understand(error, server) from error
    try:
        yield
    finally:
        with _one_at_a_time:
            session = _held.pop(server)[0].raw
        with suppress(psycopg.Error):  # at once: the server may notice only later that a session is closed
            session.execute("SELECT pg_advisory_unlock_all()")
        session.close()


def check_lock(server: DatabaseServer) -> None:
    """Take the lock of this process again where its session was lost, as with a server that was restarted.

    Raises `AlreadyRunning` where another needs the database alone now, psycopg.Error where nobody answers.
    """
    with _one_at_a_time:
        held, kind = _held.get(server, (None, ""))
        if held is not None:
            try:
                held.raw.execute("SELECT 1")
            except psycopg.OperationalError:
                held.raw.close()
            else:
                return
    if held is not None:
        _take(server, kind)


def _take(server: DatabaseServer, kind: str) -> None:
    connection = Connection(server)
    if not connection.value(kind):
        connection.raw.close()
        raise AlreadyRunning(f"Telex is already running with the database {server}.")
    with _one_at_a_time:
        _held[server] = connection, kind
