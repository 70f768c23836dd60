"""What publishers ask of programs that read their pages: robots.txt (RFC 9309)."""

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
"""Bytes of a robots.txt; RFC 9309 §2.5 wants at least 500 KiB read."""
CACHE_TTL_SECONDS = 86_400
"""Seconds after which it is asked for again (RFC 9309 §2.4)."""
FAILURE_TTL_SECONDS = 3_600
"""Seconds after which a host that did not give it is asked again."""
MAX_CACHED_HOSTS = 2_000
"""Hosts whose robots.txt is remembered,"""
MAX_CACHED_BYTES = 8 * 2**20
"""and bytes of all of them."""
READ_TIME = 2.0
"""Seconds that a worker may take to find out whether an address is allowed."""

HostThrottle = Callable[[str], AbstractAsyncContextManager[None]]
"""Being the only visitor of an address's host for as long as a block takes."""


class _Rules(NamedTuple):
    """A robots.txt until a time; without a body all is allowed, or nothing when it could not be had.

    `failed` is what a FeedError is made of: one that was kept would keep, in its traceback, the frames of all
    that it was raised for.
    """

    expires_at: int
    body: bytes
    failed: tuple[str, str, int | None] | None = None


class RobotsCache:
    """The robots.txt of hosts, each asked for once a day."""

    def __init__(self, clock: Clock, fetcher: Fetcher, workers: WorkerPool) -> None:
        self._clock, self._fetcher, self._workers = clock, fetcher, workers
        self._rules: OrderedDict[str, _Rules] = OrderedDict()
        self._bytes = 0

    async def check(self, url: str, visit: HostThrottle) -> RobotsVerdict:
        """Whether an address may be read.

        A robots.txt that is not there (4xx) allows all. One that cannot be had now (5xx, no answer) allows
        nothing (RFC 9309 §2.3.1): then FeedError is raised with what is wrong.
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
