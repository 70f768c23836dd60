"""Online backup of a SQLite database."""

import glob
import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bot.store.meta import RESTORED_ID_GAP, RESTORED_KEY
from bot.store.sqlite import table_shapes
from bot.store.sqlite.migrations import list_integrity_problems
from bot.store.sqlite.run_lock import open_locked
from bot.store.store_errors import DatabaseBroken, DatabaseUnusable

PAGES_PER_STEP = 4096
"""Number of pages copied between two checks for cancellation."""


class BackupCancelled(Exception):
    """Error raised when the caller of a backup was cancelled."""


def copy_to_file(connection: sqlite3.Connection, path: Path, is_awaited: Callable[[], bool]) -> None:
    """Copy a database into a new file, using a connection reserved for the copy.

    The copy is checked, marked as restored (for the bot that may use it some day) and synced to disk before it gets its
    name; partial files of killed processes are removed. Raises `DatabaseUnusable` if the file exists or cannot be
    written, `DatabaseBroken` if the copy is damaged, `BackupCancelled` once `is_awaited()` is False.
    """
    _require_absent(path)
    _remove_stale_partial_files(path)
    partial_path = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    descriptor: int | None = None
    try:
        try:
            descriptor = open_locked(partial_path)
            try:
                _copy_pages(connection, partial_path, is_awaited)
            except sqlite3.OperationalError as error:
                # Mostly the disk of the copy is full or failing.
                raise DatabaseUnusable(f"The backup {path} cannot be written: {error}.") from error
            with partial_path.open("rb+") as partial_file:
                os.fsync(partial_file.fileno())
            _require_absent(path)
            partial_path.rename(path)
            _sync_directory(path.parent)
        finally:
            _remove_partial_file(partial_path)
            if descriptor is not None:
                os.close(descriptor)
    except OSError as error:
        raise DatabaseUnusable(f"The backup {path} cannot be written: {error.strerror}.") from error


def _require_absent(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise DatabaseUnusable(f"The file {path} exists already: a backup overwrites nothing.")


def _remove_stale_partial_files(path: Path) -> None:
    for partial_path in path.parent.glob(f"{glob.escape(path.name)}.????????.part"):
        with suppress(OSError):
            descriptor = open_locked(partial_path)
            _remove_partial_file(partial_path)
            os.close(descriptor)


def _remove_partial_file(partial_path: Path) -> None:
    partial_path.with_name(f"{partial_path.name}-journal").unlink(missing_ok=True)
    partial_path.unlink(missing_ok=True)


def _copy_pages(connection: sqlite3.Connection, partial_path: Path, is_awaited: Callable[[], bool]) -> None:
    def raise_if_cancelled(*_pages: int) -> None:
        if not is_awaited():
            raise BackupCancelled

    target_connection = sqlite3.connect(partial_path, isolation_level=None)
    try:
        # An open read transaction pins the copied state; without it each write would restart the backup
        # (https://www.sqlite.org/backup.html).
        connection.execute("BEGIN")
        try:
            connection.execute("SELECT count(*) FROM meta").fetchone()
            connection.backup(target_connection, pages=PAGES_PER_STEP, sleep=0, progress=raise_if_cancelled)
        finally:
            connection.execute("ROLLBACK")
        # The backup is one file, without a write-ahead log and its index.
        target_connection.execute("PRAGMA journal_mode = DELETE")
        target_connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, '1')", (RESTORED_KEY,))
        _reserve_id_gap(target_connection)
        if problems := list_integrity_problems(target_connection):
            raise DatabaseBroken(f"The backup was not kept, for it is damaged: {problems[0]}.")
    finally:
        target_connection.close()


def _reserve_id_gap(target_connection: sqlite3.Connection) -> None:
    """Skip ids in the copy that the original may assign after the backup, since buttons in Discord carry them."""
    last_id_by_table = table_shapes.load_last_ids(target_connection)
    table_shapes.set_last_ids(
        target_connection,
        {table_name: last_id + RESTORED_ID_GAP for table_name, last_id in last_id_by_table.items()},
    )


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
