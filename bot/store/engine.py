"""Interfaces that the database engines implement, in `sqlite` and `postgres`.

Functions that run on a worker's thread take the engine's own connection, hence `Any`.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from bot.core.configuration.database_url import DatabaseUrl
from bot.store.database_health import DatabaseHealth
from bot.store.store_errors import StoreError

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
