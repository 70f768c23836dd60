"""Pages: fetched where their publisher allows it; their articles are read in a worker."""

import asyncio

from yarl import URL

from bot.core.models import Validators
from bot.core.worker_pool import WorkerPool
from bot.feeds import fetch_errors
from bot.feeds.fetch import PAGE_TYPES, Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_extraction import extract_article
from bot.feeds.robots import HostThrottle, RobotsCache
from bot.feeds.ssrf_guard import check_url
from bot.feeds.worker_calls import parse_errors_as_feed_errors

MAX_PAGE = 4 * 2**20
"""Bytes of a page after decompression."""
HTML = ("text/html", "application/xhtml+xml")
EXTRACT_TIMEOUT_SECONDS = 5.0
"""Seconds that a worker may take to find the article in a page."""


class PageFetcher:
    """Fetches pages, and reads those of articles."""

    def __init__(self, fetcher: Fetcher, workers: WorkerPool, robots: RobotsCache) -> None:
        self._fetcher, self._workers, self._robots = fetcher, workers, robots
        self._one = asyncio.Lock()  # the worker is the feeds' too, which do not wait for more than one page

    async def fetch_article_text(
        self, url: str, *, title: str, teaser: str, visit: HostThrottle
    ) -> tuple[str, float]:
        """The text of the article at an address, and the seconds that its host wants between two pages.

        `title` and `teaser` are what the feed told of it. Raises FeedError, with ROBOTS where the publisher
        does not want it read, NOT_A_PAGE, NO_ARTICLE, OTHER_PAGE or NOTHING_MORE where there is nothing to
        be had, and else as `Fetcher.get` does.
        """
        fetched, delay = await self.fetch(url, visit=visit)
        async with self._one:
            with parse_errors_as_feed_errors():
                text = await self._workers.run(
                    extract_article,
                    fetched.body,
                    fetched.content_type,
                    fetched.url,
                    title,
                    teaser,
                    timeout=EXTRACT_TIMEOUT_SECONDS,
                )
        return text, delay

    async def fetch(
        self, url: str, *, visit: HostThrottle, validators: Validators | None = None
    ) -> tuple[FetchResult, float]:
        """A page, and the seconds that its host wants between two pages.

        Raises FeedError, with ROBOTS where the publisher does not want it read, NOT_A_PAGE, and else as
        `Fetcher.get` does.
        """
        check_url(url)
        delay = await self.require_robots_allowed(url, visit)
        async with visit(url):
            fetched = await self._fetcher.get(
                url, validators=validators, accept=PAGE_TYPES, max_bytes=MAX_PAGE, types=HTML
            )
        if URL(fetched.url).origin() != URL(url).origin():
            await self.require_robots_allowed(fetched.url, visit)
        return fetched, delay

    async def require_robots_allowed(self, url: str, visit: HostThrottle) -> float:
        """The seconds that a page’s host wants between two. Raises FeedError where robots.txt refuses."""
        allowed, delay = await self._robots.check(url, visit)
        if not allowed:
            raise FeedError(fetch_errors.ROBOTS_DISALLOWED, "robots.txt does not allow it")
        return delay
