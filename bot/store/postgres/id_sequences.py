"""The numbers that tables give to their rows."""

from bot.store.meta import RESTORED_ID_GAP, RESTORED_KEY
from bot.store.postgres.server_connection import SCHEMA, PostgresConnection

NEVER_REUSED_ID_TABLES = ("watch", "digest")
"""Tables whose numbers stand in Discord: buttons and names of messages."""


_IDENTITY = "identity"
# Dumped and restored a table has another number; from an older copy of its files a server begins a new time
# line, as a replica does that takes the place of one and may lack what was written last.
_IDENTITY_SOURCES = {
    "pg_control_system()": "(SELECT system_identifier FROM pg_control_system())",
    "pg_walfile_name(pg_lsn)": "substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)",
    "now()": "CAST(CAST('meta' AS regclass) AS oid)",
}


def detect_restore(connection: PostgresConnection) -> bool:
    """Mark a database that is another than it was as restored: what was posted since is read back then.

    Numbers that Discord knows already are left out, as a backup of a file does.
    """
    here = database_identity(connection)
    known = connection.value("SELECT value FROM meta WHERE name = ?", (_IDENTITY,))
    if known == here:
        return False
    connection.execute("DELETE FROM meta WHERE name = ?", (_IDENTITY,))
    connection.execute("INSERT INTO meta (name, value) VALUES (?, ?)", (_IDENTITY, here))
    if known is None:
        return False
    connection.execute(
        "INSERT INTO meta (name, value) VALUES (?, '1') ON CONFLICT (name) DO NOTHING", (RESTORED_KEY,)
    )
    set_id_sequences(
        connection, {table: last + RESTORED_ID_GAP for table, last in id_sequences(connection).items()}
    )
    return True


def database_identity(connection: PostgresConnection) -> str:
    """Which database this is, as far as this user may know: another after it was restored or taken over."""
    allowed = (
        part
        for function, part in _IDENTITY_SOURCES.items()
        if connection.value("SELECT has_function_privilege(?, 'EXECUTE')", (function,))
    )
    return str(connection.value(f"SELECT concat_ws('/', {', '.join(allowed)})"))


def id_sequences(connection: PostgresConnection) -> dict[str, int]:
    """The last number that each table gave which gives none twice."""
    return {
        table: connection.value(
            f"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {table}_id_seq"
        )
        for table in NEVER_REUSED_ID_TABLES
    }


def set_id_sequences(connection: PostgresConnection, last: dict[str, int]) -> None:
    """Let these tables give larger numbers than these, and all of them larger ones than they have."""
    rows = connection.execute(
        "SELECT table_name FROM information_schema.columns "
        "WHERE table_schema = ? AND column_name = 'id' AND is_identity = 'YES'",
        (SCHEMA,),
    )
    for (table,) in rows.fetchall():
        largest = connection.value(f"SELECT coalesce(max(id), 0) FROM {table}")
        connection.execute(
            f"SELECT setval('{table}_id_seq', CAST(? AS BIGINT), false)",
            (max(largest, last.get(table, 0)) + 1,),
        )
