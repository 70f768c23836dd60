"""What a page of results costs in a small store, beside lemon24/reader in the same run.

    python -m benchmarks.small_store [--python PYTHON] [--queries N] [--profile]

Both keep the articles of the real feeds of `../shared/feeds/real` and are asked the same queries: one, two
and three words of titles in any order, 150 of each unless said. Printed is the median of the CPU of a page of
twenty with its excerpts, all threads of the process counted. reader finds what has all words, Telex shows
what has some of them too, so that its pages are fuller. The floor is the engine's bare query for any of the
words, of which the twenty best are read by their keys. `reader` (https://github.com/lemon24/reader) may be
installed in an environment of its own, whose interpreter is PYTHON; where it is not, that half is left out.
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
    """A newsroom that has polled each of the feeds once."""
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
    """So many of one, of two and of three words of titles."""
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


class Cost(NamedTuple):
    """Milliseconds of CPU of a page, and how many results it has."""

    milliseconds: float
    hits: int


async def measure_costs(newsroom: Services, word_queries: list[str]) -> list[Cost]:
    page_costs = []
    for query in word_queries:
        started_at = time.process_time()
        page = await newsroom.searcher.search(query, feed_ids=None, limit=PAGE)
        page_costs.append(Cost((time.process_time() - started_at) * 1_000, len(page.results)))
    return page_costs


async def measure_floors(newsroom: Services, word_queries: list[str]) -> list[Cost]:
    """The same of the least that a page can be made of."""
    engine, page_costs = newsroom.index.engine, []
    assert engine is not None
    for query in word_queries:
        started_at = time.process_time()
        ids = [hit.article_id for hit in engine.match_any(query, UNRESTRICTED_SCOPE, PAGE)]
        articles = await newsroom.store.articles.list_by_ids(ids)
        page_costs.append(Cost((time.process_time() - started_at) * 1_000, len(articles)))
    return page_costs


def measure_reader_costs(python: str, word_queries: list[str]) -> list[Cost]:
    """The same of reader; nothing where it is not installed."""
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
    console.print(f"reader keeps {report['articles']} articles")
    return list(map(Cost, report["took"], report["found"]))


async def main(options: argparse.Namespace) -> None:
    """Print the medians."""
    if not FEEDS.exists():
        raise SystemExit("needs ../shared/feeds/real, which is not beside this checkout")
    async with open_polled_newsroom() as newsroom:
        console.print(f"Telex keeps {await newsroom.store.articles.count()} articles")
        word_queries = await generate_queries(newsroom, options.queries)
        await measure_costs(newsroom, word_queries[:WARM_UP_QUERIES])
        if options.profile:
            profile = cProfile.Profile()
            with profile:
                await measure_costs(newsroom, word_queries)
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
            return
        floor_costs = await measure_floors(newsroom, word_queries)
        telex_costs = await measure_costs(newsroom, word_queries)
        reader_costs = await asyncio.to_thread(measure_reader_costs, options.python, word_queries)
    all_numbers = list(range(len(word_queries)))
    kinds = {f"{count} words": all_numbers[count - 1 :: 3] for count in (1, 2, 3)} | {"all": all_numbers}
    for name, costs_ in (("reader", reader_costs), ("Telex", telex_costs)):
        kinds[f"that fill {name}'s page"] = [n for n, cost in enumerate(costs_) if cost.hits == PAGE]
    table = Table("queries", "number", "floor", "Telex", "reader", title="ms of CPU of a page, median (results)")
    for kind, numbers in kinds.items():
        figures = (
            format_costs([costs_[n] for n in numbers if costs_]) for costs_ in (floor_costs, telex_costs, reader_costs)
        )
        table.add_row(kind, str(len(numbers)), *figures)
    console.print(table)


def format_costs(page_costs: list[Cost]) -> str:
    if not page_costs:
        return ""
    return f"{median(cost.milliseconds for cost in page_costs):.2f} ({median(cost.hits for cost in page_costs):.0f})"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that has reader")
    parser.add_argument("--queries", type=int, default=150, help="of each kind")
    parser.add_argument("--profile", action="store_true", help="of Telex's loop alone")
    asyncio.run(main(parser.parse_args()))
