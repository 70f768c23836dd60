"""Translation of SQLite's errors to `StoreError`."""

import shutil
import sqlite3
from pathlib import Path

from bot.store.store_errors import DatabaseBroken, DatabaseUnusable, StoreError
from bot.text.discord_text import to_plain_line

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Exceptions that Python's sqlite3 raises; a message with damaged bytes raises UnicodeDecodeError."""

_MIN_FREE_BYTES = 64 * 1024
"""Free disk space in bytes below which a failure to read, write or open a file counts as a full disk.

SQLite then cannot create the file of its shared memory.
"""

_REPAIR_HINT = (
    "Stop Telex and restore a backup, or what `sqlite3 .recover` saves; `telex check` tells whether a"
    " database is whole."
)

# By primary result code, as listed at https://www.sqlite.org/rescode.html.
_ERROR_CLASS_AND_SENTENCE_BY_CODE: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_PERM: (DatabaseUnusable, "There is no permission to use the database {path}."),
    sqlite3.SQLITE_AUTH: (DatabaseUnusable, "There is no permission to use the database {path}."),
    sqlite3.SQLITE_BUSY: (DatabaseUnusable, "Another program keeps the database {path} locked."),
    sqlite3.SQLITE_LOCKED: (DatabaseUnusable, "Another program keeps the database {path} locked."),
    sqlite3.SQLITE_READONLY: (DatabaseUnusable, "The database {path} may not be written to."),
    sqlite3.SQLITE_IOERR: (DatabaseUnusable, "The disk failed while using the database {path}: {error}."),
    sqlite3.SQLITE_FULL: (DatabaseUnusable, "The disk with the database {path} is full."),
    sqlite3.SQLITE_CANTOPEN: (DatabaseUnusable, "The database {path} cannot be opened or created."),
    sqlite3.SQLITE_NOTADB: (
        DatabaseUnusable,
        "The file {path} is not a database, or its beginning is damaged.",
    ),
    sqlite3.SQLITE_INTERRUPT: (StoreError, "The database was closed before it had answered."),
    sqlite3.SQLITE_CORRUPT: (DatabaseBroken, "The database {path} is damaged: {error}. " + _REPAIR_HINT),
}


def to_store_error(error: sqlite3.Error | UnicodeDecodeError, path: Path) -> StoreError:
    """Return the `StoreError` that corresponds to an error of SQLite, with a sentence for the operator."""
    # Errors that the Python module raises itself have no code.
    result_code = getattr(error, "sqlite_errorcode", None)
    primary_code = result_code & 0xFF if isinstance(result_code, int) else -1
    message = str(error)
    if isinstance(error, UnicodeDecodeError):
        primary_code, message = sqlite3.SQLITE_CORRUPT, error.object.decode("utf-8", "replace")
    if primary_code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN} and _is_disk_full(path):
        primary_code = sqlite3.SQLITE_FULL
    error_class, sentence_template = _ERROR_CLASS_AND_SENTENCE_BY_CODE.get(
        primary_code, (StoreError, "The database {path} refused a request: {error}.")
    )
    return error_class(sentence_template.format(path=path, error=to_plain_line(message)))


def _is_disk_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _MIN_FREE_BYTES
    except OSError:
        return False
