"""Thousands of publishers in one process, each on a host of its own, each failing now and then."""

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
"""Article numbers of a feed: from its own number times this, plus one."""
ARTICLES_PER_DOCUMENT = 30  # articles in a document
PACE_SHARES = ((0.02, 2.0), (0.3, 0.2), (0.68, 0.02))
"""What share of the feeds brings out how many articles an hour."""
FIRST_ARTICLE_AGE_SECONDS = 3600  # seconds before the start


class Publishers:
    """Feeds that bring out articles as simulated time goes by.

    `trouble` is the share of requests that go wrong. `silent` cuts every connection: the bot has no network.
    `newest_served` is the number of the newest article that a feed has given whole.
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
        """When a feed brings out its articles."""
        (pace,) = self._chance.choices([pace for _, pace in PACE_SHARES], [share for share, _ in PACE_SHARES])
        times = [start - FIRST_ARTICLE_AGE_SECONDS]
        moment = start
        while (moment := moment + self._chance.expovariate(pace / 3600)) < start + seconds:
            times.append(moment)
        return times

    async def start(self) -> Publishers:
        app = web.Application()
        app.router.add_get("/{name}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "0.0.0.0", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def replay(self, name: str, versions: Sequence[bytes]) -> str:
        """Serve the versions of a real feed one after the other over the whole time. Returns the URL."""
        self._replays[name] = versions
        return f"http://127.254.{len(self._replays)}.1:{self._port}/{name}"

    @property
    def urls(self) -> list[str]:
        """The generated feeds' addresses, each on another host of loopback."""
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
        if not name.isdecimal() or int(name) % 2:  # half of them give no validators
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
        """What a feed gives now, and the number of its newest article."""
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
        kind = self._chance.choice(("500", "503", "404", "429", "cut", "part", "page", "drip", "broken"))
        self.faults[kind] += 1
        body, _ = self._document(name)
        match kind:
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
        answers = {
            "page": web.Response(text="<!doctype html><title>Sorry</title>", content_type="text/html"),
            "broken": web.Response(body=body[: len(body) // 2], content_type="application/rss+xml"),
            "503": web.Response(status=503, headers={"Retry-After": "900"}),
        }
        return answers.get(kind) or web.Response(status=int(kind))


def _cut_connection(request: web.Request, response: web.StreamResponse | None = None) -> web.StreamResponse:
    """The connection ends here."""
    if request.transport is not None:
        request.transport.abort()
    return response or web.Response(status=500)
