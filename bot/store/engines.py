"""Which engine a database is opened with: that of its place."""

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
    """An open database, its tables brought up to date. Raises as `Store.open`."""
    if not create:
        must_exist(place)
    if isinstance(place, Path):
        return await database.SqliteDatabase.open(place, migrations.migrate, clock)
    _require_extra()
    from bot.store.postgres import server_database  # noqa: PLC0415 - needs the extra

    return await server_database.PostgresDatabase.open(place, clock, create=create)


def must_exist(place: Path | DatabaseUrl) -> None:
    """Raise `DatabaseMissing` where there is no file, or nothing in it; of a server that is told later."""
    if isinstance(place, DatabaseUrl):
        return
    try:
        is_missing = not place.exists() or (place.is_file() and not place.stat().st_size)
    except OSError as error:
        raise DatabaseUnusable(f"The database {place} cannot be opened: {error.strerror}.") from error
    if is_missing:
        raise DatabaseMissing(place.absolute())


def lock_for_run(place: Path | DatabaseUrl, *, alone: bool) -> AbstractContextManager[None]:
    """As `Store.lock_for_run`."""
    if isinstance(place, Path):
        return run_lock.lock_for_run(place)
    _require_extra()
    from bot.store.postgres import run_session  # noqa: PLC0415 - needs the extra

    return run_session.lock_for_run(place, alone=alone)


async def table_schemas(*databases: AnyDatabase) -> list[TableSchema]:
    """The tables of both, of which one is a file."""
    file = next(one for one in databases if isinstance(one.location, Path))
    return await file.read(table_shapes.shapes)


async def id_sequences(opened_: AnyDatabase) -> dict[str, int]:
    """The last number that each table gave which gives none twice."""
    return await opened_.read(_sequence_module(opened_).id_sequences)


async def set_id_sequences(opened_: AnyDatabase, last: dict[str, int]) -> None:
    """Let these tables give larger numbers than these."""
    await opened_.transact(_sequence_module(opened_).set_id_sequences, last)


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
