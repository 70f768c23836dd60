"""Choice of the database engine by location: a file path is SQLite, a URL PostgreSQL."""

from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.core.clock import Clock
from bot.core.database_url import DatabaseUrl
from bot.core.installation import extra_command
from bot.store.ports import AnyDatabase
from bot.store.records.content_records import TableSchema
from bot.store.sqlite import database, migrations, run_lock, table_shapes
from bot.store.store_errors import DatabaseMissing, DatabaseUnusable


async def open_database(place: Path | DatabaseUrl, clock: Clock, *, create: bool = True) -> AnyDatabase:
    """Open and migrate a database, or `create` it. Raises the errors of `Store.open`."""
    if not create:
        must_exist(place)
    if isinstance(place, Path):
        return await database.SqliteDatabase.open(place, migrations.migrate, clock)
    _require_extra()
    from bot.store.postgres import server_database  # noqa: PLC0415 - needs the extra

    return await server_database.PostgresDatabase.open(place, clock, create=create)


def must_exist(place: Path | DatabaseUrl) -> None:
    """Raise `DatabaseMissing` if a database file is missing or empty; servers are checked when opened.

    Raises `DatabaseUnusable` if the path cannot be read.
    """
    if isinstance(place, DatabaseUrl):
        return
    try:
        is_missing = not place.exists() or (place.is_file() and not place.stat().st_size)
    except OSError as error:
        raise DatabaseUnusable(f"The database {place} cannot be opened: {error.strerror}.") from error
    if is_missing:
        raise DatabaseMissing(place.absolute())


def lock_for_run(place: Path | DatabaseUrl, *, alone: bool) -> AbstractContextManager[None]:
    """Return a context manager that holds the run lock of a database.

    With `alone` no other process may run on a server. Entering it raises `AlreadyRunning`,
    `DatabaseUnusable`.
    """
    if isinstance(place, Path):
        return run_lock.lock_for_run(place)
    _require_extra()
    from bot.store.postgres import run_session  # noqa: PLC0415 - needs the extra

    return run_session.lock_for_run(place, alone=alone)


async def table_schemas(*databases: AnyDatabase) -> list[TableSchema]:
    """Return the schemas of all tables, read from the one SQLite database among the arguments."""
    file = next(one for one in databases if isinstance(one.location, Path))
    return await file.read(table_shapes.shapes)


async def id_sequences(opened_: AnyDatabase) -> dict[str, int]:
    """Return the last id of each table that never reuses ids."""
    return await opened_.read(_sequence_module(opened_).counters)


async def set_id_sequences(opened_: AnyDatabase, last: dict[str, int]) -> None:
    """Make tables assign only ids above the given ones."""
    await opened_.transact(_sequence_module(opened_).set_counters, last)


def _sequence_module(opened_: AnyDatabase) -> Any:
    if isinstance(opened_.location, Path):
        return table_shapes
    from bot.store.postgres import id_sequences as of_server  # noqa: PLC0415 - needs the extra

    return of_server


def _require_extra() -> None:
    if find_spec("psycopg") is None:
        raise DatabaseUnusable(
            f"A database on a PostgreSQL server needs an extra: {extra_command('postgres')}"
        )
