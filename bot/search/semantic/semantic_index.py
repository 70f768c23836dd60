"""Finding articles by what they mean, in whatever words and in either language, with the extra `semantic`.

A worker process makes vectors of articles and questions (`article_encoder`), files beside the database keep
them (`vector_index`), the store knows of which articles they are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot.core.settings import Settings
from bot.core.worker_pool import WorkerError, WorkerPool
from bot.search.semantic import article_encoder, passage_encoder
from bot.store import Store

if TYPE_CHECKING:
    from bot.search.semantic.vector_index import VectorIndex

log = logging.getLogger(__name__)

_T = TypeVar("_T")

MIN_SEARCH_COSINE = 0.25
"""The least cosine of what is shown for its meaning alone. Of questions and the article that answers 89 of
100 reach it, of questions and any other article 8 of 1,000 (220 questions, 16,860 articles)."""
MIN_RETRIEVAL_COSINE = 0.15
"""The same of what is still read for an answer: 98 of 100, and 74 of 1,000."""
MAX_CANDIDATES = 50
"""Articles that meaning finds, beside as many that words find."""
SEARCH_WIDTHS = (MAX_CANDIDATES, 8 * MAX_CANDIDATES, 64 * MAX_CANDIDATES)
"""How many of the nearest are looked at for those, until as many may be seen."""
MAX_EXHAUSTIVE_ARTICLES = 20_000
"""Articles of a few feeds, or of a short time, each of which is looked at where that found too few."""
QUERY_WAIT_SECONDS = 2.0  # seconds that a question waits for the encoder before words alone have to do
ENCODE_TIMEOUT_SECONDS = 30.0  # seconds that the worker may take for a call
MAX_WORKER_BYTES = 512 * 2**20  # bytes that the encoder may hold: 250 MB are usual
MAX_CHARS_PER_CALL = 4_000  # characters encoded in a call, so that a question need not wait for long
WRITE_BATCH_SIZE = 512  # articles whose vectors are written together
POLL_INTERVAL_SECONDS = 30.0  # seconds between looks for new articles
QUERY_CACHE_SIZE = 256  # questions whose vectors are at hand


class SemanticIndex:
    """The vectors of a store's articles, and the encoder that makes them."""

    def __init__(self, store: Store, workers: WorkerPool, index: VectorIndex, model: str) -> None:
        self.model = model
        self.limits_wait = True  # somebody waits: what the encoder cannot tell within `PATIENCE` is left out
        self._store, self._workers, self._index = store, workers, index
        self._is_ready = False
        self._writing = asyncio.Lock()
        self._query_vectors: dict[str, asyncio.Task[list[bytes]]] = {}

    async def run(self) -> None:
        """Encode what comes in, for as long as the bot runs."""
        while True:
            await self.start()
            if encoded := await self.encode_missing():
                log.info("Encoded %d articles", encoded)
            await self._store.clock.sleep(POLL_INTERVAL_SECONDS)

    async def start(self) -> None:
        """Start the encoder; before, nothing is found by meaning. Raises WorkerError."""
        if not self._is_ready:
            await self._workers.run(article_encoder.encode, [self.model], timeout=ENCODE_TIMEOUT_SECONDS)
            self._is_ready = True

    async def encode_missing(
        self, on_progress: Callable[[int, int], None] | None = None, *, patience: float | None = None
    ) -> int:
        """Encode the articles that have no vector, the newest first; how many. An interruption loses a few.

        0 where another process does it. `on_progress` is called with how many are encoded and how many
        articles there are. After `patience` seconds the rest is left for another time. Raises WorkerError,
        or OSError where the disk does not take the vectors.
        """
        async with self._writing:
            if not await self._become_writer():
                return 0
            encoded, start = 0, asyncio.get_running_loop().time()
            while missing := await self._store.vectors.unencoded_ids(
                self._index.generation, WRITE_BATCH_SIZE
            ):
                sources = await self._store.vectors.texts_to_encode(missing)
                kept = 0
                for batch in _batches(sources):
                    made = await self._encode_batch(batch)
                    await asyncio.to_thread(self._index.add, [id_ for id_, _ in batch], made)
                    kept += len(batch)
                    if patience is not None and asyncio.get_running_loop().time() - start > patience:
                        break
                await self._save()
                marked = await self._store.vectors.mark_encoded(self._index.generation, sources[:kept])
                encoded += marked
                if on_progress is not None:
                    on_progress(*await self._store.vectors.counts(self._index.generation))
                if kept < len(sources) or not marked:
                    break
            return encoded

    async def _become_writer(self) -> bool:
        """Whether this process is the one that encodes; it sees to it that index and store fit together."""
        if self._index.is_writer:
            return True
        if not await asyncio.to_thread(self._index.become_writer):
            return False
        held = (await self._store.vectors.counts(self._index.generation)).encoded
        if not 0 < held <= len(self._index):  # of another database, or incomplete
            await self._store.vectors.drop_index(self._index.generation)
            self._index.clear()
        return True

    async def _save(self) -> None:
        loop = asyncio.get_running_loop()

        def living(article_ids: Sequence[int]) -> Collection[int]:
            known = self._store.vectors.filter_ids(article_ids)
            return asyncio.run_coroutine_threadsafe(known, loop).result()

        await asyncio.to_thread(self._index.save, living)

    async def nearest(
        self,
        text: str,
        *,
        feed_ids: Collection[int] | None,
        since: int | None = None,
        before: int | None = None,
        min_cosine: float = MIN_SEARCH_COSINE,
        limit: int = MAX_CANDIDATES,
    ) -> list[tuple[int, float]]:
        """The articles of some feeds and some time that are nearest in meaning to a text, with the cosines.

        None of them where the encoder has not started, fails or takes too long. `least` is the smallest
        cosine, `since` and `before` are seconds since 1970 in UTC. Raises `StoreError`.
        """
        vector = await self._query_vector(text)
        if vector is None or (feed_ids is not None and not feed_ids):
            return []
        await asyncio.to_thread(self._index.refresh)
        is_narrow = feed_ids is not None or since is not None or before is not None
        near: list[tuple[int, float]] = []
        for count in SEARCH_WIDTHS:
            all_near = await asyncio.to_thread(self._index.nearest, vector, count)
            likely = [each for each in all_near if each[1] >= min_cosine]
            fitting = await self._store.vectors.filter_ids(
                [id_ for id_, _ in likely], feed_ids=feed_ids, since=since, before=before
            )
            near = [each for each in likely if each[0] in fitting]
            if len(near) >= limit or len(likely) < count:
                return near[:limit]
        if is_narrow:
            seen = await self._store.vectors.newest(
                feed_ids=feed_ids, since=since, before=before, limit=MAX_EXHAUSTIVE_ARTICLES
            )
            cosines = await asyncio.to_thread(self._index.cosines, vector, seen)
            merged = dict(near) | {id_: cosine for id_, cosine in cosines.items() if cosine >= min_cosine}
            near = sorted(merged.items(), key=lambda each: -each[1])
        return near[:limit]

    async def encode_titles(
        self, titles: Sequence[str], *, timeout_seconds: float | None
    ) -> list[bytes] | None:
        """The vectors of titles; None where the encoder has not started, fails, or takes longer than that.

        `patience` is in seconds, None as long as a call may take.
        """
        if not self._is_ready or not titles:
            return None
        call = self._workers.run(article_encoder.encode, list(titles), timeout=ENCODE_TIMEOUT_SECONDS)
        return await _await_result(asyncio.create_task(call), timeout_seconds)

    async def passage_cosines(
        self, question: str, passages: Sequence[str], *, wait_for_ever: bool = False
    ) -> list[float] | None:
        """How nearly each passage means what answers a question; None where that cannot be told in time."""
        if not self._is_ready or not passage_encoder.is_installed():
            return None
        task = asyncio.create_task(self._cosines(question, passages))
        return await _await_result(
            task, QUERY_WAIT_SECONDS if self.limits_wait and not wait_for_ever else None
        )

    async def _cosines(self, question: str, passages: Sequence[str]) -> list[float]:
        """The cosines of a question and passages, a few at a time: others get their turn between."""
        return [
            cosine
            for batch in _batches(list(enumerate(passages)))
            for cosine in await self._workers.run(
                passage_encoder.cosines, question, [text for _, text in batch], timeout=ENCODE_TIMEOUT_SECONDS
            )
        ]

    async def _query_vector(self, text: str) -> bytes | None:
        """The vector of what is asked; None where the encoder cannot tell in time."""
        if not self._is_ready:
            return None
        task = self._query_vectors.pop(text, None)
        if task is None or (task.done() and _task_error(task)):
            task = asyncio.create_task(
                self._workers.run(article_encoder.encode, [text], timeout=ENCODE_TIMEOUT_SECONDS)
            )
        self._query_vectors[text] = task
        if len(self._query_vectors) > QUERY_CACHE_SIZE:
            del self._query_vectors[next(iter(self._query_vectors))]
        made = await _await_result(task, QUERY_WAIT_SECONDS if self.limits_wait else None)
        return None if made is None else made[0]

    async def _encode_batch(self, batch: Sequence[tuple[int, str]]) -> list[bytes]:
        texts = [text for _, text in batch]
        try:
            return await self._workers.run(article_encoder.encode, texts, timeout=ENCODE_TIMEOUT_SECONDS)
        except WorkerError:
            if len(batch) > 1:
                return [each for one in batch for each in await self._encode_batch([one])]
            # Is it the text, or the encoder altogether?
            (vector,) = await self._workers.run(
                article_encoder.encode, [self.model], timeout=ENCODE_TIMEOUT_SECONDS
            )
            log.warning("Article %d cannot be encoded", batch[0][0])
            return [bytes(len(vector))]


@asynccontextmanager
async def open_semantic_index(settings: Settings, store: Store) -> AsyncIterator[SemanticIndex | None]:
    """The meaning of a store's articles; None without the extra, or where the settings do not want it.

    The encoder starts when it is first needed, and ends here.
    """
    model = article_encoder.model_id() if settings.semantic else None
    if model is None:
        yield None
        return
    from bot.search.semantic.vector_index import VectorIndex  # noqa: PLC0415 - needs the extra

    workers = WorkerPool(tired=MAX_WORKER_BYTES)
    index = await asyncio.to_thread(VectorIndex, folder_of(settings), model)
    try:
        yield SemanticIndex(store, workers, index, model)
    finally:
        await workers.close()
        await asyncio.to_thread(index.close)


def folder_of(settings: Settings) -> Path:
    """Where the vectors of a database are: in a folder beside it."""
    return settings.sibling_path(".vectors")


async def _await_result(task: asyncio.Task[list[_T]], patience: float | None) -> list[_T] | None:
    """What the encoder makes; None where it fails, or takes longer than `patience` (seconds; None: any time).

    A call that takes longer goes on: to cancel it would cost the worker.
    """
    task.add_done_callback(_consume_exception)
    done, _ = await asyncio.wait({task}, timeout=patience)
    if not done:
        return None
    if error := _task_error(task):
        log.warning("The encoder failed, and words alone have to do: %s", error)
        return None
    return task.result()


def _task_error(task: asyncio.Task[Any]) -> BaseException | None:
    """Why a task that is done has no result."""
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _consume_exception(task: asyncio.Task[Any]) -> None:
    """Look at how a task ended, or asyncio tells of it when nobody else does."""
    _task_error(task)


def _batches(sources: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    batch: list[tuple[int, str]] = []
    size = 0
    for source in sources:
        if batch and size + len(source[1]) > MAX_CHARS_PER_CALL:
            yield batch
            batch, size = [], 0
        batch.append(source)
        size += len(source[1])
    if batch:
        yield batch
