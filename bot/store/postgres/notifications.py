"""What other processes tell of: `NOTIFY telex` of the server, heard in a session of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import psycopg

from bot.core.database_server import DatabaseServer
from bot.store.postgres.server_connection import Connection

AGAIN = 2.0
"""Seconds until the next attempt where the session was lost."""


async def listen(server: DatabaseServer, heard: Callable[[str], None]) -> None:
    """Call a function with each notice until this is cancelled, with "" after a time without a session."""
    while True:
        with suppress(psycopg.Error):
            connection = await asyncio.to_thread(_connected, server)
            try:
                heard("")
                await _hear(connection, heard)
            finally:
                connection.raw.close()
        await asyncio.sleep(AGAIN)


def _connected(server: DatabaseServer) -> Connection:
    connection = Connection(server)
    connection.raw.execute("LISTEN telex")
    return connection


async def _hear(connection: Connection, heard: Callable[[str], None]) -> None:
    """Raises psycopg.Error when the session is lost."""
    loop, wire = asyncio.get_running_loop(), connection.raw.pgconn
    while True:
        there = asyncio.Event()
        loop.add_reader(wire.socket, there.set)
        try:
            await there.wait()
        finally:
            loop.remove_reader(wire.socket)
        wire.consume_input()
        while (notice := wire.notifies()) is not None:
            heard(notice.extra.decode())
