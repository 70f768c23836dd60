"""One running bot a database: a session that holds a lock of the server for as long as the bot runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from bot.core.database_server import DatabaseServer
from bot.store.postgres.server_connection import Connection
from bot.store.postgres.server_errors import understand
from bot.store.store_errors import AlreadyRunning

_TAKE = "SELECT pg_try_advisory_lock(1413829720, 2)"

_held: dict[DatabaseServer, Connection] = {}
_one_at_a_time = threading.Lock()


@contextmanager
def lock_for_run(server: DatabaseServer) -> Iterator[None]:
    """Be the one running bot of a database within the block. Raises `AlreadyRunning`, `DatabaseUnusable`."""
    try:
        _take(server)
    except psycopg.Error as error:
        raise understand(error, server) from error
    try:
        yield
    finally:
        with _one_at_a_time:
            _held.pop(server).raw.close()


def check_lock(server: DatabaseServer) -> None:
    """Take the lock of this process again where its session was lost, as with a server that was restarted.

    Raises `AlreadyRunning` where another has it now, psycopg.Error where nobody answers.
    """
    with _one_at_a_time:
        held = _held.get(server)
        if held is not None:
            try:
                held.raw.execute("SELECT 1")
            except psycopg.OperationalError:
                held.raw.close()
            else:
                return
    if held is not None:
        _take(server)


def _take(server: DatabaseServer) -> None:
    connection = Connection(server)
    if not connection.value(_TAKE):
        connection.raw.close()
        raise AlreadyRunning(f"Telex is already running with the database {server}.")
    with _one_at_a_time:
        _held[server] = connection
