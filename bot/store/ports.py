"""What the store asks of a database engine. `store/sqlite` is one; another is a room beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from bot.store.connection import Connection, Parameters

P = ParamSpec("P")
T = TypeVar("T")


class Transaction(Protocol):
    """What can be done between the beginning and the end of a write."""

    async def execute(self, sql: str, parameters: Parameters = ()) -> int:
        """Run one statement; how many rows it changed."""
        ...

    async def executemany(self, sql: str, rows: Iterable[Parameters]) -> int:
        """Run one statement for each row of parameters; how many rows it changed."""
        ...

    async def fetchall(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The rows of a query, or of a statement with RETURNING."""
        ...

    async def run(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` off the event loop, within the transaction."""
        ...


class Database(Protocol):
    """An open database. Every method raises `StoreError` and nothing of the engine's own."""

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """One transaction, alone: committed at the end of the block, undone on any error or cancellation."""
        ...

    async def transact(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` in a transaction of its own, undone on any error or cancellation."""
        ...

    async def scrub(self, tables: Iterable[str]) -> bool:
        """Leave nothing in the files of what was deleted from some tables; whether all of it is gone."""
        ...

    async def read(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` off the event loop; all its queries see one state."""
        ...

    async def fetchall(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The rows of a query."""
        ...

    async def fetchone(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first row of a query, or None."""
        ...

    async def objects(self, make: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> list[T]:
        """What `make` makes of the rows of a query, off the event loop: rows may be many and large."""
        ...
