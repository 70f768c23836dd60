"""Benchmark of polling up to 100,000 feeds: CPU, memory and delay of the pollers for several numbers of feeds.

    python -m benchmarks.many_feeds [--feeds 1000 10000 100000]
        [--pollers 2] [--seconds 300] [--stretch 5]

Real `telex run --roles poller` processes on a PostgreSQL server poll a publisher process that serves each feed at
a host of its own, without TLS. Feeds publish at random, as often as 215 recorded feeds do, with gaps that are
stretched so that about 95 % of the polls are unchanged. Each feed starts in the state in which Telex's schedule
leaves it at a random moment long after it was followed: its interval, its next poll, and the articles published
since its last poll. A channel follows fifty feeds; nothing is posted.

Measured after a warm-up, and printed for each number of feeds: polls per second, CPU in cores of each poller and of
the database server, megabytes of each poller, the delay of a poll after its due time, and the age at which new
articles were stored. Exits 1 if the pollers together took more than a tenth of a core, one of them more than
250 MB, or the delay at p99 is more than a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from benchmarks.discord_pace import read_cpu_seconds
from benchmarks.memory import find_process_tree, measure_memory
from benchmarks.polling import console
from benchmarks.publisher import draw_first_delay
from bot.client.services import Services, open_services
from bot.core.configuration.database_url import DatabaseUrl
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import Feed, Validators
from bot.feeds.poll_schedule import NO_HINTS, schedule_after_success
from tests.store import sql
from tests.support import postgres_server, store_probe
from tests.support.store_probe import Column

GAPS = (0.1, 0.65, 4.9, 99.0, 573.0, 1415.0)
"""Hours between two articles of a feed, at each of `QUANTILES` of 215 recorded feeds."""
QUANTILES = (0, 0.1, 0.25, 0.5, 0.75, 0.9)
STRETCH = 5.0
SIMULATED_FEEDS, STATES_PER_FEED = 400, 25
MIN_GAPS_FOLLOWED = 20  # A simulated feed is followed for at least so many times its gap.
MAX_POLLS = 4_000
ENTRIES = 10
WARM_UP_SECONDS = 30
FEEDS_PER_SERVER = 50
CONCURRENT_POLLS = 8
MAX_CORES, MAX_MEGABYTES, MAX_DELAY_SECONDS = 0.1, 250.0, 60.0  # All pollers; one poller; p99.


class FeedState(NamedTuple):
    """State of a feed at a moment; all fields are in seconds, and `gap` is the mean time between two articles."""

    gap: float
    interval: int
    seconds_since_poll: float
    seconds_since_article: float
    seconds_until_poll: float


def simulate_feed(chance: random.Random, stretch: float) -> list[FeedState]:
    """Simulate a feed with a random gap between articles; return its states at moments long after it was followed."""
    quantile = chance.uniform(0, QUANTILES[-1])
    number = next(number for number, upper_quantile in enumerate(QUANTILES[1:], 1) if quantile <= upper_quantile)
    fraction = (quantile - QUANTILES[number - 1]) / (QUANTILES[number] - QUANTILES[number - 1])
    gap = stretch * 3600 * math.exp(math.log(GAPS[number - 1]) * (1 - fraction) + math.log(GAPS[number]) * fraction)
    now, followed_at = 10**9, 10**9
    published_at = now + chance.expovariate(1 / gap)
    feed = Feed(id=0, url="", added_at=now, next_poll_at=0, last_success_at=now, validators=Validators(etag='"1"'))
    poll_history: list[tuple[int, int, Feed]] = []
    while now < followed_at + max(MIN_GAPS_FOLLOWED * gap, 7 * 86_400) and len(poll_history) < MAX_POLLS:
        publication_times = []
        while published_at <= now:
            publication_times.append(int(published_at))
            published_at += chance.expovariate(1 / gap)
        interval, next_poll_at = schedule_after_success(
            feed,
            now=now,
            hints=NO_HINTS,
            published_times=publication_times,
            has_changes=bool(publication_times),
            random=chance,
        )
        feed = replace(
            feed,
            interval=interval,
            last_success_at=now,
            last_article_at=now if publication_times else feed.last_article_at,
        )
        poll_history.append((now, next_poll_at, feed))
        now = next_poll_at
    states = []
    for moment in (chance.uniform((followed_at + now) / 2, now) for _ in range(STATES_PER_FEED)):
        polled_at, next_poll_at, feed = poll_history[bisect(poll_history, moment, key=lambda poll: poll[0]) - 1]
        last_article_at = feed.last_article_at or feed.added_at
        states.append(
            FeedState(gap, feed.interval, moment - polled_at, moment - last_article_at, next_poll_at - moment)
        )
    return states


async def fill_database(newsroom: Services, count: int, port: int, seconds: float, stretch: float) -> None:
    """Store `count` feeds with their subscriptions, and let the publisher begin."""
    chance, now = random.Random(5), int(time.time())
    states = [state for _ in range(SIMULATED_FEEDS) for state in simulate_feed(chance, stretch)]
    feeds, active_numbers = [], []
    for number in range(1, count + 1):
        state = chance.choice(states)
        host = f"http://127.{1 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}:{port}"
        path = f"304/{number}"
        first_article_delay = draw_first_delay(random.Random(number), state.gap) - state.seconds_since_poll
        if max(first_article_delay, state.seconds_until_poll) < WARM_UP_SECONDS + seconds + 60:
            path = f"grow/{number}/{ENTRIES}/{state.gap:.0f}/{state.seconds_since_poll:.0f}"
            active_numbers.append(number)
        feeds.append(
            Feed(
                id=number,
                url=f"{host}/{path}",
                added_at=now - 10**8,
                interval=state.interval,
                last_article_at=now - int(state.seconds_since_article),
                last_poll_at=now - int(state.seconds_since_poll),
                last_success_at=now - int(state.seconds_since_poll),
                next_poll_at=now + int(state.seconds_until_poll),
            )
        )
    with store_probe.open_connection(newsroom.settings.database) as connection:
        _insert_all(connection, feeds, now)
    pending_numbers = iter(active_numbers)

    async def store_first_articles() -> None:
        for number in pending_numbers:  # Their present articles are stored, so that only later ones are new.
            feed = await newsroom.store.feeds.get(number)
            assert feed is not None
            polled_feed = (await newsroom.poller.poll(replace(feed, validators=Validators()), wait_for_host=False)).feed
            quiet_feed = replace(
                feed, validators=polled_feed.validators, title=polled_feed.title, outlet=polled_feed.outlet
            )
            await newsroom.store.polls.record_unchanged([quiet_feed])

    await asyncio.gather(*(store_first_articles() for _ in range(CONCURRENT_POLLS)))
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/begin"):
        shift = int(time.time()) - now  # Filling the database took a while.
    for column in (
        Column.FEED_NEXT_POLL_AT,
        Column.FEED_LAST_POLL_AT,
        Column.FEED_LAST_SUCCESS_AT,
        Column.FEED_LAST_ARTICLE_AT,
    ):
        store_probe.shift_column(newsroom.settings.database, column, shift)


def _insert_all(connection: Any, feeds: Sequence[Feed], now: int) -> None:
    server_ids = range(1, len(feeds) // FEEDS_PER_SERVER + 2)
    connection.executemany(
        "INSERT INTO server (id, locale, joined_at) VALUES (?, 'en-US', ?)",
        [(server_id, now) for server_id in server_ids],
    )
    connection.executemany(
        "INSERT INTO channel (id, server_id) VALUES (?, ?)",
        [(10**6 + server_id, server_id) for server_id in server_ids],
    )
    insert_followed_feeds(connection, feeds, [10**6 + server_id for server_id in server_ids], now)


def insert_followed_feeds(connection: Any, feeds: Sequence[Feed], channels: Sequence[int], now: int) -> None:
    """Insert feeds without failures, each followed in one of the channels in turn."""
    connection.executemany(
        "INSERT INTO feed (id, url, title, outlet, etag, body_hash, entries_hash, added_at, next_poll, "
        "interval, last_poll, last_success, last_article) "
        "VALUES (?, ?, ?, ?, '\"1\"', ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                feed.id,
                feed.url,
                f"Site {feed.id}",
                f"Site {feed.id}",
                b"b" * 16,
                b"e" * 16,
                feed.added_at,
                feed.next_poll_at,
                feed.interval,
                feed.last_poll_at,
                feed.last_success_at,
                feed.last_article_at,
            )
            for feed in feeds
        ],
    )
    connection.executemany(
        "INSERT INTO subscription (channel_id, feed_id, added_at) VALUES (?, ?, ?)",
        [(channels[number % len(channels)], feed.id, now) for number, feed in enumerate(feeds)],
    )


@dataclass
class PollingFigures:
    """Figures for one number of feeds; `main_cores` are those of the pollers without their parsing workers."""

    polls_per_second: float
    polls_with_articles: int
    cores: list[float]
    main_cores: list[float]
    server_cores: float
    megabytes: list[float]
    delays_seconds: list[float]
    discovery_seconds: list[float]

    @property
    def p99_delay_seconds(self) -> float:
        return sorted(self.delays_seconds)[int(len(self.delays_seconds) * 0.99)]

    @property
    def is_good(self) -> bool:
        return (
            sum(self.cores) <= MAX_CORES
            and max(self.megabytes) <= MAX_MEGABYTES
            and self.p99_delay_seconds <= MAX_DELAY_SECONDS
        )

    def __str__(self) -> str:
        discovery = f"{statistics.median(self.discovery_seconds) / 60:.1f} min" if self.discovery_seconds else "none"
        microseconds_per_poll = sum(self.cores) / max(self.polls_per_second, 0.001) * 1e6
        return (
            f"{self.polls_per_second:.1f} polls per second, {self.polls_with_articles} with new articles; "
            f"{' + '.join(f'{poller_cores:.3f}' for poller_cores in self.cores)} cores "
            f"({microseconds_per_poll:.0f} µs per poll; {sum(self.main_cores):.3f} without parsing), "
            f"database server {self.server_cores:.3f}; "
            f"{' + '.join(f'{poller_megabytes:.0f}' for poller_megabytes in self.megabytes)} MB; "
            f"delay of a poll {statistics.median(self.delays_seconds):.1f} s at the median, "
            f"{self.p99_delay_seconds:.1f} s at p99; "
            f"age of a new article {discovery} at the median"
        )


async def measure(
    count: int, server: DatabaseUrl, pollers: int, seconds: float, stretch: float, folder: Path
) -> PollingFigures:
    """Fill a database and measure the pollers on it for some seconds."""
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.publisher", stdout=asyncio.subprocess.PIPE
    )
    assert publisher.stdout is not None
    port = int(await publisher.stdout.readline())
    environment = {
        "TELEX_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        "TELEX_SEMANTIC": "false",
        "TELEX_FULL_TEXT": "never",
        "TELEX_LOG_LEVEL": "warning",
        "TELEX_DATABASE": server.address,
        "PATH": os.environ["PATH"],
    }
    poller_processes: list[subprocess.Popen[bytes]] = []
    try:
        settings = replace(
            read_settings(),
            database=server,
            index=folder / "index",
            allow_private_addresses=(ip_network("127.0.0.0/8"),),
            semantic=False,
        )
        async with open_services(settings) as newsroom:
            await fill_database(newsroom, count, port, seconds, stretch)
        for number in range(pollers):
            with (folder / f"{number}.log").open("w") as log:
                poller_processes.append(
                    subprocess.Popen(  # noqa: ASYNC220 - nothing else runs in this loop
                        [sys.executable, "-m", "bot", "run", "--roles", "poller"],
                        env=environment | {"TELEX_INDEX": str(folder / f"index-{number}")},
                        stderr=log,
                    )
                )
        await asyncio.sleep(WARM_UP_SECONDS)
        last_article_id = sql.run(server, "SELECT max(id) FROM article")[0][0] or 0
        due_at_by_feed = dict(
            sql.run(server, "SELECT id, next_poll FROM feed WHERE next_poll > ?", (int(time.time()),))
        )
        server_pids = _list_server_pids(server)
        started_at, cpu_before = time.time(), [_measure_tree_cpu(process.pid) for process in poller_processes]
        main_cpu_before = [read_cpu_seconds(process.pid) for process in poller_processes]
        server_cpu_before = {pid: read_cpu_seconds(pid) for pid in server_pids}
        await asyncio.sleep(seconds)
        measured_seconds = time.time() - started_at
        cores = [
            (_measure_tree_cpu(process.pid) - cpu_seconds_before) / measured_seconds
            for process, cpu_seconds_before in zip(poller_processes, cpu_before, strict=True)
        ]
        main_cores = [
            (read_cpu_seconds(process.pid) - cpu_seconds_before) / measured_seconds
            for process, cpu_seconds_before in zip(poller_processes, main_cpu_before, strict=True)
        ]
        server_cores = (
            sum(read_cpu_seconds(pid) - server_cpu_before[pid] for pid in server_pids if _is_running(pid))
            / measured_seconds
        )
        megabytes = [measure_memory(process.pid).total for process in poller_processes]
        assert all(poller.poll() is None for poller in poller_processes), (folder / "0.log").read_text()[-2000:]
    finally:
        for process in poller_processes:
            process.terminate()
        for process in poller_processes:
            await asyncio.to_thread(process.wait)
        publisher.kill()
        await publisher.wait()
    polled_rows = sql.run(server, "SELECT id, last_poll FROM feed WHERE last_poll > ?", (int(started_at),))
    article_rows = sql.run(server, "SELECT published, found_at, feed_id FROM article WHERE id > ?", (last_article_id,))
    return PollingFigures(
        len(polled_rows) / measured_seconds,
        len({(row[1], row[2]) for row in article_rows}),
        cores,
        main_cores,
        server_cores,
        megabytes,
        [float(row[1] - due_at_by_feed[row[0]]) for row in polled_rows if row[0] in due_at_by_feed],
        [float(row[1] - row[0]) for row in article_rows],
    )


def _measure_tree_cpu(pid: int) -> float:
    return sum(map(read_cpu_seconds, find_process_tree(pid)))


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists()


def _list_server_pids(server: DatabaseUrl) -> list[int]:
    rows = sql.run(server, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    return [row[0] for row in rows]


async def main(counts: Sequence[int], pollers: int, seconds: float, stretch: float) -> list[tuple[int, PollingFigures]]:
    """Measure each number of feeds in a new database, and return the figures by number."""
    figures_by_count = []
    run_folder = Path(tempfile.mkdtemp(prefix="telex-benchmark-"))
    for count in counts:
        folder = run_folder / str(count)
        folder.mkdir()
        databases = postgres_server.ServerDatabases(postgres_server.acquire_server(run_folder), f"feeds_{count}")
        try:
            figures = await measure(count, databases.empty(), pollers, seconds, stretch, folder)
        finally:
            databases.close()
            postgres_server.release_server(run_folder)
        console.print(f"{count:,} feeds: {figures}")
        figures_by_count.append((count, figures))
    return figures_by_count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--feeds", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--pollers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument(
        "--stretch", type=float, default=STRETCH, help="factor by which the gaps of recorded feeds are stretched"
    )
    options = parser.parse_args()
    measurements = asyncio.run(main(options.feeds, options.pollers, options.seconds, options.stretch))
    sys.exit(0 if all(figures.is_good for _count, figures in measurements) else 1)
