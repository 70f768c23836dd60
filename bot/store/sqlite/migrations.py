"""Migrations of a SQLite database, all applied in one transaction."""

import logging
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.store.meta import NEVER_REUSED_ID_TABLES
from bot.store.records.content_records import TableSchema
from bot.store.schema_scripts import SCHEMA_DIRECTORY, load_pending_scripts
from bot.store.store_errors import DatabaseBroken, DatabaseUnusable


def list_table_schemas(connection: sqlite3.Connection) -> list[TableSchema]:
    """Return the schemas of all tables, each after the tables that it references.

    References with ON DELETE SET NULL are ignored for the order, which breaks the cycles.
    """
    table_names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    ]
    schema_by_table_name = {table_name: _load_schema(connection, table_name) for table_name in table_names}
    ordered_schema_by_name: dict[str, TableSchema] = {}

    def add_after_references(table_name: str, ancestors: tuple[str, ...]) -> None:
        if table_name in ordered_schema_by_name or table_name in ancestors:
            return
        for referenced_table_name, sets_null in schema_by_table_name[table_name].foreign_keys.values():
            if not sets_null:
                add_after_references(referenced_table_name, (*ancestors, table_name))
        ordered_schema_by_name[table_name] = schema_by_table_name[table_name]

    for start_table_name in table_names:
        add_after_references(start_table_name, ())
    return list(ordered_schema_by_name.values())


def load_last_ids(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the last assigned id of each table whose ids are never reused, 0 if none was assigned yet."""
    last_id_by_table_name = dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    return {table_name: last_id_by_table_name.get(table_name, 0) for table_name in NEVER_REUSED_ID_TABLES}


def set_last_ids(connection: sqlite3.Connection, last_id_by_table_name: Mapping[str, int]) -> None:
    """Set the last assigned ids of tables, so that their next ids are greater."""
    for table_name, last_id in last_id_by_table_name.items():
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table_name,))
        if last_id:
            connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table_name, last_id))


def _load_schema(connection: sqlite3.Connection, table_name: str) -> TableSchema:
    column_rows = connection.execute("SELECT name, pk FROM pragma_table_info(?)", (table_name,)).fetchall()
    return TableSchema(
        table_name,
        tuple(column for column, _ in column_rows),
        tuple(column for column, key_position in sorted(column_rows, key=lambda row: row[1]) if key_position),
        {
            column: (referenced_table_name, on_delete == "SET NULL")
            for column, referenced_table_name, on_delete in connection.execute(
                'SELECT "from", "table", on_delete FROM pragma_foreign_key_list(?)', (table_name,)
            )
        },
    )


log = logging.getLogger(__name__)

PAGE_SIZE_BYTES = 16_384
"""Page size of a database file in bytes; with small pages, article texts leave a quarter of it empty."""
VACUUM_FREE_SHARE = 0.2
"""Share of free pages above which a migration vacuums the file."""
APPLICATION_ID = 0x54454C58
"""Value of `PRAGMA application_id` ("TELX") that marks the files of Telex."""


def migrate(connection: sqlite3.Connection, schema_directory: Path = SCHEMA_DIRECTORY) -> bool:
    """Apply the missing migrations and return whether the database is new.

    An interruption leaves the database at its old version. Integrity is checked within the transaction, which
    takes minutes for a large file. With any migration to apply, the file is also rewritten if its pages have another
    size, and vacuumed if it is sparse. Raises `NewerDatabase`, `DatabaseBroken`, `DatabaseUnusable` or
    sqlite3.Error.
    """
    schema_version = load_schema_version(connection)
    script_by_number = load_pending_scripts(schema_version, "sqlite", schema_directory)
    if not script_by_number:
        return False
    if schema_version:
        log.info("database migration started from_version=%d to_version=%d", schema_version, max(script_by_number))
    _convert_page_size(connection)
    # Migrations may rebuild tables; foreign keys are checked before the last commit.
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        _apply_migrations(connection, schema_directory)
        _vacuum_if_sparse(connection)
    finally:
        connection.execute("PRAGMA foreign_keys = ON")
    return not schema_version


def _convert_page_size(connection: sqlite3.Connection) -> None:
    """Rewrite the database file with pages of `PAGE_SIZE_BYTES`, or log why it keeps its page size.

    The page size cannot change in WAL mode (https://www.sqlite.org/pragma.html#pragma_page_size), while
    another process has the file open, or on a full disk. The attempt precedes the migrations, so that it is
    made once per upgrade.
    """
    if connection.execute("PRAGMA page_size").fetchone()[0] == PAGE_SIZE_BYTES:
        return
    (journal_mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE_BYTES}")
        connection.execute("VACUUM")
    except sqlite3.OperationalError as error:
        log.warning("database page size kept error=%s", error)
    finally:
        connection.execute(f"PRAGMA journal_mode = {journal_mode}")


def _vacuum_if_sparse(connection: sqlite3.Connection) -> None:
    """Vacuum the file, which takes as long as a copy, if more than `VACUUM_FREE_SHARE` of it is free."""
    free_page_count, page_count = connection.execute(
        "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count"
    ).fetchone()
    if free_page_count > VACUUM_FREE_SHARE * page_count:
        connection.execute("VACUUM")


def list_integrity_problems(connection: sqlite3.Connection) -> list[str]:
    """Read the whole file and return SQLite's descriptions of damage and broken foreign keys."""
    problems = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    problems += [
        f"a row of {row[0]} points to none of {row[2]}" for row in connection.execute("PRAGMA foreign_key_check")
    ]
    return problems


def split_statements(script: str) -> Iterator[str]:
    """Yield the statements of an SQL script, in which each statement ends a line.

    Semicolons within a trigger do not split the trigger.
    """
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def load_schema_version(connection: sqlite3.Connection) -> int:
    """Return the number of the last applied migration, or 0 for an empty file.

    Raises `DatabaseUnusable` if the file belongs to another program.
    """
    # One statement sees one state even while another process creates the tables.
    schema_version: int
    schema_version, application_id, table_count = connection.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if application_id != APPLICATION_ID and (schema_version or table_count or application_id):
        raise DatabaseUnusable("The file is a database of another program's, not Telex's.")
    return schema_version


def _require_intact(connection: sqlite3.Connection) -> None:
    if problems := list_integrity_problems(connection):
        raise DatabaseBroken(f"The database is damaged: {problems[0]}. Restore a backup.")


def _apply_migrations(connection: sqlite3.Connection, schema_directory: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have migrated the database before the transaction began.
        script_by_number = load_pending_scripts(load_schema_version(connection), "sqlite", schema_directory)
        for number, script in script_by_number.items():
            for statement in split_statements(script):
                connection.execute(statement)
            log.debug("database migrated version=%d", number)
        if script_by_number:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {max(script_by_number)}")
            _require_intact(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
