"""What the store asks of a database engine. `store/sqlite` is one; another is a room beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from bot.core.database_server import DatabaseServer
from bot.store.condition import Condition
from bot.store.connection import Connection, Parameters
from bot.store.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Database(Protocol):
    """An open database. Every method raises `StoreError` and nothing of the engine's own."""

    @property
    def place(self) -> Path | DatabaseServer:
        """Where it is."""
        ...

    @property
    def is_shared(self) -> bool:
        """Whether several processes may run on it at a time."""
        ...

    @property
    def condition(self) -> Condition:
        """Whether it takes what is to be kept."""
        ...

    async def close(self) -> None:
        """Close it; closing twice does no harm."""
        ...

    async def notices(self, heard: Callable[[str], None]) -> None:
        """Call a function with what other processes tell of, by name, until it is cancelled.

        With an empty name where something may have been missed.
        """
        ...

    async def tell(self, notice: str) -> None:
        """Tell other processes something: a name and perhaps a text, of fewer than 8,000 bytes."""
        ...

    async def look(self) -> None:
        """As `Store.look`."""
        ...

    async def size(self) -> int:
        """As `Store.size`."""
        ...

    async def check(self) -> int:
        """As `Store.check`."""
        ...

    async def backup(self, path: Path) -> None:
        """As `Store.backup`."""
        ...

    def write(self) -> AbstractAsyncContextManager[Transaction]:
        """One transaction, alone: committed at the end of the block, undone on any error or cancellation."""
        ...

    async def transact(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` in a transaction of its own, undone on any error or cancellation."""
        ...

    async def urgent(
        self, function: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `transact`, not behind this process's other writes where several write at a time."""
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
