"""Updater of the search index, which keeps the index up to date with the store.

The index folder beside the database has a sub-folder for each index in use, and the file `current`, which
names the sub-folder that is searched. An index that is missing, damaged, or of another schema version or
database is rebuilt.
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

from bot.core.private_files import make_private_folder, restrict_to_owner
from bot.search.index.index_health import IndexHealth
from bot.search.index.search_engine import EngineError, IndexPosition
from bot.search.index.tantivy_engine import TantivyEngine, TantivyWriter
from bot.store import Store
from bot.store.records.content_records import IndexedArticle

log = logging.getLogger(__name__)

COMMIT_INTERVAL_SECONDS = 1.0
"""Interval in seconds of checks for changes and of commits, in a process that serves searches."""
IDLE_COMMIT_INTERVAL_SECONDS = 15.0
"""Interval in seconds of commits in a process that serves no searches.

Commits are expensive, and document frequencies change slowly.
"""
BACKFILL_COMMIT_INTERVAL_SECONDS = 15.0
"""Interval in seconds of commits during a rebuild.

Frequent commits would create small segments (parts of the index), which would have to be merged.
"""
ERROR_BACKOFF_SECONDS = 30.0
"""Time in seconds until writing the index is retried after a failure."""
ARTICLE_BATCH_SIZE = 500
"""Number of articles that are read from the store and indexed as one batch."""
_CURRENT_POINTER_FILE = "current"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class IndexUpdater:
    """Updater of the search index. One process writes the index; others read what that process committed.

    `engine` is the index to search, or None if there is none yet.
    """

    def __init__(self, store: Store, folder: Path, *, commit_interval_seconds: float = COMMIT_INTERVAL_SECONDS) -> None:
        self._commit_interval_seconds = commit_interval_seconds
        self._store = store
        self._folder = folder
        self._writer_lock = filelock.FileLock(folder / "lock", thread_local=False)
        self._batch_lock = asyncio.Lock()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._writer: TantivyWriter | None = None
        self._rebuilt_engine: TantivyEngine | None = None  # Rebuilt while `engine` is searched.
        self._index_position = IndexPosition()
        self._committed_at = 0.0
        self._has_uncommitted_changes = False
        self._largest_article_id = 0  # As of the start of the rebuild.
        self._is_running = False
        self._last_up_to_date_at = time.monotonic()
        self.engine: TantivyEngine | None = None
        self.health = IndexHealth(folder)

    @property
    def build_progress(self) -> float | None:
        """Return the progress of a rebuild of the index from 0 to 1, or None if the index is complete."""
        if self._index_position.backfilled_from_id:
            return 1 - self._index_position.backfilled_from_id / max(
                self._largest_article_id, self._index_position.backfilled_from_id
            )
        return None if self.engine is not None else 0.0

    async def measure_lag(self) -> tuple[int, float]:
        """Return the number of changes missing from the index, and for how many seconds it has been behind.

        During a rebuild, each article id that is still to be indexed counts as a change.

        Raises:
            StoreError: The database failed.
        """
        last_change = await self._store.article_changes.load_latest()
        missing_count = (
            max(last_change.change_number - self._index_position.last_change_number, 0)
            + self._index_position.backfilled_from_id
        )
        return missing_count, time.monotonic() - self._last_up_to_date_at if missing_count else 0.0

    async def run(self) -> None:
        """Update the index until cancelled. Raises `StoreError` if the database failed."""
        self._is_running = True
        try:
            while True:
                try:
                    while await self._write_next_batch():
                        pass
                    await self._store.clock.sleep(self._commit_interval_seconds)
                except EngineError:  # Already logged.
                    await self._store.clock.sleep(ERROR_BACKOFF_SECONDS)
        finally:
            self._is_running = False

    async def ensure_up_to_date(self) -> None:
        """Bring the index up to date unless `run` does so already.

        Raises `StoreError` if the database failed.
        """
        if not self._is_running:
            await self.catch_up()

    async def catch_up(self) -> None:
        """Bring the index up to date; if another process writes the index, open what it has committed.

        An index that cannot be written stays as it is.

        Raises:
            StoreError: The database failed.
        """
        with contextlib.suppress(EngineError):  # Already logged.
            while await self._write_next_batch():
                pass

    def report_search_failure(self, error: EngineError) -> None:
        """Report that a search failed, and schedule a rebuild of the index.

        At most one rebuild per `index_health.MIN_SEARCH_REBUILD_INTERVAL_SECONDS` starts for failed searches, because
        the query itself may be the cause.
        """
        self.health.report_search_failure(error)

    async def close(self) -> None:
        """Close the index, and let another process write the index."""
        async with self._batch_lock:
            await self._release_writer()
        self.engine = None
        self._executor.shutdown()

    async def _write_next_batch(self) -> bool:
        """Write one batch of the store's changes to the index, and return whether there are more.

        If writing fails, but an immediate retry may succeed, nothing is raised and True is returned.

        Raises:
            StoreError: The database failed.
            EngineError: The index cannot be written.
        """
        async with self._batch_lock:
            try:
                if self._writer is None or self.health.needs_rebuild:
                    await self._open_index()
                has_more = self._writer is not None and await self._apply_changes(self._writer)
            except (EngineError, OSError) as error:
                await self._release_writer()
                if self.health.record_write_failure(error):
                    raise EngineError(str(error)) from error
                return True
            except BaseException:  # Another writer repeats what was not committed.
                await self._release_writer()
                raise
            return has_more

    async def _release_writer(self) -> None:
        """Discard uncommitted changes, and let another process write the index."""
        self._has_uncommitted_changes = False
        writer, self._writer, self._rebuilt_engine = self._writer, None, None
        if writer is not None:
            await asyncio.shield(self._run_in_writer_thread(writer.close))
        self._writer_lock.release()

    async def _run_in_writer_thread(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Call a function in the only thread that writes the index, and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    async def _open_index(self) -> None:
        """Open the current index, for writing if no other process writes.

        Starts a rebuild if the index is unusable.
        """
        await self._release_writer()
        await self._run_in_writer_thread(make_private_folder, self._folder)
        try:
            self._writer_lock.acquire(timeout=0)
        except filelock.Timeout:
            await self._run_in_writer_thread(self._open_current_index)
            return
        if self.health.needs_rebuild:
            self.engine = None
        else:
            await self._run_in_writer_thread(self._open_current_index)
        self._index_position = (self.engine and self.engine.position) or IndexPosition()
        if self.engine is None or not self._index_position.last_change_number:
            await self._start_rebuild()
        else:
            self._largest_article_id = await self._store.article_changes.get_largest_article_id()
            self._writer = await self._run_in_writer_thread(self.engine.open_writer)

    def _open_current_index(self) -> None:
        try:
            folder_name = (self._folder / _CURRENT_POINTER_FILE).read_text(encoding="ascii").strip()
            folder = self._folder / Path(folder_name).name
            if self.engine is not None and self.engine.folder == folder:
                self.engine.reload()
            elif (folder / "meta.json").exists():
                self.engine = TantivyEngine(folder)
        except FileNotFoundError:
            self.engine = None
        except (OSError, ValueError, EngineError) as error:
            log.info("search index unreadable error=%s", error)
            self.engine = None

    async def _apply_changes(self, writer: TantivyWriter) -> bool:
        """Index a batch of changed articles, commit if the time has come, and return whether there are more."""
        previous_position = position = self._index_position
        changes = await self._store.article_changes.list_after(
            position.last_change_number, position.change_token, ARTICLE_BATCH_SIZE
        )
        if changes is None:
            log.info("search index outdated")
            self.engine = None
            await self._start_rebuild()
            return True
        if changes:
            article_ids = {change.article_id for change in changes}
            if position.backfilled_from_id:  # The backfill will read the current state of lower ids.
                article_ids = {article_id for article_id in article_ids if article_id >= position.backfilled_from_id}
            articles = await self._store.article_changes.load_articles(article_ids)
            deleted_article_ids = article_ids.difference(article.article_id for article in articles)
            await self._run_in_writer_thread(_write_articles, writer, articles, deleted_article_ids, False)  # noqa: FBT003 - private function
            position = position._replace(last_change_number=changes[-1].change_number, change_token=changes[-1].nonce)
        if position.backfilled_from_id:
            articles = await self._store.article_changes.load_articles_before_id(
                position.backfilled_from_id, ARTICLE_BATCH_SIZE
            )
            await self._run_in_writer_thread(_write_articles, writer, articles, (), True)  # noqa: FBT003
            position = position._replace(backfilled_from_id=articles[-1].article_id if articles else 0)
        self._index_position = position
        self._has_uncommitted_changes |= position != previous_position
        has_more = bool(position.backfilled_from_id) or len(changes) == ARTICLE_BATCH_SIZE
        commit_interval = (
            BACKFILL_COMMIT_INTERVAL_SECONDS if position.backfilled_from_id else self._commit_interval_seconds
        )
        if self._has_uncommitted_changes and (not has_more or time.monotonic() - self._committed_at > commit_interval):
            await self._commit(writer)
        if not self._has_uncommitted_changes:
            self.health.mark_up_to_date()
        if not (has_more or self._has_uncommitted_changes):
            self._last_up_to_date_at = time.monotonic()
        if self._rebuilt_engine is not None and not position.backfilled_from_id:
            await self._activate_rebuilt_index()
        return has_more

    async def _commit(self, writer: TantivyWriter) -> None:
        await self._run_in_writer_thread(writer.commit, self._index_position)
        await self._run_in_writer_thread(restrict_to_owner, self._folder)
        self._committed_at, self._has_uncommitted_changes = time.monotonic(), False

    async def _start_rebuild(self) -> None:
        """Start a rebuild in a new folder; until it is complete, searches use the existing index, if any."""
        if self._writer is not None:
            await self._run_in_writer_thread(self._writer.close)
        last_change = await self._store.article_changes.load_latest()
        self._largest_article_id = await self._store.article_changes.get_largest_article_id()
        if self._largest_article_id:
            log.info("search index rebuild started")
        self._index_position = IndexPosition(last_change.change_number, last_change.nonce, self._largest_article_id + 1)
        self._rebuilt_engine = await self._run_in_writer_thread(self._create_empty_index)
        self._writer = await self._run_in_writer_thread(partial(self._rebuilt_engine.open_writer, for_rebuild=True))
        await self._commit(self._writer)
        self.health.mark_rebuild_started()
        if self.engine is None:
            await self._activate_rebuilt_index()

    def _create_empty_index(self) -> TantivyEngine:
        """Create an empty index in a new folder, and delete the folders of unused indexes."""
        current_folder = None if self.engine is None else self.engine.folder
        for folder in self._folder.iterdir():
            if folder.is_dir() and folder != current_folder:
                shutil.rmtree(folder, ignore_errors=True)
        return TantivyEngine(self._folder / uuid.uuid4().hex)

    async def _activate_rebuilt_index(self) -> None:
        previous_engine, self.engine, self._rebuilt_engine = self.engine, self._rebuilt_engine, None
        assert self.engine is not None
        await self._run_in_writer_thread(self._write_current_pointer, self.engine.folder.name)
        if previous_engine is not None:
            await self._run_in_writer_thread(partial(shutil.rmtree, previous_engine.folder, ignore_errors=True))

    def _write_current_pointer(self, folder_name: str) -> None:
        temporary_file = self._folder / f"{_CURRENT_POINTER_FILE}.part"
        temporary_file.write_text(folder_name, encoding="ascii")
        temporary_file.replace(self._folder / _CURRENT_POINTER_FILE)
        restrict_to_owner(self._folder)


def _write_articles(
    writer: TantivyWriter,
    articles: Iterable[IndexedArticle],
    deleted_article_ids: Iterable[int],
    are_new: bool,  # noqa: FBT001 - private
) -> None:
    writer.remove_articles(deleted_article_ids)
    writer.put_articles(articles, are_new=are_new)
