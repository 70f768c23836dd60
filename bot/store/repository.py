"""What the parts of the store share: methods that are whole functions of a connection."""

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
    """A part of the store, about one kind of thing. Every method raises `StoreError` alone.

    What is marked as `reads` or `writes` is written with a connection, on whose thread it runs, and is called
    without one, as a coroutine.
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

    async def _value(self, sql: str, parameters: Parameters = ()) -> Any | None:  # noqa: ANN401 - as it lies
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
    """A method that is a function of another module, which `reads`."""
    return _BoundFunction("read", function)


def write_method(function: Callable[Concatenate[Connection, P], T]) -> _BoundFunction[P, T]:
    """A method that is a function of another module, which `writes`."""
    return _BoundFunction("transact", function)


def reads(method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    """All queries of the method see one state."""
    return _as_coroutine("read", method)


def writes(method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    """The method is one transaction, alone, undone on any error or cancellation."""
    return _as_coroutine("transact", method)


def writes_urgently(method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    """As `writes`, not behind this process's other writes where several write at a time."""
    return _as_coroutine("transact_urgently", method)


def _as_coroutine(way: str, method: Method[R, P, T]) -> AsyncMethod[R, P, T]:
    @wraps(method)
    async def asked(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        run: Callable[[Callable[[Connection], T]], Awaitable[T]] = getattr(self._database, way)
        return await run(lambda db: method(self, db, *args, **kwargs))

    return asked
