"""Cache of robots.txt files (RFC 9309)."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from yarl import URL

from bot.core.clock import Clock
from bot.core.concurrency.worker_pool import WorkerError, WorkerPool
from bot.feeds import fetch_errors
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.robots_rules import RobotsVerdict, evaluate_robots

MAX_ROBOTS_BYTES = 512 * 1024
"""Maximum number of bytes of a robots.txt; RFC 9309 §2.5 requires at least 500 KiB."""
CACHE_TTL_SECONDS = 86_400
"""Number of seconds for which a robots.txt is cached (RFC 9309 §2.4)."""
FAILURE_TTL_SECONDS = 3_600
"""Number of seconds after which a failed request for a robots.txt is repeated, unless the server names another time."""
MAX_CACHED_ORIGINS = 2_000
"""Maximum number of origins (scheme, host, port) whose robots.txt is cached; the least recently used is evicted."""
MAX_CACHED_BYTES = 8 * 2**20
"""Maximum number of bytes of all cached robots.txt files together."""
EVALUATE_TIMEOUT_SECONDS = 2.0
"""Maximum number of seconds that a worker may take to evaluate a robots.txt."""

HostThrottle = Callable[[str], AbstractAsyncContextManager[None]]
"""Function that returns, for a URL, a context manager that waits for exclusive access to the URL's host."""


class _CachedRobots(NamedTuple):
    """Cached robots.txt. Without a body everything is allowed, or nothing if `failure` is set.

    `failure` has the arguments of a FeedError: a stored exception would keep, in its traceback, the frames of
    all calls that raised it.
    """

    expires_at: int
    body: bytes
    failure: tuple[str, str, int | None] | None = None


class RobotsCache:
    """Cache of robots.txt files, each of which is kept for a day, and of failed requests for them."""

    def __init__(self, clock: Clock, fetcher: Fetcher, workers: WorkerPool) -> None:
        self._clock, self._fetcher, self._workers = clock, fetcher, workers
        self._robots_by_origin: OrderedDict[str, _CachedRobots] = OrderedDict()
        self._cached_bytes = 0

    async def check(self, url: str, host_throttle: HostThrottle) -> RobotsVerdict:
        """Return whether a page may be fetched, and the crawl delay of the page's host.

        A missing robots.txt (4xx but 429) allows everything, and a robots.txt that cannot be evaluated forbids
        everything. Raises FeedError with the cause if robots.txt is unreachable (429, 5xx, no response), which
        also forbids everything (RFC 9309 §2.3.1), too large, or blocked by an operator.
        """
        cached_robots = await self._load(str(URL(url).origin()), host_throttle)
        if cached_robots.failure is not None:
            code, detail, retry_after = cached_robots.failure
            raise FeedError(code, detail, retry_after=retry_after)
        if not cached_robots.body.strip():
            return RobotsVerdict(is_allowed=True)
        try:
            return await self._workers.run(evaluate_robots, cached_robots.body, url, timeout=EVALUATE_TIMEOUT_SECONDS)
        except WorkerError:
            return RobotsVerdict(is_allowed=False)

    async def _load(self, origin: str, host_throttle: HostThrottle) -> _CachedRobots:
        cached_robots = self._robots_by_origin.get(origin)
        if cached_robots is not None and cached_robots.expires_at > self._clock.now():
            self._robots_by_origin.move_to_end(origin)
            return cached_robots
        async with host_throttle(origin):
            fetched_robots = await self._fetch(origin)
        self._evict(origin)
        self._robots_by_origin[origin] = fetched_robots
        self._cached_bytes += len(fetched_robots.body)
        while len(self._robots_by_origin) > MAX_CACHED_ORIGINS or self._cached_bytes > MAX_CACHED_BYTES:
            self._evict(next(iter(self._robots_by_origin)))
        return fetched_robots

    async def _fetch(self, origin: str) -> _CachedRobots:
        now = self._clock.now()
        try:
            response = await self._fetcher.get(f"{origin}/robots.txt", accept="text/plain", max_bytes=MAX_ROBOTS_BYTES)
        except FeedError as error:
            if error.code == fetch_errors.SOURCE_BLOCKED:  # That is not kept: the operator may unblock it at any time.
                raise
            if error.code == fetch_errors.TOO_LARGE:
                return _CachedRobots(
                    now + CACHE_TTL_SECONDS,
                    b"",
                    (fetch_errors.ROBOTS_DISALLOWED, "robots.txt is too large", None),
                )
            if error.code == fetch_errors.FEED_GONE or error.code in fetch_errors.CLIENT_ERROR_CODES:
                return _CachedRobots(now + CACHE_TTL_SECONDS, b"")
            failure = error.code, error.detail, error.retry_after
            return _CachedRobots(now + (error.retry_after or FAILURE_TTL_SECONDS), b"", failure)
        return _CachedRobots(now + CACHE_TTL_SECONDS, response.body)

    def _evict(self, origin: str) -> None:
        if (evicted_robots := self._robots_by_origin.pop(origin, None)) is not None:
            self._cached_bytes -= len(evicted_robots.body)
