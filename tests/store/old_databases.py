"""Databases as earlier versions of the schema have them, with rows in every table."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.store.sqlite.migrations import list_available_migrations, migrate

FIRST = Path(__file__).with_name("oldest.sql")
Content = dict[str, list[dict[str, object]]]

_TABLES = """
    SELECT name, sql FROM sqlite_master AS made JOIN pragma_table_list AS listed USING (name)
    WHERE made.type = 'table' AND listed.type = 'table' AND listed.schema = 'main'
      AND name NOT LIKE 'sqlite_%'
    ORDER BY made.rowid
"""
_SAMPLES: dict[str, object] = {"INTEGER": 7, "TEXT": "text", "BLOB": b"\0\xff", "REAL": 0.5}


def connect(path: Path) -> sqlite3.Connection:
    """Open a database as the bot's writer does, but never wait for the disk: a killed process need not."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def build_old_databases(folder: Path) -> dict[int, Path]:
    """Make a database of each version: the oldest one's rows, brought up, and some in every new table."""
    migrations, path = folder / "migrations", folder / "telex.db"
    migrations.mkdir()
    path_by_version = {}
    for version, migration in list_available_migrations().items():
        shutil.copy(migration, migrations)
        with closing(connect(path)) as connection:
            migrate(connection, migrations)
            if version == min(list_available_migrations()):
                connection.executescript(FIRST.read_text("utf-8"))
            _fill(connection)
        path_by_version[version] = folder / f"{version}.db"
        shutil.copy(path, path_by_version[version])
    return path_by_version


def content(path: Path) -> Content:
    """The rows of all ordinary tables, without the marks of changes, which are random."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return {
            name: [
                dict(row) | ({"mark": 0} if name == "article_change" else {})
                for row in connection.execute(f'SELECT * FROM "{name}"')
            ]
            for name, _sql in connection.execute(_TABLES).fetchall()
        }


def schema(path: Path) -> tuple[int, list[tuple[str, str]]]:
    """The version, and what the tables, indexes and triggers are made with."""
    with closing(sqlite3.connect(path)) as connection:
        return (
            connection.execute("PRAGMA user_version").fetchone()[0],
            connection.execute("SELECT name, coalesce(sql, '') FROM sqlite_master ORDER BY name").fetchall(),
        )


def _fill(connection: sqlite3.Connection) -> None:
    """Put a row into every table that has none. Raises sqlite3.IntegrityError where it is none for it."""
    for name, sql in connection.execute(_TABLES).fetchall():
        if not connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]:
            row = _row(connection, name, sql)
            connection.execute(
                f'INSERT INTO "{name}" ({", ".join(row)}) VALUES ({", ".join("?" * len(row))})',
                list(row.values()),
            )


def _row(connection: sqlite3.Connection, table: str, sql: str) -> dict[str, object]:
    """A value for each column that must have one, and for each that points to a row of another table."""
    points_to = {
        column: (target, to)
        for _id, _seq, target, column, to, *_more_columns in connection.execute(
            f"PRAGMA foreign_key_list({table})"
        ).fetchall()
    }
    row: dict[str, object] = {}
    for _cid, name, kind, notnull, default, key in connection.execute(f"PRAGMA table_info({table})").fetchall():
        if name in points_to:
            target, to = points_to[name]
            target_row = connection.execute(f'SELECT "{to}" FROM "{target}"').fetchone()
            row[name] = target_row[0] if target_row is not None else None
        elif key or (notnull and default is None):
            allowed_match = re.search(rf"CHECK \({name} IN \('?(\w+)'?", sql)
            sample_value = allowed_match[1] if allowed_match else _SAMPLES[kind]
            row[name] = int(str(sample_value)) if allowed_match and kind == "INTEGER" else sample_value
    return row
