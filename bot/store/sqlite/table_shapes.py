"""Functions that read the schemas of a SQLite database's tables, and the last ids that tables assigned."""

import sqlite3

from bot.store.records.content_records import TableSchema


def list_table_schemas(connection: sqlite3.Connection) -> list[TableSchema]:
    """Return the schemas of all tables, each after the tables that it references.

    References with ON DELETE SET NULL are ignored for the order, which breaks the cycles.
    """
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    ]
    schemas = {name: _load_schema(connection, name) for name in names}
    ordered_schemas: dict[str, TableSchema] = {}

    def add_after_references(name: str, ancestors: tuple[str, ...]) -> None:
        if name in ordered_schemas or name in ancestors:
            return
        for target, is_deferrable in schemas[name].foreign_keys.values():
            if not is_deferrable:
                add_after_references(target, (*ancestors, name))
        ordered_schemas[name] = schemas[name]

    for name in names:
        add_after_references(name, ())
    return list(ordered_schemas.values())


def id_sequences(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the last assigned id of each table that never reuses ids (AUTOINCREMENT)."""
    return dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())


def set_id_sequences(connection: sqlite3.Connection, last_ids: dict[str, int]) -> None:
    """Make the tables in `last_ids` assign only ids above the given ids."""
    for table, number in last_ids.items():
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))


def _load_schema(connection: sqlite3.Connection, name: str) -> TableSchema:
    columns = connection.execute("SELECT name, pk FROM pragma_table_info(?)", (name,)).fetchall()
    return TableSchema(
        name,
        tuple(column for column, _ in columns),
        tuple(column for column, key_position in sorted(columns, key=lambda row: row[1]) if key_position),
        {
            column: (target, on_delete == "SET NULL")
            for column, target, on_delete in connection.execute(
                'SELECT "from", "table", on_delete FROM pragma_foreign_key_list(?)', (name,)
            )
        },
    )
