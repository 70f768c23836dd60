"""Fetching of web pages that robots.txt allows, and extraction of their articles in a worker."""

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
"""Media types of web pages."""
EXTRACT_TIMEOUT_SECONDS = 5.0
"""Seconds that a worker may take to extract the article of a page."""


class PageFetcher:
    """A client for web pages that obeys robots.txt."""

    def __init__(self, fetcher: Fetcher, workers: WorkerPool, robots: RobotsCache) -> None:
        self._fetcher, self._workers, self._robots = fetcher, workers, robots
        # Feeds share the worker and must not wait for more than one page.
        self._one = asyncio.Lock()

    async def fetch_article_text(
        self, url: str, *, title: str, teaser: str, visit: HostThrottle
    ) -> tuple[str, float]:
        """Return the text of the article at a URL, and its host's crawl delay in seconds.

        `title` and `teaser` are those of the feed. Raises FeedError: robots if the publisher forbids it,
        not-a-page, no-article, other-page or nothing-more if no text was gained, and all that `Fetcher.get`
        raises.
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
        """Fetch a page; return the response and its host's crawl delay in seconds.

        Raises FeedError: robots if the publisher forbids it, not-a-page, and all that `Fetcher.get` raises.
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
        """Return a host's crawl delay in seconds. Raises FeedError (robots) if it forbids the page."""
        allowed, delay = await self._robots.check(url, visit)
        if not allowed:
            raise FeedError(fetch_errors.ROBOTS_DISALLOWED, "robots.txt does not allow it")
        return delay
