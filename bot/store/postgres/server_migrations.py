"""Migrations of the schema `telex` in a PostgreSQL database, all applied in one transaction."""

import logging
from pathlib import Path

from bot.core.database_url import DatabaseUrl
from bot.store.postgres.postgres_connection import SCHEMA, PostgresConnection
from bot.store.schema_scripts import load_pending_scripts
from bot.store.store_errors import DatabaseMissing, DatabaseUnusable
from bot.text.characters import COMBINING_MARKS
from bot.text.words import FOLD_MAP

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
    raw = connection.raw
    raw.execute("BEGIN")
    try:
        raw.execute(_MIGRATION_LOCK_SQL)
        # Another process may have migrated the database before the lock was taken.
        schema_version = load_schema_version(connection)
        if not raw.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchone():
            raw.execute(f"CREATE SCHEMA {SCHEMA}")
        for migration_number, script in load_pending_scripts(schema_version, "postgres").items():
            raw.execute(script.encode())
            raw.execute("DELETE FROM schema_version")
            raw.execute("INSERT INTO schema_version (number) VALUES (%s)", (migration_number,))
            log.debug("database migrated version=%d", migration_number)
        raw.execute(_render_functions_sql(_find_case_folding_collation(connection)))
        raw.execute("COMMIT")
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
        f"{row['name']} is not {row['wanted']}"
        for row in connection.execute(
            "SELECT conname AS name, 'checked' AS wanted FROM pg_constraint "
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


def _find_case_folding_collation(connection: PostgresConnection) -> str:
    """Return the quoted name of a collation that can lower-case non-ASCII letters.

    Raises `DatabaseUnusable` if the server has none.
    """
    for collation_name in ("pg_c_utf8", "und-x-icu", "C.utf8", "C.UTF-8", "en_US.utf8"):
        if connection.fetch_value("SELECT to_regcollation(?)", (f'"{collation_name}"',)) is not None:
            return f'"{collation_name}"'
    raise DatabaseUnusable("The server knows no language but C: it needs ICU, or the locale C.UTF-8.")


def _render_functions_sql(collation: str) -> bytes:
    """Return `functions.sql` with a function `fold` that replaces the characters of `words.FOLD_MAP`."""
    functions_sql = (PACKAGE_DIRECTORY / "functions.sql").read_text(encoding="utf-8").replace("{letters}", collation)
    folded_sql = f"replace(lower(written COLLATE {collation}), 'ß', 'ss')"
    replacements = {character: replacement for character, replacement in FOLD_MAP.items() if len(replacement) == 1} | {
        ord("ς"): "σ"
    }
    for source_code_point, target_text in FOLD_MAP.items():
        if len(target_text) > 1:
            folded_sql = f"replace({folded_sql}, '{chr(source_code_point)}', '{target_text}')"
    # `translate` drops characters without a counterpart in its last argument.
    dropped_characters = [letter for letter, counterpart in FOLD_MAP.items() if not counterpart]
    source_characters = "".join(map(chr, [*replacements, *dropped_characters]))
    folded_sql = (
        f"translate({folded_sql}, '{_escape_quotes(source_characters)}', "
        f"'{_escape_quotes(''.join(replacements.values()))}')"
    )
    return (
        functions_sql.replace("{replaced}", folded_sql)
        .replace("{marks}", _format_character_ranges(COMBINING_MARKS))
        .encode()
    )


def _escape_quotes(text: str) -> str:
    return text.replace("'", "''")


def _format_character_ranges(characters: str) -> str:
    """Return characters as escaped ranges for a character class of a regular expression."""
    ranges: list[list[int]] = []
    for code_point in sorted(map(ord, characters)):
        if ranges and code_point == ranges[-1][1] + 1:
            ranges[-1][1] = code_point
        else:
            ranges.append([code_point, code_point])
    return "".join(
        f"\\u{first_code_point:04x}-\\u{last_code_point:04x}" for first_code_point, last_code_point in ranges
    )
