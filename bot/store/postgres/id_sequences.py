"""Functions that notice that a PostgreSQL database was restored, and on the sequences that assign its ids."""

from collections.abc import Mapping

from bot.store.meta import NEVER_REUSED_ID_TABLES, RESTORED_ID_GAP, RESTORED_KEY
from bot.store.postgres.postgres_connection import SCHEMA, PostgresConnection

_IDENTITY_KEY = "identity"
# A dump and restore changes the oid of a table; a server restored from an older copy of its files, or a
# promoted replica, which may lack the latest writes, starts a new timeline.
# Everyone may execute now(): the oid is always part of the identity.
_IDENTITY_EXPRESSION_BY_REQUIRED_FUNCTION = {
    "pg_control_system()": "(SELECT system_identifier FROM pg_control_system())",
    "pg_walfile_name(pg_lsn)": "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)",
    "now()": "CAST(CAST('meta' AS regclass) AS oid)",
}


def record_restore(connection: PostgresConnection) -> bool:
    """Mark the database as restored from a backup if its identifiers say so, and return whether they do.

    A restored database may lack the latest rows: ids that Discord may know from these are skipped.
    """
    current_identity = load_database_identity(connection)
    stored_identity = connection.fetch_value("SELECT value FROM meta WHERE name = ?", (_IDENTITY_KEY,))
    if stored_identity == current_identity:
        return False
    connection.execute("DELETE FROM meta WHERE name = ?", (_IDENTITY_KEY,))
    connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (_IDENTITY_KEY, current_identity))
    if stored_identity is None:
        return False
    connection.execute("INSERT INTO meta (name, value) VALUES (?, '1') ON CONFLICT (name) DO NOTHING", (RESTORED_KEY,))
    set_last_ids(
        connection,
        {table_name: last_id + RESTORED_ID_GAP for table_name, last_id in load_last_ids(connection).items()},
    )
    return True


def load_database_identity(connection: PostgresConnection) -> str:
    """Return a text that changes when the database is restored from a backup or a replica takes over.

    The text consists of those identifiers of the server that the database user may read.
    """
    permitted_expressions = (
        expression
        for function_signature, expression in _IDENTITY_EXPRESSION_BY_REQUIRED_FUNCTION.items()
        if connection.fetch_value("SELECT has_function_privilege(?, 'EXECUTE')", (function_signature,))
    )
    return str(connection.fetch_value(f"SELECT concat_ws('/', {', '.join(permitted_expressions)})"))


def load_last_ids(connection: PostgresConnection) -> dict[str, int]:
    """Return the last assigned id of each table that never uses an id twice, even after its row was deleted."""
    return {
        table_name: connection.fetch_value(
            f"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {table_name}_id_seq"
        )
        for table_name in NEVER_REUSED_ID_TABLES
    }


def set_last_ids(connection: PostgresConnection, last_id_by_table: Mapping[str, int]) -> None:
    """Have each table assign only ids above its rows' ids and above its id in `last_id_by_table`, if it has one."""
    rows = connection.execute(
        "SELECT table_name FROM information_schema.columns "
        "WHERE table_schema = ? AND column_name = 'id' AND is_identity = 'YES'",
        (SCHEMA,),
    )
    for (table_name,) in rows.fetchall():
        largest_id = connection.fetch_value(f"SELECT coalesce(max(id), 0) FROM {table_name}")
        connection.execute(
            f"SELECT setval('{table_name}_id_seq', CAST(? AS BIGINT), false)",
            (max(largest_id, last_id_by_table.get(table_name, 0)) + 1,),
        )
