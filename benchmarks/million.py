"""Benchmark of search in a million articles: CPU time of queries, indexing and completions, and quality.

    python -m benchmarks.million [--articles N] [--folder FOLDER] [--queries N]

FOLDER keeps the database for the next run. Printed are:

- The CPU time to store and index an article, compared with plain tantivy on the same texts.
- The bytes that an article takes in the database and the index, without its texts.
- By type of query, the CPU milliseconds for a page of five results with snippets, as `/search` shows it, and for a
  floor: the engine's bare query, with fifty articles loaded and analysed. Queries run one after the other. "hit@20"
  is the share of queries whose article is among the first 20 results, of Telex and of the bare engine.
- The same CPU time with eight queries at once, while 100 articles per second are stored, whose CPU is subtracted.
- The milliseconds of a completion, for people who can view few or all of the feeds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import tantivy
from rich.console import Console
from rich.table import Table

from benchmarks.corpus import END, FEEDS, Corpus, CorpusArticle
from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import Feed, NewArticle
from bot.search.index import text_analysis
from bot.search.index.search_engine import UNRESTRICTED_SCOPE, CompletionField, Hit, Scope
from bot.search.query.query_parser import parse_query
from bot.search.reranking import MAX_RERANKED_ARTICLES
from tests.support.samples import make_new_article

PAGE, DEPTH, WARM_UP_ROUNDS = 5, 20, 5
BATCH = 2_000
USERS, ARRIVALS_PER_SECOND, ARRIVAL_BATCH = 8, 100, 20
console = Console(width=120)


class BenchmarkQuery(NamedTuple):
    """A query of a type in a scope, with the URL of the article that it was made from, or None."""

    query_type: str
    text: str
    scope: Scope
    url: str | None
    is_newest_first: bool = False


def to_new_article(feed: Feed, corpus_article: CorpusArticle) -> NewArticle:
    """Convert an article of the corpus to one that the store accepts."""
    return make_new_article(
        feed, str(corpus_article.number), url=corpus_article.url, title=corpus_article.title,
        text=corpus_article.text, published=corpus_article.published, author=corpus_article.author,
        tags=corpus_article.tags, language=corpus_article.language, outlet=corpus_article.source,
    )  # fmt: skip


async def fill_store(newsroom: Services, corpus: Corpus) -> list[Feed]:
    """Store and index the feeds and articles that are missing; print the CPU time and return the feeds."""
    store = newsroom.store
    feeds = [
        await store.feeds.add(f"https://feed{number}.example.org/", title=str(number), outlet=f"Outlet {number}")
        for number in range(FEEDS)
    ]
    stored_count = await store.articles.count()
    corpus_articles = map(corpus.article, range(stored_count, corpus.size))
    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    while batch := list(islice(corpus_articles, BATCH)):
        await store.articles.import_batch(
            [(feeds[article.feed].id, to_new_article(feeds[article.feed], article)) for article in batch]
        )
    store_seconds, store_cpu_seconds = time.perf_counter() - started_at, time.process_time() - cpu_started_at
    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    await newsroom.index.catch_up()
    cpu_seconds = time.process_time() - cpu_started_at
    console.print(
        f"{corpus.size - stored_count} articles generated and stored in {store_seconds:.0f} s "
        f"({store_cpu_seconds:.0f} s of CPU), "
        f"indexed in {time.perf_counter() - started_at:.0f} s ({cpu_seconds:.0f} s of CPU)"
    )
    if corpus.size > stored_count:
        article_ms = cpu_seconds * 1_000 / (corpus.size - stored_count)
        plain_ms = measure_plain_tantivy(corpus, min(corpus.size, 20_000))
        console.print(
            f"Indexing an article takes {article_ms:.3f} ms of CPU, plain tantivy {plain_ms:.3f}: "
            f"{article_ms / plain_ms:.2f} ×"
        )
    return feeds


def generate_queries(corpus: Corpus, feeds: list[Feed], count: int) -> Iterator[BenchmarkQuery]:
    """Yield `count` queries of each type, made from random articles."""
    chance = random.Random(11)
    common_words = {code: [word for word, _ in words.counts.most_common(60)] for code, words in corpus.words.items()}
    for _ in range(count):
        article = corpus.article(chance.randrange(corpus.size))
        title_words = [
            word
            for word in article.title.split()
            if text_analysis.stem_tokens(word, article.language) and word.isalnum()
        ]
        text_words = article.text.split()
        two_words = " ".join(chance.sample(common_words[article.language], 2))
        feed_ids = frozenset(feed.id for feed in chance.sample(feeds, 60)) | {feeds[article.feed].id}
        phrase_start = chance.randrange(max(1, len(text_words) - 4))
        yield BenchmarkQuery("two words of a title", " ".join(title_words[:2]), UNRESTRICTED_SCOPE, None)
        yield BenchmarkQuery("whole title", article.title.replace('"', ""), UNRESTRICTED_SCOPE, article.url)
        yield BenchmarkQuery(
            "whole title, within 60 feeds",
            article.title.replace('"', ""),
            Scope(feed_ids=feed_ids),
            article.url,
        )
        yield BenchmarkQuery("two common words", two_words, UNRESTRICTED_SCOPE, None)
        yield BenchmarkQuery(
            "a common word, of one feed",
            f'{two_words.split()[0]} source:"{article.source}"',
            UNRESTRICTED_SCOPE,
            None,
        )
        yield BenchmarkQuery(
            "a phrase",
            '"' + " ".join(text_words[phrase_start : phrase_start + 3]).replace('"', "") + '"',
            UNRESTRICTED_SCOPE,
            None,
        )
        yield BenchmarkQuery(
            "newest of a common word", two_words.split()[0], UNRESTRICTED_SCOPE, None, is_newest_first=True
        )


async def search_page(newsroom: Services, query: BenchmarkQuery, limit: int = PAGE) -> list[str]:
    """Search as `/search` does; return the URLs of the results."""
    page = await newsroom.searcher.search(
        query.text,
        feed_ids=query.scope.feed_ids,
        limit=limit,
        sort="newest" if query.is_newest_first else "relevance",
    )
    return [hit.article.url for hit in page.results]


async def search_floor(newsroom: Services, query: BenchmarkQuery) -> list[str]:
    """Run the engine's bare query, load fifty articles and analyse them; return the URLs in the engine's order."""
    engine = newsroom.index.engine
    assert engine is not None
    nodes = parse_query(query.text, END).nodes

    def run_bare_query() -> list[Hit]:
        if query.query_type.startswith(("whole title", "two words")):
            return engine.match_any(query.text, query.scope, MAX_RERANKED_ARTICLES)
        return engine.match_all(nodes, query.scope, MAX_RERANKED_ARTICLES, newest_first=query.is_newest_first)

    hits = await asyncio.to_thread(run_bare_query)
    articles = await newsroom.store.articles.list_by_ids([hit.article_id for hit in hits])
    for article in articles:
        text_analysis.stem_tokens(article.title, article.language)
        text_analysis.stem_tokens(article.body, article.language)
    return [article.url for article in articles[:DEPTH]]


async def measure_cpu(search: Callable[[], Awaitable[list[str]]]) -> tuple[float, list[str]]:
    """Return the CPU milliseconds of a search and the URLs that it returned."""
    started_at = time.process_time()
    urls = await search()
    return (time.process_time() - started_at) * 1_000, urls


async def print_sequential_queries(newsroom: Services, benchmark_queries: list[BenchmarkQuery]) -> None:
    """Run the queries one after the other and print the table of CPU milliseconds and hits by type."""
    figures_by_type: dict[str, tuple[list[float], list[float], list[bool], list[bool]]] = {}
    for number, query in enumerate(benchmark_queries):
        (floor, bare_urls), (page, _) = (
            await measure_cpu(partial(search_floor, newsroom, query)),
            await measure_cpu(partial(search_page, newsroom, query)),
        )
        if number < WARM_UP_ROUNDS * 7:
            continue
        floors, pages, hits, bare_hits = figures_by_type.setdefault(query.query_type, ([], [], [], []))
        floors.append(floor)
        pages.append(page)
        if query.url is not None:
            hits.append(query.url in await search_page(newsroom, query, DEPTH))
            bare_hits.append(query.url in bare_urls)
    table = Table("CPU ms", "floor p50", "p99", "page p50", "p99", "p50 ×", "p99 ×", "hit@20", "of the engine")
    for query_type, (floors, pages, hits, bare_hits) in figures_by_type.items():
        sorted_floors, sorted_pages = sorted(floors), sorted(pages)
        quantiles = [
            (sorted_floors[int(len(sorted_floors) * quantile)], sorted_pages[int(len(sorted_pages) * quantile)])
            for quantile in (0.5, 0.99)
        ]
        shares = [f"{sum(hit_flags) / len(hit_flags):.3f}" if hit_flags else "" for hit_flags in (hits, bare_hits)]
        table.add_row(
            query_type, f"{quantiles[0][0]:.1f}", f"{quantiles[1][0]:.1f}",
            f"{quantiles[0][1]:.1f}", f"{quantiles[1][1]:.1f}",
            f"{quantiles[0][1] / quantiles[0][0]:.2f}", f"{quantiles[1][1] / quantiles[1][0]:.2f}", *shares,
        )  # fmt: skip
    console.print(table)


async def print_concurrent_queries(
    newsroom: Services, corpus: Corpus, feeds: list[Feed], benchmark_queries: list[BenchmarkQuery]
) -> None:
    """Print the CPU milliseconds of a query when eight run at once while articles are stored."""
    corpus_articles = map(corpus.article, range(corpus.size, corpus.size + 1_000_000))

    async def store_articles() -> None:
        while True:
            started_at = time.perf_counter()
            batch = [
                (feeds[article.feed].id, to_new_article(feeds[article.feed], article))
                for article in islice(corpus_articles, ARRIVAL_BATCH)
            ]
            await newsroom.store.articles.import_batch(batch)
            await asyncio.sleep(max(0.0, ARRIVAL_BATCH / ARRIVALS_PER_SECOND - (time.perf_counter() - started_at)))

    async def measure_storing(seconds: float = 15) -> float:
        """Return the CPU milliseconds per second without queries."""
        cpu_started_at = time.process_time()
        await asyncio.sleep(seconds)
        return (time.process_time() - cpu_started_at) * 1_000 / seconds

    async def measure_queries(search: Callable[[BenchmarkQuery], Awaitable[object]], seconds: float = 15) -> float:
        """Return the CPU milliseconds per query, without those of storing articles."""
        query_count, deadline = 0, time.perf_counter() + seconds
        cpu_started_at = time.process_time()

        async def run_user(number: int) -> None:
            nonlocal query_count
            for query in benchmark_queries[number::USERS] * 100:
                if time.perf_counter() > deadline:
                    return
                await search(query)
                query_count += 1

        await asyncio.gather(*map(run_user, range(USERS)))
        return ((time.process_time() - cpu_started_at) * 1_000 - storing_ms * seconds) / query_count

    tasks = [asyncio.create_task(store_articles()), asyncio.create_task(newsroom.index.run())]
    storing_ms = await measure_storing()
    floor = await measure_queries(lambda query: search_floor(newsroom, query))
    page = await measure_queries(lambda query: search_page(newsroom, query))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    console.print(
        f"Eight queries at once while {ARRIVALS_PER_SECOND} articles per second are stored (which takes "
        f"{storing_ms / 10:.0f} % of a core): "
        f"floor {floor:.1f}, page {page:.1f} ms of CPU per query, {page / floor:.2f} ×"
    )


async def print_completions(newsroom: Services, feeds: list[Feed]) -> None:
    """Print the table of milliseconds per completion by field, prefix and number of visible feeds."""
    table = Table("ms per completion", "visible feeds", "p50", "p99")
    chance = random.Random(3)
    for field, prefix in (
        (None, "a"),
        (None, "co"),
        (None, "gouv"),
        (CompletionField.AUTHOR, ""),
        (CompletionField.TAG, ""),
    ):
        for feed_count in (20, FEEDS):
            visible_feed_ids = {feed.id for feed in chance.sample(feeds, feed_count)}
            milliseconds = []
            for _ in range(30):
                started_at = time.perf_counter()
                await newsroom.searcher.suggest_completions(field, prefix, feed_ids=visible_feed_ids, limit=25)
                milliseconds.append((time.perf_counter() - started_at) * 1_000)
            milliseconds.sort()
            table.add_row(
                f"{field or 'word'} “{prefix}”",
                str(feed_count),
                f"{milliseconds[15]:.1f}",
                f"{milliseconds[-1]:.1f}",
            )
    console.print(table)


def measure_plain_tantivy(corpus: Corpus, count: int) -> float:
    """Return the CPU milliseconds that plain tantivy takes to index an article's title and text."""
    builder = tantivy.SchemaBuilder()
    for field in ("title", "body"):
        builder.add_text_field(field)
    with TemporaryDirectory() as folder:
        writer = tantivy.Index(builder.build(), path=folder).writer(30_000_000, 1)
        articles = [corpus.article(number) for number in range(count)]
        started_at = time.process_time()
        for article in articles:
            writer.add_document(tantivy.Document(title=article.title, body=article.text))
        writer.commit()
        writer.wait_merging_threads()
        return (time.process_time() - started_at) * 1_000 / count


def print_storage_size(corpus: Corpus, folder: Path) -> None:
    """Print the bytes of the files in the folder per article, without the texts of the articles."""
    text_bytes = (
        sum(len(article.title.encode()) + len(article.text.encode()) for article in map(corpus.article, range(2_000)))
        / 2_000
    )
    total_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    console.print(
        f"{total_bytes / corpus.size - text_bytes:.0f} bytes per article in addition to {text_bytes:.0f} of its texts"
    )


async def main(options: argparse.Namespace) -> None:
    """Fill a database and print all figures."""
    corpus = Corpus(options.articles)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(TemporaryDirectory(prefix="telex-benchmark-")))
        settings = replace(read_settings(), database=folder / "telex.db", semantic=False)
        async with open_services(settings) as newsroom:
            feeds = await fill_store(newsroom, corpus)
        # The database is closed, so that no write-ahead log counts.
        print_storage_size(corpus, folder)
        async with open_services(settings) as newsroom:
            await newsroom.index.catch_up()
            benchmark_queries = list(generate_queries(corpus, feeds, options.queries + WARM_UP_ROUNDS))
            await print_sequential_queries(newsroom, benchmark_queries)
            await print_concurrent_queries(newsroom, corpus, feeds, benchmark_queries)
            await print_completions(newsroom, feeds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="folder that keeps the database for the next run")
    parser.add_argument("--queries", type=int, default=100, help="number of queries of each type")
    asyncio.run(main(parser.parse_args()))
