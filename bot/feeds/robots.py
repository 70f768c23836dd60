"""A cache of robots.txt files (RFC 9309)."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from yarl import URL

from bot.core.clock import Clock
from bot.core.worker_pool import WorkerError, WorkerPool
from bot.feeds import fetch_errors
from bot.feeds.fetch import Fetcher
from bot.feeds.fetch_errors import FeedError
from bot.feeds.robots_rules import RobotsVerdict, evaluate

MAX_ROBOTS = 512 * 1024
"""Bytes of a robots.txt; RFC 9309 §2.5 requires at least 500 KiB."""
CACHE_TTL_SECONDS = 86_400
"""Seconds for which a robots.txt is cached (RFC 9309 §2.4)."""
FAILURE_TTL_SECONDS = 3_600
"""Seconds after which a failed request for a robots.txt is repeated."""
MAX_CACHED_HOSTS = 2_000
"""Hosts whose robots.txt is cached; the least recently used is evicted."""
MAX_CACHED_BYTES = 8 * 2**20
"""Bytes of all cached robots.txt together."""
READ_TIME = 2.0
"""Seconds that a worker may take to evaluate a robots.txt."""

HostThrottle = Callable[[str], AbstractAsyncContextManager[None]]
"""A context manager that grants exclusive access to the host of a URL."""


class _Rules(NamedTuple):
    """A cached robots.txt. Without a body everything is allowed, or nothing if `failure` is set.

    `failure` has the arguments of a FeedError: a stored exception would keep, in its traceback, the frames of
    all calls that raised it.
    """

    expires_at: int
    body: bytes
    failed: tuple[str, str, int | None] | None = None


class RobotsCache:
    """A cache of robots.txt files, each fetched once a day."""

    def __init__(self, clock: Clock, fetcher: Fetcher, workers: WorkerPool) -> None:
        self._clock, self._fetcher, self._workers = clock, fetcher, workers
        self._rules: OrderedDict[str, _Rules] = OrderedDict()
        self._bytes = 0

    async def check(self, url: str, visit: HostThrottle) -> RobotsVerdict:
        """Return whether a page may be fetched, and its host's crawl delay.

        A missing robots.txt (4xx) allows everything. One that is unreachable (5xx, no response) allows
        nothing (RFC 9309 §2.3.1): raises FeedError with the cause.
        """
        rules = await self._rules_of(str(URL(url).origin()), visit)
        if rules.failed is not None:
            code, detail, retry_after = rules.failed
            raise FeedError(code, detail, retry_after=retry_after)
        if not rules.body.strip():
            return RobotsVerdict(allowed=True)
        try:
            return await self._workers.run(evaluate, rules.body, url, timeout=READ_TIME)
        except WorkerError:
            return RobotsVerdict(allowed=False)

    async def _rules_of(self, origin: str, visit: HostThrottle) -> _Rules:
        known = self._rules.get(origin)
        if known is not None and known.expires_at > self._clock.now():
            self._rules.move_to_end(origin)
            return known
        async with visit(origin):
            rules = await self._fetch(origin)
        self._evict(origin)
        self._rules[origin] = rules
        self._bytes += len(rules.body)
        while len(self._rules) > MAX_CACHED_HOSTS or self._bytes > MAX_CACHED_BYTES:
            self._evict(next(iter(self._rules)))
        return rules

    async def _fetch(self, origin: str) -> _Rules:
        now = self._clock.now()
        try:
            fetched = await self._fetcher.get(
                f"{origin}/robots.txt", accept="text/plain", max_bytes=MAX_ROBOTS
            )
        except FeedError as error:
            if error.code == fetch_errors.TOO_LARGE:
                return _Rules(
                    now + CACHE_TTL_SECONDS,
                    b"",
                    (fetch_errors.ROBOTS_DISALLOWED, "robots.txt is too large", None),
                )
            if error.code == fetch_errors.GONE or error.code.startswith("http-4"):
                return _Rules(now + CACHE_TTL_SECONDS, b"")
            failed = error.code, error.detail, error.retry_after
            return _Rules(now + (error.retry_after or FAILURE_TTL_SECONDS), b"", failed)
        return _Rules(now + CACHE_TTL_SECONDS, fetched.body)

    def _evict(self, origin: str) -> None:
        if (known := self._rules.pop(origin, None)) is not None:
            self._bytes -= len(known.body)
