"""Schemas of the tables of a SQLite database, and the last ids that they assigned."""

import sqlite3

from bot.store.records.content_records import TableSchema


def shapes(connection: sqlite3.Connection) -> list[TableSchema]:
    """Return the schemas of all tables, each after the tables that it references.

    References with ON DELETE SET NULL do not count, which breaks the cycles.
    """
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    ]
    found = {name: _shape(connection, name) for name in names}
    ordered: dict[str, TableSchema] = {}

    def place(name: str, above: tuple[str, ...]) -> None:
        if name in ordered or name in above:
            return
        for target, can_wait in found[name].foreign_keys.values():
            if not can_wait:
                place(target, (*above, name))
        ordered[name] = found[name]

    for name in names:
        place(name, ())
    return list(ordered.values())


def id_sequences(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the last id of each table that never reuses ids (AUTOINCREMENT)."""
    return dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())


def set_id_sequences(connection: sqlite3.Connection, last: dict[str, int]) -> None:
    """Make tables assign only ids above the given ones."""
    for table, number in last.items():
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, number))


def _shape(connection: sqlite3.Connection, name: str) -> TableSchema:
    columns = connection.execute("SELECT name, pk FROM pragma_table_info(?)", (name,)).fetchall()
    return TableSchema(
        name,
        tuple(column for column, _ in columns),
        tuple(column for column, place in sorted(columns, key=lambda row: row[1]) if place),
        {
            column: (target, on_delete == "SET NULL")
            for column, target, on_delete in connection.execute(
                'SELECT "from", "table", on_delete FROM pragma_foreign_key_list(?)', (name,)
            )
        },
    )
