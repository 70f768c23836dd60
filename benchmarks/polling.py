"""Benchmark of polling: lateness of the event loop under load, and CPU time of an unchanged poll.

    python -m benchmarks.polling [arrival] [unchanged]

- `arrival`: 200 feeds with 300 new articles each are polled, first as new feeds, then with articles that are all
  posted. Printed are the seconds, and the lateness of the event loop, without the time that it waited for a CPU.
- `unchanged`: CPU time of a poll with the response 304, one at a time and with the default concurrency, compared with a
  bare GET request.

Exits 1 if the event loop is more than 10 ms late at p99 or 100 ms at most, or a poll takes more than 1.5 times as long
as a GET.
"""

from __future__ import annotations

import argparse
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
MAX_LATENESS_P99_MS, MAX_LATENESS_MS = 10.0, 100.0
POLLED_FEEDS, ROUNDS = 1_000, 9
MAX_CPU_RATIO = 1.5
LONG_AGO_AT = 1_000

console = Console(highlight=False, soft_wrap=True)


@asynccontextmanager
async def open_newsroom_with_publisher(poll_concurrency: int = 32) -> AsyncIterator[tuple[Services, int]]:
    """Yield services on an empty database, and the port of a publisher in another process."""
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


class LatenessRecorder:
    """Recorder of the event loop's lateness at every millisecond, without the time that it waited for a CPU."""

    def __init__(self) -> None:
        self.lateness_ms: list[float] = []
        self._loop = asyncio.get_running_loop()
        self._due_at = self._wait_before_ms = 0.0

    def start(self) -> None:
        """Start recording."""
        self._schedule()

    def stop(self) -> None:
        """Stop recording."""
        self._handle.cancel()

    def _tick(self) -> None:
        wait_ms = measure_processor_wait() - self._wait_before_ms
        self.lateness_ms.append((self._loop.time() - self._due_at) * 1_000 - wait_ms)
        self._schedule()

    def _schedule(self) -> None:
        self._wait_before_ms = measure_processor_wait()
        self._due_at = self._loop.time() + 0.001
        self._handle = self._loop.call_at(self._due_at, self._tick)


async def run_until_done(newsroom: Services) -> None:
    """Run the poller until no feed is due, being polled or waiting to be recorded."""
    poller = newsroom.poller
    task = asyncio.create_task(poller.run())
    while (due := await newsroom.store.feeds.get_next_due_at()) is not None and due <= time.time():  # noqa: ASYNC110 - polls until nothing is due
        await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])


async def print_arrival() -> bool:
    """Poll 200 feeds with 300 new articles each, twice, and print the figures; return whether the limits hold."""
    is_good = True
    async with open_newsroom_with_publisher() as (newsroom, port):
        store = newsroom.store
        feeds = []
        for number in range(FEEDS):
            feed = await store.feeds.add(f"http://127.0.0.{number + 1}:{port}/feed/0/{number}/{ENTRIES}")
            await store.subscriptions.follow(
                server_id=number + 1, channel_id=number + 1, feed_id=feed.id, first_article_id=None
            )
            feeds.append(feed)
        async with aiohttp.ClientSession() as session:  # So that the publisher has rendered and cached its documents.
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
            recorder = LatenessRecorder()
            started, cpu_seconds = time.perf_counter(), time.process_time()
            recorder.start()
            await run_until_done(newsroom)
            recorder.stop()
            seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_seconds
            lateness_ms = sorted(recorder.lateness_ms)
            median, p99, worst = (
                lateness_ms[len(lateness_ms) // 2],
                lateness_ms[int(len(lateness_ms) * 0.99)],
                lateness_ms[-1],
            )
            is_good &= p99 <= MAX_LATENESS_P99_MS and worst <= MAX_LATENESS_MS
            console.print(
                f"{name}: {await store.articles.count() - articles_before:,} articles in {seconds:.1f} s "
                f"({cpu_seconds:.1f} s of this process); event loop {median:.2f} ms late at p50, "
                f"{p99:.2f} at p99, "
                f"{worst:.1f} at most ({len(lateness_ms):,} ticks; limits {MAX_LATENESS_P99_MS:g} "
                f"and {MAX_LATENESS_MS:g})"
            )
    return is_good


async def print_unchanged() -> bool:
    """Print the CPU time of an unchanged poll and of a GET, by concurrency; return whether the limit holds."""
    is_good = True
    for concurrency in (1, read_settings().poll_concurrency):
        async with open_newsroom_with_publisher(poll_concurrency=concurrency) as (newsroom, port):
            get_microseconds, poll_microseconds, ratio = await compare_with_get(newsroom, port)
        is_good &= ratio <= MAX_CPU_RATIO
        console.print(
            f"unchanged, {concurrency} at a time: a bare GET {get_microseconds:.0f} µs, "
            f"a poll {poll_microseconds:.0f} µs: {ratio:.2f}× (limit {MAX_CPU_RATIO:g}×)"
        )
    return is_good


async def compare_with_get(newsroom: Services, port: int) -> tuple[float, float, float]:
    """Return the median CPU microseconds of a bare GET and of a poll, and the median of their ratio."""
    store = newsroom.store
    feeds: list[Feed] = []
    for number in range(POLLED_FEEDS):
        host = f"127.0.{number // 250 + 1}.{number % 250 + 1}"
        feed = await store.feeds.add(f"http://{host}:{port}/304/{number}")
        await store.subscriptions.follow(server_id=1, channel_id=1, feed_id=feed.id, first_article_id=None)
        validators = Validators(etag='"1"', body_hash=b"b" * 16, entries_hash=b"e" * 16)
        polled_feed = replace(feed, last_success_at=LONG_AGO_AT, last_poll_at=LONG_AGO_AT, last_article_at=LONG_AGO_AT)
        feeds.append(replace(polled_feed, validators=validators, interval=86_400))

    async def fetch_all() -> None:
        remaining_feeds = iter(feeds)

        async def fetch_feeds() -> None:
            for feed in remaining_feeds:
                async with session.get(feed.url, headers={"If-None-Match": '"1"'}) as response:
                    assert response.status == HTTPStatus.NOT_MODIFIED
                    await response.read()

        await asyncio.gather(*(fetch_feeds() for _ in range(newsroom.settings.poll_concurrency)))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        rounds = []
        for _ in range(ROUNDS + 1):
            await store.polls.record_unchanged(feeds)
            rounds.append(
                (await measure_cpu_per_poll(fetch_all), await measure_cpu_per_poll(lambda: run_until_done(newsroom)))
            )
            for feed in (feeds[0], feeds[-1]):
                stored_feed = await store.feeds.get(feed.id)
                assert stored_feed is not None
                assert stored_feed.next_poll_at > time.time()
    del rounds[0]  # Its requests opened the connections.
    get_times, poll_times = zip(*rounds, strict=True)
    ratio = statistics.median(poll_time / get_time for get_time, poll_time in rounds)
    return statistics.median(get_times), statistics.median(poll_times), ratio


async def measure_cpu_per_poll(poll_all: Callable[[], Awaitable[None]]) -> float:
    """Return the CPU microseconds of this process, with all threads, per feed."""
    gc.collect()
    started = time.process_time()
    await poll_all()
    return (time.process_time() - started) / POLLED_FEEDS * 1e6


BENCHMARKS = {"arrival": print_arrival, "unchanged": print_unchanged}


async def main(names: list[str]) -> bool:
    """Run the named benchmarks, or all; return whether the limits hold."""
    load = os.getloadavg()[0]
    python = platform.python_version()
    console.print(f"{platform.machine()}, {os.cpu_count()} cores, Python {python}, load {load:.1f}")
    is_good = True
    for name, benchmark in BENCHMARKS.items():
        if not names or name in names:
            is_good &= await benchmark()
    return is_good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="BENCHMARK", help="arrival or unchanged")
    arguments = parser.parse_args()
    gc.collect()
    gc.freeze()  # As `telex run` does.
    sys.exit(not asyncio.run(main(arguments.names)))
