"""Finding articles by what they mean, in whatever words and in either language, with the extra `semantic`.

A worker process makes vectors of articles and questions (`encoder`), the store keeps them, and a thread finds
the nearest: it compares the signs of all vectors in memory, then some vectors (`neighbours`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from bot.core.settings import Settings
from bot.core.workers import WorkerError, Workers
from bot.search.query_plan import Plan
from bot.search.semantic import encoder
from bot.store import Store
from bot.store.sqlite.hits import Hit
from bot.store.sqlite.search_index import Scope
from bot.store.vectors import Encoded

if TYPE_CHECKING:
    from bot.search.semantic.nearest import Neighbours

log = logging.getLogger(__name__)

_T = TypeVar("_T")

WEIGHT = 2.0
"""How much the cosine of question and article counts beside the points of `ranking`, 0 to about 3."""
ACROSS = 6.0
"""How much more it counts for the nearest articles of the other language, which words find seldom."""
NEARLY = 0.1  # from this far behind the nearest article of the asker's language on,
LIFTED = 2  # for so many of them,
CEILING = 2  # at the most up to the second best of the asker's language
LOOKED_AT = 3_000  # articles whose vectors are compared after their signs,
SIFTED = 300  # the nearest of which have to meet the conditions of a query,
NEAREST = 20  # before the nearest of these are read beside those found by words,
LEAST = 0.1  # if their cosine is that large: three of four articles have less in common with a question
PATIENCE = 2.0  # seconds that a question waits for the encoder before words alone have to do
ENCODE_TIME = 30.0  # seconds that the worker may take for a call
MEMORY = 512 * 2**20  # bytes that the encoder may hold: 180 MB are usual
CALL = 4_000  # characters encoded in a call, so that a question need not wait for long
KEPT_TOGETHER = 64  # articles whose vectors are written in one transaction
PASS = 512  # articles looked for at a time
PAGE = 20_000  # signs read at a time
PAUSE = 30.0  # seconds between looks for new articles
REMEMBERED = 256  # questions whose vectors are at hand


class Nearby(NamedTuple):
    """Articles that words or meaning found, and the cosine of question and article."""

    hits: list[Hit]
    cosines: dict[int, float]

    def points(self, article_id: int) -> float:
        """What an article gains by its meaning."""
        return WEIGHT * self.cosines.get(article_id, 0.0)

    def lifted(self, scores: Mapping[int, float], foreign: Collection[int]) -> dict[int, float]:
        """The scores of articles that are to have more, for they are `foreign` to the asker and very near."""
        own = sorted(
            (score for article_id, score in scores.items() if article_id not in foreign), reverse=True
        )
        close = [cosine for article_id, cosine in self.cosines.items() if article_id not in foreign]
        if not own or not close:
            return {}
        ceiling = own[:CEILING][-1]
        nearest = sorted(scores.keys() & foreign, key=lambda article_id: -self.cosines.get(article_id, 0.0))
        lifted = {}
        for article_id in nearest[:LIFTED]:
            gain = ACROSS * max(0.0, self.cosines.get(article_id, 0.0) - max(close) + NEARLY)
            lifted[article_id] = max(scores[article_id], min(scores[article_id] + gain, ceiling))
        return lifted


class Meaning:
    """The vectors of a store's articles, and the encoder that makes them."""

    def __init__(self, store: Store, workers: Workers, neighbours: Neighbours, model: str) -> None:
        self.model = model
        self._store, self._workers, self._neighbours = store, workers, neighbours
        self._last = 0
        self._refreshing = asyncio.Lock()
        self._is_prepared = self._is_ready = False
        self._questions: dict[str, asyncio.Task[list[tuple[bytes, bytes]]]] = {}

    async def run(self) -> None:
        """Encode what comes in, for as long as the bot runs."""
        while True:
            await self.ready()
            if encoded := await self.encode_missing():
                log.info("Encoded %d articles", encoded)
            await self._store.clock.sleep(PAUSE)

    async def ready(self) -> None:
        """Start the encoder and read all signs; before, nothing is found by meaning. Raises WorkerError."""
        if not self._is_ready:
            await self._prepare()
            await self._workers.run(encoder.encode, [self.model], timeout=ENCODE_TIME)
            await self._refresh()
            self._is_ready = True

    async def encode_missing(self, on_progress: Callable[[int, int], None] | None = None) -> int:
        """Encode the articles that have no vector, the newest first; how many. An interruption loses a few.

        `on_progress` is called with how many are encoded and how many articles there are. Raises WorkerError.
        """
        encoded = 0
        await self._prepare()
        while missing := await self._store.vectors.missing(PASS):
            before = encoded
            for start in range(0, len(missing), KEPT_TOGETHER):
                sources = await self._store.vectors.sources(missing[start : start + KEPT_TOGETHER])
                found = [each for batch in _batches(sources) for each in await self._encoded(batch)]
                encoded += await self._store.vectors.add(self.model, found)
                if on_progress is not None:
                    on_progress(*await self._store.vectors.counts())
            if encoded == before:  # another process works with another model
                break
        return encoded

    async def near(self, asked: Plan, hits: Sequence[Hit]) -> Nearby:
        """What was found by words, and the articles that mean what is asked.

        Where the encoder fails, words alone count; an article without a vector gains what is usual.
        """
        question = await self._question(asked)
        if question is None:
            return Nearby(list(hits), {})
        await self._refresh()
        signs, vector = question
        nearest = await asyncio.to_thread(self._neighbours.nearest, signs, asked.scope, LOOKED_AT)
        ids = {hit.article_id for hit in hits}
        vectors = await self._store.vectors.of(self.model, ids.union(nearest))
        from bot.search.semantic.nearest import cosines  # noqa: PLC0415 - needs the extra, which is there by now

        close = await asyncio.to_thread(cosines, vector, [each for _, each in vectors])
        by_id = {article_id: cosine for (article_id, _), cosine in zip(vectors, close, strict=True)}
        further = [id_ for id_, cosine in by_id.items() if cosine >= LEAST and id_ not in ids]
        further = sorted(further, key=lambda id_: -by_id[id_])[:SIFTED]
        if required := asked.required(asked.texts):
            further = list(await self._store.index.holding(required, further))
        allowed = await self._store.vectors.hits(further, asked.scope)
        allowed.sort(key=lambda hit: -by_id[hit.article_id])
        together = [*hits, *allowed[:NEAREST]]
        known = [by_id[hit.article_id] for hit in together if hit.article_id in by_id]
        usual = fmean(known) if known else 0.0
        return Nearby(together, {hit.article_id: by_id.get(hit.article_id, usual) for hit in together})

    async def of_titles(self, titles: Sequence[str], *, patience: float | None) -> list[bytes] | None:
        """The vectors of titles; None where the encoder has not started, fails, or takes longer than that.

        `patience` is in seconds, None as long as a call may take.
        """
        if not self._is_ready or not titles:
            return None
        call = self._workers.run(encoder.encode, list(titles), timeout=ENCODE_TIME)
        made = await _in_time(asyncio.create_task(call), patience)
        return None if made is None else [vector for _, vector in made]

    async def likeness(self, text: str, others: Sequence[str]) -> list[float] | None:
        """The cosine of a text and each of some others; None where the encoder cannot tell in time."""
        if not self._is_ready:
            return None
        vectors = await _in_time(asyncio.create_task(self._vectors([text, *others])), PATIENCE)
        if vectors is None:
            return None
        first, *rest = vectors
        from bot.search.semantic.nearest import cosines  # noqa: PLC0415 - needs the extra, which is there by now

        return await asyncio.to_thread(cosines, first, rest)

    async def _vectors(self, texts: Sequence[str]) -> list[bytes]:
        """The vectors of texts, encoded a few at a time: others get their turn between."""
        batches = [[text for _, text in batch] for batch in _batches(list(enumerate(texts)))]
        return [
            vector
            for batch in batches
            for _, vector in await self._workers.run(encoder.encode, batch, timeout=ENCODE_TIME)
        ]

    async def _question(self, asked: Plan) -> tuple[bytes, bytes] | None:
        """The signs and the vector of what is asked; None where the encoder cannot tell in time."""
        if not self._is_ready:
            return None
        has_conditions = asked.required() is not None or asked.scope != Scope(feed_ids=asked.scope.feed_ids)
        text = " ".join(asked.written) if has_conditions else asked.text
        task = self._questions.pop(text, None)
        if task is None or (task.done() and _failure(task)):
            task = asyncio.create_task(self._workers.run(encoder.encode, [text], timeout=ENCODE_TIME))
        self._questions[text] = task
        if len(self._questions) > REMEMBERED:
            del self._questions[next(iter(self._questions))]
        made = await _in_time(task, PATIENCE)
        return None if made is None else made[0]

    async def _encoded(self, batch: Sequence[tuple[int, str]]) -> list[Encoded]:
        texts = [text for _, text in batch]
        try:
            made = await self._workers.run(encoder.encode, texts, timeout=ENCODE_TIME)
        except WorkerError:
            if len(batch) > 1:
                return [each for one in batch for each in await self._encoded([one])]
            # Is it the text, or the encoder altogether?
            ((signs, vector),) = await self._workers.run(encoder.encode, [self.model], timeout=ENCODE_TIME)
            log.warning("Article %d cannot be encoded", batch[0][0])
            made = [(bytes(len(signs)), bytes(len(vector)))]
        return [Encoded(*source, *each) for source, each in zip(batch, made, strict=True)]

    async def _prepare(self) -> None:
        """Forget another model's vectors, once: two processes with two models are not to fight for ever."""
        if not self._is_prepared:
            await self._store.vectors.prepare(self.model)
            self._is_prepared = True

    async def _refresh(self) -> None:
        """Take what this or another process wrote since into memory."""
        async with self._refreshing:
            while (new := await self._store.vectors.signs(self.model, self._last, PAGE)).last > self._last:
                await asyncio.to_thread(self._neighbours.add, new)
                self._last = new.last


@asynccontextmanager
async def opened(settings: Settings, store: Store) -> AsyncIterator[Meaning | None]:
    """The meaning of a store's articles; None without the extra, or where the settings do not want it.

    The encoder starts when it is first needed, and ends here.
    """
    model = encoder.model() if settings.semantic else None
    if model is None:
        yield None
        return
    from bot.search.semantic.nearest import Neighbours  # noqa: PLC0415 - needs the extra

    workers = Workers(tired=MEMORY)
    try:
        yield Meaning(store, workers, Neighbours(), model)
    finally:
        await workers.close()


async def _in_time(task: asyncio.Task[list[_T]], patience: float | None) -> list[_T] | None:
    """What the encoder makes; None where it fails, or takes longer than `patience` (seconds; None: any time).

    A call that takes longer goes on: to cancel it would cost the worker.
    """
    task.add_done_callback(_heed)
    done, _ = await asyncio.wait({task}, timeout=patience)
    if not done:
        return None
    if error := _failure(task):
        log.warning("The encoder failed, and words alone have to do: %s", error)
        return None
    return task.result()


def _failure(task: asyncio.Task[Any]) -> BaseException | None:
    """Why a task that is done has no result."""
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _heed(task: asyncio.Task[Any]) -> None:
    """Look at how a task ended, or asyncio tells of it when nobody else does."""
    _failure(task)


def _batches(sources: Sequence[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    batch: list[tuple[int, str]] = []
    size = 0
    for source in sources:
        if batch and size + len(source[1]) > CALL:
            yield batch
            batch, size = [], 0
        batch.append(source)
        size += len(source[1])
    if batch:
        yield batch
