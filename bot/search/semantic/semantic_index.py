"""Semantic index, which finds articles by meaning in any wording and language (extra `semantic`).

A worker process encodes articles and queries (`article_encoder`), files beside the database hold the vectors
(`vector_index`), and the store records which articles have one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bot.core.concurrency.worker_pool import WorkerError, WorkerPool
from bot.core.configuration.settings import Settings
from bot.search.semantic import article_encoder, passage_encoder
from bot.store import Store

if TYPE_CHECKING:
    from bot.search.semantic.vector_index import VectorIndex

log = logging.getLogger(__name__)

_T = TypeVar("_T")

MIN_SEARCH_COSINE = 0.25
"""Minimum cosine for a search result that matches by meaning alone.

89 % of the pairs of a question and the article that answers it reach this cosine, and 0.8 % of the pairs of a
question and any other article (220 questions, 16,860 articles).
"""
MIN_RETRIEVAL_COSINE = 0.15
"""Minimum cosine between a question and an article for the article to be analysed for an answer.

98 % of the pairs of a question and the article that answers it reach this cosine, and 7.4 % of the pairs of a
question and any other article.
"""
MAX_SEMANTIC_MATCHES = 50
"""Maximum number of articles that a search by meaning returns, unless it asks for another number."""
CANDIDATE_COUNTS = (MAX_SEMANTIC_MATCHES, 8 * MAX_SEMANTIC_MATCHES, 64 * MAX_SEMANTIC_MATCHES)
"""Numbers of nearest vectors to fetch, tried in order until enough of their articles are in scope."""
MAX_EXHAUSTIVE_ARTICLES = 20_000
"""Maximum number of articles in scope that are compared one by one if the vectors' graph finds too few."""
QUERY_WAIT_SECONDS = 2.0
"""Maximum time in seconds that a query waits for its vector; then it is answered without search by meaning."""
ENCODE_TIMEOUT_SECONDS = 30.0
"""Maximum duration in seconds of a call of the encoder's worker process."""
MAX_WORKER_BYTES = 512 * 2**20
"""Memory in bytes from which on the encoder's worker process is replaced; 250 MB are usual."""
MAX_ENCODED_CHARS_PER_CALL = 4_000
"""Maximum number of characters that are encoded in one call.

A query waits until the running call ends, so calls must be short.
"""
ARTICLES_PER_SAVE = 512
"""Number of articles after which their vectors are written to the files."""
CHECK_INTERVAL_SECONDS = 30.0
"""Interval in seconds of checks for new articles to encode."""
QUERY_CACHE_SIZE = 256
"""Maximum number of queries whose vectors are cached."""


class SemanticIndex:
    """Index of the vectors of a store's articles, with the encoder that computes them."""

    def __init__(self, store: Store, worker_pool: WorkerPool, vector_index: VectorIndex, model_id: str) -> None:
        self._model_id = model_id
        self.limits_wait = True  # False where nobody waits, so that `QUERY_WAIT_SECONDS` does not apply.
        self._store, self._worker_pool, self._vector_index = store, worker_pool, vector_index
        self._is_ready = False
        self._writer_lock = asyncio.Lock()
        self._vector_task_by_query: dict[str, asyncio.Task[list[bytes]]] = {}

    async def run(self) -> None:
        """Encode new articles until cancelled.

        Raises:
            WorkerError: The encoder failed.
            OSError: The vectors cannot be written.
            StoreError: The database failed.
        """
        while True:
            await self.start_encoder()
            if encoded_count := await self.encode_missing():
                log.info("articles encoded count=%d", encoded_count)
            await self._store.clock.sleep(CHECK_INTERVAL_SECONDS)

    async def start_encoder(self) -> None:
        """Start the encoder, without which nothing is found by meaning. Raises `WorkerError` if it fails."""
        if not self._is_ready:
            await self._worker_pool.run(article_encoder.encode_texts, [self._model_id], timeout=ENCODE_TIMEOUT_SECONDS)
            self._is_ready = True

    async def encode_missing(
        self, on_progress: Callable[[int, int], None] | None = None, *, max_seconds: float | None = None
    ) -> int:
        """Encode articles without a vector, newest first, and return their number.

        Returns 0 if another process is the writer of the vectors. An interruption loses at most the vectors of
        `ARTICLES_PER_SAVE` articles.

        Args:
            on_progress: Called after each `ARTICLES_PER_SAVE` with the numbers of encoded articles and of all articles.
            max_seconds: Time in seconds after which to stop; None for no limit.

        Raises:
            WorkerError: The encoder failed.
            OSError: The vectors cannot be written.
            StoreError: The database failed.
        """
        async with self._writer_lock:
            if not await self._become_writer():
                return 0
            total_encoded_count, started_at = 0, asyncio.get_running_loop().time()
            while unencoded_ids := await self._store.encoded_articles.list_unencoded_ids(
                self._vector_index.index_id, ARTICLES_PER_SAVE
            ):
                id_text_pairs = await self._store.encoded_articles.load_texts_to_encode(unencoded_ids)
                encoded_count = 0
                for batch in _iter_encoding_batches(id_text_pairs):
                    vectors = await self._encode_batch(batch)
                    await asyncio.to_thread(self._vector_index.add, [article_id for article_id, _ in batch], vectors)
                    encoded_count += len(batch)
                    if max_seconds is not None and asyncio.get_running_loop().time() - started_at > max_seconds:
                        break
                await self._save()
                marked_count = await self._store.encoded_articles.mark_encoded(
                    self._vector_index.index_id, id_text_pairs[:encoded_count]
                )
                total_encoded_count += marked_count
                if on_progress is not None:
                    on_progress(*await self._store.encoded_articles.count_encoded(self._vector_index.index_id))
                if encoded_count < len(id_text_pairs) or not marked_count:
                    break
            return total_encoded_count

    async def _become_writer(self) -> bool:
        """Return whether this process is the writer of the vectors, after trying to become it.

        A process that becomes the writer clears an index that does not match the store.
        """
        if self._vector_index.is_writer:
            return True
        if not await asyncio.to_thread(self._vector_index.become_writer):
            return False
        encoded_count = (await self._store.encoded_articles.count_encoded(self._vector_index.index_id)).encoded_count
        if not 0 < encoded_count <= len(self._vector_index):  # It belongs to another database, or is incomplete.
            await self._store.encoded_articles.delete_index_records(self._vector_index.index_id)
            self._vector_index.clear()
        return True

    async def _save(self) -> None:
        loop = asyncio.get_running_loop()

        def filter_existing(article_ids: Sequence[int]) -> Collection[int]:
            existing_ids = self._store.encoded_articles.filter_existing_ids(article_ids)
            return asyncio.run_coroutine_threadsafe(existing_ids, loop).result()

        await asyncio.to_thread(self._vector_index.save, filter_existing)

    async def find_nearest(
        self,
        text: str,
        *,
        feed_ids: Collection[int] | None,
        since: int | None = None,
        before: int | None = None,
        min_cosine: float = MIN_SEARCH_COSINE,
        limit: int = MAX_SEMANTIC_MATCHES,
    ) -> list[tuple[int, float]]:
        """Return the articles nearest in meaning to a text, as ids with cosines, best first.

        Only articles of the feeds (None: all feeds), published from `since` until before `before` (Unix time
        in seconds), are returned. The list is empty if the encoder has not started, fails or takes too long.

        Raises:
            StoreError: The database failed.
        """
        query_vector = await self._load_query_vector(text)
        if query_vector is None or (feed_ids is not None and not feed_ids):
            return []
        await asyncio.to_thread(self._vector_index.refresh)
        is_filtered = feed_ids is not None or since is not None or before is not None
        nearest_candidates: list[tuple[int, float]] = []
        for candidate_count in CANDIDATE_COUNTS:
            candidates = await asyncio.to_thread(self._vector_index.find_nearest, query_vector, candidate_count)
            close_candidates = [candidate for candidate in candidates if candidate[1] >= min_cosine]
            matching_ids = await self._store.encoded_articles.filter_ids(
                [article_id for article_id, _ in close_candidates], feed_ids=feed_ids, since=since, before=before
            )
            nearest_candidates = [
                close_candidate for close_candidate in close_candidates if close_candidate[0] in matching_ids
            ]
            if len(nearest_candidates) >= limit or len(close_candidates) < candidate_count:
                return nearest_candidates[:limit]
        if is_filtered:
            candidate_ids = await self._store.encoded_articles.list_newest_ids(
                feed_ids=feed_ids, since=since, before=before, limit=MAX_EXHAUSTIVE_ARTICLES
            )
            exhaustive_cosine_by_id = await asyncio.to_thread(
                self._vector_index.compute_cosines_by_id, query_vector, candidate_ids
            )
            cosine_by_id = dict(nearest_candidates) | {
                article_id: cosine for article_id, cosine in exhaustive_cosine_by_id.items() if cosine >= min_cosine
            }
            nearest_candidates = sorted(cosine_by_id.items(), key=lambda id_and_cosine: -id_and_cosine[1])
        return nearest_candidates[:limit]

    async def encode_titles(self, titles: Sequence[str], *, timeout_seconds: float | None) -> list[bytes] | None:
        """Return the vectors of titles, or None if the encoder has not started, fails or takes too long.

        Returns None without titles, too. If `timeout_seconds` is None, `ENCODE_TIMEOUT_SECONDS` is the only limit.
        """
        if not self._is_ready or not titles:
            return None
        encoding_call = self._worker_pool.run(
            article_encoder.encode_texts, list(titles), timeout=ENCODE_TIMEOUT_SECONDS
        )
        return await _wait_for_encoder(asyncio.create_task(encoding_call), timeout_seconds)

    async def compute_passage_cosines(
        self, question: str, passages: Sequence[str], *, waits_indefinitely: bool = False
    ) -> list[float] | None:
        """Return the cosine between a question and each passage.

        Returns None if the passage encoder is not installed or not started, fails or takes too long. With
        `waits_indefinitely`, `QUERY_WAIT_SECONDS` does not apply.
        """
        if not self._is_ready or not passage_encoder.is_installed():
            return None
        task = asyncio.create_task(self._compute_cosines(question, passages))
        return await _wait_for_encoder(
            task, QUERY_WAIT_SECONDS if self.limits_wait and not waits_indefinitely else None
        )

    async def _compute_cosines(self, question: str, passages: Sequence[str]) -> list[float]:
        """Return the cosine between a question and each passage.

        The worker computes them in batches, so that its other calls run in between.
        """
        return [
            cosine
            for batch in _iter_encoding_batches(list(enumerate(passages)))
            for cosine in await self._worker_pool.run(
                passage_encoder.compute_cosines,
                question,
                [text for _, text in batch],
                timeout=ENCODE_TIMEOUT_SECONDS,
            )
        ]

    async def _load_query_vector(self, text: str) -> bytes | None:
        """Return the vector of a query, or None if it cannot be computed in time."""
        if not self._is_ready:
            return None
        task = self._vector_task_by_query.pop(text, None)
        if task is None or (task.done() and _get_task_error(task)):
            task = asyncio.create_task(
                self._worker_pool.run(article_encoder.encode_texts, [text], timeout=ENCODE_TIMEOUT_SECONDS)
            )
        self._vector_task_by_query[text] = task
        if len(self._vector_task_by_query) > QUERY_CACHE_SIZE:
            del self._vector_task_by_query[next(iter(self._vector_task_by_query))]
        vectors = await _wait_for_encoder(task, QUERY_WAIT_SECONDS if self.limits_wait else None)
        return None if vectors is None else vectors[0]

    async def _encode_batch(self, batch: Sequence[tuple[int, str]]) -> list[bytes]:
        """Return the vectors of texts, given with the ids of their articles; zeros for a text that cannot be encoded.

        Raises `WorkerError` if the encoder itself fails.
        """
        texts = [text for _, text in batch]
        try:
            return await self._worker_pool.run(article_encoder.encode_texts, texts, timeout=ENCODE_TIMEOUT_SECONDS)
        except WorkerError:
            if len(batch) > 1:
                return [
                    article_vector
                    for id_text_pair in batch
                    for article_vector in await self._encode_batch([id_text_pair])
                ]
            # Raise if the encoder itself fails, not just this text.
            (vector,) = await self._worker_pool.run(
                article_encoder.encode_texts, [self._model_id], timeout=ENCODE_TIMEOUT_SECONDS
            )
            log.warning("article encoding failed article_id=%d", batch[0][0])
            return [bytes(len(vector))]


@asynccontextmanager
async def open_semantic_index(settings: Settings, store: Store) -> AsyncIterator[SemanticIndex | None]:
    """Open the semantic index of a store, and close it on exit.

    Yields None without the extra `semantic`, or if the settings disable it. The encoder starts on first use
    and is stopped on exit.
    """
    model_id = article_encoder.find_model_id() if settings.semantic else None
    if model_id is None:
        yield None
        return
    from bot.search.semantic.vector_index import VectorIndex  # noqa: PLC0415 - needs the extra

    worker_pool = WorkerPool(recycle_rss_bytes=MAX_WORKER_BYTES)
    vector_index = await asyncio.to_thread(VectorIndex, get_vectors_folder(settings), model_id)
    try:
        yield SemanticIndex(store, worker_pool, vector_index, model_id)
    finally:
        await worker_pool.close()
        await asyncio.to_thread(vector_index.close)


def get_vectors_folder(settings: Settings) -> Path:
    """Return the path of the folder that holds a database's vectors, which is beside the database."""
    return settings.build_sibling_path(".vectors")


async def _wait_for_encoder(task: asyncio.Task[list[_T]], timeout_seconds: float | None) -> list[_T] | None:
    """Return what the encoder computes, or None if it fails or times out.

    `timeout_seconds` None means no timeout. A call that times out goes on in the background, because
    cancelling it would end the worker.
    """
    task.add_done_callback(_consume_exception)
    done_tasks, _ = await asyncio.wait({task}, timeout=timeout_seconds)
    if not done_tasks:
        return None
    if error := _get_task_error(task):
        log.warning("encoder failed error=%s", error)
        return None
    return task.result()


def _get_task_error(task: asyncio.Task[Any]) -> BaseException | None:
    """Return the exception of a finished task, or None if it succeeded."""
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _consume_exception(task: asyncio.Task[Any]) -> None:
    """Retrieve the exception of a failed task, because asyncio would log it as never retrieved."""
    _get_task_error(task)


def _iter_encoding_batches(id_text_pairs: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """Yield texts with their ids in batches of at most `MAX_ENCODED_CHARS_PER_CALL` characters, or one longer text."""
    batch: list[tuple[int, str]] = []
    batch_chars = 0
    for id_text_pair in id_text_pairs:
        if batch and batch_chars + len(id_text_pair[1]) > MAX_ENCODED_CHARS_PER_CALL:
            yield batch
            batch, batch_chars = [], 0
        batch.append(id_text_pair)
        batch_chars += len(id_text_pair[1])
    if batch:
        yield batch
