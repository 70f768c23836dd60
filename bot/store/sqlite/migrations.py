"""Bring a database to the schema of this code: numbered `.sql` files, each in a transaction of its own."""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bot.store.migration_files import list_migrations, require_known_version
from bot.store.store_errors import DatabaseBroken, DatabaseUnusable
from bot.text import urls

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
PAGE_SIZE = 16_384
"""Bytes of a page of the file: on small ones the texts of articles leave a quarter empty."""
VACUUM_FREE_RATIO = 0.2  # of the file, from which on a migration gives space back
APPLICATION_ID = 0x54454C58  # "TELX": tells our files from other programs' (PRAGMA application_id)


def available(folder: Path = MIGRATIONS) -> dict[int, Path]:
    """The migrations by number, in order."""
    return list_migrations(folder)


def migrate(connection: sqlite3.Connection, folder: Path = MIGRATIONS) -> bool:
    """Apply what is missing. An interruption leaves the version before whole.

    The file is checked once, within the last transaction: of a big one that takes minutes. Returns whether
    the database is new.

    Raises `NewerDatabase`, `DatabaseBroken`, `DatabaseUnusable`, or `sqlite3.Error`.
    """
    migrations = available(folder)
    version = schema_version(connection)
    require_known_version(version, max(migrations))
    if 0 < version < min(migrations):
        raise DatabaseUnusable(
            f"The database has version {version}, from before the first release; this Telex reads versions "
            f"from {min(migrations)} on. Export its articles with that Telex and import them here."
        )
    if version == max(migrations):
        return False
    if version:
        log.info("Upgrading the database from version %d to %d", version, max(migrations))
    connection.create_function("page_of", 1, urls.page_key, deterministic=True)
    _resize(connection)
    connection.execute("PRAGMA foreign_keys = OFF")  # a table may be rebuilt; checked before the commit
    try:
        for number, path in migrations.items():
            if number > version:
                _apply(connection, number, path, is_last=number == max(migrations))
        _vacuum_if_sparse(connection)
    finally:
        connection.execute("PRAGMA foreign_keys = ON")
    return not version


def _resize(connection: sqlite3.Connection) -> None:
    """Rewrite a file that has pages of another size; before all migrations: the version tells it is done.

    That cannot be done in the mode of the write-ahead log (https://www.sqlite.org/pragma.html#pragma_page_size),
    nor while another process has the file open or the disk is full: then it goes on as it is.
    """
    if connection.execute("PRAGMA page_size").fetchone()[0] == PAGE_SIZE:
        return
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("VACUUM")
    except sqlite3.OperationalError as error:
        log.warning("The database keeps its small pages: %s", error)
    finally:
        connection.execute(f"PRAGMA journal_mode = {mode}")


def _vacuum_if_sparse(connection: sqlite3.Connection) -> None:
    """Make the file smaller where much of it is empty: it takes as long as a copy."""
    free, pages = connection.execute(
        "SELECT freelist_count, page_count FROM pragma_freelist_count, pragma_page_count"
    ).fetchone()
    if free > VACUUM_FREE_RATIO * pages:
        connection.execute("VACUUM")


def integrity_problems(connection: sqlite3.Connection) -> list[str]:
    """What SQLite finds wrong with the file; reads all of it."""
    found = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
    found += [
        f"a row of {row[0]} points to none of {row[2]}"
        for row in connection.execute("PRAGMA foreign_key_check")
    ]
    return found


def statements(script: str) -> Iterator[str]:
    """The statements of a script, each ending its line; a trigger's own semicolons do not end it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def schema_version(connection: sqlite3.Connection) -> int:
    """The number of the last migration applied. Raises `DatabaseUnusable` for another program's file."""
    # One statement sees one moment, though another process may be making the tables.
    version: int
    version, application, tables = connection.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if application != APPLICATION_ID and (version or tables or application):
        raise DatabaseUnusable("The file is a database of another program's, not Telex's.")
    return version


def _require_intact(connection: sqlite3.Connection) -> None:
    if found := integrity_problems(connection):
        raise DatabaseBroken(f"The database is damaged: {found[0]}. Restore a backup.")


def _apply(connection: sqlite3.Connection, number: int, path: Path, *, is_last: bool) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if schema_version(connection) < number:  # another process may have been faster
            for statement in statements(path.read_text(encoding="utf-8")):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
            if is_last:
                _require_intact(connection)
            log.debug("database brought to version %d", number)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
