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
from bot.search.index.index_condition import IndexCondition
from bot.search.index.search_engine import EngineError, IndexPosition
from bot.search.index.tantivy_engine import TantivyEngine, TantivyWriter
from bot.store import Store
from bot.store.records.content_records import IndexedArticle

log = logging.getLogger(__name__)

COMMIT_INTERVAL_SECONDS = 1.0
"""Seconds between looks at whether something changed, and between commits, where people search."""
IDLE_COMMIT_INTERVAL_SECONDS = 15.0
"""The same where nobody does: commits are dear, and words weigh much the same a while later."""
BACKFILL_COMMIT_INTERVAL_SECONDS = (
    15.0  # seconds between commits of an index that is being made: small parts are merged again
)
ERROR_BACKOFF_SECONDS = 30.0
"""Seconds until an index that could not be written is tried again."""
BATCH_SIZE = 500  # articles that are read and added in one go
_CURRENT_POINTER_FILE = "current"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class IndexUpdater:
    """An index that holds what the store does. One process writes it, others read what that one did.

    `engine` is what can be searched, None where nothing can yet.
    """

    def __init__(self, store: Store, folder: Path, *, between: float = COMMIT_INTERVAL_SECONDS) -> None:
        self._commit_interval = between
        self._store = store
        self._folder = folder
        self._lock = filelock.FileLock(folder / "lock", thread_local=False)
        self._lock_step = asyncio.Lock()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._writer: TantivyWriter | None = None
        self._building_engine: TantivyEngine | None = None  # is made, while another is searched
        self._position = IndexPosition()
        self._committed_at = 0.0
        self._is_dirty = False
        self._max_article_id = 0  # the largest id when an index was begun
        self._is_running = False
        self._up_to_date_at = time.monotonic()  # when it last held all that the store did
        self.engine: TantivyEngine | None = None
        self.condition = IndexCondition(folder)

    @property
    def build_progress(self) -> float | None:
        """How much of an index that is being made is there, from 0 to 1; None where it is whole."""
        if self._position.backfilled_from:
            return 1 - self._position.backfilled_from / max(
                self._max_article_id, self._position.backfilled_from
            )
        return None if self.engine is not None else 0.0

    async def lag(self) -> tuple[int, float]:
        """How many changes it does not hold yet, and seconds since it last held all. Raises `StoreError`."""
        last = await self._store.article_changes.latest()
        missing = max(last.sequence - self._position.last_change, 0) + self._position.backfilled_from
        return missing, time.monotonic() - self._up_to_date_at if missing else 0.0

    async def run(self) -> None:
        """Follow until it is cancelled. Raises `StoreError`."""
        self._is_running = True
        try:
            while True:
                try:
                    while await self._step():
                        pass
                    await self._store.clock.sleep(self._commit_interval)
                except EngineError:  # it was said
                    await self._store.clock.sleep(ERROR_BACKOFF_SECONDS)
        finally:
            self._is_running = False

    async def ensure_current(self) -> None:
        """Catch up where nobody follows. Raises `StoreError`."""
        if not self._is_running:
            await self.catch_up()

    async def catch_up(self) -> None:
        """Hold all that the store does, or, where another process writes, what that one does.

        Raises `StoreError`.
        """
        with contextlib.suppress(EngineError):  # it was said
            while await self._step():
                pass

    def report_search_failure(self, error: EngineError) -> None:
        """Make the index anew, for a search failed; once in a while, since the query may be to blame."""
        self.condition.distrust(error)

    async def close(self) -> None:
        """Let another process write."""
        async with self._lock_step:
            await self._release_writer()
        self.engine = None
        self._executor.shutdown()

    async def _step(self) -> bool:
        """Do some of what is to be done; whether there is more. Raises `StoreError` or `EngineError`."""
        async with self._lock_step:
            try:
                if self._writer is None or self.condition.is_given_up:
                    await self._open()
                more = self._writer is not None and await self._apply_changes(self._writer)
            except (EngineError, OSError) as error:
                await self._release_writer()
                if self.condition.failed(error):
                    raise EngineError(str(error)) from error
                return True
            except BaseException:  # what was not committed is done again by another writer
                await self._release_writer()
                raise
            return more

    async def _release_writer(self) -> None:
        """Forget what was not committed, and let another process write."""
        self._is_dirty = False
        writer, self._writer, self._building_engine = self._writer, None, None
        if writer is not None:
            await asyncio.shield(self._run_in_writer_thread(writer.close))
        self._lock.release()

    async def _run_in_writer_thread(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a function in the one thread that writes."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    async def _open(self) -> None:
        """Open what is there, to write where nobody else does; make it where there is nothing of use."""
        await self._release_writer()
        await self._run_in_writer_thread(make_private_folder, self._folder)
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            await self._run_in_writer_thread(self._read_current)
            return
        if self.condition.is_given_up:
            self.engine = None
        else:
            await self._run_in_writer_thread(self._read_current)
        self._position = (self.engine and self.engine.position) or IndexPosition()
        if self.engine is None or not self._position.last_change:
            await self._start_rebuild()
        else:
            self._max_article_id = await self._store.article_changes.largest_id()
            self._writer = await self._run_in_writer_thread(self.engine.writer)

    def _read_current(self) -> None:
        try:
            name = (self._folder / _CURRENT_POINTER_FILE).read_text(encoding="ascii").strip()
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

    async def _apply_changes(self, writer: TantivyWriter) -> bool:
        before = position = self._position
        changes = await self._store.article_changes.after(
            position.last_change, position.change_token, BATCH_SIZE
        )
        if changes is None:
            log.info("The search index is not this database's, or too far behind")
            self.engine = None
            await self._start_rebuild()
            return True
        if changes:
            ids = {change.article_id for change in changes}
            if position.backfilled_from:  # those below are still to be read, as they are then
                ids = {id_ for id_ in ids if id_ >= position.backfilled_from}
            articles = await self._store.article_changes.articles(ids)
            gone = ids.difference(article.article_id for article in articles)
            await self._run_in_writer_thread(_write, writer, articles, gone, False)  # noqa: FBT003 - of a private function
            position = position._replace(last_change=changes[-1].sequence, change_token=changes[-1].nonce)
        if position.backfilled_from:
            articles = await self._store.article_changes.articles_before_id(
                position.backfilled_from, BATCH_SIZE
            )
            await self._run_in_writer_thread(_write, writer, articles, (), True)  # noqa: FBT003
            position = position._replace(backfilled_from=articles[-1].article_id if articles else 0)
        self._position = position
        self._is_dirty |= position != before
        more = bool(position.backfilled_from) or len(changes) == BATCH_SIZE
        between = BACKFILL_COMMIT_INTERVAL_SECONDS if position.backfilled_from else self._commit_interval
        if self._is_dirty and (not more or time.monotonic() - self._committed_at > between):
            await self._commit(writer)
        if not self._is_dirty:
            self.condition.written()
        if not (more or self._is_dirty):
            self._up_to_date_at = time.monotonic()
        if self._building_engine is not None and not position.backfilled_from:
            await self._activate_rebuilt()
        return more

    async def _commit(self, writer: TantivyWriter) -> None:
        await self._run_in_writer_thread(writer.commit, self._position)
        await self._run_in_writer_thread(close_files, self._folder)
        self._committed_at, self._is_dirty = time.monotonic(), False

    async def _start_rebuild(self) -> None:
        """Make another index; one of other rules is searched until it is whole."""
        if self._writer is not None:
            await self._run_in_writer_thread(self._writer.close)
        last = await self._store.article_changes.latest()
        self._max_article_id = await self._store.article_changes.largest_id()
        if self._max_article_id:
            log.info("The search index is made anew")
        self._position = IndexPosition(last.sequence, last.nonce, self._max_article_id + 1)
        self._building_engine = await self._run_in_writer_thread(self._create_empty_index)
        self._writer = await self._run_in_writer_thread(partial(self._building_engine.writer, rebuild=True))
        await self._commit(self._writer)
        self.condition.begun_anew()
        if self.engine is None:
            await self._activate_rebuilt()

    def _create_empty_index(self) -> TantivyEngine:
        """An empty index in a folder of its own."""
        used = None if self.engine is None else self.engine.folder
        for folder in self._folder.iterdir():
            if folder.is_dir() and folder != used:
                shutil.rmtree(folder, ignore_errors=True)
        return TantivyEngine(self._folder / uuid.uuid4().hex)

    async def _activate_rebuilt(self) -> None:
        before, self.engine, self._building_engine = self.engine, self._building_engine, None
        assert self.engine is not None
        await self._run_in_writer_thread(self._write_current_pointer, self.engine.folder.name)
        if before is not None:
            await self._run_in_writer_thread(partial(shutil.rmtree, before.folder, ignore_errors=True))

    def _write_current_pointer(self, folder: str) -> None:
        unfinished = self._folder / f"{_CURRENT_POINTER_FILE}.part"
        unfinished.write_text(folder, encoding="ascii")
        unfinished.replace(self._folder / _CURRENT_POINTER_FILE)
        close_files(self._folder)


def _write(
    writer: TantivyWriter,
    articles: Iterable[IndexedArticle],
    deleted_ids: Iterable[int],
    skip_delete: bool,  # noqa: FBT001 - private
) -> None:
    writer.remove(deleted_ids)
    writer.put(articles, fresh=skip_delete)
