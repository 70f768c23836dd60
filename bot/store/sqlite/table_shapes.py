"""Functions that read the schemas of a SQLite database's tables, and read and set the last ids that tables assigned."""

import sqlite3
from collections.abc import Mapping

from bot.store.meta import NEVER_REUSED_ID_TABLES
from bot.store.records.content_records import TableSchema


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
