"""What the functions of the store use of a database connection, whichever engine it is of."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

Parameters = Sequence[Any] | Mapping[str, Any]
T = TypeVar("T")


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


class Connection:
    """A connection, used by one thread at a time, within the transaction that its owner began.

    `now` is when that began, in seconds since 1970 in UTC by the bot's clock.
    """

    now: int = 0

    def execute(self, sql: str, parameters: Parameters = (), /) -> Result:
        """Run one statement."""
        raise NotImplementedError

    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> Result:
        """Run one statement for each set of parameters."""
        raise NotImplementedError

    def roll_back(self) -> None:
        """End a transaction that may be open."""
        raise NotImplementedError

    def execute_rowcount(self, sql: str, parameters: Parameters = ()) -> int:
        """How many rows a statement inserted, updated or deleted."""
        return self.execute(sql, parameters).rowcount

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The rows of a query, or of a statement with RETURNING."""
        return self.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first of them, or None."""
        return self.execute(sql, parameters).fetchone()

    def column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """The first column of the rows of a query."""
        return [row[0] for row in self.execute(sql, parameters)]

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row of a query, or None."""
        row = self.row(sql, parameters)
        return None if row is None else row[0]

    def object_or_none(self, make: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> T | None:
        """What `make` makes of the first row of a query, or None."""
        row = self.row(sql, parameters)
        return None if row is None else make(row)

    def objects(self, make: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> list[T]:
        """What `make` makes of the rows of a query."""
        return [make(row) for row in self.execute(sql, parameters)]
