"""Databases of Telex 0.1.0 with rows in every table, and descriptions that compare two databases."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from bot.core.configuration.database_url import DatabaseUrl
from tests.store import sql
from tests.support import store_probe

FOLDER = Path(__file__).with_name("v0_1_0")
Rows = dict[str, list[tuple[object, ...]]]

_TABLES = """
    SELECT name, sql FROM sqlite_master AS made JOIN pragma_table_list AS listed USING (name)
    WHERE made.type = 'table' AND listed.type = 'table' AND listed.schema = 'main'
      AND name NOT LIKE 'sqlite_%'
    ORDER BY made.rowid
"""
_SAMPLES: dict[str, object] = {"INTEGER": 7, "TEXT": "text", "BLOB": b"\0\xff", "REAL": 0.5}


def connect(path: Path) -> sqlite3.Connection:
    """Open a database as the bot's writer does, but without waiting for the disk, as no power failure is simulated."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def build_sqlite_database(path: Path) -> None:
    """Create a database file of Telex 0.1.0 with a row or more in each table."""
    with closing(connect(path)) as connection:
        for name in ("sqlite.sql", "rows.sql"):
            connection.executescript((FOLDER / name).read_text("utf-8"))
        connection.execute("PRAGMA foreign_keys = ON")
        _fill_empty_tables(connection)


def build_postgres_database(server: DatabaseUrl, source: Path) -> None:
    """Create the schema of Telex 0.1.0 on a server, with the rows of a database file of that version."""
    import psycopg  # noqa: PLC0415 - not everywhere

    with psycopg.connect(server.address, autocommit=True) as connection:
        connection.execute("DROP SCHEMA telex CASCADE")
        connection.execute((FOLDER / "postgres.sql").read_bytes())
        connection.execute("SET search_path = telex")
        connection.execute("SET session_replication_role = replica")  # no order of tables, no triggers
        connection.execute("DELETE FROM article_change")
        with closing(sqlite3.connect(source)) as file:
            for table, _sql in file.execute(_TABLES).fetchall():
                rows = file.execute(f'SELECT * FROM "{table}"')
                columns = [column[0] for column in rows.description]
                column_list = ", ".join(f'"{column}"' for column in columns)
                connection.cursor().executemany(
                    f"INSERT INTO {table} ({column_list}) VALUES ({', '.join(['%s'] * len(columns))})".encode(),
                    rows.fetchall(),
                )


def list_rows(place: Path | DatabaseUrl) -> Rows:
    """Return the rows of every table, each in the order of the old or new table's columns."""
    list_tables = (
        _TABLES
        if isinstance(place, Path)
        else "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname <> 'schema_version' "
        "AND relnamespace = CAST('telex' AS regnamespace)"
    )
    with store_probe.open_connection(place) as connection:
        tables = [table for table, *_sql in connection.execute(list_tables).fetchall()]
        return {
            table: sorted(map(tuple, connection.execute(f'SELECT * FROM "{table}"').fetchall()), key=repr)
            for table in tables
        }


def describe_sqlite_schema(path: Path) -> tuple[int, list[object]]:
    """Return the version, and tables, columns, constraints, indexes and triggers, whatever their order."""
    facts: list[object] = []
    with closing(sqlite3.connect(path)) as connection:
        for _schema, table, kind, _columns, without_rowid, is_strict in connection.execute("PRAGMA table_list"):
            if kind != "table" or table.startswith("sqlite_"):
                continue
            facts.append((table, without_rowid, is_strict))
            facts += [(table, *column[1:]) for column in connection.execute(f"PRAGMA table_xinfo({table})")]
            facts += [(table, *key[2:]) for key in connection.execute(f"PRAGMA foreign_key_list({table})")]
        for kind, name, table, text in connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema"):
            words = re.sub(r"\s+", " ", re.sub(r"--.*", "", text or "")).replace('"', "")
            checks = re.findall(r"CHECK \((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)", words)
            if kind == "table":
                facts += [(table, check) for check in checks]
                facts.append((table, "AUTOINCREMENT" in words))
            else:
                facts.append((kind, name, table, words))
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    return version, sorted(facts, key=repr)


def describe_postgres_schema(server: DatabaseUrl) -> list[tuple[object, ...]]:
    """Return the version, and tables, columns, constraints, indexes, triggers and functions, in no order."""
    facts = sql.run(
        server,
        """
        SELECT 'version', number::TEXT, '', '' FROM schema_version
        UNION ALL SELECT 'table', relname, relpersistence::TEXT, relkind::TEXT FROM pg_class
        WHERE relnamespace = CAST('telex' AS regnamespace)
        UNION ALL SELECT 'column', attrelid::regclass::TEXT || '.' || attname,
               format_type(atttypid, NULL) || attnotnull || attidentity::TEXT || attcollation::regcollation,
               coalesce(pg_get_expr(adbin, adrelid), '')
        FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r'
        WHERE relnamespace = CAST('telex' AS regnamespace) AND attnum > 0 AND NOT attisdropped
        UNION ALL SELECT 'constraint', conrelid::regclass::TEXT, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = CAST('telex' AS regnamespace) AND contype <> 'n'
        UNION ALL SELECT 'index', indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'telex'
        UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid), '' FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT 'function', proname, pg_get_function_identity_arguments(oid), prosrc
        FROM pg_proc WHERE pronamespace = CAST('telex' AS regnamespace)
        """,
    )
    return sorted(map(tuple, facts))


def _fill_empty_tables(connection: sqlite3.Connection) -> None:
    """Insert a row into every empty table. Raises sqlite3.IntegrityError if the row breaks a constraint."""
    for name, definition in connection.execute(_TABLES).fetchall():
        if not connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]:
            row = _build_row(connection, name, definition)
            connection.execute(
                f'INSERT INTO "{name}" ({", ".join(row)}) VALUES ({", ".join("?" * len(row))})',
                list(row.values()),
            )


def _build_row(connection: sqlite3.Connection, table: str, definition: str) -> dict[str, object]:
    """Build a row with a value for each required column and each foreign key."""
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
            allowed_match = re.search(rf"CHECK \({name} IN \('?(\w+)'?", definition)
            sample_value = allowed_match[1] if allowed_match else _SAMPLES[kind]
            row[name] = int(str(sample_value)) if allowed_match and kind == "INTEGER" else sample_value
    return row
