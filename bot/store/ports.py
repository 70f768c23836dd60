"""What the store asks of a database engine, and what engines share.

`store/sqlite` is one; another is a room beside it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar

from bot.core.clock import Clock
from bot.core.database_url import DatabaseUrl
from bot.store.connection import Connection
from bot.store.database_health import DatabaseHealth
from bot.store.store_errors import StoreError

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=Connection)
C_co = TypeVar("C_co", bound=Connection, covariant=True)


class Session(Protocol[C_co]):
    """A connection with a thread of its own, which runs whole functions, one after the other."""

    async def run(
        self, function: Callable[Concatenate[C_co, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)`, which leaves no transaction open. Raises `StoreError`.

        It runs to its end even when the waiting task is cancelled; what is run later runs after it.
        """
        ...

    async def interrupt(self) -> None:
        """Cut short what runs there now, which may take seconds: nobody waits for its answer any more."""
        ...

    async def rollback_open(self) -> None:
        """Leave no transaction open, whatever still runs."""
        ...

    async def close(self) -> None:
        """Close it after what was asked of it; closing twice does no harm."""
        ...


S = TypeVar("S", bound=Session)  # type: ignore[type-arg]  # whose connection is the engine's


class Database(ABC, Generic[C, S]):
    """An open database: writers, each behind a lock, and a few readers, which never wait for them.

    Work is done by plain functions of a connection that run on its own thread, so that the event loop only
    waits. Every method raises `StoreError` and nothing of the engine's own.
    """

    location: Path | DatabaseUrl
    is_shared: bool
    """Whether several processes may run on it at a time."""
    is_new = False
    """Whether opening it made its tables."""
    _snapshot: str
    """The statement that begins a read."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.condition = DatabaseHealth(clock)
        self._locks = [asyncio.Lock(), asyncio.Lock()]
        self._writers: list[S] = []  # the last one for what is urgent
        self._readers: list[S] = []
        # The reader used last is used first: its page cache is warm.
        self._idle: asyncio.LifoQueue[S] = asyncio.LifoQueue()

    async def close(self) -> None:
        """Close it, twice without harm: running reads are cut short, a running write ends first."""
        await asyncio.shield(asyncio.create_task(self._close()))

    async def _close(self) -> None:
        await asyncio.gather(*(reader.interrupt() for reader in self._readers))
        async with self._locks[0]:
            await asyncio.gather(*(reader.close() for reader in self._readers), return_exceptions=True)
            for writer in self._writers:  # on SQLite the last to close clears up, which a reader may not
                await writer.close()

    async def transact(
        self, function: Callable[Concatenate[C, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `function(connection, …)` in a transaction of its own, undone on any error or cancellation."""
        return await self._transact(0, function, *args, **kwargs)

    async def transact_urgently(
        self, function: Callable[Concatenate[C, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `transact`, not behind this process's other writes where several write at a time."""
        return await self._transact(-1, function, *args, **kwargs)

    async def _transact(
        self, place: int, function: Callable[Concatenate[C, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        is_awaited = True

        def whole(db: C) -> T:
            name = self._begin(db)
            db.now = self.clock.now()
            result = function(db, *args, **kwargs)
            if is_awaited:
                self._commit(db, name)
            else:
                db.roll_back()
            return result

        async with self._writer_session(place) as writer:
            try:
                return await writer.run(whole)
            except asyncio.CancelledError:
                is_awaited = False
                raise

    @asynccontextmanager
    async def _writer_session(self, place: int = 0) -> AsyncIterator[S]:
        async with self._locks[place % len(self._writers)]:
            self.condition.require_undamaged()
            writer = self._writers[place] = await self._ensure_alive(self._writers[place])
            try:
                yield writer
            except BaseException as error:
                self.condition.record_failure(error)
                # Queued behind whatever still runs there, so the next write finds no transaction open
                # even when this wait is cancelled in its turn.
                await asyncio.shield(asyncio.ensure_future(writer.rollback_open()))
                raise
            self.condition.record_success()

    async def read(self, function: Callable[Concatenate[C, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function(connection, …)` off the event loop; all its queries see one state."""

        def snapshot(db: C) -> T:
            db.execute(self._snapshot)
            db.now = self.clock.now()
            try:
                return function(db, *args, **kwargs)
            finally:
                db.roll_back()

        return await self.query(snapshot)

    async def query(self, function: Callable[Concatenate[C, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, for one query: what its rows are made into may be much."""
        reader = await self._idle.get()
        ended: asyncio.Future[None] | None = None
        try:
            place = self._readers.index(reader)
            reader = self._readers[place] = await self._ensure_alive(reader)
            return await reader.run(function, *args, **kwargs)
        except asyncio.CancelledError:
            # Nobody waits for that: a server that hangs does not answer it either.
            ended = asyncio.ensure_future(reader.interrupt())
            raise
        except StoreError as error:
            self.condition.record_failure(error)
            raise
        finally:
            if ended is None:
                self._idle.put_nowait(reader)
            else:
                ended.add_done_callback(lambda _: self._idle.put_nowait(reader))

    async def _ensure_alive(self, session: S) -> S:
        """The session, or one in its place where it cannot be used any more."""
        return session

    @abstractmethod
    def _begin(self, db: C) -> str:
        """Begin a write, alone; what its transaction is known by."""

    @abstractmethod
    def _commit(self, db: C, name: str) -> None:
        """End it."""

    @abstractmethod
    async def notices(self, heard: Callable[[str], None]) -> None:
        """As `Store.notices`."""

    @abstractmethod
    async def notify(self, notice: str) -> None:
        """As `Store.tell`."""

    @abstractmethod
    async def check_alive(self) -> None:
        """As `Store.look`."""

    @abstractmethod
    async def size(self) -> int:
        """As `Store.size`."""

    @abstractmethod
    async def check(self) -> int:
        """As `Store.check`."""

    @abstractmethod
    async def backup(self, path: Path) -> None:
        """As `Store.backup`."""

    @abstractmethod
    async def scrub(self, tables: Iterable[str]) -> bool:
        """Leave nothing in the files of what was deleted from some tables; whether all of it is gone."""


AnyDatabase = Database[Any, Any]
"""Of whichever engine."""
