"""Benchmark of search in a small store: CPU time of a page of results, compared with lemon24/reader.

    python -m benchmarks.small_store [--python PYTHON] [--queries N] [--profile]

Both store the articles of the real feeds of `../shared/feeds/real` and get the same queries: one, two and three words
of titles in any order, 150 of each by default. Printed is the median CPU time, in milliseconds with all threads of the
process, of a page of twenty results with snippets. reader finds articles with all of the words; Telex also shows those
with some of them, so that its pages have more results. The floor is the engine's bare query for any of the words, with
the twenty best articles loaded. `reader` (https://github.com/lemon24/reader) may be installed in another environment
whose interpreter is PYTHON; its column is empty if it isn't installed.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import random
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.search.index import text_analysis
from bot.search.index.search_engine import UNRESTRICTED_SCOPE
from tests.support.feed_server import FeedServer
from tests.support.shared_data import SHARED

PAGE, WARM_UP_QUERIES = 20, 10
FEEDS = SHARED / "feeds" / "real"
READER_SCRIPT = Path(__file__).with_name("small_store_reader.py")
console = Console(width=120)


@asynccontextmanager
async def open_polled_newsroom() -> AsyncIterator[Services]:
    """Yield services whose store has the articles of one poll of each feed."""
    with TemporaryDirectory(prefix="telex-benchmark-") as folder:
        loopback = (ip_network("127.0.0.0/8"),)
        settings = replace(
            read_settings(), database=Path(folder) / "telex.db", semantic=False, allow_private_addresses=loopback
        )
        async with open_services(settings) as newsroom:
            server = await FeedServer().start()
            for path in sorted(FEEDS.rglob("*.*")):
                url = server.serve(f"/{path.name}", path.read_bytes(), content_type="text/xml", etag=False)
                await newsroom.poller.poll(await newsroom.store.feeds.add(url), wait_for_host=False)
            await server.stop()
            await newsroom.index.catch_up()
            index_task = asyncio.create_task(newsroom.index.run())
            yield newsroom
            index_task.cancel()
            await asyncio.gather(index_task, return_exceptions=True)


async def generate_queries(newsroom: Services, number: int) -> list[str]:
    """Generate `number` queries each of one, two and three words of titles."""
    chance = random.Random(4)
    titles = sorted({article.title for article in await newsroom.store.articles.list_newest(None, limit=100_000)})
    word_queries: list[str] = []
    while len(word_queries) < 3 * number:
        title = chance.choice(titles)
        words = [word for word in re.findall(r"[^\W\d_]{3,}", title) if text_analysis.stem_tokens(word, "en")]
        count = 1 + len(word_queries) % 3
        if len(words) >= count:
            word_queries.append(" ".join(chance.sample(words, count)))
    return word_queries


class PageMeasurement(NamedTuple):
    """CPU milliseconds of a page, and its number of results."""

    milliseconds: float
    result_count: int


async def measure_pages(newsroom: Services, word_queries: list[str]) -> list[PageMeasurement]:
    measurements = []
    for query in word_queries:
        started_at = time.process_time()
        page = await newsroom.searcher.search(query, feed_ids=None, limit=PAGE)
        measurements.append(PageMeasurement((time.process_time() - started_at) * 1_000, len(page.results)))
    return measurements


async def measure_floors(newsroom: Services, word_queries: list[str]) -> list[PageMeasurement]:
    """Measure the engine's bare queries, with their articles loaded."""
    engine, measurements = newsroom.index.engine, []
    assert engine is not None
    for query in word_queries:
        started_at = time.process_time()
        ids = [hit.article_id for hit in engine.match_any(query, UNRESTRICTED_SCOPE, PAGE)]
        articles = await newsroom.store.articles.list_by_ids(ids)
        measurements.append(PageMeasurement((time.process_time() - started_at) * 1_000, len(articles)))
    return measurements


def measure_reader_pages(python: str, word_queries: list[str]) -> list[PageMeasurement]:
    """Measure pages of reader in another process; return none if it isn't installed."""
    process = subprocess.run(
        [python, str(READER_SCRIPT), str(FEEDS)],
        input=json.dumps(word_queries),
        text=True,
        check=False,
        capture_output=True,
    )
    if process.returncode:
        console.print(f"reader is not installed for {python}, or failed: {process.stderr.strip()[-300:]}")
        return []
    report = json.loads(process.stdout)
    console.print(f"reader has {report['articles']} articles")
    return list(map(PageMeasurement, report["milliseconds"], report["result_counts"]))


async def main(options: argparse.Namespace) -> None:
    """Measure all queries and print the table of medians."""
    if not FEEDS.exists():
        raise SystemExit("needs ../shared/feeds/real, which is not beside this checkout")
    async with open_polled_newsroom() as newsroom:
        console.print(f"Telex has {await newsroom.store.articles.count()} articles")
        word_queries = await generate_queries(newsroom, options.queries)
        await measure_pages(newsroom, word_queries[:WARM_UP_QUERIES])
        if options.profile:
            profile = cProfile.Profile()
            with profile:
                await measure_pages(newsroom, word_queries)
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
            return
        floor_pages = await measure_floors(newsroom, word_queries)
        telex_pages = await measure_pages(newsroom, word_queries)
        reader_pages = await asyncio.to_thread(measure_reader_pages, options.python, word_queries)
    all_numbers = list(range(len(word_queries)))
    numbers_by_type = {f"{count} words": all_numbers[count - 1 :: 3] for count in (1, 2, 3)} | {"all": all_numbers}
    for name, measurements in (("reader", reader_pages), ("Telex", telex_pages)):
        numbers_by_type[f"with a full page of {name}"] = [
            number for number, page in enumerate(measurements) if page.result_count == PAGE
        ]
    table = Table("queries", "number", "floor", "Telex", "reader", title="median CPU ms of a page (results)")
    for query_type, numbers in numbers_by_type.items():
        figures = (
            format_medians([measurements[number] for number in numbers if measurements])
            for measurements in (floor_pages, telex_pages, reader_pages)
        )
        table.add_row(query_type, str(len(numbers)), *figures)
    console.print(table)


def format_medians(measurements: list[PageMeasurement]) -> str:
    if not measurements:
        return ""
    milliseconds = median(page.milliseconds for page in measurements)
    return f"{milliseconds:.2f} ({median(page.result_count for page in measurements):.0f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="interpreter of an environment with reader")
    parser.add_argument("--queries", type=int, default=150, help="number of queries of each number of words")
    parser.add_argument("--profile", action="store_true", help="print a profile of Telex's searches instead")
    asyncio.run(main(parser.parse_args()))
