"""What it costs to poll very many feeds: processor, memory and lateness of the pollers, as feeds get more.

    python -m tests.benchmarks.many_feeds [--feeds 1000 10000 100000]
        [--pollers 2] [--seconds 300] [--stretch 5]

Real `telex run --roles poller` processes on a PostgreSQL server, and a publisher in a process of its own that
gives each feed a host (no TLS). Feeds publish at random, as often as 215 recorded feeds do, their gaps
stretched so that some 95 of 100 polls find nothing. Each feed begins as Telex's own schedule leaves it at
some moment long after it was followed: its interval, when it is due, what it published since the last poll.
A channel follows fifty feeds; nothing is posted. Measured after the backlog of the start.
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

from bot.client.services import Services, open_services
from bot.core.database_url import DatabaseUrl
from bot.core.models import Feed, Validators
from bot.core.settings import Settings
from bot.feeds.poll_schedule import NO_HINTS, after_success
from tests import postgres_server
from tests.benchmarks.discord_pace import processor_time
from tests.benchmarks.memory import tree, weight
from tests.benchmarks.polling import console
from tests.benchmarks.publisher import first_news
from tests.store import sql
from tests.wire import direct_access

GAPS = (0.1, 0.65, 4.9, 99.0, 573.0, 1415.0)
"""Hours between two articles of a feed: quantiles 0, .1, .25, .5, .75, .9 of 215 recorded feeds."""
QUANTILES = (0, 0.1, 0.25, 0.5, 0.75, 0.9)
STRETCH = 5.0
KINDS, STATES = 400, 25  # kinds of feeds, and moments of each
LONG = 20  # gaps for which a kind was followed before that
MOST_POLLS = 4_000
ENTRIES = 10
WARM_UP = 30  # seconds
EACH = 50  # feeds of a server
AT_ONCE = 8
MOST_CPU, MOST_MEMORY = 0.1, 250.0  # cores, megabytes of a poller


class State(NamedTuple):
    """A feed at a moment, in seconds: between articles and polls, since the last ones, to the next poll."""

    gap: float
    interval: int
    polled: float
    published: float
    due: float


def kind(chance: random.Random, stretch: float) -> list[State]:
    """A feed that publishes as often as chance has it, at moments long after it was followed."""
    quantile = chance.uniform(0, QUANTILES[-1])
    number = next(number for number, most in enumerate(QUANTILES[1:], 1) if quantile <= most)
    part = (quantile - QUANTILES[number - 1]) / (QUANTILES[number] - QUANTILES[number - 1])
    gap = stretch * 3600 * math.exp(math.log(GAPS[number - 1]) * (1 - part) + math.log(GAPS[number]) * part)
    now, begun = 10**9, 10**9
    published = now + chance.expovariate(1 / gap)
    feed = Feed(id=0, url="", added=now, next_poll=0, last_success=now, validators=Validators(etag='"1"'))
    passed: list[tuple[int, int, Feed]] = []
    while now < begun + max(LONG * gap, 7 * 86_400) and len(passed) < MOST_POLLS:
        new = []
        while published <= now:
            new.append(int(published))
            published += chance.expovariate(1 / gap)
        interval, due = after_success(
            feed, now=now, hints=NO_HINTS, new_articles=new, changed=bool(new), random=chance
        )
        feed = replace(
            feed, interval=interval, last_success=now, last_article=now if new else feed.last_article
        )
        passed.append((now, due, feed))
        now = due
    states = []
    for moment in (chance.uniform((begun + now) / 2, now) for _ in range(STATES)):
        polled, due, feed = passed[bisect(passed, moment, key=lambda poll: poll[0]) - 1]
        told = feed.last_article or feed.added
        states.append(State(gap, feed.interval, moment - polled, moment - told, due - moment))
    return states


async def fill(newsroom: Services, count: int, port: int, seconds: float, stretch: float) -> None:
    """So many feeds with their followers; what each publishes from its last poll on begins at the end."""
    chance, now = random.Random(5), int(time.time())
    states = [state for _ in range(KINDS) for state in kind(chance, stretch)]
    feeds, lively = [], []
    for number in range(1, count + 1):
        state = chance.choice(states)
        host = f"http://127.{1 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}:{port}"
        path = f"304/{number}"
        told = first_news(random.Random(number), state.gap) - state.polled
        if max(told, state.due) < WARM_UP + seconds + 60:  # it may be read
            path = f"grow/{number}/{ENTRIES}/{state.gap:.0f}/{state.polled:.0f}"
            lively.append(number)
        feeds.append(
            Feed(
                id=number,
                url=f"{host}/{path}",
                added=now - 10**8,
                interval=state.interval,
                last_article=now - int(state.published),
                last_poll=now - int(state.polled),
                last_success=now - int(state.polled),
                next_poll=now + int(state.due),
            )
        )
    with direct_access.connected(newsroom.settings.database) as connection:
        _fill(connection, feeds, now)
    waiting = iter(lively)

    async def know() -> None:
        for number in waiting:  # they are known, and bring more the next time
            feed = await newsroom.store.feeds.get(number)
            assert feed is not None
            read = (await newsroom.poller.poll(replace(feed, validators=Validators()), polite=False)).feed
            before = replace(feed, validators=read.validators, title=read.title, outlet=read.outlet)
            await newsroom.store.polls.record_unchanged([before])

    await asyncio.gather(*(know() for _ in range(AT_ONCE)))
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/begin"):
        shift = int(time.time()) - now  # all of this took a while
    direct_access.change(
        newsroom.settings.database,
        "UPDATE feed SET next_poll = next_poll + ?1, last_poll = last_poll + ?1, "
        "last_success = last_success + ?1, last_article = last_article + ?1",
        (shift,),
    )


def _fill(connection: Any, feeds: Sequence[Feed], now: int) -> None:
    servers = range(1, len(feeds) // EACH + 2)
    connection.executemany(
        "INSERT INTO server (id, locale, joined) VALUES (?, 'en-US', ?)", [(one, now) for one in servers]
    )
    connection.executemany(
        "INSERT INTO channel (id, server_id) VALUES (?, ?)", [(10**6 + one, one) for one in servers]
    )
    insert(connection, feeds, [10**6 + one for one in servers], now)


def insert(connection: Any, feeds: Sequence[Feed], channels: Sequence[int], now: int) -> None:
    """Feeds as they are, that have always answered, each followed in one of the channels."""
    connection.executemany(
        "INSERT INTO feed (id, url, title, outlet, etag, body_hash, entries_hash, added, next_poll, "
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
                feed.added,
                feed.next_poll,
                feed.interval,
                feed.last_poll,
                feed.last_success,
                feed.last_article,
            )
            for feed in feeds
        ],
    )
    connection.executemany(
        "INSERT INTO subscription (channel_id, feed_id, added) VALUES (?, ?, ?)",
        [(channels[number % len(channels)], feed.id, now) for number, feed in enumerate(feeds)],
    )


@dataclass
class Cost:
    """What was measured: cores, megabytes; seconds from when feeds were due and articles came."""

    polls: float
    with_news: int
    cpu: list[float]
    alone: list[float]
    server_cpu: float
    memory: list[float]
    late: list[float]
    told_after: list[float]

    def __str__(self) -> str:
        told = f"{statistics.median(self.told_after) / 60:.1f} min" if self.told_after else "none"
        spent = sum(self.cpu) / max(self.polls, 0.001) * 1e6
        return (
            f"{self.polls:.1f} polls a second, {self.with_news} with news; "
            f"{' + '.join(f'{one:.3f}' for one in self.cpu)} cores ({spent:.0f} µs a poll; "
            f"{sum(self.alone):.3f} without what parses), "
            f"database server {self.server_cpu:.3f}; {' + '.join(f'{one:.0f}' for one in self.memory)} MB; "
            f"polled {statistics.median(self.late):.1f} s after it was due at the median, "
            f"{sorted(self.late)[int(len(self.late) * 0.99)]:.1f} p99; articles known {told} after they came"
        )


async def measure(
    count: int, server: DatabaseUrl, pollers: int, seconds: float, stretch: float, folder: Path
) -> Cost:
    """Fill a database, let pollers at it."""
    publisher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.publisher", stdout=asyncio.subprocess.PIPE
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
    running: list[subprocess.Popen[bytes]] = []
    try:
        settings = Settings(
            database=server,
            index=folder / "index",
            allow_private_addresses=(ip_network("127.0.0.0/8"),),
            semantic=False,
        )
        async with open_services(settings) as newsroom:
            await fill(newsroom, count, port, seconds, stretch)
        for number in range(pollers):
            with (folder / f"{number}.log").open("w") as log:
                running.append(
                    subprocess.Popen(  # noqa: ASYNC220 - nothing else waits for this loop
                        [sys.executable, "-m", "bot", "run", "--roles", "poller"],
                        env=environment | {"TELEX_INDEX": str(folder / f"index-{number}")},
                        stderr=log,
                    )
                )
        await asyncio.sleep(WARM_UP)
        first = sql.run(server, "SELECT max(id) FROM article")[0][0] or 0
        dues = dict(
            sql.run(server, "SELECT id, next_poll FROM feed WHERE next_poll > ?", (int(time.time()),))
        )
        servers = _server_processes(server)
        began, before = time.time(), [_spent(one.pid) for one in running]
        alone = [processor_time(one.pid) for one in running]
        before_server = {pid: processor_time(pid) for pid in servers}
        await asyncio.sleep(seconds)
        took = time.time() - began
        cpu = [(_spent(one.pid) - then) / took for one, then in zip(running, before, strict=True)]
        alone = [(processor_time(one.pid) - then) / took for one, then in zip(running, alone, strict=True)]
        server_cpu = sum(processor_time(pid) - before_server[pid] for pid in servers if _runs(pid)) / took
        memory = [weight(one.pid).total for one in running]
        assert all(one.poll() is None for one in running), (folder / "0.log").read_text()[-2000:]
    finally:
        for one in running:
            one.terminate()
        for one in running:
            await asyncio.to_thread(one.wait)
        publisher.kill()
        await publisher.wait()
    polled = sql.run(server, "SELECT id, last_poll FROM feed WHERE last_poll > ?", (int(began),))
    new = sql.run(server, "SELECT published, found, feed_id FROM article WHERE id > ?", (first,))
    return Cost(
        len(polled) / took,
        len({(row[1], row[2]) for row in new}),
        cpu,
        alone,
        server_cpu,
        memory,
        [float(row[1] - dues[row[0]]) for row in polled if row[0] in dues],
        [float(row[1] - row[0]) for row in new],
    )


def _spent(pid: int) -> float:
    return sum(map(processor_time, tree(pid)))


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists()


def _server_processes(server: DatabaseUrl) -> list[int]:
    rows = sql.run(server, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    return [row[0] for row in rows]


async def main(counts: Sequence[int], pollers: int, seconds: float, stretch: float) -> list[tuple[int, Cost]]:
    """Measure each number of feeds in a database of its own."""
    found = []
    run = Path(tempfile.mkdtemp(prefix="telex-benchmark-"))
    for count in counts:
        folder = run / str(count)
        folder.mkdir()
        databases = postgres_server.ServerDatabases(postgres_server.join(run), f"feeds_{count}")
        try:
            cost = await measure(count, databases.empty(), pollers, seconds, stretch, folder)
        finally:
            databases.close()
            postgres_server.leave(run)
        console.print(f"{count:,} feeds: {cost}")
        found.append((count, cost))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--feeds", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--pollers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--stretch", type=float, default=STRETCH, help="times the gaps of recorded feeds")
    chosen = parser.parse_args()
    costs = asyncio.run(main(chosen.feeds, chosen.pollers, chosen.seconds, chosen.stretch))
    good = all(sum(cost.cpu) <= MOST_CPU and max(cost.memory) <= MOST_MEMORY for _count, cost in costs)
    sys.exit(0 if good else 1)
