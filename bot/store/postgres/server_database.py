"""A database on a PostgreSQL server: a writer, a few readers, each a session with a thread of its own.

A session that is lost is begun anew. What was read is read again; what was written is written again where it
is certain that it was not: after a lost commit the server is asked (`pg_xact_status`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

import psycopg

from bot.core.clock import Clock
from bot.core.database_server import DatabaseServer
from bot.store.condition import Condition
from bot.store.connection import Parameters
from bot.store.postgres.counters import identity, notice_restoration
from bot.store.postgres.notifications import listen
from bot.store.postgres.run_session import check_lock
from bot.store.postgres.server_connection import Connection
from bot.store.postgres.server_errors import is_lost, understand
from bot.store.postgres.server_migrations import forbidden, migrate, problems, schema_version
from bot.store.postgres.server_session import PAUSES, Session, Work
from bot.store.store_errors import (
    AlreadyRunning,
    DatabaseBroken,
    DatabaseReplaced,
    DatabaseUnusable,
    StoreError,
)
from bot.store.transaction import Transaction, fetchall, fetchone, objects

log = logging.getLogger(__name__)

READERS = 3
# One step: who writes waits for its turn, and has a number by which the server knows the end of it.
_BEGIN = "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock(1413829720, 1)"
_END = "SELECT pg_xact_status(CAST(? AS xid8))"

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """An open database on a server. Every method raises `StoreError` and nothing of psycopg's."""

    is_shared = True

    def __init__(self, server: DatabaseServer, clock: Clock) -> None:
        self.place = server
        self.condition = Condition(clock)
        self._lock = asyncio.Lock()
        self._identity: str | None = None
        self._writer = Session(server, self._connect)
        self._urgent_lock, self._urgent_writer = asyncio.Lock(), Session(server, self._connect)
        self._readers = [Session(server, self._connect) for _ in range(READERS)]
        self._idle: asyncio.LifoQueue[Session] = asyncio.LifoQueue()
        for reader in self._readers:
            self._idle.put_nowait(reader)

    @classmethod
    async def open(cls, server: DatabaseServer, clock: Clock) -> Self:
        """Connect, and bring the tables up to date. Raises `DatabaseUnusable`, `NewerDatabase`."""
        database = cls(server, clock)
        try:
            await database._writer.retried(lambda connection: migrate(connection, server))
            is_restored = await database.transact(notice_restoration)
            database._identity = await database.read(identity)
            if is_restored:
                log.warning("The database %s was restored, or taken over by another server", server)
        except BaseException:
            await database.close()
            raise
        return database

    def _connect(self) -> Connection:
        """A session with the server that was there at the start. Raises `DatabaseReplaced`, psycopg.Error."""
        connection = Connection(self.place)
        with ExitStack() as unused:
            unused.callback(connection.raw.close)
            if self._identity is not None and identity(connection) != self._identity:
                raise DatabaseReplaced(
                    f"The database {self.place} was restored, or taken over by another server: Telex has to "
                    "start again, to read back what it posted meanwhile."
                )
            unused.pop_all()
        return connection

    async def close(self) -> None:
        """Close all sessions: running reads are cut short, a running write ends first."""
        await asyncio.gather(*(asyncio.to_thread(reader.interrupt) for reader in self._readers))
        async with self._lock:
            sessions = (*self._readers, self._urgent_writer, self._writer)
            await asyncio.gather(*(session.close() for session in sessions))

    async def notices(self, heard: Callable[[str], None]) -> None:
        """As `Database.notices` of the ports."""
        await listen(self.place, heard)

    async def tell(self, notice: str) -> None:
        """As `Database.tell` of the ports."""
        await self.fetchone("SELECT pg_notify('telex', ?)", (notice,))

    async def transact(self, function: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` in a transaction of its own, undone on any error or cancellation.

        Where the session is lost on the way, or the server undoes it for another's sake, it is run again.
        """
        return await self._transact(self._writing(), function, *args, **kwargs)

    async def urgent(self, function: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `transact`, in a session of its own: it does not wait behind this process's other writes."""
        return await self._transact(
            self._alone(self._urgent_lock, self._urgent_writer), function, *args, **kwargs
        )

    async def _transact(
        self,
        turn: AbstractAsyncContextManager[Session],
        function: Work[P, T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        is_awaited = True

        def whole(connection: Connection) -> T:
            number = _begin(connection)
            result = function(connection, *args, **kwargs)
            if is_awaited:
                self._commit(connection, number)
            else:
                connection.roll_back()
            return result

        async with turn as writer:
            try:
                return await writer.retried(whole)
            except asyncio.CancelledError:
                is_awaited = False
                raise

    def _commit(self, connection: Connection, number: str) -> None:
        """Commit; where the session is lost on the way, ask the server whether it has done so."""
        try:
            connection.execute("COMMIT")
        except psycopg.Error as error:
            if not is_lost(error) or not self._was_committed(number):
                raise

    def _was_committed(self, number: str) -> bool:
        """Whether a transaction whose session was lost is on record. Raises as `_connect`."""
        for pause in PAUSES:
            time.sleep(pause)
            with suppress(psycopg.OperationalError):
                asking = self._connect()
                try:
                    while (end := asking.value(_END, (number,))) == "in progress":
                        time.sleep(0.1)  # the server has not noticed yet that its session is gone
                    return bool(end == "committed")
                finally:
                    asking.raw.close()
        raise psycopg.OperationalError("the connection was lost, and nobody knows whether it had written")

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """One transaction, alone: committed at the end of the block, undone on any error or cancellation."""
        async with self._writing() as writer:
            number = await writer.retried(_begin)
            yield Transaction(writer)
            await writer.run(self._commit, number)

    def _writing(self) -> AbstractAsyncContextManager[Session]:
        """The writer, for one transaction."""
        return self._alone(self._lock, self._writer)

    @asynccontextmanager
    async def _alone(self, lock: asyncio.Lock, writer: Session) -> AsyncIterator[Session]:
        async with lock:
            self.condition.admit()
            try:
                yield writer
            except BaseException as error:
                self.condition.failed(error)
                await asyncio.shield(asyncio.ensure_future(writer.settle()))
                raise
            self.condition.wrote()

    async def read(self, function: Work[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` on a reader's thread; all its queries see one state."""

        def snapshot(connection: Connection) -> T:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                return function(connection, *args, **kwargs)
            finally:
                connection.roll_back()

        return await self._reading(snapshot)

    async def fetchall(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The rows of a query."""
        return await self._reading(lambda connection: fetchall(connection, sql, parameters))

    async def fetchone(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first row of a query, or None."""
        return await self._reading(lambda connection: fetchone(connection, sql, parameters))

    async def objects(self, make: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> list[T]:
        """What `make` makes of the rows of a query, off the event loop."""
        return await self._reading(lambda connection: objects(connection, make, sql, parameters))

    async def _reading(self, function: Callable[[Connection], T]) -> T:
        reader = await self._idle.get()
        end: Callable[[], None] | None = None
        try:
            return await reader.retried(function)
        except asyncio.CancelledError:
            end = reader.interrupt  # off the loop: a server that hangs does not answer that either
            raise
        except StoreError as error:
            self.condition.failed(error)
            raise
        finally:
            if end is None:
                self._idle.put_nowait(reader)
            else:
                ended = asyncio.get_running_loop().run_in_executor(None, end)
                ended.add_done_callback(lambda _: self._idle.put_nowait(reader))

    async def look(self) -> None:
        """As `Store.look`."""
        if isinstance(self.condition.fault, DatabaseReplaced):
            raise AlreadyRunning(str(self.condition.fault))
        try:
            await asyncio.to_thread(check_lock, self.place)
        except psycopg.Error as error:
            self.condition.failed(understand(error, self.place))

    async def scrub(self, tables: Iterable[str]) -> bool:
        """Rewrite tables without what was deleted; False: it may stand in the server's write-ahead log."""

        def rewrite(connection: Connection) -> None:
            for table in tables:
                connection.execute(f"VACUUM (FULL) {table}")

        async with self._writing() as writer:
            await writer.retried(rewrite)
        return False

    async def size(self) -> int:
        """Bytes that the database takes."""
        return int((await self.fetchone("SELECT pg_database_size(current_database())"))[0])

    async def check(self) -> int:
        """The version of the schema, after what can be checked was. Raises `DatabaseBroken`."""
        if found := await self.read(forbidden):
            raise DatabaseUnusable(f"There is no permission to use all of {self.place}: {', '.join(found)}.")
        if found := await self.read(problems):
            raise DatabaseBroken(f"The database {self.place} is damaged: {found[0]}.")
        return await self.read(schema_version)

    async def backup(self, path: Path) -> None:
        """A server has its own tools for that. Raises `DatabaseUnusable`."""
        raise DatabaseUnusable(
            f"PostgreSQL copies its databases itself: pg_dump --format=custom --file={path} {self.place}"
        )


def _begin(connection: Connection) -> str:
    connection.execute("BEGIN")
    return str(connection.value(_BEGIN))
