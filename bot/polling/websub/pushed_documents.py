"""Ingestion of documents that hubs pushed. The entries of a document that is lost are found by the feed's next poll."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bot.core.models import Feed
from bot.feeds.fetch import FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.polling.poller import Poller
from bot.store import Store, StoreError
from bot.text import urls

log = logging.getLogger(__name__)

MAX_PENDING_DOCUMENTS_PER_FEED = 4
"""Maximum number of a feed's pushed documents that are ingested at a time; beyond that, the feed is polled instead."""


@dataclass(frozen=True, slots=True)
class PushedDocument:
    """Document that a WebSub hub pushed, with its media type."""

    body: bytes
    content_type: str


class PushIngestQueue:
    """Queue of documents that hubs pushed; `on_news` is called with the id of a feed that had new articles."""

    def __init__(self, store: Store, poller: Poller, on_news: Callable[[int], None]) -> None:
        self._store, self._poller, self._on_news = store, poller, on_news
        self._pending_count_by_feed_id: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, feed_id: int, document: PushedDocument) -> asyncio.Task[None]:
        """Start to ingest a pushed document, or poll its feed if it is empty or too many wait; return the task."""
        task = asyncio.create_task(self._ingest(feed_id, document))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self) -> None:
        """Wait until all pushed documents are ingested, or their ingestion has failed."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Cancel the ingestion of all documents that hubs pushed."""
        for task in self._tasks:
            task.cancel()
        await self.drain()

    async def _ingest(self, feed_id: int, document: PushedDocument) -> None:
        try:
            feed = await self._store.feeds.get(feed_id)
            if feed is None:
                return
            if not document.body or self._pending_count_by_feed_id[feed_id] >= MAX_PENDING_DOCUMENTS_PER_FEED:
                await self._make_due(feed)
                return
            self._pending_count_by_feed_id[feed_id] += 1
            try:
                has_news = await self._poller.ingest_pushed_document(feed, _to_fetch_result(feed, document))
            finally:
                self._pending_count_by_feed_id[feed_id] -= 1
            if has_news:
                self._on_news(feed_id)
        except FeedError as error:
            log.info("push unreadable url=%s error=%s", urls.redact(feed.url if feed else ""), error)
            if feed is not None:
                await self._make_due(feed)
        except StoreError:
            log.exception("push not recorded feed_id=%d", feed_id)

    async def _make_due(self, feed: Feed) -> None:
        await self._store.feeds.make_due(feed.id)
        self._poller.wake()


def _to_fetch_result(feed: Feed, document: PushedDocument) -> FetchResult:
    headers = {"content-type": document.content_type}
    return FetchResult(200, feed.url, None, is_not_modified=False, body=document.body, body_hash=b"", headers=headers)
