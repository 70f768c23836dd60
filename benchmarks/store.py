"""Benchmark of calls to the store on SQLite: their duration and the lateness of the event loop meanwhile.

    python -m benchmarks.store [ARTICLES]

The database has 100,000 articles by default, in 2,000 feeds that 1,000 channels follow. Printed for each call are
the median and the maximum of nine repetitions, and the lateness of the event loop at p99 and at most, without the
time that the thread waited for a CPU; all in milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from statistics import median

from bot.core.models import Feed, NewArticle
from bot.store import Store
from tests.support.clocks import ManualClock
from tests.support.samples import make_new_article, write_poll

FEEDS, CHANNELS, REPETITIONS = 2_000, 1_000, 9
TEXT = " ".join(f"mot{number % 977} reconnaissance" for number in range(50))


def measure_processor_wait() -> float:
    """Return the milliseconds that this thread has waited for a CPU so far; 0 where Linux doesn't say so."""
    scheduler_file = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return int(scheduler_file.read_text().split()[1]) / 1e6 if scheduler_file.exists() else 0.0


async def measure_lateness(stop: asyncio.Event) -> list[float]:
    """Wake up every 2 ms until `stop` is set; return the sorted lateness in milliseconds, without CPU waits."""
    lateness_ms: list[float] = []
    while not stop.is_set():
        started_at, wait_before_ms = time.perf_counter(), measure_processor_wait()
        await asyncio.sleep(0.002)
        wait_ms = measure_processor_wait() - wait_before_ms
        lateness_ms.append((time.perf_counter() - started_at - 0.002) * 1_000 - wait_ms)
    return sorted(lateness_ms)


async def print_duration(name: str, call: Callable[[int], Awaitable[object]], repeat: int = REPETITIONS) -> None:
    """Repeat a call of the store, and print its duration and the lateness of the event loop."""
    stop = asyncio.Event()
    lateness_task = asyncio.create_task(measure_lateness(stop))
    milliseconds: list[float] = []
    for number in range(repeat):
        started_at = time.perf_counter()
        await call(number)
        milliseconds.append((time.perf_counter() - started_at) * 1_000)
    stop.set()
    lateness_ms = await lateness_task
    p99 = lateness_ms[int(len(lateness_ms) * 0.99) - 1] if lateness_ms else 0
    figures = (
        f"{median(milliseconds):8.2f} ms, at most {max(milliseconds):8.2f}, loop late p99 "
        f"{p99:5.1f}, max {lateness_ms[-1]:5.1f}"
    )
    print(f"{name:38} {figures}")  # noqa: T201 - prints the figures


async def main(articles: int) -> None:
    """Fill a database and print the duration of each call."""
    with tempfile.TemporaryDirectory() as folder:
        clock = ManualClock()
        store = await Store.open(Path(folder) / "telex.db", clock)
        feeds = [
            await store.feeds.add(f"https://{number}.example/feed", outlet=f"Outlet {number}")
            for number in range(FEEDS)
        ]
        for number, feed in enumerate(feeds):
            channel = 5_000 + number % CHANNELS
            await store.subscriptions.follow(
                server_id=number % 100, channel_id=channel, feed_id=feed.id, first_article_id=None
            )
        started_at = time.perf_counter()
        articles_per_feed = articles // FEEDS
        for feed in feeds:
            await write_poll(
                store,
                feed,
                *[make_article(feed, f"{number}", number) for number in range(articles_per_feed)],
                first=True,
            )
        seconds = time.perf_counter() - started_at
        size = await store.measure_size_bytes() / 2**20
        print(f"{articles} articles in {seconds:.0f} s, {size:.0f} MB")  # noqa: T201 - prints the figures
        await print_durations(store, feeds, clock)
        await store.close()


def make_article(feed: Feed, name: str, published: int) -> NewArticle:
    """Make an article of typical length."""
    url = f"{feed.url}/{name}"
    return make_new_article(feed, name, published=1_700_000_000 + published * 997, url=url, text=TEXT)


async def print_durations(store: Store, feeds: list[Feed], clock: ManualClock) -> None:
    """Print the duration of the most frequent calls, one after the other."""
    feed, ids = feeds[7], {feed.id for feed in feeds[:200]}
    hashes = [b"%d" % number for number in range(900)]
    now = clock.now()
    batches = [
        [make_article(feed, f"{batch}-{number}", number) for number in range(300)] for batch in range(REPETITIONS)
    ]
    polled_feeds = [replace(polled_feed, last_success_at=now, next_poll_at=now + 600) for polled_feed in feeds[:500]]
    cases: list[tuple[str, Callable[[int], Awaitable[object]]]] = [
        ("record 300 new articles", lambda number: write_poll(store, feed, *batches[number])),
        ("record 500 unchanged polls", lambda _: store.polls.record_unchanged(polled_feeds)),
        ("look up 900 identities", lambda _: store.polls.load_known_by_identity(feed.id, hashes)),
        ("list 32 due feeds", lambda _: store.feeds.list_due(now, 32)),
        ("find the next due feed", lambda _: store.feeds.get_next_due_at([feed.id])),
        ("list all feeds", lambda _: store.feeds.list_all()),
        ("complete the name of an outlet", lambda _: store.feeds.find_outlets(None, "outlet 19", 25)),
        ("list the 10 newest articles", lambda _: store.articles.list_newest(None, limit=10)),
        ("list the 10 newest of 200 feeds", lambda _: store.articles.list_newest(ids, limit=10)),
        (
            "list the 10 newest of 200 feeds, page 20",
            lambda _: store.articles.list_newest(ids, limit=10, offset=190),
        ),
        ("count articles", lambda _: store.articles.count()),
        ("find ready channels among 1,000", lambda _: store.dispatches.load_queue_outlook(now)),
        ("claim a dispatch", lambda number: store.dispatches.claim(5_000 + number)),
        ("list due edits", lambda _: store.dispatches.list_dispatches_to_edit(now, 20)),
        ("list the posts of an article", lambda number: store.dispatches.list_sent_for_article(number + 1)),
        ("add a bookmark", lambda number: store.bookmarks.add(1, number + 1)),
        ("purge texts, none due", lambda _: store.articles.purge_texts(now - 1)),
    ]
    for name, call in cases:
        await print_duration(name, call)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles", type=int, nargs="?", default=100_000, help="number of articles in the database")
    asyncio.run(main(parser.parse_args().articles))
