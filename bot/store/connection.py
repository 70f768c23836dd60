"""What the functions of the store use of a database connection, whichever engine it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

Parameters = Sequence[Any] | Mapping[str, Any]


class Row(Protocol):
    """A row of a result: by column number or name."""

    def __getitem__(self, column: int | str, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...
    def keys(self) -> Iterable[str]:
        """The names of the columns."""
        ...


class Result(Protocol):
    """What a statement gives: its rows, or how many it changed."""

    @property
    def rowcount(self) -> int:
        """Rows inserted, updated or deleted."""
        ...

    def fetchone(self) -> Any:
        """The next row, None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection, used by one thread at a time, within the transaction that its owner began."""

    def execute(self, sql: str, parameters: Parameters = (), /) -> Result:
        """Run one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> Result:
        """Run one statement for each set of parameters."""
        ...
