"""Benchmark of many new articles at once: time until they are stored and found, and lateness of the event loop.

    python -m benchmarks.burst [--articles N] [--feeds N]

Each feed's articles are recorded in one poll, four feeds at a time, while the index is updated. The floor, in the
same run, is the time to insert the same texts into a plain SQLite table, a transaction per feed, and into plain
tantivy, one after the other. The lateness of an idle loop is printed for comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.corpus import Corpus
from benchmarks.million import measure_plain_tantivy, to_new_article
from benchmarks.store import measure_lateness
from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import Feed, NewArticle
from bot.polling.poll_recorder import MAX_DOCUMENTS_IN_FLIGHT
from tests.support.samples import write_poll

IDLE_SECONDS = 5.0
console = Console(width=120)


def measure_plain_sqlite(feeds: Sequence[Sequence[NewArticle]]) -> float:
    """Return the seconds of CPU time to insert the articles into a plain SQLite table."""
    with TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "plain.db")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE article (key TEXT PRIMARY KEY, url TEXT, title TEXT, text TEXT)")
        started_at = time.process_time()
        for articles in feeds:
            with connection:
                connection.executemany(
                    "INSERT INTO article VALUES (?, ?, ?, ?)",
                    [(article.key, article.url, article.title, article.text) for article in articles],
                )
        connection.close()
        return time.process_time() - started_at


async def store_all(newsroom: Services, feeds: Sequence[tuple[Feed, Sequence[NewArticle]]]) -> float:
    """Record the articles of all feeds and return the seconds that it took."""
    started_at = time.perf_counter()
    pending_feeds = list(feeds)

    async def record_feeds() -> None:
        while pending_feeds:
            feed, articles = pending_feeds.pop()
            await write_poll(newsroom.store, feed, *articles)

    await asyncio.gather(*(record_feeds() for _ in range(MAX_DOCUMENTS_IN_FLIGHT)))
    return time.perf_counter() - started_at


async def main(options: argparse.Namespace) -> None:
    corpus = Corpus(options.articles)
    share = options.articles // options.feeds
    with TemporaryDirectory(prefix="telex-benchmark-", ignore_cleanup_errors=True) as folder:  # Index merges continue.
        settings = replace(read_settings(), database=Path(folder) / "telex.db", semantic=False)
        async with open_services(settings) as newsroom:
            feeds = []
            for number in range(options.feeds):
                feed = await newsroom.store.feeds.add(f"https://feed{number}.example/", outlet=str(number))
                server, channel = number % 50, 1_000 + number % 100
                await newsroom.store.subscriptions.follow(
                    server_id=server, channel_id=channel, feed_id=feed.id, first_article_id=None
                )
                corpus_articles = map(corpus.article, range(number * share, (number + 1) * share))
                feeds.append((feed, [to_new_article(feed, corpus_article) for corpus_article in corpus_articles]))
            gc.collect()
            gc.freeze()  # As `telex run` does; it would not hold what is prepared here.
            stop_event = asyncio.Event()
            lateness_task = asyncio.create_task(measure_lateness(stop_event))
            await asyncio.sleep(IDLE_SECONDS)
            stop_event.set()
            idle, stop_event = await lateness_task, asyncio.Event()
            lateness_task = asyncio.create_task(measure_lateness(stop_event))
            index_task = asyncio.create_task(newsroom.index.run())
            started_at, cpu_started_at = time.perf_counter(), time.process_time()
            stored_seconds = await store_all(newsroom, feeds)
            expected_count = share * options.feeds
            while newsroom.index.engine is None or newsroom.index.engine.document_count < expected_count:  # noqa: ASYNC110 - the index has no event
                await asyncio.sleep(0.1)
            seconds, cpu_seconds = time.perf_counter() - started_at, time.process_time() - cpu_started_at
            stop_event.set()
            busy = await lateness_task
            index_task.cancel()
            await asyncio.gather(index_task, return_exceptions=True)
    count = share * options.feeds
    floor = measure_plain_sqlite([articles for _, articles in feeds])
    floor += measure_plain_tantivy(corpus, min(count, 20_000)) * count / 1_000
    console.print(
        f"{count} articles of {options.feeds} feeds: stored in {stored_seconds:.1f} s, all found "
        f"after {seconds:.1f} s; "
        f"{cpu_seconds:.1f} s of CPU, the floor {floor:.1f}: {cpu_seconds / floor:.2f} ×"
    )
    for name, lateness_ms in (("idle", idle), ("busy", busy)):
        console.print(f"{name}, the loop is late by {lateness_ms[int(len(lateness_ms) * 0.99)]:.1f} ms at p99")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=60_000)
    parser.add_argument("--feeds", type=int, default=200)
    asyncio.run(main(parser.parse_args()))
