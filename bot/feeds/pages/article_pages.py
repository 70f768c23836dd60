"""Pages: fetched where their publisher allows it; their articles are read in a worker."""

import asyncio

from yarl import URL

from bot.core.models import Validators
from bot.core.workers import Workers
from bot.feeds import fetch_errors
from bot.feeds.addresses import check_url
from bot.feeds.fetch import PAGE_TYPES, Fetched, Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.pages.article_extraction import read
from bot.feeds.robots import Robots, Visit
from bot.feeds.worker_calls import reading

MAX_PAGE = 4 * 2**20
"""Bytes of a page after decompression."""
HTML = ("text/html", "application/xhtml+xml")
READ_TIME = 5.0
"""Seconds that a worker may take to find the article in a page."""


class Pages:
    """Fetches pages, and reads those of articles."""

    def __init__(self, fetcher: Fetcher, workers: Workers, robots: Robots) -> None:
        self._fetcher, self._workers, self._robots = fetcher, workers, robots
        self._one = asyncio.Lock()  # the worker is the feeds' too, which do not wait for more than one page

    async def read(self, url: str, *, title: str, teaser: str, visit: Visit) -> tuple[str, float]:
        """The text of the article at an address, and the seconds that its host wants between two pages.

        `title` and `teaser` are what the feed told of it. Raises FeedError, with ROBOTS where the publisher
        does not want it read, NOT_A_PAGE, NO_ARTICLE, OTHER_PAGE or NOTHING_MORE where there is nothing to
        be had, and else as `Fetcher.get` does.
        """
        fetched, delay = await self.fetched(url, visit=visit)
        async with self._one:
            with reading():
                text = await self._workers.run(
                    read, fetched.body, fetched.content_type, fetched.url, title, teaser, timeout=READ_TIME
                )
        return text, delay

    async def fetched(
        self, url: str, *, visit: Visit, validators: Validators | None = None
    ) -> tuple[Fetched, float]:
        """A page, and the seconds that its host wants between two pages.

        Raises FeedError, with ROBOTS where the publisher does not want it read, NOT_A_PAGE, and else as
        `Fetcher.get` does.
        """
        check_url(url)
        delay = await self.require_allowed(url, visit)
        async with visit(url):
            fetched = await self._fetcher.get(
                url, validators=validators, accept=PAGE_TYPES, max_bytes=MAX_PAGE, types=HTML
            )
        if URL(fetched.url).origin() != URL(url).origin():
            await self.require_allowed(fetched.url, visit)
        return fetched, delay

    async def require_allowed(self, url: str, visit: Visit) -> float:
        """The seconds that a page’s host wants between two. Raises FeedError where robots.txt refuses."""
        allowed, delay = await self._robots.verdict(url, visit)
        if not allowed:
            raise FeedError(fetch_errors.ROBOTS, "robots.txt does not allow it")
        return delay
