"""How long the store takes, and how late it makes the event loop.

`python -m benchmarks.store [ARTICLES]`: a database of so many articles (100,000 unless said) in 2,000
feeds that 1,000 channels follow.
"""

from __future__ import annotations

import asyncio
import sys
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
from tests.support.samples import new_article, record

FEEDS, CHANNELS, REPETITIONS = 2_000, 1_000, 9
TEXT = " ".join(f"mot{number % 977} reconnaissance" for number in range(50))


def measure_processor_wait() -> float:
    """Milliseconds that this thread could have run and other programs had the processor (Linux; else 0)."""
    scheduler_file = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
    return int(scheduler_file.read_text().split()[1]) / 1e6 if scheduler_file.exists() else 0.0


async def measure_lateness(stop: asyncio.Event) -> list[float]:
    """Milliseconds that the loop was late, every 2 ms, without what it had to wait for a processor."""
    lateness_ms: list[float] = []
    while not stop.is_set():
        started_at, waited = time.perf_counter(), measure_processor_wait()
        await asyncio.sleep(0.002)
        lateness_ms.append((time.perf_counter() - started_at - 0.002) * 1_000 - (measure_processor_wait() - waited))
    return sorted(lateness_ms)


async def measure(name: str, action: Callable[[int], Awaitable[object]], repeat: int = REPETITIONS) -> None:
    """Run it a few times and print what it took, and how late the loop was at p99 and at the worst."""
    stop = asyncio.Event()
    lateness_task = asyncio.create_task(measure_lateness(stop))
    milliseconds: list[float] = []
    for number in range(repeat):
        started_at = time.perf_counter()
        await action(number)
        milliseconds.append((time.perf_counter() - started_at) * 1_000)
    stop.set()
    lateness_ms = await lateness_task
    p99 = lateness_ms[int(len(lateness_ms) * 0.99) - 1] if lateness_ms else 0
    figures = (
        f"{median(milliseconds):8.2f} ms, at most {max(milliseconds):8.2f}, loop late p99 "
        f"{p99:5.1f}, max {lateness_ms[-1]:5.1f}"
    )
    print(f"{name:38} {figures}")  # noqa: T201 - what it is for


async def main(articles: int) -> None:
    """Fill a database, then time what the bot does with it."""
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
            await record(
                store,
                feed,
                *[make_article(feed, f"{number}", number) for number in range(articles_per_feed)],
                first=True,
            )
        seconds = time.perf_counter() - started_at
        size = await store.measure_size_bytes() / 2**20
        print(f"{articles} articles in {seconds:.0f} s, {size:.0f} MB")  # noqa: T201 - what it is for
        await time_calls(store, feeds, clock)
        await store.close()


def make_article(feed: Feed, name: str, published: int) -> NewArticle:
    """An article of usual length."""
    url = f"{feed.url}/{name}"
    return new_article(feed, name, published=1_700_000_000 + published * 997, url=url, text=TEXT)


async def time_calls(store: Store, feeds: list[Feed], clock: ManualClock) -> None:
    """The calls that matter, one after the other."""
    feed, ids = feeds[7], {feed.id for feed in feeds[:200]}
    hashes = [b"%d" % number for number in range(900)]
    now = clock.now()
    batches = [
        [make_article(feed, f"{batch}-{number}", number) for number in range(300)] for batch in range(REPETITIONS)
    ]
    polled_feeds = [replace(polled_feed, last_success_at=now, next_poll_at=now + 600) for polled_feed in feeds[:500]]
    cases: list[tuple[str, Callable[[int], Awaitable[object]]]] = [
        ("300 new articles recorded", lambda number: record(store, feed, *batches[number])),
        ("500 polls without news recorded", lambda _: store.polls.record_unchanged(polled_feeds)),
        ("900 identities looked up", lambda _: store.polls.load_known_by_identity(feed.id, hashes)),
        ("32 feeds due", lambda _: store.feeds.list_due(now, 32)),
        ("the next feed due", lambda _: store.feeds.get_next_due_at([feed.id])),
        ("all feeds", lambda _: store.feeds.list_all()),
        ("an outlet completed", lambda _: store.feeds.find_outlets(None, "outlet 19", 25)),
        ("the 10 newest articles", lambda _: store.articles.list_newest(None, limit=10)),
        ("the 10 newest of 200 feeds", lambda _: store.articles.list_newest(ids, limit=10)),
        (
            "the 10 newest of 200 feeds, page 20",
            lambda _: store.articles.list_newest(ids, limit=10, offset=190),
        ),
        ("articles counted", lambda _: store.articles.count()),
        ("channels ready among 1,000, and the next", lambda _: store.dispatches.load_queue_outlook(now)),
        ("a dispatch claimed", lambda number: store.dispatches.claim(5_000 + number)),
        ("edits due", lambda _: store.dispatches.list_dispatches_to_edit(now, 20)),
        ("posts of an article", lambda number: store.dispatches.list_sent_for_article(number + 1)),
        ("a bookmark", lambda number: store.bookmarks.add(1, number + 1)),
        ("texts emptied, none due", lambda _: store.articles.purge_texts(now - 1)),
    ]
    for name, action in cases:
        await measure(name, action)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
