"""Feed documents all the way: fetched from loopback, parsed, stored in a database, rendered, polled again."""

from __future__ import annotations

from collections.abc import Iterator

import feedparser  # noqa: F401 - instrumented only if it is imported here

from tests.fuzz import seeds
from tests.fuzz.fuzz_target import KILOBYTE, FuzzTarget
from tests.fuzz.open_boundary import OpenBoundary
from tests.fuzz.targets import feed_documents
from tests.support.pipeline import Pipeline, open_pipeline


async def _process_document(pipeline: Pipeline, body: bytes) -> None:
    content_type = feed_documents.CONTENT_TYPES[len(body) % len(feed_documents.CONTENT_TYPES)]
    await pipeline.process(body, content_type)


def load_seeds() -> Iterator[bytes]:
    """Yield all documents of tests and beside the checkout."""
    yield from feed_documents.load_xml_seeds()
    yield from feed_documents.load_json_seeds()
    yield from feed_documents.load_listing_seeds()
    yield from seeds.read_shared_files("feeds", {".html"})


_NEWSROOM = OpenBoundary(open_pipeline, _process_document)
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
