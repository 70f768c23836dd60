"""Ingestion of documents that hubs pushed; a poll finds what is lost on the way."""

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

MAX_PENDING_PER_FEED = 4
"""Pushed documents of one feed in progress; with more the feed is polled instead."""


@dataclass(frozen=True, slots=True)
class PushedDocument:
    """A pushed document with its media type."""

    body: bytes
    content_type: str


class PushIngestQueue:
    """A queue of pushed documents; `on_news` is called with the id of a feed that had news."""

    def __init__(self, store: Store, poller: Poller, on_news: Callable[[int], None]) -> None:
        self._store, self._poller, self._on_news = store, poller, on_news
        self._waiting: Counter[int] = Counter()
        self._reading: set[asyncio.Task[None]] = set()

    def submit(self, feed_id: int, pushed: PushedDocument) -> asyncio.Task[None]:
        """Ingest a document of a feed; return the task that does it."""
        task = asyncio.create_task(self._read(feed_id, pushed))
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)
        return task

    async def drain(self) -> None:
        """Wait until all pushed documents are recorded."""
        while self._reading:
            await asyncio.gather(*self._reading, return_exceptions=True)

    async def close(self) -> None:
        """Cancel all ingestion."""
        for task in self._reading:
            task.cancel()
        await self.drain()

    async def _read(self, feed_id: int, pushed: PushedDocument) -> None:
        try:
            feed = await self._store.feeds.get(feed_id)
            if feed is None:
                return
            if not pushed.body or self._waiting[feed_id] >= MAX_PENDING_PER_FEED:
                await self._poll(feed)
                return
            self._waiting[feed_id] += 1
            try:
                news = await self._poller.ingest_pushed(feed, _as_fetched(feed, pushed))
            finally:
                self._waiting[feed_id] -= 1
            if news:
                self._on_news(feed_id)
        except FeedError as error:
            log.info("push unreadable url=%s error=%s", urls.redact(feed.url if feed else ""), error)
            if feed is not None:
                await self._poll(feed)
        except StoreError:
            log.exception("push not recorded feed=%d", feed_id)

    async def _poll(self, feed: Feed) -> None:
        await self._store.feeds.make_due(feed.id)
        self._poller.wake()


def _as_fetched(feed: Feed, pushed: PushedDocument) -> FetchResult:
    headers = {"content-type": pushed.content_type}
    return FetchResult(
        200, feed.url, None, not_modified=False, body=pushed.body, body_hash=b"", headers=headers
    )
