"""Choice of the database engine by location: a file path is SQLite, a URL PostgreSQL."""

from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.core.clock import Clock
from bot.core.database_url import DatabaseUrl
from bot.core.installation import extra_command
from bot.store.database import AnyDatabase
from bot.store.records.content_records import TableSchema
from bot.store.sqlite import migrations, run_lock, sqlite_engine, table_shapes
from bot.store.store_errors import DatabaseMissing, DatabaseUnusable


async def open_database(location: Path | DatabaseUrl, clock: Clock, *, create: bool = True) -> AnyDatabase:
    """Open and migrate a database; if there is none, `create` it. Raises the same errors as `Store.open`."""
    if not create:
        require_exists(location)
    if isinstance(location, Path):
        return await sqlite_engine.SqliteDatabase.open(location, migrations.migrate, clock)
    _require_extra()
    from bot.store.postgres import postgres_engine  # noqa: PLC0415 - needs the extra

    return await postgres_engine.PostgresDatabase.open(location, clock, create=create)


def require_exists(location: Path | DatabaseUrl) -> None:
    """Raise `DatabaseMissing` if the file of a database is missing or empty.

    A database on a server is checked only when it is opened. Raises `DatabaseUnusable` if the path cannot be
    read.
    """
    if isinstance(location, DatabaseUrl):
        return
    try:
        is_missing = not location.exists() or (location.is_file() and not location.stat().st_size)
    except OSError as error:
        raise DatabaseUnusable(f"The database {location} cannot be opened: {error.strerror}.") from error
    if is_missing:
        raise DatabaseMissing(location.absolute())


def lock_for_run(location: Path | DatabaseUrl, *, alone: bool) -> AbstractContextManager[None]:
    """Return a context manager that holds the run lock of a database.

    With `alone`, no other process may run on a database server. Entering the context manager raises
    `AlreadyRunning` or `DatabaseUnusable`.
    """
    if isinstance(location, Path):
        return run_lock.lock_for_run(location)
    _require_extra()
    from bot.store.postgres import run_session  # noqa: PLC0415 - needs the extra

    return run_session.lock_for_run(location, alone=alone)


async def load_table_schemas(*databases: AnyDatabase) -> list[TableSchema]:
    """Return the schemas of all tables, read from the one of the databases that is a SQLite file."""
    sqlite_database = next(candidate for candidate in databases if isinstance(candidate.location, Path))
    return await sqlite_database.read(table_shapes.list_table_schemas)


async def load_id_sequences(store_database: AnyDatabase) -> dict[str, int]:
    """Return the last assigned id of each table that never reuses ids."""
    return await store_database.read(_get_sequence_module(store_database).id_sequences)


async def set_id_sequences(store_database: AnyDatabase, last_id_by_table: dict[str, int]) -> None:
    """Make the tables in `last_id_by_table` assign only ids above the given ids."""
    await store_database.transact(_get_sequence_module(store_database).set_id_sequences, last_id_by_table)


def _get_sequence_module(store_database: AnyDatabase) -> Any:
    if isinstance(store_database.location, Path):
        return table_shapes
    from bot.store.postgres import id_sequences as postgres_sequences  # noqa: PLC0415 - needs the extra

    return postgres_sequences


def _require_extra() -> None:
    if find_spec("psycopg") is None:
        raise DatabaseUnusable(f"A database on a PostgreSQL server needs an extra: {extra_command('postgres')}")
