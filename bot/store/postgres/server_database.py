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
from bot.core.database_url import DatabaseUrl
from bot.store import ports
from bot.store.postgres.id_sequences import database_identity, detect_restore
from bot.store.postgres.run_session import reacquire_if_lost
from bot.store.postgres.server_connection import PostgresConnection
from bot.store.postgres.server_errors import UnknownCommitState, is_lost, to_store_error
from bot.store.postgres.server_migrations import (
    integrity_problems,
    migrate,
    missing_privileges,
    schema_version,
)
from bot.store.postgres.server_session import (
    RETRY_DELAYS_SECONDS,
    PostgresSession,
    end_stalled_sessions,
    listen,
)
from bot.store.store_errors import AlreadyRunning, DatabaseBroken, DatabaseReplaced, DatabaseUnusable

log = logging.getLogger(__name__)

READERS = 3
# One step: who writes waits for its turn, and has a number by which the server knows the end of it.
_BEGIN = "SELECT pg_current_xact_id()::text, pg_advisory_xact_lock(1413829720, 1)"
_COMMIT_STATUS_SQL = "SELECT pg_xact_status(CAST(? AS xid8))"


class PostgresDatabase(ports.Database[PostgresConnection, PostgresSession]):
    """An open database on a server."""

    is_shared = True
    location: DatabaseUrl
    _snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, server: DatabaseUrl, clock: Clock) -> None:
        super().__init__(clock)
        self.location = server
        self._identity: str | None = None
        self._writers = [PostgresSession(server, self._connect) for _ in self._locks]
        self._readers = [PostgresSession(server, self._connect) for _ in range(READERS)]
        for reader in self._readers:
            self._idle.put_nowait(reader)

    @classmethod
    async def open(cls, server: DatabaseUrl, clock: Clock, *, create: bool = True) -> Self:
        """Connect, and bring the tables up to date; where there are none, `create` them.

        Raises `DatabaseUnusable`, such as `DatabaseMissing`, or `NewerDatabase`.
        """
        database = cls(server, clock)
        try:
            database.is_new = await database._writers[0].run(migrate, server, create=create)
            is_restored = await database.transact(detect_restore)
            database._identity = await database.read(database_identity)
            if is_restored:
                log.warning("The database %s was restored, or taken over by another server", server)
        except BaseException:
            await database.close()
            raise
        return database

    def _connect(self) -> PostgresConnection:
        """A session with the server that was there at the start. Raises `DatabaseReplaced`, psycopg.Error."""
        connection = PostgresConnection(self.location)
        with ExitStack() as unused:
            unused.callback(connection.raw.close)
            if self._identity is not None and database_identity(connection) != self._identity:
                raise DatabaseReplaced(
                    f"The database {self.location} was restored, or taken over by another server: "
                    f"Telex has to "
                    "start again, to read back what it posted meanwhile."
                )
            unused.pop_all()
        return connection

    async def notices(self, heard: Callable[[str], None]) -> None:
        await listen(self.location, heard)

    async def notify(self, notice: str) -> None:
        await self.query(PostgresConnection.row, "SELECT pg_notify('telex', ?)", (notice,))

    def _begin(self, db: PostgresConnection) -> str:
        db.execute("BEGIN")
        return str(db.value(_BEGIN))

    def _commit(self, db: PostgresConnection, name: str) -> None:
        """Commit; where the session is lost on the way, ask the server whether it has done so."""
        try:
            db.execute("COMMIT")
        except psycopg.Error as error:
            if not is_lost(error) or not self._is_committed(name):
                raise

    def _is_committed(self, number: str) -> bool:
        """Whether a transaction is on record whose session was lost. Raises `UnknownCommitState`, as
        `_connect`.
        """
        for pause in RETRY_DELAYS_SECONDS:
            time.sleep(pause)
            with suppress(psycopg.OperationalError):
                asking = self._connect()
                try:
                    while (end := asking.value(_COMMIT_STATUS_SQL, (number,))) == "in progress":
                        end_stalled_sessions(asking)  # the server has not noticed that its client is gone
                        time.sleep(0.1)
                    return bool(end == "committed")
                finally:
                    asking.raw.close()
        raise UnknownCommitState("the connection was lost, and nobody knows whether it had written")

    async def check_alive(self) -> None:
        if isinstance(self.condition.fault, DatabaseReplaced):
            raise AlreadyRunning(str(self.condition.fault))
        try:
            await asyncio.to_thread(reacquire_if_lost, self.location)
        except psycopg.Error as error:
            self.condition.record_failure(to_store_error(error, self.location))

    async def scrub(self, tables: Iterable[str]) -> bool:
        """Rewrite tables without what was deleted; False: it may stand in the server's write-ahead log."""

        def rewrite(connection: PostgresConnection) -> None:
            for table in tables:
                connection.execute(f"VACUUM (FULL) {table}")

        async with self._writer_session() as writer:
            await writer.run(rewrite)
        return False

    async def size(self) -> int:
        """Bytes that the database takes."""
        return int(await self.query(PostgresConnection.value, "SELECT pg_database_size(current_database())"))

    async def check(self) -> int:
        """The version of the schema, after what can be checked was. Raises `DatabaseBroken`."""
        if found := await self.read(missing_privileges):
            raise DatabaseUnusable(
                f"There is no permission to use all of {self.location}: {', '.join(found)}."
            )
        if found := await self.read(integrity_problems):
            raise DatabaseBroken(f"The database {self.location} is damaged: {found[0]}.")
        return await self.read(schema_version)

    async def backup(self, path: Path) -> None:
        """A server has its own tools for that. Raises `DatabaseUnusable`."""
        raise DatabaseUnusable(
            f"PostgreSQL copies its databases itself: pg_dump --format=custom --file={path} {self.location}"
        )
