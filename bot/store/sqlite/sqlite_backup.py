"""Online backup of a SQLite database."""

import glob
import os
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bot.store.meta import RESTORED_ID_GAP, RESTORED_KEY
from bot.store.sqlite.migrations import integrity_problems
from bot.store.sqlite.run_lock import open_locked
from bot.store.store_errors import DatabaseBroken, DatabaseUnusable

PAGES_PER_STEP = 4096
"""Pages copied between two checks for cancellation."""


class BackupCancelled(Exception):
    """The caller of a backup was cancelled."""


def copy(connection: sqlite3.Connection, path: Path, is_wanted: Callable[[], bool]) -> None:
    """Copy a database into a new file, using a connection reserved for it.

    The copy is checked, marked as restored (`meta.RESTORED_KEY`) and synced to disk before it gets its name;
    partial files of killed processes are removed. Raises `DatabaseUnusable` if the file exists or cannot be
    written, `DatabaseBroken` if the copy is damaged, `BackupCancelled` once `is_awaited()` is False.
    """
    _must_not_exist(path)
    _remove_stale_parts(path)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    held: int | None = None
    try:
        try:
            held = open_locked(part)
            try:
                _copy_pages(connection, part, is_wanted)
            except sqlite3.OperationalError as error:
                # Mostly the disk of the copy is full or failing.
                raise DatabaseUnusable(f"The backup {path} cannot be written: {error}.") from error
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            _must_not_exist(path)
            part.rename(path)
            _sync_folder(path.parent)
        finally:
            _remove(part)
            if held is not None:
                os.close(held)
    except OSError as error:
        raise DatabaseUnusable(f"The backup {path} cannot be written: {error.strerror}.") from error


def _must_not_exist(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise DatabaseUnusable(f"The file {path} exists already: a backup overwrites nothing.")


def _remove_stale_parts(path: Path) -> None:
    for part in path.parent.glob(f"{glob.escape(path.name)}.????????.part"):
        with suppress(OSError):
            held = open_locked(part)
            _remove(part)
            os.close(held)


def _remove(part: Path) -> None:
    part.with_name(f"{part.name}-journal").unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def _copy_pages(connection: sqlite3.Connection, part: Path, is_wanted: Callable[[], bool]) -> None:
    def look(*_pages: int) -> None:
        if not is_wanted():
            raise BackupCancelled

    target = sqlite3.connect(part, isolation_level=None)
    try:
        # An open read transaction pins the copied state; without it each write would restart the backup
        # (https://www.sqlite.org/backup.html).
        connection.execute("BEGIN")
        try:
            connection.execute("SELECT count(*) FROM meta").fetchone()
            connection.backup(target, pages=PAGES_PER_STEP, sleep=0, progress=look)
        finally:
            connection.execute("ROLLBACK")
        # The backup is one file, without a write-ahead log and its index.
        target.execute("PRAGMA journal_mode = DELETE")
        target.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, '1')", (RESTORED_KEY,))
        _reserve_id_gap(target)
        if found := integrity_problems(target):
            raise DatabaseBroken(f"The backup was not kept, for it is damaged: {found[0]}.")
    finally:
        target.close()


def _reserve_id_gap(target: sqlite3.Connection) -> None:
    """Skip the ids of watches and digests that the original may assign after the backup.

    Buttons in Discord carry these ids.
    """
    for table in ("watch", "digest"):
        (last,) = target.execute(
            f"SELECT max(coalesce((SELECT max(id) FROM {table}), 0), "
            f"coalesce((SELECT seq FROM sqlite_sequence WHERE name = '{table}'), 0))"
        ).fetchone()
        target.execute("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        target.execute(
            "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last + RESTORED_ID_GAP)
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
