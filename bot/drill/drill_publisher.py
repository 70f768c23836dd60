"""Publisher in an outage drill of the bot: generated feeds, which fail, hang, are slow or answer garbage on demand."""

import asyncio
import time
from collections import Counter
from email.utils import formatdate
from random import Random
from typing import Self

from aiohttp import web

from bot.drill.fault_plan import FaultKind

HANG_SECONDS = 10.0
"""Number of seconds for which a hanging feed doesn't answer."""
SLOW_SECONDS = 1.0
"""Number of seconds that a slow feed takes to send its document."""
MAX_FEED_ITEMS = 200
"""Maximum number of the newest articles in a feed's document."""
_SLOW_PIECES = 10


class DrillPublisher:
    """HTTP server of `feed_count` generated feeds, which can fail on demand, on a free port of 127.0.0.1.

    `published_at_by_number` is the Unix time of each article's publication by the number of the article, which ends
    its link; `numbers_by_feed` lists the numbers of each feed's articles, oldest first. `fault_counts` is the number of
    requests that each kind of fault, such as a slow answer, has hit.
    """

    def __init__(self, feed_count: int, random: Random) -> None:
        self.published_at_by_number: dict[int, float] = {}
        self.fault_counts: Counter[FaultKind] = Counter()
        self._random = random
        self.numbers_by_feed: list[list[int]] = [[] for _ in range(feed_count)]
        self._pending_faults_by_feed: list[list[FaultKind]] = [[] for _ in range(feed_count)]
        self._origin = ""
        app = web.Application()
        app.router.add_get(r"/feed-{feed:\d+}.xml", self._serve_feed)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._origin = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_exception_details: object) -> None:
        await self._runner.cleanup()

    def list_feed_urls(self) -> list[str]:
        """Return the address of each feed."""
        return [f"{self._origin}/feed-{feed_index}.xml" for feed_index in range(len(self.numbers_by_feed))]

    def publish_article(self, feed_index: int) -> None:
        """Publish an article with the next number in a feed."""
        number = len(self.published_at_by_number) + 1
        self.published_at_by_number[number] = time.time()
        self.numbers_by_feed[feed_index].append(number)

    def add_fault(self, feed_index: int, kind: FaultKind) -> None:
        """Let one request for a feed meet a fault: the next request that no earlier added fault hits."""
        self._pending_faults_by_feed[feed_index].append(kind)

    def restore(self) -> None:
        """Drop the added faults that have hit no request yet, so that all feeds work again."""
        for pending_faults in self._pending_faults_by_feed:
            pending_faults.clear()

    async def _serve_feed(self, request: web.Request) -> web.StreamResponse:
        feed_index = int(request.match_info["feed"])
        pending_faults = self._pending_faults_by_feed[feed_index]
        if not pending_faults:
            return self._build_response(self._build_document(feed_index))
        kind = pending_faults.pop(0)
        self.fault_counts[kind] += 1
        if kind is FaultKind.FEED_SLOW:
            return await self._send_slowly(request, self._build_document(feed_index))
        if kind is FaultKind.FEED_GARBAGE:
            return self._build_response(self._random.randbytes(2_000))
        if kind is FaultKind.FEED_HUNG:
            await asyncio.sleep(HANG_SECONDS)
        return web.Response(status=503)

    def _build_response(self, body: bytes) -> web.Response:
        return web.Response(body=body, content_type="application/rss+xml")

    async def _send_slowly(self, request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/rss+xml"})
        await response.prepare(request)
        piece_length = len(body) // _SLOW_PIECES + 1
        for start in range(0, len(body), piece_length):
            await asyncio.sleep(SLOW_SECONDS / _SLOW_PIECES)
            await response.write(body[start : start + piece_length])
        return response

    def _build_document(self, feed_index: int) -> bytes:
        """Return a feed's RSS document, newest article first."""
        items = "".join(
            f"<item><title>Report {number}</title><link>{self._origin}/articles/{number}</link>"
            f"<guid isPermaLink='false'>article-{number}</guid>"
            f"<pubDate>{formatdate(self.published_at_by_number[number])}</pubDate>"
            f"<description>What report {number} says.</description></item>"
            for number in reversed(self.numbers_by_feed[feed_index][-MAX_FEED_ITEMS:])
        )
        return (
            '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel>'
            f"<title>Drill {feed_index + 1}</title><link>{self._origin}/</link><language>en</language>"
            f"<description>Generated reports</description>{items}</channel></rss>"
        ).encode()
