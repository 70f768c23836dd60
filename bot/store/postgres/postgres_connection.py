"""PostgreSQL connections that run the store's statements."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import psycopg
from psycopg import errors
from psycopg.adapt import Dumper, Loader

from bot.core.configuration.database_url import DatabaseUrl
from bot.store.connection import Connection, Parameters
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


_TOKEN_PATTERN = re.compile(
    r"""
      (?P<quoted_text> '(?:[^']|'')*' | "[^"]*" )  # only its percent signs are doubled
    | (?P<percent> % )
    | (?P<question_mark> \? )
    | \b (?P<not> NOT\  )? IN\ \( : (?P<list_name> \w+ ) \)
    | (?<! [:\w] ) : (?P<parameter_name> [a-z_]\w* )
    """,
    re.VERBOSE,
)
_LIST_PATTERN = re.compile(r"\bIN \(:(\w+)\)")
_EMPTY_LIST = "'{}'"


@lru_cache(maxsize=4096)
def translate_statement(sql: str, null_parameter_names: frozenset[str] = frozenset()) -> tuple[bytes, frozenset[str]]:
    """Return a statement with psycopg's named parameters, and the names of those that are lists.

    Positional parameters get the names `1`, `2`, …. Parameters in `null_parameter_names` are written as NULL, or as an
    empty list after IN, because PostgreSQL cannot infer the type of a parameter that is None.
    """
    position, list_names = 0, frozenset(_LIST_PATTERN.findall(sql))

    def replace_token(match: re.Match[str]) -> str:
        nonlocal position
        if match["quoted_text"] or match["percent"]:
            return match[0].replace("%", "%%")
        if name := match["list_name"]:
            members = _EMPTY_LIST if name in null_parameter_names else f"%({name})s"
            return f"{'<> ALL' if match['not'] else '= ANY'} ({members})"
        position += match["question_mark"] is not None
        name = match["parameter_name"] or str(position)
        if name in null_parameter_names:
            return "NULL"
        # Outside of IN a list is only compared with NULL, for which an empty list would have no type.
        return _EMPTY_LIST if name in list_names else f"%({name})s"

    return _TOKEN_PATTERN.sub(replace_token, sql).encode(), list_names


SCHEMA = "telex"
"""Database schema with the tables and functions of Telex."""
_CONNECT_OPTIONS = {
    "application_name": "telex",
    "connect_timeout": "10",
    "keepalives_idle": "20",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
    "target_session_attrs": "read-write",
}
"""Options of libpq for connections: times are in seconds, but `tcp_user_timeout` is in milliseconds.

If the URL has several hosts, the writable one is used.
"""
SESSION_SETTINGS = {
    "search_path": SCHEMA,
    "client_encoding": "UTF8",
    # Between two attempts at a lock `postgres_worker` ends stalled sessions.
    "lock_timeout": "3s",
    # Sessions within psycopg's pipeline of `executemany` escape this timeout.
    "idle_in_transaction_session_timeout": "15s",
}
"""Settings of each database session."""

_ITERATED_BATCH_SIZE = 500
"""Number of rows that are fetched at a time where rows are read one after another."""


class PostgresRow(tuple[Any, ...]):
    """A row of a result, indexed by column position or name."""

    __slots__ = ()
    position_by_column_name: Mapping[str, int] = {}

    def __getitem__(self, column: Any, /) -> Any:
        if isinstance(column, str):
            column = self.position_by_column_name[column]
        return tuple.__getitem__(self, column)

    def keys(self) -> Iterable[str]:
        return self.position_by_column_name.keys()


@lru_cache(maxsize=1024)
def _build_row_class(column_names: tuple[str, ...]) -> type[PostgresRow]:
    position_by_name = {column_name: position for position, column_name in reversed(list(enumerate(column_names)))}
    ordered_position_by_name = dict(sorted(position_by_name.items(), key=lambda pair: pair[1]))
    return type("NamedRow", (PostgresRow,), {"__slots__": (), "position_by_column_name": ordered_position_by_name})


def _create_row_factory(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], PostgresRow]:
    return _build_row_class(tuple(column.name for column in cursor.description or ()))


class _Int8Dumper(Dumper):
    # int8 like all integer columns, so that a statement keeps its prepared plan.
    oid = 20

    def dump(self, obj: int) -> bytes:
        return b"%d" % obj


class _BoolDumper(Dumper):
    # Unknown, so that the server infers integer or boolean from the parameter's position.
    oid = 0

    def dump(self, obj: bool) -> bytes:  # noqa: FBT001 - psycopg's signature
        return b"1" if obj else b"0"


class _TextDumper(Dumper):
    oid = 25

    def dump(self, obj: str) -> bytes:
        # PostgreSQL cannot store NUL characters.
        return obj.replace("\0", "").encode()


class _NumericLoader(Loader):
    """Loader of values of the type `numeric`, which integer sums have, as int or float."""

    def load(self, data: Any) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text else int(text)


class PostgresConnection(Connection):
    """A PostgreSQL connection with the methods that the store uses on any database, in autocommit mode.

    `raw_connection` is the connection of psycopg that it wraps.
    """

    def __init__(self, database_url: DatabaseUrl) -> None:
        """Connect to the server. Raises psycopg.Error if that fails."""
        url_options = psycopg.conninfo.conninfo_to_dict(database_url.address)
        raw_connection = psycopg.connect(**cast("dict[str, Any]", _CONNECT_OPTIONS | url_options), autocommit=True)
        try:
            for python_type, dumper in ((int, _Int8Dumper), (bool, _BoolDumper), (str, _TextDumper)):
                raw_connection.adapters.register_dumper(python_type, dumper)
            raw_connection.adapters.register_loader("numeric", _NumericLoader)
            raw_connection.execute(
                "SELECT "
                + ", ".join(
                    f"set_config('{setting_name}', '{setting_text}', false)"
                    for setting_name, setting_text in SESSION_SETTINGS.items()
                )
            )
            raw_connection.row_factory = _create_row_factory
            raw_connection.prepared_max = 1_000
        except BaseException:
            raw_connection.close()
            raise
        self.raw_connection, self.database_url = raw_connection, database_url

    def execute(self, sql: str, parameters: Parameters = (), /) -> psycopg.Cursor[PostgresRow]:
        return self.raw_connection.execute(*_translate(sql, parameters))

    def iterate_rows(self, sql: str, parameters: Parameters = ()) -> Iterator[PostgresRow]:
        statement, named_parameters = _translate(sql, parameters)
        self.raw_connection.execute(b"DECLARE iterated_rows NO SCROLL CURSOR FOR " + statement, named_parameters)
        fetch_sql = f"FETCH {_ITERATED_BATCH_SIZE} FROM iterated_rows".encode()
        while rows := self.raw_connection.execute(fetch_sql).fetchall():
            yield from rows
        self.raw_connection.execute("CLOSE iterated_rows")

    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> psycopg.Cursor[PostgresRow]:
        """Run one statement once for each set of parameters, sent in one pipeline."""
        parameter_sets = [_name_parameters(parameter_set) for parameter_set in parameters]
        if not parameter_sets:
            return self.raw_connection.execute("SELECT 1 WHERE 1 = 0")
        cursor = self.raw_connection.cursor()
        cursor.executemany(translate_statement(sql)[0], parameter_sets)
        return cursor

    def roll_back(self) -> None:
        if (
            not self.raw_connection.closed
            and self.raw_connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE
        ):
            self.raw_connection.execute("ROLLBACK")


def _translate(sql: str, parameters: Parameters) -> tuple[bytes, Mapping[str, Any]]:
    """Return a statement and its parameters for psycopg."""
    named_parameters = _name_parameters(parameters)
    null_parameter_names = frozenset(
        parameter_name for parameter_name, parameter in named_parameters.items() if parameter is None
    )
    statement, list_names = translate_statement(sql, null_parameter_names)
    if list_names:
        lists = {list_name: [*named_parameters[list_name]] for list_name in list_names - null_parameter_names}
        named_parameters = {**named_parameters, **lists}
    return statement, named_parameters


def _name_parameters(parameters: Parameters) -> Mapping[str, Any]:
    if isinstance(parameters, Mapping):
        return parameters
    return {str(position): parameter for position, parameter in enumerate(parameters, 1)}
