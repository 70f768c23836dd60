"""Copy of a whole database to the other engine: in batches, resumable, compared at the end.

Rows are copied in the order of their primary keys, which both engines compare byte by byte, so that the last
key in the target says where to resume. Derived tables (the change log of the search index, marks of encoded
articles) are rebuilt instead of copied; tables that running processes share are left out.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bot.core.clock import Clock
from bot.core.database_url import DatabaseUrl
from bot.store import engines
from bot.store.connection import Connection
from bot.store.meta import MOVED_AT, RESTORED_ID_GAP, RESTORED_KEY, set_value
from bot.store.ports import AnyDatabase
from bot.store.records.content_records import TableSchema
from bot.store.store_errors import DatabaseMoved, DatabaseUnusable, StoreError

IN_PROGRESS_KEY = "moving"
"""Name in `meta` of the location from which an incomplete database is being filled."""
MOVED = "moved"
"""Name in `meta` of the location to which a database was moved."""
BATCH_SIZE = 500
"""Rows per batch."""
_DERIVED = {"article_change", "encoded_article", "process", "lease", "request_share"}
_MARKED = "SELECT value FROM meta WHERE name = ?"
_NOT_MOVED = (IN_PROGRESS_KEY, MOVED, MOVED_AT, "identity")
"""Names in `meta` that describe one database and are not copied."""

DatabaseLocation = Path | DatabaseUrl
Row = tuple[Any, ...]


async def copy_database(
    source: DatabaseLocation, target: DatabaseLocation, clock: Clock, on_progress: Callable[[int, int], None]
) -> int:
    """Copy all rows from one database to one of the other engine and return their number.

    `on_progress(done, total)` counts rows copied and compared. A copy that was killed resumes when it is
    called again. Raises `DatabaseUnusable` if both locations are of one engine, the source is missing or the
    target holds other data; `DatabaseMoved` if the source was moved elsewhere; `AlreadyRunning` if a bot uses
    either; `StoreError` if rows differ in the end.
    """
    if isinstance(source, Path) == isinstance(target, Path):
        raise DatabaseUnusable("Move from a file to a PostgreSQL server (postgresql://…), or back.")
    if isinstance(source, Path) and not source.is_file():
        raise DatabaseUnusable(f"There is no database {source}.")
    with engines.lock_for_run(source, alone=True), engines.lock_for_run(target, alone=True):
        from_ = await engines.open_database(source, clock)
        try:
            to = await engines.open_database(target, clock)
            try:
                return await _DatabaseCopy(from_, to, on_progress).run()
            finally:
                await to.close()
        finally:
            await from_.close()


async def require_complete(database: AnyDatabase) -> None:
    """Raise `DatabaseUnusable` if the database was not completely filled by a move."""
    if (source := await database.query(Connection.value, _MARKED, (IN_PROGRESS_KEY,))) is not None:
        raise DatabaseUnusable(
            f"The database {database.location} is being filled from {source}: run `telex move` "
            f"again to end it."
        )


async def must_be_current(database: AnyDatabase) -> None:
    """Raise `DatabaseMoved` if the database was moved to another location."""
    if (target := await database.query(Connection.value, _MARKED, (MOVED,))) is not None:
        raise DatabaseMoved(database.location, target)


async def take_back(database: AnyDatabase) -> None:
    """Put a database that was moved into use again, like a restored backup; do nothing to others.

    Posts sent meanwhile are then reconciled from Discord, and ids that Discord may know by now are skipped.
    """
    if await database.query(Connection.value, _MARKED, (MOVED,)) is None:
        return
    last = await engines.id_sequences(database)
    await engines.set_id_sequences(
        database, {table: number + RESTORED_ID_GAP for table, number in last.items()}
    )
    await database.transact(_unmark_moved)


def _mark_moved(db: Connection, target: str) -> None:
    set_value(db, MOVED, target)
    set_value(db, MOVED_AT, str(db.now))


def _unmark_moved(db: Connection) -> None:
    set_value(db, RESTORED_KEY, "1")
    db.execute("DELETE FROM meta WHERE name = ?", (MOVED,))


class _DatabaseCopy:
    def __init__(
        self, source: AnyDatabase, target: AnyDatabase, on_progress: Callable[[int, int], None]
    ) -> None:
        self._source, self._target, self._on_progress = source, target, on_progress
        self._done = self._total = 0

    async def run(self) -> int:
        shapes = await engines.table_schemas(self._source, self._target)
        shapes = [shape for shape in shapes if shape.name not in _DERIVED]
        await require_complete(self._source)
        target = _full_place(self._target.location)
        if await self._source.query(Connection.value, _MARKED, (MOVED,)) != target:
            await must_be_current(self._source)
        await self._start_or_resume(shapes)
        for shape in shapes:
            self._total += await self._source.read(_count, shape)
        rows, self._total = self._total, 2 * self._total
        loaded: set[str] = set()
        later = []
        for shape in shapes:
            loaded.add(shape.name)
            behind = {
                column
                for column, (other, _) in shape.foreign_keys.items()
                if other not in loaded or other == shape.name
            }
            await self._copy(shape, behind)
            if behind:
                later.append((shape, sorted(behind)))
        for shape, columns in later:
            await self._fill_deferred_references(shape, columns)
        await engines.set_id_sequences(self._target, await engines.id_sequences(self._source))
        for shape in shapes:
            await self._compare(shape)
        # In this order: after a kill in between neither database is usable, and the move is run again.
        await self._source.transact(_mark_moved, target)
        await self._target.transact(
            Connection.execute_rowcount, "DELETE FROM meta WHERE name = ?", (IN_PROGRESS_KEY,)
        )
        return rows

    async def _start_or_resume(self, shapes: Sequence[TableSchema]) -> None:
        """Mark an empty target as being filled. Raises `DatabaseUnusable` if it holds other data."""
        source = await self._target.query(Connection.value, _MARKED, (IN_PROGRESS_KEY,))
        if source is not None:
            if source != str(self._source.location):
                await require_complete(self._target)
            return
        for shape in shapes:
            held = await self._target.query(Connection.row, f"SELECT 1 FROM {shape.name} LIMIT 1")
            if shape.name != "meta" and held:
                raise DatabaseUnusable(
                    f"The database {self._target.location} is not empty: a move overwrites nothing."
                )
        await self._target.transact(_mark, str(self._source.location))

    async def _copy(self, shape: TableSchema, behind: set[str]) -> None:
        last = None if shape.name == "meta" else await self._target.read(_last_key, shape)
        if last is not None:
            self._report_progress(await self._target.read(_count, shape))
        gone = [place for place, column in enumerate(shape.columns) if column in behind]
        keys = [shape.columns.index(column) for column in shape.key]
        while rows := await self._source.read(_next_rows, shape, last):
            last = tuple(rows[-1][place] for place in keys)
            written = rows
            if gone:
                written = [
                    tuple(None if place in gone else value for place, value in enumerate(row)) for row in rows
                ]
            await self._target.transact(_write, shape, written)
            self._report_progress(len(rows))

    async def _fill_deferred_references(self, shape: TableSchema, columns: Sequence[str]) -> None:
        """Set foreign keys that refer to rows copied after their own."""
        assigned = ", ".join(f"{_quoted(column)} = ?" for column in columns)
        found = " AND ".join(f"{column} = ?" for column in shape.key)
        rows = await self._source.query(
            Connection.rows,
            f"SELECT {', '.join([*map(_quoted, columns), *shape.key])} FROM {shape.name} "
            f"WHERE {' OR '.join(f'{_quoted(column)} IS NOT NULL' for column in columns)}",
        )
        update = f"UPDATE {shape.name} SET {assigned} WHERE {found}"
        await self._target.transact(lambda db: db.executemany(update, list(map(tuple, rows))))

    async def _compare(self, shape: TableSchema) -> None:
        last: Row | None = None
        keys = [shape.columns.index(column) for column in shape.key]
        while True:
            theirs = await self._source.read(_next_rows, shape, last)
            ours = await self._target.read(_next_rows, shape, last)
            for one, other in zip(theirs, ours, strict=False):
                if one != other:
                    raise StoreError(f"A row of {shape.name} did not arrive as it was: {one[:3]!r}.")
            if len(theirs) != len(ours):
                raise StoreError(f"Rows of {shape.name} are missing, or were written meanwhile.")
            if not theirs:
                return
            last = tuple(theirs[-1][place] for place in keys)
            self._report_progress(len(theirs))

    def _report_progress(self, rows: int) -> None:
        self._done += rows
        self._on_progress(self._done, self._total)


def _mark(db: Connection, source: str) -> None:
    db.execute("DELETE FROM meta")
    db.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (IN_PROGRESS_KEY, source))


def _full_place(place: DatabaseLocation) -> str:
    return str(place.absolute() if isinstance(place, Path) else place)


def _quoted(column: str) -> str:
    return f'"{column}"'


def _last_key(db: Connection, shape: TableSchema) -> Row | None:
    return db.object_or_none(
        tuple,
        f"SELECT {', '.join(shape.key)} FROM {shape.name} "
        f"ORDER BY {', '.join(f'{column} DESC' for column in shape.key)} LIMIT 1",
    )


def _count(db: Connection, shape: TableSchema) -> int:
    return int(db.value(f"SELECT count(*) FROM {shape.name} WHERE {_row_filter(shape)}"))


def _row_filter(shape: TableSchema) -> str:
    if shape.name != "meta":
        return "1 = 1"
    return f"name NOT IN {_NOT_MOVED!r} AND name NOT LIKE 'vectors %'"


def _next_rows(db: Connection, shape: TableSchema, last: Row | None) -> list[Row]:
    key = ", ".join(shape.key)
    beyond = "" if last is None else f"AND ({key}) > ({', '.join('?' * len(last))})"
    rows = db.rows(
        f"SELECT {', '.join(map(_quoted, shape.columns))} FROM {shape.name} WHERE "
        f"{_row_filter(shape)} {beyond} "
        f"ORDER BY {key} LIMIT {BATCH_SIZE}",
        last or (),
    )
    return [
        tuple(value.replace("\0", "") if isinstance(value, str) else value for value in row) for row in rows
    ]


def _write(db: Connection, shape: TableSchema, rows: Sequence[Row]) -> None:
    db.executemany(
        f"INSERT INTO {shape.name} ({', '.join(map(_quoted, shape.columns))}) "
        f"VALUES ({', '.join('?' * len(shape.columns))}) ON CONFLICT DO NOTHING",
        rows,
    )
