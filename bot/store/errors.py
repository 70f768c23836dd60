"""What can be wrong with a database, each said in a sentence for the person who runs Telex."""

from __future__ import annotations

import sqlite3
from pathlib import Path


class StoreError(Exception):
    """The database did not do what was asked. The message is a sentence for a person."""


class DatabaseUnusable(StoreError):
    """The file cannot be used: read-only, full disk, no permission, locked, or no database of Telex's."""


class DatabaseBroken(StoreError):
    """The file is damaged."""


class NewerDatabase(StoreError):
    """The file was written by a later version of Telex."""


class AlreadyRunning(StoreError):
    """Another running bot has this database."""


# https://www.sqlite.org/rescode.html
_CAUSES: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_PERM: (DatabaseUnusable, "There is no permission to use the database {path}."),
    sqlite3.SQLITE_AUTH: (DatabaseUnusable, "There is no permission to use the database {path}."),
    sqlite3.SQLITE_BUSY: (DatabaseUnusable, "Another program keeps the database {path} locked."),
    sqlite3.SQLITE_LOCKED: (DatabaseUnusable, "Another program keeps the database {path} locked."),
    sqlite3.SQLITE_READONLY: (DatabaseUnusable, "The database {path} may not be written to."),
    sqlite3.SQLITE_IOERR: (DatabaseUnusable, "The disk failed while using the database {path}: {error}."),
    sqlite3.SQLITE_FULL: (DatabaseUnusable, "The disk with the database {path} is full."),
    sqlite3.SQLITE_CANTOPEN: (DatabaseUnusable, "The database {path} cannot be opened or created."),
    sqlite3.SQLITE_NOTADB: (DatabaseUnusable, "The file {path} is not a database."),
    sqlite3.SQLITE_INTERRUPT: (StoreError, "The database was closed before it had answered."),
    sqlite3.SQLITE_CORRUPT: (
        DatabaseBroken,
        "The database {path} is damaged: {error}. Restore a backup, or recover it with `sqlite3 .recover`.",
    ),
}


def understand(error: sqlite3.Error, path: Path) -> StoreError:
    """The store's own error for one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)  # absent where the Python module itself complains
    primary = code & 0xFF if isinstance(code, int) else -1
    kind, sentence = _CAUSES.get(primary, (StoreError, "The database {path} refused a request: {error}."))
    return kind(sentence.format(path=path, error=error))
