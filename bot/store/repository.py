"""Base class of the repositories, and decorators that run a method as one transaction."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial, wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from bot.store.connection import Connection, Parameters
from bot.store.ports import AnyDatabase

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound="Repository")
Method = Callable[Concatenate[R, Connection, P], T]
AsyncMethod = Callable[Concatenate[R, P], Coroutine[Any, Any, T]]


class Repository:
    """A part of the store for one kind of row. Every method raises `StoreError` if the database fails.

    A method with `@read_transaction` or `@write_transaction` is defined with a connection, on whose thread it
    runs, and called as a coroutine without it.
    """

    def __init__(self, database: AnyDatabase) -> None:
        self._database, self._clock = database, database.clock

    async def _rows(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        return await self._database.query(Connection.rows, sql, parameters)

    async def _row(self, sql: str, parameters: Parameters = ()) -> Any:  # noqa: ANN401 - or None
        return await self._database.query(Connection.row, sql, parameters)

    async def _column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        return await self._database.query(Connection.column, sql, parameters)

    async def _set(self, sql: str, parameters: Parameters = ()) -> set[Any]:
        return set(await self._database.query(Connection.column, sql, parameters))

    async def _value(self, sql: str, parameters: Parameters = ()) -> Any | None:  # noqa: ANN401 - any column
        return await self._database.query(Connection.value, sql, parameters)

    async def _number(self, sql: str, parameters: Parameters = ()) -> int:
        return int(await self._database.query(Connection.value, sql, parameters))

    async def _one(self, make: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> T | None:
        return await self._database.query(Connection.object_or_none, make, sql, parameters)

    async def _objects(self, make: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> list[T]:
        return await self._database.query(Connection.objects, make, sql, parameters)


class _BoundFunction(Generic[P, T]):
    def __init__(self, way: str, function: Callable[Concatenate[Connection, P], T]) -> None:
        self._way, self._function = way, function

    def __get__(self, part: Repository, _kind: object = None) -> Callable[P, Coroutine[Any, Any, T]]:
        return partial(getattr(part._database, self._way), self._function)  # noqa: SLF001 - a method of it


def read_method(function: Callable[Concatenate[Connection, P], T]) -> _BoundFunction[P, T]:
    """Make a method of a function of another module, run as a read transaction."""
    return _BoundFunction("read", function)


def write_method(function: Callable[Concatenate[Connection, P], T]) -> _BoundFunction[P, T]:
    """Make a method of a function of another module, run as a write transaction."""
    return _BoundFunction("transact", function)


def reads(method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    """Run a method as one read transaction, whose queries see one state."""
    return _as_coroutine("read", method)


def writes(method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    """Run a method as one exclusive write transaction, rolled back on any error or cancellation."""
    return _as_coroutine("transact", method)


def writes_urgently(method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    """Run a method as a write transaction that does not queue behind other writes of this process."""
    return _as_coroutine("transact_urgently", method)


def _as_coroutine(way: str, method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    @wraps(method)
    async def asked(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        run: Callable[[Callable[[Connection], T]], Awaitable[T]] = getattr(self._database, way)
        return await run(lambda db: method(self, db, *args, **kwargs))

    return asked
