"""The database connection that store functions use, independent of the engine."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

Parameters = Sequence[Any] | Mapping[str, Any]
T = TypeVar("T")

NO_LIMIT = 2**63 - 1
"""Value of LIMIT that leaves out no row; SQLite does not merge a subquery with a LIMIT into the outer query."""


class Row(Protocol):
    """A row of a result, indexed by column position or name."""

    def __getitem__(self, column: int | str, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __len__(self) -> int: ...
    def keys(self) -> Iterable[str]:
        """Return the column names of the row in order."""
        ...


class Result(Protocol):
    """The result of a statement: its rows, or the number of rows changed."""

    @property
    def rowcount(self) -> int:
        """Return the number of rows inserted, updated or deleted."""
        ...

    def fetchone(self) -> Any:
        """Return the next row, or None after the last row."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows of the result that were not returned yet."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection:
    """A database connection, used by one thread at a time.

    Statements use the SQL that both engines understand. Where a parameter `:names` in `IN (:names)` or
    `NOT IN (:names)` is a collection of integers or of texts, its members are meant; None counts as an
    empty collection. Comments `/*+ INDEXED BY name */` and `/*+ CROSS */ JOIN` are hints for SQLite's planner.

    `bot.store.database.Database` begins and ends transactions, and turns the engine's own errors, which every method
    raises, into `StoreError`.
    """

    now: int = 0
    """Start of the current transaction as Unix time in seconds, by the bot's clock."""

    def execute(self, sql: str, parameters: Parameters = (), /) -> Result:
        """Run one statement and return its result."""
        raise NotImplementedError

    def executemany(self, sql: str, parameters: Iterable[Parameters], /) -> Result:
        """Run one statement once for each set of parameters."""
        raise NotImplementedError

    def roll_back(self) -> None:
        """Roll back the open transaction, if any."""
        raise NotImplementedError

    def execute_rowcount(self, sql: str, parameters: Parameters = ()) -> int:
        """Run a statement and return the number of rows inserted, updated or deleted."""
        return self.execute(sql, parameters).rowcount

    def fetch_rows(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return all rows of a query, or of a statement with RETURNING."""
        return self.execute(sql, parameters).fetchall()

    def iterate_rows(self, sql: str, parameters: Parameters = ()) -> Iterator[Any]:
        """Yield the rows of a query as they are read, for results too large for memory; call it in a transaction."""
        yield from self.execute(sql, parameters)

    def fetch_row(self, sql: str, parameters: Parameters = ()) -> Any:
        """Return the first row of a query, or None if there is none."""
        return self.execute(sql, parameters).fetchone()

    def fetch_column(self, sql: str, parameters: Parameters = ()) -> list[Any]:
        """Return the values in the first column of all rows of a query."""
        return [row[0] for row in self.execute(sql, parameters)]

    def fetch_ids(self, sql: str, parameters: Parameters = ()) -> list[int]:
        """Return the ids that a query selects: faster on SQLite than `fetch_column` where they may be many.

        A query with ORDER BY needs a LIMIT, or SQLite may drop the order.
        """
        return self.fetch_column(sql, parameters)

    def fetch_sequences(self, columns: Collection[str], sql: str, parameters: Parameters = ()) -> list[Sequence[Any]]:
        """Return all rows of a query that selects `columns`: faster on SQLite than `fetch_rows` where they may be many.

        No column may be a BLOB. A query with ORDER BY needs a LIMIT, or SQLite may drop the order.
        """
        assert columns
        return self.fetch_rows(sql, parameters)

    def fetch_value(self, sql: str, parameters: Parameters = ()) -> Any:
        """Return the value in the first column of the first row of a query, or None if there is no row."""
        row = self.fetch_row(sql, parameters)
        return None if row is None else row[0]

    def fetch_object(self, from_row: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> T | None:
        """Return the first row of a query, converted by `from_row`, or None if there is no row."""
        row = self.fetch_row(sql, parameters)
        return None if row is None else from_row(row)

    def fetch_objects(self, from_row: Callable[[Any], T], sql: str, parameters: Parameters = ()) -> list[T]:
        """Return all rows of a query, each converted by `from_row`."""
        return [from_row(row) for row in self.execute(sql, parameters)]
