"""What was deleted, taken out of the files as well."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable


def scrub(connection: sqlite3.Connection, tables: Iterable[str]) -> bool:
    """Rewrite tables on fresh pages and empty the write-ahead log; outside of a transaction.

    With `secure_delete` SQLite overwrites what is deleted and every page that is freed, but not what it left
    behind when it moved a row to another page (https://www.sqlite.org/pragma.html#pragma_secure_delete).
    Returns whether the log could be emptied: somebody may still be reading from it.
    """
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA foreign_keys = OFF")  # what points to the rows stays as it is
    try:
        connection.execute("BEGIN IMMEDIATE")
        for table in tables:
            connection.execute(f"CREATE TEMP TABLE scrubbed AS SELECT * FROM main.{table}")
            connection.execute(f"DELETE FROM main.{table}")
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM scrubbed ORDER BY 1, 2")
            connection.execute("DROP TABLE scrubbed")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("PRAGMA foreign_keys = ON")
    (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
