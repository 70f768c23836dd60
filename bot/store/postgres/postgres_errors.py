"""Classification of PostgreSQL's errors and their translation to `StoreError`."""

import re

import psycopg
from psycopg import errors

from bot.core.configuration.database_url import DatabaseUrl
from bot.store.store_errors import DatabaseBroken, DatabaseUnusable, StoreError

# By SQLSTATE, or its class of two characters: https://www.postgresql.org/docs/current/errcodes-appendix.html
_ERROR_BY_SQLSTATE: dict[str, tuple[type[StoreError], str]] = {
    "53100": (DatabaseUnusable, "The disk of the server with the database {where} is full."),
    "53": (DatabaseUnusable, "The server with the database {where} has too much to do: {error}."),
    "25006": (DatabaseUnusable, "The database {where} may not be written to."),
    "28": (DatabaseUnusable, "The server denies access to {where}: {error}."),
    "3D": (DatabaseUnusable, "There is no such database: {where}."),
    "42501": (DatabaseUnusable, "There is no permission to use the database {where}: {error}."),
    "55P03": (DatabaseUnusable, "Another program keeps the database {where} locked."),
    "XX001": (DatabaseBroken, "The database {where} is damaged: {error}. Restore a backup."),
    "XX002": (
        DatabaseBroken,
        "An index of the database {where} is damaged: {error}. `REINDEX` makes it anew.",
    ),
}


class CommitStateUnknown(psycopg.OperationalError):
    """Error raised when it is unknown whether a transaction was committed; repeating it might write twice."""


_FATAL_PATTERN = re.compile(r"FATAL: +([^\n]*[^\n.])")


def to_store_error(error: psycopg.Error, database_url: DatabaseUrl) -> StoreError:
    """Return the `StoreError` that corresponds to an error of psycopg, with a sentence for the operator."""
    sqlstate = error.sqlstate or ""
    error_class_and_sentence = _ERROR_BY_SQLSTATE.get(sqlstate) or _ERROR_BY_SQLSTATE.get(sqlstate[:2])
    if error_class_and_sentence is None and is_connection_lost(error):
        error_class_and_sentence = DatabaseUnusable, "The server with the database {where} cannot be reached: {error}."
    fatal_match = _FATAL_PATTERN.search(str(error))
    # The server refuses a login before there is a session, so the error has no code.
    if fatal_match and not sqlstate:
        error_class_and_sentence = DatabaseUnusable, f"The server denies access to {{where}}: {fatal_match[1]}."
    error_class, sentence_template = error_class_and_sentence or (
        StoreError,
        "The database {where} refused a request: {error}.",
    )
    message = error.diag.message_primary or str(error).strip().partition("\n")[0]
    return error_class(sentence_template.format(where=database_url, error=message.rstrip(".")))


def is_connection_lost(error: psycopg.Error) -> bool:
    """Return whether an error means a lost or refused connection, so that a new connection may succeed."""
    lost_connection_types = (
        errors.AdminShutdown,
        errors.CrashShutdown,
        errors.CannotConnectNow,
        errors.IdleInTransactionSessionTimeout,
    )
    return isinstance(error, lost_connection_types) or (
        isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    )


def is_conflict(error: psycopg.Error) -> bool:
    """Return whether an error means a conflict with another transaction, so that a retry may succeed."""
    return isinstance(error, errors.SerializationFailure | errors.DeadlockDetected)


def is_lock_timeout(error: psycopg.Error) -> bool:
    """Return whether an error means that a lock could not be taken within `lock_timeout`."""
    return isinstance(error, errors.LockNotAvailable)
