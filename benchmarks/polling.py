"""What polling costs: how late the event loop is under load, and an unchanged poll beside a bare GET.

`python -m benchmarks.polling [arrival] [unchanged]`. Fails when a limit of the design does not hold.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from ipaddress import ip_network
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from rich.console import Console

from benchmarks.store import measure_processor_wait
from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import Feed, Validators

FEEDS, ENTRIES = 200, 300
MAX_LATENESS_P99_MS, MAX_LATENESS_MS = 10.0, 100.0  # milliseconds
POLLED_FEEDS, ROUNDS = 1_000, 9
MAX_COST_RATIO = 1.5
LONG_AGO_AT = 1_000

console = Console(highlight=False, soft_wrap=True)


@asynccontextmanager
async def newsroom_with_publisher(poll_concurrency: int = 32) -> AsyncIterator[tuple[Services, int]]:
    """A newsroom with a database of its own, and the port of a publisher in another process."""
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.publisher", stdout=asyncio.subprocess.PIPE
    )
    assert publisher.stdout is not None
    port = int(await publisher.stdout.readline())
    try:
        with TemporaryDirectory(prefix="telex-benchmark-") as folder:
            settings = replace(
                read_settings(),
                database=Path(folder) / "telex.db",
                allow_private_addresses=(ip_network("127.0.0.0/8"),),
                poll_concurrency=poll_concurrency,
            )
            async with open_services(settings) as newsroom:
                yield newsroom, port
    finally:
        publisher.kill()
        await publisher.wait()


class Ticker:
    """Wakes every millisecond and notes how late that was, without what it had to wait for a processor."""

    def __init__(self) -> None:
        self.lateness_ms: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._due_at = self._waited_ms = 0.0

    def start(self) -> None:
        """Begin."""
        self._wait()

    def stop(self) -> None:
        """End."""
        self._handle.cancel()

    def _tick(self) -> None:
        waited = measure_processor_wait() - self._waited_ms
        self.lateness_ms.append((self._loop.time() - self._due_at) * 1_000 - waited)
        self._wait()

    def _wait(self) -> None:
        self._waited_ms = measure_processor_wait()
        self._due_at = self._loop.time() + 0.001
        self._handle = self._loop.call_at(self._due_at, self._tick)


async def run_until_done(newsroom: Services) -> None:
    """Run the poller until nothing is due, being polled or unwritten."""
    poller = newsroom.poller
    task = asyncio.create_task(poller.run())
    while (due := await newsroom.store.feeds.get_next_due_at()) is not None and due <= time.time():  # noqa: ASYNC110 - polls until nothing is due
        await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])


async def arrival() -> bool:
    """200 feeds of 300 entries arrive at once: first as a backlog, then all new for the channels."""
    is_good = True
    async with newsroom_with_publisher() as (newsroom, port):
        store = newsroom.store
        feeds = []
        for number in range(FEEDS):
            feed = await store.feeds.add(f"http://127.0.0.{number + 1}:{port}/feed/0/{number}/{ENTRIES}")
            await store.subscriptions.follow(
                server_id=number + 1, channel_id=number + 1, feed_id=feed.id, first_article_id=None
            )
            feeds.append(feed)
        async with aiohttp.ClientSession() as session:  # the publisher writes its documents beforehand
            for feed in feeds:
                for url in (feed.url, feed.url.replace("/feed/0/", "/feed/1/")):
                    async with session.get(url) as response:
                        await response.read()
        for name, version in (("first poll", 0), ("all new", 1)):
            stored_feeds = [await store.feeds.get(feed.id) for feed in feeds]
            await store.polls.record_unchanged(
                [
                    replace(feed, next_poll_at=0, url=feed.url.replace("/feed/0/", f"/feed/{version}/"))
                    for feed in stored_feeds
                    if feed is not None
                ]
            )
            articles_before = await store.articles.count()
            ticker = Ticker()
            started, cpu_seconds = time.perf_counter(), time.process_time()
            ticker.start()
            await run_until_done(newsroom)
            ticker.stop()
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_seconds
            lateness_ms = sorted(ticker.lateness_ms)
            median, p99, worst = (
                lateness_ms[len(lateness_ms) // 2],
                lateness_ms[int(len(lateness_ms) * 0.99)],
                lateness_ms[-1],
            )
            is_good &= p99 <= MAX_LATENESS_P99_MS and worst <= MAX_LATENESS_MS
            console.print(
                f"{name}: {await store.articles.count() - articles_before:,} articles in {seconds:.1f} s "
                f"({cpu_seconds:.1f} s of this process); event loop late by {median:.2f} ms p50, "
                f"{p99:.2f} p99, "
                f"{worst:.1f} worst ({len(lateness_ms):,} ticks; limits {MAX_LATENESS_P99_MS:g} "
                f"and {MAX_LATENESS_MS:g})"
            )
    return is_good


async def unchanged() -> bool:
    """A poll answered 304, with all that belongs to it, beside a bare GET; CPU time of this process.

    One at a time, and as many as there are polls under way in a running bot.
    """
    is_good = True
    for concurrency in (1, read_settings().poll_concurrency):
        async with newsroom_with_publisher(poll_concurrency=concurrency) as (newsroom, port):
            bare_cost, poll_cost, cost_ratio = await compare(newsroom, port)
        is_good &= cost_ratio <= MAX_COST_RATIO
        console.print(
            f"unchanged, {concurrency} at a time: a bare GET {bare_cost:.0f} µs, a poll {poll_cost:.0f} µs: "
            f"{cost_ratio:.2f}× (limit {MAX_COST_RATIO:g}×)"
        )
    return is_good


async def compare(newsroom: Services, port: int) -> tuple[float, float, float]:
    """Microseconds of a bare GET and of a poll, and how many times one is the other; medians."""
    store = newsroom.store
    feeds: list[Feed] = []
    for number in range(POLLED_FEEDS):
        host = f"127.0.{number // 250 + 1}.{number % 250 + 1}"
        feed = await store.feeds.add(f"http://{host}:{port}/304/{number}")
        await store.subscriptions.follow(server_id=1, channel_id=1, feed_id=feed.id, first_article_id=None)
        validators = Validators(etag='"1"', body_hash=b"b" * 16, entries_hash=b"e" * 16)
        polled_feed = replace(feed, last_success_at=LONG_AGO_AT, last_poll_at=LONG_AGO_AT, last_article_at=LONG_AGO_AT)
        feeds.append(replace(polled_feed, validators=validators, interval=86_400))

    async def bare() -> None:
        remaining_feeds = iter(feeds)

        async def each() -> None:
            for feed in remaining_feeds:
                async with session.get(feed.url, headers={"If-None-Match": '"1"'}) as response:
                    assert response.status == HTTPStatus.NOT_MODIFIED
                    await response.read()

        await asyncio.gather(*(each() for _ in range(newsroom.settings.poll_concurrency)))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        rounds = []
        for _ in range(ROUNDS + 1):
            await store.polls.record_unchanged(feeds)
            rounds.append((await measure_cost(bare), await measure_cost(lambda: run_until_done(newsroom))))
            for feed in (feeds[0], feeds[-1]):
                stored_feed = await store.feeds.get(feed.id)
                assert stored_feed is not None
                assert stored_feed.next_poll_at > time.time()
    del rounds[0]  # connections were made
    get_costs, poll_costs = zip(*rounds, strict=True)
    cost_ratio = statistics.median(poll / get for get, poll in rounds)
    return statistics.median(get_costs), statistics.median(poll_costs), cost_ratio


async def measure_cost(work: Callable[[], Awaitable[None]]) -> float:
    """Microseconds of CPU of this process, all threads, for each of the polls."""
    gc.collect()
    started = time.process_time()
    await work()
    return (time.process_time() - started) / POLLED_FEEDS * 1e6


async def main(names: list[str]) -> bool:
    """Run the benchmarks named, or all."""
    load = os.getloadavg()[0]
    python = platform.python_version()
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {python}, load {load:.1f}")
    is_good = True
    for benchmark in (arrival, unchanged):
        if not names or benchmark.__name__ in names:
            is_good &= await benchmark()
    return is_good


if __name__ == "__main__":
    gc.collect()
    gc.freeze()  # as `telex run` does
    sys.exit(not asyncio.run(main(sys.argv[1:])))
