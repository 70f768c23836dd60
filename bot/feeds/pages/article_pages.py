"""Fetching of web pages that robots.txt allows, and extraction of their articles in a worker."""

import asyncio

from yarl import URL

from bot.core.concurrency.worker_pool import WorkerPool
from bot.core.models import Validators
from bot.feeds import fetch_errors
from bot.feeds.fetch import PAGE_ACCEPT_HEADER, Fetcher, FetchResult
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_extraction import extract_article
from bot.feeds.pages.page_content import PageContent, extract_page
from bot.feeds.robots import HostThrottle, RobotsCache
from bot.feeds.ssrf_guard import check_url
from bot.feeds.worker_calls import translate_worker_errors

MAX_PAGE_BYTES = 4 * 2**20
"""Maximum number of bytes of a page, both compressed and decompressed."""
HTML_MEDIA_TYPES = ("text/html", "application/xhtml+xml")
"""Media types of web pages."""
EXTRACT_TIMEOUT_SECONDS = 5.0
"""Maximum number of seconds that a worker may take to extract the article of a page."""


class PageFetcher:
    """Client for web pages that obeys robots.txt."""

    def __init__(self, fetcher: Fetcher, workers: WorkerPool, robots_cache: RobotsCache) -> None:
        self._fetcher, self._workers, self._robots_cache = fetcher, workers, robots_cache
        # Feeds share the worker and must not wait for more than one page.
        self._worker_lock = asyncio.Lock()

    async def fetch_article_text(
        self, url: str, *, title: str, teaser: str, host_throttle: HostThrottle
    ) -> tuple[str, float]:
        """Return the text of the article at a URL, and the crawl delay of its host in seconds.

        `title` and `teaser` are those of the article in its feed. Raises FeedError: robots if robots.txt
        forbids the page; not-a-page, no-article, other-page or nothing-more if no text was gained;
        parse-timeout or parse-died if the worker fails; and the cause if a request fails.
        """
        response, crawl_delay_seconds = await self.fetch(url, host_throttle=host_throttle)
        async with self._worker_lock:
            with translate_worker_errors():
                text = await self._workers.run(
                    extract_article,
                    response.body,
                    response.content_type,
                    response.url,
                    title,
                    teaser,
                    timeout=EXTRACT_TIMEOUT_SECONDS,
                )
        return text, crawl_delay_seconds

    async def fetch_content(self, url: str, *, host_throttle: HostThrottle) -> tuple[str, PageContent]:
        """Fetch any web page; return its URL after redirects, and its content.

        Raises FeedError: robots if robots.txt forbids the page; not-a-page if it is no HTML; parse-timeout or
        parse-died if the worker fails; and the cause if a request fails.
        """
        response, _crawl_delay_seconds = await self.fetch(url, host_throttle=host_throttle)
        async with self._worker_lock:
            with translate_worker_errors():
                page_content = await self._workers.run(
                    extract_page, response.body, response.content_type, response.url, timeout=EXTRACT_TIMEOUT_SECONDS
                )
        return response.url, page_content

    async def fetch(
        self, url: str, *, host_throttle: HostThrottle, validators: Validators | None = None
    ) -> tuple[FetchResult, float]:
        """Fetch a page; return the response and the crawl delay of the page's host in seconds.

        Raises FeedError: bad-url if the URL is invalid, robots if robots.txt forbids the page, not-a-page if it is
        no HTML, and the error of a failed request for the page or robots.txt.
        """
        check_url(url)
        crawl_delay_seconds = await self.require_robots_allowed(url, host_throttle)
        async with host_throttle(url):
            response = await self._fetcher.get(
                url,
                validators=validators,
                accept=PAGE_ACCEPT_HEADER,
                max_bytes=MAX_PAGE_BYTES,
                media_types=HTML_MEDIA_TYPES,
            )
        if URL(response.url).origin() != URL(url).origin():
            await self.require_robots_allowed(response.url, host_throttle)
        return response, crawl_delay_seconds

    async def require_robots_allowed(self, url: str, host_throttle: HostThrottle) -> float:
        """Return the crawl delay of a URL's host in seconds if its robots.txt allows the page.

        Raises FeedError: robots if it does not, or the cause if robots.txt cannot be fetched.
        """
        is_allowed, crawl_delay_seconds = await self._robots_cache.check(url, host_throttle)
        if not is_allowed:
            raise FeedError(fetch_errors.ROBOTS_DISALLOWED, "robots.txt does not allow it")
        return crawl_delay_seconds
