"""Interfaces that the database engines implement, in `sqlite` and `postgres`.

Functions that run on a worker's thread take the engine's own connection, hence `Any`.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from bot.core.clock import Clock
from bot.core.configuration.database_url import DatabaseUrl
from bot.store.store_errors import DatabaseBroken, DatabaseFault, StoreError

log = logging.getLogger(__name__)

RECOVERY_SECONDS = 60.0
"""Seconds without a failure after which the database counts as recovered.

A single success does not suffice: on a nearly full disk some writes succeed and others fail.
"""


class DatabaseHealth:
    """The current and the recent fault of a database.

    A `DatabaseBroken` fault is permanent: nothing more is written, because articles missing from a damaged
    database would be posted again.
    """

    def __init__(self, clock: Clock) -> None:
        self.fault: DatabaseFault | None = None
        """Last fault, until a write succeeds, or for good if the database is damaged; None if there is none."""
        self.recent_fault: DatabaseFault | None = None
        """Last fault, until a write succeeds at least `RECOVERY_SECONDS` after the last failure; else None."""
        self._clock = clock
        self._failed_at = 0.0
        self._logged_messages: set[str] = set()

    def require_undamaged(self) -> None:
        """Raise `DatabaseBroken` if the database was found damaged before."""
        if isinstance(self.fault, DatabaseBroken):
            # The stored exception's traceback would grow each time it is raised.
            raise self.fault.with_traceback(None)

    def record_failure(self, error: BaseException) -> None:
        """Record a `DatabaseFault`, and log each message once until recovery.

        Other errors are ignored, and so are all once the database was found damaged.
        """
        if not isinstance(error, DatabaseFault) or isinstance(self.fault, DatabaseBroken):
            return
        self.fault = self.recent_fault = error
        self._failed_at = self._clock.monotonic()
        message = str(error)
        if message not in self._logged_messages:
            self._logged_messages.add(message)
            is_broken = isinstance(error, DatabaseBroken)
            log.error("database failed writes=%s error=%s", "stopped" if is_broken else "retried", message)

    def record_success(self) -> None:
        """Record that a write succeeded: the fault is over, unless the database was found damaged.

        The recent fault is over, too, if no failure was recorded for `RECOVERY_SECONDS`.
        """
        if isinstance(self.fault, DatabaseBroken):  # A read found the damage while the write was in progress.
            return
        self.fault = None
        if self.recent_fault is not None and self._clock.monotonic() - self._failed_at >= RECOVERY_SECONDS:
            self.recent_fault = None
            self._logged_messages.clear()
            log.warning("database recovered")


P = ParamSpec("P")
T = TypeVar("T")


class Worker(Protocol):
    """A database connection with its own thread, which runs one function after another."""

    @property
    def is_dead(self) -> bool:
        """Whether the worker is no longer usable and has to be replaced."""
        ...

    async def run(self, function: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` on the worker's thread and return the result. Raises `StoreError`.

        The function must end its transaction. It runs to its end even if the caller is cancelled; later calls
        wait for that.
        """
        ...

    async def interrupt(self) -> None:
        """Abort the running function, whose result is no longer awaited; this may take seconds."""
        ...

    async def roll_back_open_transaction(self) -> None:
        """Roll back the transaction that the last function left open, after that function has ended."""
        ...

    async def close(self) -> None:
        """Close the connection once all queued functions have run; do nothing if it is closed already."""
        ...


class Engine(Protocol):
    """A database engine, for the database at one location.

    Methods with a parameter `db` run on a worker's thread and raise the engine's own errors, which the worker
    turns into `StoreError`.
    """

    @property
    def location(self) -> Path | DatabaseUrl:
        """Return the file or the server with the database."""
        ...

    is_shared: bool
    """Whether several processes may use the database at a time."""
    writer_count: int
    """Number of database connections for writing."""
    begin_read_sql: str
    """SQL statement that begins a read transaction."""

    def require_exists(self) -> None:
        """Raise `DatabaseMissing` if the file of a database is missing or empty.

        A database on a server is checked only when it is opened. Raises `DatabaseUnusable` if the path cannot
        be read.
        """
        ...

    def lock_for_run(self, *, exclusive: bool) -> AbstractContextManager[None]:
        """Return a context manager that holds the database's run lock, which shows that it is in use.

        With `exclusive`, no other process may run on a database server. Entering the context manager raises
        `ProcessMustEnd` or `DatabaseUnusable`.
        """
        ...

    async def open_worker(self, *, is_writer: bool) -> Worker:
        """Open a database connection with its own thread, for writing or for reading only. Raises `StoreError`."""
        ...

    def prepare(self, db: Any, *, create: bool) -> bool:
        """Migrate the database and return whether it is new.

        Raises `NewerDatabase`, `DatabaseBroken` or `DatabaseUnusable`; raises `DatabaseMissing` if a server
        has no tables and `create` is False.
        """
        ...

    def begin(self, db: Any) -> str:
        """Begin an exclusive write transaction and return its id, or "" if the engine has no such ids."""
        ...

    def commit(self, db: Any, transaction_id: str) -> None:
        """Commit the write transaction."""
        ...

    def load_last_ids(self, db: Any) -> dict[str, int]:
        """Return the last assigned id of each table that never reuses ids."""
        ...

    def set_last_ids(self, db: Any, last_id_by_table: Mapping[str, int]) -> None:
        """Make the tables in `last_id_by_table` assign only ids above the given ids."""
        ...

    def measure_size_bytes(self, db: Any) -> int:
        """Return the size of the database in bytes, without its write-ahead log."""
        ...

    def load_schema_version(self, db: Any) -> int:
        """Return the number of the last applied migration."""
        ...

    def find_problem(self, db: Any) -> StoreError | None:
        """Check the integrity of the database and return its first problem, or None if it has none.

        The problem is a `DatabaseBroken` if it is damaged, a `DatabaseUnusable` if permissions are missing.
        """
        ...

    def scrub(self, db: Any, tables: Iterable[str]) -> bool:
        """Erase deleted rows of tables from the files; return whether certainly none of them remain there."""
        ...

    def notify(self, db: Any, event: str) -> None:
        """Send a short message (cluster event) of less than 8,000 bytes to the other processes."""
        ...

    async def listen(self, on_event: Callable[[str], None]) -> None:
        """Call `on_event` with each cluster event, a short message from another process, until cancelled.

        An empty event means that some events may have been missed. Returns at once if the engine is used by a
        single process.
        """
        ...

    async def check_alive(self, health: DatabaseHealth) -> None:
        """Check that the database is still the one that was opened; record a failure in `health`.

        Raises `ProcessMustEnd` if this process must end, because another bot or server has taken over.
        """
        ...

    async def backup(self, path: Path) -> None:
        """Copy the database into a new file.

        Raises `DatabaseUnusable` if the file exists or cannot be written, or if the engine cannot make
        backups; raises `DatabaseBroken` if the copy is damaged.
        """
        ...

    def close(self) -> None:
        """Release what the engine holds besides its workers (connections), which must be closed already."""
        ...
