"""What the parts of the store share: methods that are whole functions of a connection."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from bot.core.clock import Clock
from bot.store.connection import Connection, Parameters
from bot.store.ports import Database

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound="Repository")
Method = Callable[Concatenate[R, Connection, P], T]
Asked = Callable[Concatenate[R, P], Coroutine[Any, Any, T]]


class Repository:
    """A part of the store, about one kind of thing. Every method raises `StoreError` alone.

    What is marked as `reads` or `writes` is written with a connection, on whose thread it runs, and is called
    without one, as a coroutine.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def _rows(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        return await self._database.fetchall(sql, parameters)

    async def _column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        return [row[0] for row in await self._database.fetchall(sql, parameters)]

    async def _value(self, sql: str, parameters: Parameters = ()) -> Any:  # noqa: ANN401 - what a column has
        """The first column of the first row, or None."""
        row = await self._database.fetchone(sql, parameters)
        return None if row is None else row[0]


def reads(method: Method[R, P, T]) -> Asked[R, P, T]:
    """All queries of the method see one state."""

    @wraps(method)
    async def read(self: R, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._database.read(lambda connection: method(self, connection, *args, **kwargs))

    return read


def writes(method: Method[R, P, T]) -> Asked[R, P, T]:
    """The method is one transaction, alone, undone on any error or cancellation."""

    @wraps(method)
    async def write(self: R, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._database.transact(lambda connection: method(self, connection, *args, **kwargs))

    return write


def writes_urgently(method: Method[R, P, T]) -> Asked[R, P, T]:
    """As `writes`, not behind this process's other writes where several write at a time."""

    @wraps(method)
    async def write(self: R, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._database.urgent(lambda connection: method(self, connection, *args, **kwargs))

    return write
