"""PostgreSQL sessions with their own threads, replaced when lost, and a listener for notifications."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Concatenate, ParamSpec, TypeVar

import psycopg

from bot.core.configuration.database_url import DatabaseUrl
from bot.store.postgres.postgres_connection import (
    CommitStateUnknown,
    PostgresConnection,
    is_conflict,
    is_connection_lost,
    is_lock_timeout,
    to_store_error,
)
from bot.store.store_errors import StoreError

log = logging.getLogger(__name__)

RETRY_DELAYS_SECONDS = (0.0, 0.1, 0.5, 2.0)
"""Seconds before each retry after a lost connection: together long enough for a server to restart."""
MAX_CONFLICT_ATTEMPTS = 20
"""Maximum number of attempts at a transaction that the server aborts because of conflicts."""
MAX_LOCK_ATTEMPTS = 10
"""Maximum number of attempts at a lock that another session holds, each of `lock_timeout`: 30 s in all."""
STALLED_AFTER_SECONDS = 4.0
"""Seconds after which a session that waits for its client within a transaction counts as stalled."""
CANCEL_INTERVAL_SECONDS = 0.1
"""Seconds between two requests to cancel the running statement."""

# `state` is useless here: after a pipeline the server shows a session that waits for its client as "active".
_END_STALLED_SQL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = current_setting('application_name')
  AND pid <> pg_backend_pid() AND pg_has_role(usesysid, 'USAGE')
  AND xact_start IS NOT NULL AND wait_event_type = 'Client'
  AND state_change < clock_timestamp() - make_interval(secs => CAST(? AS DOUBLE PRECISION))
"""

P = ParamSpec("P")
T = TypeVar("T")
WorkerFunction = Callable[Concatenate[PostgresConnection, P], T]


class PostgresWorker:
    """A PostgreSQL connection with its own thread, connected on first use and again after it was lost."""

    is_dead = False
    """Whether the worker has to be replaced: never, because it replaces a lost connection by itself."""

    def __init__(self, database_url: DatabaseUrl, connect: Callable[[], PostgresConnection]) -> None:
        self.database_url = database_url
        self._connect = connect
        self._thread_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._connection: PostgresConnection | None = None
        self._is_result_awaited = True
        self.is_open = True

    async def run(self, function: WorkerFunction[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` on the thread; repeat it after a conflict, a lock timeout or a lost connection.

        It is not repeated if its transaction may have been committed. Raises `StoreError`.
        """
        if not self.is_open:
            raise StoreError("The database is closed.")
        self._is_result_awaited = True
        try:
            return await self._run_on_thread(lambda: self._run_with_retries(lambda db: function(db, *args, **kwargs)))
        except psycopg.Error as error:
            raise to_store_error(error, self.database_url) from error

    async def _run_on_thread(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread_executor, function)

    def _run_with_retries(self, function: Callable[[PostgresConnection], T]) -> T:
        retry_delays, remaining_conflict_attempts, remaining_lock_attempts = (
            iter(RETRY_DELAYS_SECONDS),
            MAX_CONFLICT_ATTEMPTS,
            MAX_LOCK_ATTEMPTS,
        )
        while True:
            try:
                if self._connection is None or self._connection.raw_connection.closed:
                    self._connection = self._connect()
                return function(self._connection)
            except psycopg.Error as error:
                self.reset_connection()
                if is_conflict(error) and (remaining_conflict_attempts := remaining_conflict_attempts - 1) > 0:
                    continue
                if not self._can_retry:
                    raise
                if is_lock_timeout(error) and (remaining_lock_attempts := remaining_lock_attempts - 1) > 0:
                    self._end_stalled_sessions()
                    continue
                delay_seconds = next(retry_delays, None)
                if delay_seconds is None or not is_connection_lost(error) or isinstance(error, CommitStateUnknown):
                    raise
                time.sleep(delay_seconds)

    @property
    def _can_retry(self) -> bool:
        return self.is_open and self._is_result_awaited

    def _end_stalled_sessions(self) -> None:
        if self._connection is not None:
            with suppress(psycopg.Error):
                end_stalled_sessions(self._connection)

    def reset_connection(self) -> None:
        """Roll back an open transaction, or drop the connection if it is lost."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.roll_back()
                if not self._connection.raw_connection.broken:
                    return
            self._connection.raw_connection.close()
            self._connection = None

    async def roll_back_open_transaction(self) -> None:
        """Roll back the transaction that the last function left open, or drop the connection if it is lost."""
        if self.is_open:
            await self._run_on_thread(self.reset_connection)

    async def interrupt(self) -> None:
        """Cancel the running function at its current or next statement, and wait until it has ended."""
        self._is_result_awaited = False
        if not self.is_open:
            return
        drain_future = asyncio.ensure_future(self._run_on_thread(lambda: None))
        while not drain_future.done():
            if (connection := self._connection) is not None:
                with suppress(psycopg.Error):
                    await asyncio.to_thread(connection.raw_connection.cancel_safe, timeout=5)
            await asyncio.wait([drain_future], timeout=CANCEL_INTERVAL_SECONDS)

    async def close(self) -> None:
        if self.is_open:
            self.is_open = False
            await self._run_on_thread(self._disconnect)
            self._thread_executor.shutdown(wait=False)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.raw_connection.close()


def end_stalled_sessions(connection: PostgresConnection) -> None:
    """Terminate sessions of Telex that stalled within a transaction, which releases their locks.

    A session stalls if its process is suspended or cut off; if that process resumes, it repeats the
    transaction. Raises psycopg.Error.
    """
    if terminated_rows := connection.fetch_rows(_END_STALLED_SQL, (STALLED_AFTER_SECONDS,)):
        log.warning("sessions ended count=%d reason=stalled-in-transaction", len(terminated_rows))


LISTEN_RETRY_SECONDS = 2.0
"""Seconds after which the listener for notifications reconnects once its session was lost."""


async def listen(database_url: DatabaseUrl, on_event: Callable[[str], None]) -> None:
    """Call `on_event` with the text of each notification until cancelled.

    An empty text after each connection means that notifications may have been missed before.
    """
    while True:
        with suppress(psycopg.Error):
            connection = await asyncio.to_thread(_connect_listener, database_url)
            try:
                on_event("")
                await _receive_notifications(connection, on_event)
            finally:
                connection.raw_connection.close()
        await asyncio.sleep(LISTEN_RETRY_SECONDS)


def _connect_listener(database_url: DatabaseUrl) -> PostgresConnection:
    connection = PostgresConnection(database_url)
    connection.raw_connection.execute("LISTEN telex")
    return connection


async def _receive_notifications(connection: PostgresConnection, on_event: Callable[[str], None]) -> None:
    """Pass notifications to `on_event` until the session is lost. Raises psycopg.Error then."""
    loop, libpq_connection = asyncio.get_running_loop(), connection.raw_connection.pgconn
    while True:
        readable_event = asyncio.Event()
        loop.add_reader(libpq_connection.socket, readable_event.set)
        try:
            await readable_event.wait()
        finally:
            loop.remove_reader(libpq_connection.socket)
        libpq_connection.consume_input()
        while (notification := libpq_connection.notifies()) is not None:
            on_event(notification.extra.decode())
