"""A session on a PostgreSQL server with a thread of its own, begun anew where it is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from bot.core.database_server import DatabaseServer
from bot.store.postgres.server_connection import Connection
from bot.store.postgres.server_errors import is_conflict, is_lost, understand
from bot.store.store_errors import StoreError

PAUSES = (0.0, 0.1, 0.5, 2.0)
"""Seconds before each further attempt at what another session may succeed in: a server restarts in less."""
CONFLICTS = 20
"""Attempts at a transaction that the server undoes for another's sake."""

P = ParamSpec("P")
T = TypeVar("T")
Work = Callable[Concatenate[Connection, P], T]


class Session:
    """A connection with its thread, connected when it is used."""

    def __init__(self, server: DatabaseServer, connect: Callable[[], Connection]) -> None:
        self.server = server
        self._connect = connect
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._connection: Connection | None = None
        self._is_awaited = True
        self.is_open = True

    async def run(self, function: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` on this session's thread, within the transaction that is open there.

        It runs to its end even when the waiting task is cancelled; what is run later runs after it. Raises
        `StoreError`.
        """
        return await self._do(lambda: function(self._used(), *args, **kwargs))

    async def retried(self, function: Callable[[Connection], T]) -> T:
        """Run what leaves no transaction open, on a new connection where the old one is lost."""
        self._is_awaited = True
        return await self._do(lambda: self._insist(function))

    async def _do(self, work: Callable[[], T]) -> T:
        if not self.is_open:
            raise StoreError("The database is closed.")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except psycopg.Error as error:
            raise understand(error, self.server) from error

    def _used(self) -> Connection:
        if self._connection is None:
            raise psycopg.OperationalError("the connection was lost")
        return self._connection

    def _insist(self, function: Callable[[Connection], T]) -> T:
        pauses, conflicts = iter(PAUSES), CONFLICTS
        while True:
            try:
                if self._connection is None or self._connection.raw.closed:
                    self._connection = self._connect()
                return function(self._connection)
            except psycopg.Error as error:
                self.forget()
                if is_conflict(error) and (conflicts := conflicts - 1) > 0:
                    continue
                pause = next(pauses, None)
                if not is_lost(error) or pause is None or not (self.is_open and self._is_awaited):
                    raise
                time.sleep(pause)

    def forget(self) -> None:
        """Undo what is open, and let go of a connection that is lost."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.roll_back()
                if not self._connection.raw.broken:
                    return
            self._connection.raw.close()
            self._connection = None

    async def settle(self) -> None:
        """Leave no transaction open, whatever still runs."""
        if not self.is_open:
            return
        await asyncio.get_running_loop().run_in_executor(self._thread, self.forget)

    def interrupt(self) -> None:
        """Have the server end what runs there now, which may take seconds: nobody waits for its answer."""
        self._is_awaited = False
        if (connection := self._connection) is not None:
            with suppress(psycopg.Error):
                connection.raw.cancel_safe(timeout=5)

    async def close(self) -> None:
        """Close it after what was asked of it."""
        if self.is_open:
            self.is_open = False
            await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
            self._thread.shutdown(wait=False)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.raw.close()
