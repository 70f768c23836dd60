"""The index follows the store, in a folder beside the database.

The folder holds a sub-folder for each index that is or was in use, and `current`, which names the one that is
searched. An index that is missing, damaged, of other rules or of another database is made anew beside it.
"""

import asyncio
import contextlib
import logging
import shutil
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import filelock

from bot.core.private_files import close_files, make_private_folder
from bot.search.index.engine import EngineError, Position
from bot.search.index.index_condition import IndexCondition
from bot.search.index.tantivy_engine import TantivyEngine, TantivyWriter
from bot.store import Store
from bot.store.records.content_records import IndexedArticle

log = logging.getLogger(__name__)

BETWEEN = 1.0
"""Seconds between looks at whether something changed, and between commits, where people search."""
BETWEEN_UNSEARCHED = 15.0
"""The same where nobody does: commits are dear, and words weigh much the same a while later."""
BETWEEN_FILLING = 15.0  # seconds between commits of an index that is being made: small parts are merged again
AFTER_FAILURE = 30.0
"""Seconds until an index that could not be written is tried again."""
AT_ONCE = 500  # articles that are read and added in one go
_CURRENT = "current"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class IndexFollower:
    """An index that holds what the store does. One process writes it, others read what that one did.

    `engine` is what can be searched, None where nothing can yet.
    """

    def __init__(self, store: Store, folder: Path, *, between: float = BETWEEN) -> None:
        self._between = between
        self._store = store
        self._folder = folder
        self._lock = filelock.FileLock(folder / "lock", thread_local=False)
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._writer: TantivyWriter | None = None
        self._next: TantivyEngine | None = None  # is made, while another is searched
        self._position = Position()
        self._committed_at = 0.0
        self._is_dirty = False
        self._size = 0  # the largest id when an index was begun
        self._is_followed = False
        self._level_at = time.monotonic()  # when it last held all that the store did
        self.engine: TantivyEngine | None = None
        self.condition = IndexCondition(folder)

    @property
    def built(self) -> float | None:
        """How much of an index that is being made is there, from 0 to 1; None where it is whole."""
        if self._position.filled:
            return 1 - self._position.filled / max(self._size, self._position.filled)
        return None if self.engine is not None else 0.0

    async def behind(self) -> tuple[int, float]:
        """How many changes it does not hold yet, and seconds since it last held all. Raises `StoreError`."""
        last = await self._store.changes.last()
        missing = max(last.number - self._position.change, 0) + self._position.filled
        return missing, time.monotonic() - self._level_at if missing else 0.0

    async def run(self) -> None:
        """Follow until it is cancelled. Raises `StoreError`."""
        self._is_followed = True
        try:
            while True:
                try:
                    while await self._step():
                        pass
                    await self._store.clock.sleep(self._between)
                except EngineError:  # it was said
                    await self._store.clock.sleep(AFTER_FAILURE)
        finally:
            self._is_followed = False

    async def ready(self) -> None:
        """Catch up where nobody follows. Raises `StoreError`."""
        if not self._is_followed:
            await self.catch_up()

    async def catch_up(self) -> None:
        """Hold all that the store does, or, where another process writes, what that one does.

        Raises `StoreError`.
        """
        with contextlib.suppress(EngineError):  # it was said
            while await self._step():
                pass

    def distrust(self, error: EngineError) -> None:
        """Make the index anew, for a search failed; once in a while, since the query may be to blame."""
        self.condition.distrust(error)

    async def close(self) -> None:
        """Let another process write."""
        async with self._turn:
            await self._drop()
        self.engine = None
        self._thread.shutdown()

    async def _step(self) -> bool:
        """Do some of what is to be done; whether there is more. Raises `StoreError` or `EngineError`."""
        async with self._turn:
            try:
                if self._writer is None or self.condition.is_given_up:
                    await self._open()
                more = self._writer is not None and await self._follow(self._writer)
            except (EngineError, OSError) as error:
                await self._drop()
                if self.condition.failed(error):
                    raise EngineError(str(error)) from error
                return True
            except BaseException:  # what was not committed is done again by another writer
                await self._drop()
                raise
            return more

    async def _drop(self) -> None:
        """Forget what was not committed, and let another process write."""
        self._is_dirty = False
        writer, self._writer, self._next = self._writer, None, None
        if writer is not None:
            await asyncio.shield(self._aside(writer.close))
        self._lock.release()

    async def _aside(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a function in the one thread that writes."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)

    async def _open(self) -> None:
        """Open what is there, to write where nobody else does; make it where there is nothing of use."""
        await self._drop()
        await self._aside(make_private_folder, self._folder)
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            await self._aside(self._read_current)
            return
        if self.condition.is_given_up:
            self.engine = None
        else:
            await self._aside(self._read_current)
        self._position = (self.engine and self.engine.position) or Position()
        if self.engine is None or not self._position.change:
            await self._begin_anew()
        else:
            self._size = await self._store.changes.largest_id()
            self._writer = await self._aside(self.engine.writer)

    def _read_current(self) -> None:
        try:
            name = (self._folder / _CURRENT).read_text(encoding="ascii").strip()
            folder = self._folder / Path(name).name
            if self.engine is not None and self.engine.folder == folder:
                self.engine.refresh()
            elif (folder / "meta.json").exists():
                self.engine = TantivyEngine(folder)
        except FileNotFoundError:
            self.engine = None
        except (OSError, ValueError, EngineError) as error:
            log.info("There is no search index that can be read: %s", error)
            self.engine = None

    async def _follow(self, writer: TantivyWriter) -> bool:
        before = position = self._position
        changes = await self._store.changes.after(position.change, position.mark, AT_ONCE)
        if changes is None:
            log.info("The search index is not this database's, or too far behind")
            self.engine = None
            await self._begin_anew()
            return True
        if changes:
            ids = {change.article_id for change in changes}
            if position.filled:  # those below are still to be read, as they are then
                ids = {id_ for id_ in ids if id_ >= position.filled}
            articles = await self._store.changes.articles(ids)
            gone = ids.difference(article.article_id for article in articles)
            await self._aside(_write, writer, articles, gone, False)  # noqa: FBT003 - of a private function
            position = position._replace(change=changes[-1].number, mark=changes[-1].mark)
        if position.filled:
            articles = await self._store.changes.articles_below(position.filled, AT_ONCE)
            await self._aside(_write, writer, articles, (), True)  # noqa: FBT003
            position = position._replace(filled=articles[-1].article_id if articles else 0)
        self._position = position
        self._is_dirty |= position != before
        more = bool(position.filled) or len(changes) == AT_ONCE
        between = BETWEEN_FILLING if position.filled else self._between
        if self._is_dirty and (not more or time.monotonic() - self._committed_at > between):
            await self._commit(writer)
        if not self._is_dirty:
            self.condition.written()
        if not (more or self._is_dirty):
            self._level_at = time.monotonic()
        if self._next is not None and not position.filled:
            await self._serve_next()
        return more

    async def _commit(self, writer: TantivyWriter) -> None:
        await self._aside(writer.commit, self._position)
        await self._aside(close_files, self._folder)
        self._committed_at, self._is_dirty = time.monotonic(), False

    async def _begin_anew(self) -> None:
        """Make another index; one of other rules is searched until it is whole."""
        if self._writer is not None:
            await self._aside(self._writer.close)
        last = await self._store.changes.last()
        self._size = await self._store.changes.largest_id()
        if self._size:
            log.info("The search index is made anew")
        self._position = Position(last.number, last.mark, self._size + 1)
        self._next = await self._aside(self._new)
        self._writer = await self._aside(partial(self._next.writer, of_all=True))
        await self._commit(self._writer)
        self.condition.begun_anew()
        if self.engine is None:
            await self._serve_next()

    def _new(self) -> TantivyEngine:
        """An empty index in a folder of its own."""
        used = None if self.engine is None else self.engine.folder
        for folder in self._folder.iterdir():
            if folder.is_dir() and folder != used:
                shutil.rmtree(folder, ignore_errors=True)
        return TantivyEngine(self._folder / uuid.uuid4().hex)

    async def _serve_next(self) -> None:
        before, self.engine, self._next = self.engine, self._next, None
        assert self.engine is not None
        await self._aside(self._name, self.engine.folder.name)
        if before is not None:
            await self._aside(partial(shutil.rmtree, before.folder, ignore_errors=True))

    def _name(self, folder: str) -> None:
        unfinished = self._folder / f"{_CURRENT}.part"
        unfinished.write_text(folder, encoding="ascii")
        unfinished.replace(self._folder / _CURRENT)
        close_files(self._folder)


def _write(
    writer: TantivyWriter,
    articles: Iterable[IndexedArticle],
    gone: Iterable[int],
    fresh: bool,  # noqa: FBT001 - private
) -> None:
    writer.remove(gone)
    writer.put(articles, fresh=fresh)
