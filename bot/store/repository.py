"""Base class of the repositories, and decorators that run a method as one transaction."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial, wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from bot.store.connection import Connection, Parameters
from bot.store.database import Database

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound="Repository")
Method = Callable[Concatenate[R, Connection, P], T]
AsyncMethod = Callable[Concatenate[R, P], Coroutine[Any, Any, T]]


class Repository:
    """Base class of a part of the store for one kind of row. Methods raise `StoreError` on database failures.

    A method with `@read_transaction` or `@write_transaction` is defined with a connection as parameter, on
    whose thread it runs, and is called as a coroutine without that parameter.
    """

    def __init__(self, database: Database) -> None:
        self._database, self._clock = database, database.clock

    async def _fetch_rows(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        return await self._database.query(Connection.fetch_rows, sql, parameters)

    async def _fetch_row(self, sql: str, parameters: Parameters = ()) -> Any:  # noqa: ANN401 - or None
        return await self._database.query(Connection.fetch_row, sql, parameters)

    async def _fetch_column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        return await self._database.query(Connection.fetch_column, sql, parameters)

    async def _fetch_set(self, sql: str, parameters: Parameters = ()) -> set[Any]:
        return set(await self._database.query(Connection.fetch_column, sql, parameters))

    async def _fetch_value(self, sql: str, parameters: Parameters = ()) -> Any | None:  # noqa: ANN401 - any column
        return await self._database.query(Connection.fetch_value, sql, parameters)

    async def _fetch_int(self, sql: str, parameters: Parameters = ()) -> int:
        return int(await self._database.query(Connection.fetch_value, sql, parameters))

    async def _fetch_object(self, from_row: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> T | None:
        return await self._database.query(Connection.fetch_object, from_row, sql, parameters)

    async def _fetch_objects(self, from_row: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> list[T]:
        return await self._database.query(Connection.fetch_objects, from_row, sql, parameters)


class _BoundFunction(Generic[P, T]):
    """Descriptor that turns a function whose first parameter is a connection into a coroutine method without it."""

    def __init__(self, database_method_name: str, function: Callable[Concatenate[Connection, P], T]) -> None:
        self._database_method_name, self._function = database_method_name, function

    def __get__(self, repository: Repository, _repository_class: object = None) -> Callable[P, Coroutine[Any, Any, T]]:
        return partial(getattr(repository._database, self._database_method_name), self._function)  # noqa: SLF001 - a method of it


def bind_read(function: Callable[Concatenate[Connection, P], T]) -> _BoundFunction[P, T]:
    """Turn a function of another module into a method that runs as a read transaction."""
    return _BoundFunction("read", function)


def bind_write(function: Callable[Concatenate[Connection, P], T]) -> _BoundFunction[P, T]:
    """Turn a function of another module into a method that runs as a write transaction."""
    return _BoundFunction("transact", function)


def read_transaction(method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    """Run the decorated method as one read transaction, whose queries all see the same state."""
    return _wrap_as_coroutine("read", method)


def write_transaction(method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    """Run the decorated method as one exclusive write transaction, rolled back on error or cancellation."""
    return _wrap_as_coroutine("transact", method)


def urgent_write_transaction(method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    """Run the decorated method as a write transaction, ahead of other writes of this process that wait."""
    return _wrap_as_coroutine("transact_urgently", method)


def _wrap_as_coroutine(database_method_name: str, method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    @wraps(method)
    async def run_method(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        run_on_database: Callable[[Callable[[Connection], T]], Awaitable[T]] = getattr(
            self._database, database_method_name
        )
        return await run_on_database(lambda db: method(self, db, *args, **kwargs))

    return run_method
