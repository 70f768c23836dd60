"""Migrations of the schema `telex` in a PostgreSQL database, all applied in one transaction."""

import logging
from pathlib import Path

from bot.core.configuration.database_url import DatabaseUrl
from bot.store.postgres.postgres_connection import SCHEMA, PostgresConnection
from bot.store.schema_scripts import load_pending_scripts
from bot.store.store_errors import DatabaseMissing, DatabaseUnusable

log = logging.getLogger(__name__)

PACKAGE_DIRECTORY = Path(__file__).parent
MIN_SERVER_VERSION = 150_000
"""Oldest supported version of the server, in the notation of `server_version_num`."""
_MIGRATION_LOCK_SQL = "SELECT pg_advisory_xact_lock(1413829720, 3)"


def migrate(connection: PostgresConnection, database_url: DatabaseUrl, *, create: bool = True) -> bool:
    """Apply the missing migrations and return whether the database is new.

    An interruption leaves the database at its old version. Raises `NewerDatabase`, `DatabaseUnusable` or
    psycopg.Error; raises `DatabaseMissing` if there are no tables and `create` is False.
    """
    _require_supported_server(connection, database_url)
    schema_version = load_schema_version(connection)
    script_by_number = load_pending_scripts(schema_version, "postgres")
    if not schema_version and not create:
        raise DatabaseMissing(database_url)
    if not script_by_number:
        return False
    if schema_version:
        log.info("database migration started from_version=%d to_version=%d", schema_version, max(script_by_number))
    raw_connection = connection.raw_connection
    raw_connection.execute("BEGIN")
    try:
        raw_connection.execute(_MIGRATION_LOCK_SQL)
        # Another process may have migrated the database before the lock was taken.
        schema_version = load_schema_version(connection)
        if not raw_connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchone():
            raw_connection.execute(f"CREATE SCHEMA {SCHEMA}")
        for migration_number, script in load_pending_scripts(schema_version, "postgres").items():
            raw_connection.execute(script.encode())
            raw_connection.execute("DELETE FROM schema_version")
            raw_connection.execute("INSERT INTO schema_version (number) VALUES (%s)", (migration_number,))
            log.debug("database migrated version=%d", migration_number)
        raw_connection.execute((PACKAGE_DIRECTORY / "functions.sql").read_bytes())
        raw_connection.execute("COMMIT")
    except BaseException:
        connection.roll_back()
        raise
    return not schema_version


def load_schema_version(connection: PostgresConnection) -> int:
    """Return the number of the last applied migration, or 0 if the schema has no tables."""
    if connection.fetch_value("SELECT to_regclass('schema_version')") is None:
        return 0
    return int(connection.fetch_value("SELECT max(number) FROM schema_version") or 0)


def list_missing_privileges(connection: PostgresConnection) -> list[str]:
    """Return the names of tables that the database user may not read or write."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = CAST(? AS regnamespace) "
        "AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') "
        "AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))",
        (SCHEMA,),
    )
    return [row[0] for row in rows]


def list_integrity_problems(connection: PostgresConnection) -> list[str]:
    """Return descriptions of constraints and indexes that are not valid.

    Damage of files is not examined: that is the server's concern.
    """
    return [
        f"{row['name']} is not {row['required_state']}"
        for row in connection.execute(
            "SELECT conname AS name, 'checked' AS required_state FROM pg_constraint "
            "WHERE connamespace = CAST(? AS regnamespace) AND NOT convalidated "
            "UNION ALL SELECT indexrelid::regclass::text, 'valid' FROM pg_index "
            "JOIN pg_class ON pg_class.oid = indexrelid "
            "WHERE relnamespace = CAST(? AS regnamespace) AND NOT indisvalid",
            (SCHEMA, SCHEMA),
        )
    ]


def _require_supported_server(connection: PostgresConnection, database_url: DatabaseUrl) -> None:
    version_number, version_name, encoding = (
        connection.fetch_value(f"SELECT current_setting('{setting_name}')")
        for setting_name in ("server_version_num", "server_version", "server_encoding")
    )
    if int(version_number) < MIN_SERVER_VERSION:
        raise DatabaseUnusable(f"The server is PostgreSQL {version_name}; Telex needs 15 or later.")
    if encoding != "UTF8":
        raise DatabaseUnusable(
            f"The database {database_url} has the encoding {encoding}; Telex needs UTF8: "
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
        )
