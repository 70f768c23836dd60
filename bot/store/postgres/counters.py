"""The numbers that tables give to their rows."""

from __future__ import annotations

from bot.store.postgres.server_connection import SCHEMA, Connection

NEVER_TWICE = ("watch", "digest")
"""Tables whose numbers stand in Discord: buttons and names of messages."""


def counters(connection: Connection) -> dict[str, int]:
    """The last number that each table gave which gives none twice."""
    return {
        table: connection.value(
            f"SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {table}_id_seq"
        )
        for table in NEVER_TWICE
    }


def set_counters(connection: Connection, last: dict[str, int]) -> None:
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
