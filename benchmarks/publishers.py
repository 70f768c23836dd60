"""Thousands of simulated publishers in one process, each on its own host, some of whose responses fail."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

from aiohttp import web

from tests.support.feed_server import make_rss, make_rss_item
from tests.support.wire.quick_clock import QuickClock

NUMBERS_PER_FEED = 100_000
"""Article numbers reserved for a feed; the first is the feed's number times this, plus one."""
ARTICLES_PER_DOCUMENT = 30
PACE_SHARES = ((0.02, 2.0), (0.3, 0.2), (0.68, 0.02))
"""Shares of the feeds, each with its articles per hour."""
FIRST_ARTICLE_AGE_SECONDS = 3600  # Before the start.


class Publishers:
    """Feeds that publish articles as simulated time passes.

    `failure_share` is the share of requests that fail. `is_silent` cuts every connection, as if the bot had no
    network. `newest_served` has the number of the newest article of each feed that was served completely.
    """

    def __init__(self, clock: QuickClock, chance: random.Random, *, count: int, seconds: float) -> None:
        self._clock = clock
        self._chance = chance
        self.failure_share = 0.0
        self.is_silent = False
        self.newest_served: dict[int, int] = {}
        self.faults: Counter[str] = Counter()
        self._port = 0
        self._runner: web.AppRunner | None = None
        start = clock.time()
        self._times = [self._plan_times(start, seconds) for _ in range(count)]
        self._replays: dict[str, Sequence[bytes]] = {}
        self._start, self._seconds = start, seconds

    def _plan_times(self, start: float, seconds: float) -> list[float]:
        """Draw the times at which a feed publishes its articles."""
        (pace,) = self._chance.choices([pace for _, pace in PACE_SHARES], [share for share, _ in PACE_SHARES])
        times = [start - FIRST_ARTICLE_AGE_SECONDS]
        moment = start
        while (moment := moment + self._chance.expovariate(pace / 3600)) < start + seconds:
            times.append(moment)
        return times

    async def start(self) -> Publishers:
        """Start the HTTP server on every loopback address."""
        app = web.Application()
        app.router.add_get("/{name}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "0.0.0.0", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """Stop the HTTP server."""
        if self._runner is not None:
            await self._runner.cleanup()

    def replay(self, name: str, versions: Sequence[bytes]) -> str:
        """Serve the versions of a real feed one after the other over the whole run; return the feed's URL."""
        self._replays[name] = versions
        return f"http://127.254.{len(self._replays)}.1:{self._port}/{name}"

    @property
    def urls(self) -> list[str]:
        """URLs of the generated feeds, each on its own loopback host."""
        return [
            f"http://127.{1 + number // 250}.{1 + number % 250}.1:{self._port}/{number}"
            for number in range(len(self._times))
        ]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if self.is_silent:
            return _cut_connection(request)
        if name == "favicon.ico":
            return web.Response(status=404)
        if self._chance.random() < self.failure_share:
            return await self._fail(request, name)
        body, newest = self._document(name)
        tag = f'"{hash(body) & 0xFFFFFFFF:x}"'
        headers = {"Content-Type": "application/rss+xml"}
        if not name.isdecimal() or int(name) % 2:  # Half of the generated feeds have no validators.
            headers["ETag"] = tag
            if request.headers.get("If-None-Match") == tag:
                return web.Response(status=304, headers=headers)
        response = web.Response(body=body, headers=headers)
        await response.prepare(request)
        await response.write_eof()
        if newest is not None:
            self.newest_served[int(name)] = newest
        return response

    def _document(self, name: str) -> tuple[bytes, int | None]:
        """Return the present document of a feed, and the number of its newest article, None for a real feed."""
        now = self._clock.time()
        if name in self._replays:
            versions = self._replays[name]
            elapsed_share = (now - self._start) / self._seconds
            return versions[max(0, min(int(elapsed_share * len(versions)), len(versions) - 1))], None
        number = int(name)
        times = self._times[number]
        count = bisect_right(times, now)
        numbers = range(max(1, count - ARTICLES_PER_DOCUMENT + 1), count + 1)
        rss_items = [
            make_rss_item(number * NUMBERS_PER_FEED + article_number, published=int(times[article_number - 1]))
            for article_number in reversed(numbers)
        ]
        return make_rss(*rss_items, title=f"Feed {number}").encode(), number * NUMBERS_PER_FEED + count

    async def _fail(self, request: web.Request, name: str) -> web.StreamResponse:
        fault = self._chance.choice(("500", "503", "404", "429", "cut", "part", "page", "drip", "broken"))
        self.faults[fault] += 1
        body, _ = self._document(name)
        match fault:
            case "cut":
                return _cut_connection(request)
            case "part":
                headers = {"Content-Type": "application/rss+xml", "Content-Length": str(len(body))}
                response = web.StreamResponse(headers=headers)
                await response.prepare(request)
                await response.write(body[: len(body) // 2])
                return _cut_connection(request, response)
            case "drip":
                response = web.StreamResponse(headers={"Content-Type": "application/rss+xml"})
                await response.prepare(request)
                for byte in body[:20]:
                    await response.write(bytes([byte]))
                    await asyncio.sleep(0.1)
                return _cut_connection(request, response)
        responses = {
            "page": web.Response(text="<!doctype html><title>Sorry</title>", content_type="text/html"),
            "broken": web.Response(body=body[: len(body) // 2], content_type="application/rss+xml"),
            "503": web.Response(status=503, headers={"Retry-After": "900"}),
        }
        return responses.get(fault) or web.Response(status=int(fault))


def _cut_connection(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """Abort the connection of a request."""
    if request.transport is not None:
        request.transport.abort()
    return response or web.Response(status=500)
