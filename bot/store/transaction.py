"""What both engines do with a connection of theirs, on its thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from bot.store.connection import Connection, Parameters

P = ParamSpec("P")
T = TypeVar("T")


class Thread(Protocol):
    """Who runs whole functions of a connection, one after the other."""

    async def run(self, function: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)`. Raises `StoreError`."""
        ...


class Transaction:
    """What can be done between the beginning and the end of a write."""

    def __init__(self, thread: Thread) -> None:
        self._thread = thread

    async def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; how many rows it changed."""
        return await self._thread.run(execute, sql, parameters)

    async def executemany(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run one statement for each row of parameters; how many rows it changed."""
        return await self._thread.run(executemany, sql, rows)

    async def fetchall(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The rows of a query, or of a statement with RETURNING."""
        return await self._thread.run(fetchall, sql, parameters)

    async def run(self, function: Callable[Concatenate[Any, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` off the event loop, within the transaction."""
        return await self._thread.run(function, *args, **kwargs)


def execute(connection: Connection, sql: str, parameters: Parameters) -> int:
    """How many rows a statement changed."""
    return connection.execute(sql, parameters).rowcount


def executemany(connection: Connection, sql: str, rows: Iterable[Parameters]) -> int:
    """How many rows a statement changed, run for each row of parameters."""
    return connection.executemany(sql, rows).rowcount


def fetchall(connection: Connection, sql: str, parameters: Parameters) -> list[Any]:
    """The rows of a statement."""
    return connection.execute(sql, parameters).fetchall()


def fetchone(connection: Connection, sql: str, parameters: Parameters) -> Any:
    """The first row of a query, or None."""
    return connection.execute(sql, parameters).fetchone()


def objects(connection: Connection, make: Callable[[Any], T], sql: str, parameters: Parameters) -> list[T]:
    """What `make` makes of the rows of a query."""
    return [make(row) for row in connection.execute(sql, parameters)]
