"""Feed documents all the way: fetched from loopback, parsed, stored in a database, rendered, polled again."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import feedparser  # noqa: F401 - instrumented only if it is imported here

from bot.client import services
from bot.core.concurrency.worker_pool import WorkerDied, WorkerPool
from tests.fuzz import seeds
from tests.fuzz.fuzz_target import KILOBYTE, FuzzTarget
from tests.fuzz.targets import feed_documents
from tests.support.pipeline import Pipeline, open_pipeline
from tests.support.workers.inline_workers import InlineWorkers

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MAX_DOCUMENTS_PER_DATABASE = 300


class _FuzzedWorkers(InlineWorkers):
    """Workers in this process, whose code is instrumented; what kills a worker process is reported as its death."""

    async def run(
        self,
        function: Callable[[*Ts], T],
        *args: *Ts,
        timeout: float,  # noqa: ASYNC109 - as in Workers
    ) -> T:
        try:
            return await super().run(function, *args, timeout=timeout)
        except (RecursionError, MemoryError) as error:
            raise WorkerDied(str(error)) from error


class _Newsroom:
    """A pipeline with a new database after every `MAX_DOCUMENTS_PER_DATABASE` documents."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._document_count = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._context: AbstractAsyncContextManager[Pipeline] | None = None
        self._pipeline: Pipeline | None = None

    def check(self, body: bytes) -> None:
        """Send a document through the pipeline. Raises BrokenInvariant."""
        if self._document_count % MAX_DOCUMENTS_PER_DATABASE == 0:
            self._reopen()
        self._document_count += 1
        content_type = feed_documents.CONTENT_TYPES[len(body) % len(feed_documents.CONTENT_TYPES)]
        assert self._pipeline is not None
        self._loop.run_until_complete(self._pipeline.process(body, content_type))

    def close(self) -> None:
        """Close the pipeline and delete its database."""
        if self._context is not None and self._folder is not None:
            self._loop.run_until_complete(self._context.__aexit__(None, None, None))
            self._folder.cleanup()
            setattr(services, "WorkerPool", WorkerPool)  # noqa: B010 - the name is of another class
        self._context, self._document_count = None, 0

    def _reopen(self) -> None:
        self.close()
        setattr(services, "WorkerPool", _FuzzedWorkers)  # noqa: B010 - the name is of another class
        self._folder = tempfile.TemporaryDirectory()
        self._context = open_pipeline(Path(self._folder.name))
        self._pipeline = self._loop.run_until_complete(self._context.__aenter__())


def load_seeds() -> Iterator[bytes]:
    """Yield all documents of tests and beside the checkout."""
    yield from feed_documents.load_xml_seeds()
    yield from feed_documents.load_json_seeds()
    yield from feed_documents.load_listing_seeds()
    yield from seeds.read_shared_files("feeds", {".html"})


_NEWSROOM = _Newsroom()
TARGETS = (
    FuzzTarget(
        name="newsroom",
        check=_NEWSROOM.check,
        close=_NEWSROOM.close,
        load_seeds=load_seeds,
        tokens=tuple(token for target in feed_documents.TARGETS for token in target.tokens),
        max_bytes=KILOBYTE * KILOBYTE,
        max_cost_bytes=0,
        max_seeds=10_000,
    ),
)
