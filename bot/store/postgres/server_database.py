"""A database on a PostgreSQL server: a writer, a few readers, each a session with a thread of its own.

A session that is lost is begun anew. What was read is read again; what was written is written again where it
is certain that it was not: after a lost commit the server is asked (`pg_xact_status`), and where it does not
answer whoever wrote is told so.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import psycopg

from bot.core.clock import Clock
from bot.core.database_server import DatabaseServer
from bot.store import ports
from bot.store.postgres.counters import identity, notice_restoration
from bot.store.postgres.run_session import check_lock
from bot.store.postgres.server_connection import Connection
from bot.store.postgres.server_errors import UnknownEnd, is_lost, understand
from bot.store.postgres.server_migrations import forbidden, migrate, problems, schema_version
from bot.store.postgres.server_session import PAUSES, Session, end_stalled_sessions, listen
from bot.store.store_errors import AlreadyRunning, DatabaseBroken, DatabaseReplaced, DatabaseUnusable

log = logging.getLogger(__name__)

READERS = 3
# One step: who writes waits for its turn, and has a number by which the server knows the end of it.
_BEGIN = "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock(1413829720, 1)"
_END = "SELECT pg_xact_status(CAST(? AS xid8))"


class Database(ports.Database[Connection, Session]):
    """An open database on a server."""

    is_shared = True
    place: DatabaseServer
    _snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, server: DatabaseServer, clock: Clock) -> None:
        super().__init__(clock)
        self.place = server
        self._identity: str | None = None
        self._writers = [Session(server, self._connect) for _ in self._locks]
        self._readers = [Session(server, self._connect) for _ in range(READERS)]
        for reader in self._readers:
            self._idle.put_nowait(reader)

    @classmethod
    async def open(cls, server: DatabaseServer, clock: Clock, *, create: bool = True) -> Self:
        """Connect, and bring the tables up to date; where there are none, `create` them.

        Raises `DatabaseUnusable`, such as `DatabaseMissing`, or `NewerDatabase`.
        """
        database = cls(server, clock)
        try:
            database.is_new = await database._writers[0].run(migrate, server, create=create)
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

    async def notices(self, heard: Callable[[str], None]) -> None:
        await listen(self.place, heard)

    async def tell(self, notice: str) -> None:
        await self.query(Connection.row, "SELECT pg_notify('telex', ?)", (notice,))

    def _begin(self, db: Connection) -> str:
        db.execute("BEGIN")
        return str(db.value(_BEGIN))

    def _commit(self, db: Connection, name: str) -> None:
        """Commit; where the session is lost on the way, ask the server whether it has done so."""
        try:
            db.execute("COMMIT")
        except psycopg.Error as error:
            if not is_lost(error) or not self._was_committed(name):
                raise

    def _was_committed(self, number: str) -> bool:
        """Whether a transaction is on record whose session was lost. Raises `UnknownEnd`, as `_connect`."""
        for pause in PAUSES:
            time.sleep(pause)
            with suppress(psycopg.OperationalError):
                asking = self._connect()
                try:
                    while (end := asking.value(_END, (number,))) == "in progress":
                        end_stalled_sessions(asking)  # the server has not noticed that its client is gone
                        time.sleep(0.1)
                    return bool(end == "committed")
                finally:
                    asking.raw.close()
        raise UnknownEnd("the connection was lost, and nobody knows whether it had written")

    async def look(self) -> None:
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
            await writer.run(rewrite)
        return False

    async def size(self) -> int:
        """Bytes that the database takes."""
        return int(await self.query(Connection.value, "SELECT pg_database_size(current_database())"))

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
