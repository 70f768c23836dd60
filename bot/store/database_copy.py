"""Copy of a whole database to the other engine: in batches, resumable, compared at the end.

Rows are copied in the order of their primary keys, which both engines compare byte by byte, so that the last
key in the target says where to resume. Derived tables (the change log of the search index, records of
encoded articles) are rebuilt instead of copied; tables that running processes share are left out.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bot.core.clock import Clock
from bot.core.configuration.database_url import DatabaseUrl
from bot.store.connection import Connection
from bot.store.database import Database
from bot.store.engine import Engine
from bot.store.meta import MOVED_AT_KEY, RESTORED_ID_GAP, RESTORED_KEY, set_text
from bot.store.records.content_records import TableSchema
from bot.store.sqlite.migrations import list_table_schemas
from bot.store.store_errors import DatabaseMoved, DatabaseUnusable, StoreError

IN_PROGRESS_KEY = "moving"
"""Name in the table `meta` for the location from which a database is being filled, until it is complete."""
MOVED_TO_KEY = "moved"
"""Name in the table `meta` for the location to which a database was moved."""
BATCH_SIZE = 500
"""Number of rows that are copied or compared per batch."""
_UNCOPIED_TABLE_NAMES = {"article_change", "encoded_article", "process", "lease", "request_allocation"}
_META_VALUE_SQL = "SELECT value FROM meta WHERE name = ?"
_LOCAL_META_NAMES = (IN_PROGRESS_KEY, MOVED_TO_KEY, MOVED_AT_KEY, "identity")
"""Names in the table `meta` of texts that describe a single database and are therefore not copied."""

DatabaseLocation = Path | DatabaseUrl
RowValues = tuple[Any, ...]


async def copy_database(source: Engine, target: Engine, clock: Clock, on_progress: Callable[[int, int], None]) -> int:
    """Copy a database, without its derived and shared tables, to the other engine; return the number of its rows.

    `on_progress(done, total)` counts each row twice: when it is copied and when it is compared. A copy that was killed
    resumes when it is started again. At the end, the source is marked as moved, so that no bot uses it any more; a
    target that is missing is created. Raises `DatabaseUnusable` if both locations are of one engine, the source is
    missing or incomplete, or the target holds other data; `DatabaseMoved` if the source was moved elsewhere;
    `ProcessMustEnd` if a bot uses either database; `StoreError` if rows differ in the end.
    """
    if source.is_shared == target.is_shared:
        raise DatabaseUnusable("Move from a file to a PostgreSQL server (postgresql://…), or back.")
    if isinstance(source.location, Path) and not source.location.is_file():
        raise DatabaseUnusable(f"There is no database {source.location}.")
    with source.lock_for_run(exclusive=True), target.lock_for_run(exclusive=True):
        source_database = await Database.open(source, clock)
        try:
            target_database = await Database.open(target, clock)
            try:
                return await _DatabaseCopy(source_database, target_database, on_progress).run()
            finally:
                await target_database.close()
        finally:
            await source_database.close()


async def require_complete(database: Database) -> None:
    """Raise `DatabaseUnusable` if a move to this database was not completed."""
    if (
        source_location := await database.query(Connection.fetch_value, _META_VALUE_SQL, (IN_PROGRESS_KEY,))
    ) is not None:
        raise DatabaseUnusable(
            f"The database {database.location} is being filled from {source_location}: run `telex move` "
            f"again to end it."
        )


async def require_not_moved(database: Database) -> None:
    """Raise `DatabaseMoved` if the database was moved to another location."""
    if (target_location := await database.query(Connection.fetch_value, _META_VALUE_SQL, (MOVED_TO_KEY,))) is not None:
        raise DatabaseMoved(database.location, target_location)


async def reactivate_database(database: Database) -> None:
    """Put a database that was moved away into use again, like a restored backup.

    Do nothing if it was not moved. Posts that were sent since the move are then looked up in Discord, and ids
    that Discord may know, such as those in buttons, are skipped.
    """
    if await database.query(Connection.fetch_value, _META_VALUE_SQL, (MOVED_TO_KEY,)) is None:
        return
    last_id_by_table = await database.load_last_ids()
    await database.set_last_ids({table: last_id + RESTORED_ID_GAP for table, last_id in last_id_by_table.items()})
    await database.transact(_unmark_moved)


def _mark_moved(db: Connection, target_location: str) -> None:
    set_text(db, MOVED_TO_KEY, target_location)
    set_text(db, MOVED_AT_KEY, str(db.now))


def _unmark_moved(db: Connection) -> None:
    set_text(db, RESTORED_KEY, "1")
    db.execute("DELETE FROM meta WHERE name = ?", (MOVED_TO_KEY,))


class _DatabaseCopy:
    def __init__(self, source: Database, target: Database, on_progress: Callable[[int, int], None]) -> None:
        self._source, self._target, self._on_progress = source, target, on_progress
        self._done_step_count = self._total_step_count = 0

    async def run(self) -> int:
        """Copy and compare all rows, each of which is a step of progress, and return the number of rows."""
        file_database = self._target if self._source.is_shared else self._source
        schemas = await file_database.read(list_table_schemas)
        schemas = [table_schema for table_schema in schemas if table_schema.name not in _UNCOPIED_TABLE_NAMES]
        await require_complete(self._source)
        target_location = _format_location(self._target.location)
        if await self._source.query(Connection.fetch_value, _META_VALUE_SQL, (MOVED_TO_KEY,)) != target_location:
            await require_not_moved(self._source)
        await self._start_or_resume(schemas)
        row_count = 0
        for schema in schemas:
            row_count += await self._source.read(_count_rows, schema)
        self._total_step_count = 2 * row_count
        copied_table_names: set[str] = set()
        deferred_references = []
        for schema in schemas:
            copied_table_names.add(schema.name)
            deferred_columns = {
                column
                for column, (referenced_table, _) in schema.foreign_keys.items()
                if referenced_table not in copied_table_names or referenced_table == schema.name
            }
            await self._copy_table(schema, deferred_columns)
            if deferred_columns:
                deferred_references.append((schema, sorted(deferred_columns)))
        for schema, columns in deferred_references:
            await self._fill_deferred_references(schema, columns)
        await self._target.set_last_ids(await self._source.load_last_ids())
        for schema in schemas:
            await self._compare_table(schema)
        # In this order: after a kill in between neither database is usable, and the move is run again.
        await self._source.transact(_mark_moved, target_location)
        await self._target.transact(Connection.execute_rowcount, "DELETE FROM meta WHERE name = ?", (IN_PROGRESS_KEY,))
        return row_count

    async def _start_or_resume(self, schemas: Sequence[TableSchema]) -> None:
        """Mark an empty target database as being filled; do nothing if a copy from this source is to be resumed.

        Raises `DatabaseUnusable` if the target holds other data.
        """
        source_location = await self._target.query(Connection.fetch_value, _META_VALUE_SQL, (IN_PROGRESS_KEY,))
        if source_location is not None:
            if source_location != str(self._source.location):
                await require_complete(self._target)
            return
        for schema in schemas:
            first_row = await self._target.query(Connection.fetch_row, f"SELECT 1 FROM {schema.name} LIMIT 1")
            if schema.name != "meta" and first_row:
                raise DatabaseUnusable(f"The database {self._target.location} is not empty: a move overwrites nothing.")
        await self._target.transact(_mark_in_progress, str(self._source.location))

    async def _copy_table(self, schema: TableSchema, deferred_columns: set[str]) -> None:
        last_key = None if schema.name == "meta" else await self._target.read(_load_last_key, schema)
        if last_key is not None:
            self._report_progress(await self._target.read(_count_rows, schema))
        deferred_positions = [
            column_position for column_position, column in enumerate(schema.columns) if column in deferred_columns
        ]
        key_positions = [schema.columns.index(column) for column in schema.primary_key]
        while rows := await self._source.read(_load_next_rows, schema, last_key):
            last_key = tuple(rows[-1][key_position] for key_position in key_positions)
            batch_rows = rows
            if deferred_positions:
                batch_rows = [
                    tuple(None if position in deferred_positions else cell for position, cell in enumerate(row))
                    for row in rows
                ]
            await self._target.transact(_insert_rows, schema, batch_rows)
            self._report_progress(len(rows))

    async def _fill_deferred_references(self, schema: TableSchema, columns: Sequence[str]) -> None:
        """Set the foreign keys of rows that were copied before the rows to which they refer."""
        assignments_sql = ", ".join(f"{_quote_column(column)} = ?" for column in columns)
        key_condition_sql = " AND ".join(f"{column} = ?" for column in schema.primary_key)
        rows = await self._source.query(
            Connection.fetch_rows,
            f"SELECT {', '.join([*map(_quote_column, columns), *schema.primary_key])} FROM {schema.name} "
            f"WHERE {' OR '.join(f'{_quote_column(column)} IS NOT NULL' for column in columns)}",
        )
        update_sql = f"UPDATE {schema.name} SET {assignments_sql} WHERE {key_condition_sql}"
        await self._target.transact(lambda db: db.executemany(update_sql, list(map(tuple, rows))))

    async def _compare_table(self, schema: TableSchema) -> None:
        last_key: RowValues | None = None
        key_positions = [schema.columns.index(column) for column in schema.primary_key]
        while True:
            source_rows = await self._source.read(_load_next_rows, schema, last_key)
            target_rows = await self._target.read(_load_next_rows, schema, last_key)
            for source_row, target_row in zip(source_rows, target_rows, strict=False):
                if source_row != target_row:
                    raise StoreError(f"A row of {schema.name} did not arrive as it was: {source_row[:3]!r}.")
            if len(source_rows) != len(target_rows):
                raise StoreError(f"Rows of {schema.name} are missing, or were written meanwhile.")
            if not source_rows:
                return
            last_key = tuple(source_rows[-1][position] for position in key_positions)
            self._report_progress(len(source_rows))

    def _report_progress(self, row_count: int) -> None:
        self._done_step_count += row_count
        self._on_progress(self._done_step_count, self._total_step_count)


def _mark_in_progress(db: Connection, source_location: str) -> None:
    db.execute("DELETE FROM meta")
    db.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (IN_PROGRESS_KEY, source_location))


def _format_location(location: DatabaseLocation) -> str:
    return str(location.absolute() if isinstance(location, Path) else location)


def _quote_column(column: str) -> str:
    return f'"{column}"'


def _load_last_key(db: Connection, schema: TableSchema) -> RowValues | None:
    return db.fetch_object(
        tuple,
        f"SELECT {', '.join(schema.primary_key)} FROM {schema.name} "
        f"ORDER BY {', '.join(f'{column} DESC' for column in schema.primary_key)} LIMIT 1",
    )


def _count_rows(db: Connection, schema: TableSchema) -> int:
    return int(db.fetch_value(f"SELECT count(*) FROM {schema.name} WHERE {_build_row_condition_sql(schema)}"))


def _build_row_condition_sql(schema: TableSchema) -> str:
    if schema.name != "meta":
        return "1 = 1"
    return f"name NOT IN {_LOCAL_META_NAMES!r} AND name NOT LIKE 'vectors %'"


def _load_next_rows(db: Connection, schema: TableSchema, last_key: RowValues | None) -> list[RowValues]:
    key_columns_sql = ", ".join(schema.primary_key)
    after_key_sql = "" if last_key is None else f"AND ({key_columns_sql}) > ({', '.join('?' * len(last_key))})"
    rows = db.fetch_rows(
        f"SELECT {', '.join(map(_quote_column, schema.columns))} FROM {schema.name} WHERE "
        f"{_build_row_condition_sql(schema)} {after_key_sql} "
        f"ORDER BY {key_columns_sql} LIMIT {BATCH_SIZE}",
        last_key or (),
    )
    return [tuple(cell.replace("\0", "") if isinstance(cell, str) else cell for cell in row) for row in rows]


def _insert_rows(db: Connection, schema: TableSchema, rows: Sequence[RowValues]) -> None:
    db.executemany(
        f"INSERT INTO {schema.name} ({', '.join(map(_quote_column, schema.columns))}) "
        f"VALUES ({', '.join('?' * len(schema.columns))}) ON CONFLICT DO NOTHING",
        rows,
    )
