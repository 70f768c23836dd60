"""What search costs among many articles, beside a floor in the same run.

    python -m benchmarks.million [--articles N] [--folder FOLDER] [--queries N]

The floor of a query is the engine's bare query of the same kind, fifty of what it finds read by their keys,
and each of these analysed once. A page is five results with their excerpts, as `/search` shows it. Both are
CPU milliseconds of this process, one query after the other; then eight ask at once while 100 articles a
second arrive, and the CPU of arriving alone is taken off. Also says whether the article that a query was made
of is among the first 20, how many bytes an article takes beyond its texts, what adding costs beside plain
tantivy over the same texts, and how long completions take. FOLDER keeps the database for the next run.
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
from tests.support.samples import new_article

PAGE, DEPTH, WARM_UP_ROUNDS = 5, 20, 5
BATCH = 2_000
USERS, ARRIVALS_PER_SECOND, ARRIVAL_BATCH = 8, 100, 20
console = Console(width=120)


class BenchmarkQuery(NamedTuple):
    """A query, the kind it is of, where it is asked, and the article that it was made of."""

    kind: str
    text: str
    scope: Scope
    url: str | None
    newest: bool = False


def to_new_article(feed: Feed, corpus_article: CorpusArticle) -> NewArticle:
    return new_article(
        feed, str(corpus_article.number), url=corpus_article.url, title=corpus_article.title,
        text=corpus_article.text, published=corpus_article.published, author=corpus_article.author,
        tags=corpus_article.tags, language=corpus_article.language, outlet=corpus_article.source,
    )  # fmt: skip


async def fill_store(newsroom: Services, corpus: Corpus) -> list[Feed]:
    """The feeds, with all articles, as far as they are not there yet."""
    store = newsroom.store
    feeds = [
        await store.feeds.add(f"https://feed{n}.example.org/", title=str(n), outlet=f"Outlet {n}") for n in range(FEEDS)
    ]
    stored_count = await store.articles.count()
    corpus_articles = map(corpus.article, range(stored_count, corpus.size))
    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    while batch := list(islice(corpus_articles, BATCH)):
        await store.articles.import_batch(
            [(feeds[article.feed].id, to_new_article(feeds[article.feed], article)) for article in batch]
        )
    stored, stored_cpu = time.perf_counter() - started_at, time.process_time() - cpu_started_at
    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    await newsroom.index.catch_up()
    cpu_seconds = time.process_time() - cpu_started_at
    console.print(
        f"{corpus.size - stored_count} articles made and stored in {stored:.0f} s "
        f"({stored_cpu:.0f} s of CPU), "
        f"indexed in {time.perf_counter() - started_at:.0f} s ({cpu_seconds:.0f} s of CPU)"
    )
    if corpus.size > stored_count:
        article_ms, plain_ms = (
            cpu_seconds * 1_000 / (corpus.size - stored_count),
            measure_plain_tantivy(corpus, min(corpus.size, 20_000)),
        )
        console.print(
            f"An article costs {article_ms:.3f} ms of CPU to read, prepare and index, plain "
            f"tantivy {plain_ms:.3f}: "
            f"{article_ms / plain_ms:.2f} ×"
        )
    return feeds


def generate_queries(corpus: Corpus, feeds: list[Feed], number: int) -> Iterator[BenchmarkQuery]:
    chance = random.Random(11)
    common = {code: [word for word, _ in words.counts.most_common(60)] for code, words in corpus.words.items()}
    for _ in range(number):
        article = corpus.article(chance.randrange(corpus.size))
        title = [
            word
            for word in article.title.split()
            if text_analysis.stem_tokens(word, article.language) and word.isalnum()
        ]
        text = article.text.split()
        two_words = " ".join(chance.sample(common[article.language], 2))
        feed_ids = frozenset(feed.id for feed in chance.sample(feeds, 60)) | {feeds[article.feed].id}
        place = chance.randrange(max(1, len(text) - 4))
        yield BenchmarkQuery("two words of a title", " ".join(title[:2]), UNRESTRICTED_SCOPE, None)
        yield BenchmarkQuery("its whole title", article.title.replace('"', ""), UNRESTRICTED_SCOPE, article.url)
        yield BenchmarkQuery(
            "its whole title, within 60 feeds",
            article.title.replace('"', ""),
            Scope(feed_ids=feed_ids),
            article.url,
        )
        yield BenchmarkQuery("two common words", two_words, UNRESTRICTED_SCOPE, None)
        yield BenchmarkQuery(
            "a common word of a feed",
            f'{two_words.split()[0]} source:"{article.source}"',
            UNRESTRICTED_SCOPE,
            None,
        )
        yield BenchmarkQuery(
            "a phrase",
            '"' + " ".join(text[place : place + 3]).replace('"', "") + '"',
            UNRESTRICTED_SCOPE,
            None,
        )
        yield BenchmarkQuery("newest of a common word", two_words.split()[0], UNRESTRICTED_SCOPE, None, newest=True)


async def search_page(newsroom: Services, query: BenchmarkQuery, limit: int = PAGE) -> list[str]:
    page = await newsroom.searcher.search(
        query.text,
        feed_ids=query.scope.feed_ids,
        limit=limit,
        sort="newest" if query.newest else "relevance",
    )
    return [hit.article.url for hit in page.results]


async def search_floor(newsroom: Services, query: BenchmarkQuery) -> list[str]:
    """The engine's own order: its bare query, fifty articles read, each analysed once."""
    engine = newsroom.index.engine
    assert engine is not None
    nodes = parse_query(query.text, END).nodes

    def bare() -> list[Hit]:
        if query.kind.startswith(("its whole title", "two words")):
            return engine.match_any(query.text, query.scope, MAX_RERANKED_ARTICLES)
        return engine.match_all(nodes, query.scope, MAX_RERANKED_ARTICLES, newest_first=query.newest)

    hits = await asyncio.to_thread(bare)
    articles = await newsroom.store.articles.list_by_ids([hit.article_id for hit in hits])
    for article in articles:
        text_analysis.stem_tokens(article.title, article.language)
        text_analysis.stem_tokens(article.body, article.language)
    return [article.url for article in articles[:DEPTH]]


async def measure_cpu(action: Callable[[], Awaitable[list[str]]]) -> tuple[float, list[str]]:
    started_at = time.process_time()
    urls = await action()
    return (time.process_time() - started_at) * 1_000, urls


async def measure_alone(newsroom: Services, benchmark_queries: list[BenchmarkQuery]) -> None:
    figures_by_kind: dict[str, tuple[list[float], list[float], list[bool], list[bool]]] = {}
    for number, query in enumerate(benchmark_queries):
        (floor, bare_urls), (page, _) = (
            await measure_cpu(partial(search_floor, newsroom, query)),
            await measure_cpu(partial(search_page, newsroom, query)),
        )
        if number < WARM_UP_ROUNDS * 7:
            continue
        floors, pages, hits, bare_hits = figures_by_kind.setdefault(query.kind, ([], [], [], []))
        floors.append(floor)
        pages.append(page)
        if query.url is not None:
            hits.append(query.url in await search_page(newsroom, query, DEPTH))
            bare_hits.append(query.url in bare_urls)
    table = Table("CPU ms", "floor p50", "p99", "a page p50", "p99", "p50 ×", "p99 ×", "hit@20", "the engine's")
    for kind, (floors, pages, hits, bare_hits) in figures_by_kind.items():
        sorted_floors, sorted_pages = sorted(floors), sorted(pages)
        quantiles = [
            (sorted_floors[int(len(sorted_floors) * q)], sorted_pages[int(len(sorted_pages) * q)]) for q in (0.5, 0.99)
        ]
        shares = [f"{sum(hit_flags) / len(hit_flags):.3f}" if hit_flags else "" for hit_flags in (hits, bare_hits)]
        table.add_row(
            kind, f"{quantiles[0][0]:.1f}", f"{quantiles[1][0]:.1f}",
            f"{quantiles[0][1]:.1f}", f"{quantiles[1][1]:.1f}",
            f"{quantiles[0][1] / quantiles[0][0]:.2f}", f"{quantiles[1][1] / quantiles[1][0]:.2f}", *shares,
        )  # fmt: skip
    console.print(table)


async def measure_together(
    newsroom: Services, corpus: Corpus, feeds: list[Feed], benchmark_queries: list[BenchmarkQuery]
) -> None:
    """Eight at once, while articles arrive."""
    corpus_articles = map(corpus.article, range(corpus.size, corpus.size + 1_000_000))

    async def arrive() -> None:
        while True:
            started_at = time.perf_counter()
            batch = [
                (feeds[article.feed].id, to_new_article(feeds[article.feed], article))
                for article in islice(corpus_articles, ARRIVAL_BATCH)
            ]
            await newsroom.store.articles.import_batch(batch)
            await asyncio.sleep(max(0.0, ARRIVAL_BATCH / ARRIVALS_PER_SECOND - (time.perf_counter() - started_at)))

    async def spent(action: Callable[[BenchmarkQuery], Awaitable[object]] | None, seconds: float = 15) -> float:
        """Milliseconds of CPU a query, or a second where nobody asks."""
        answered_count, deadline = 0, time.perf_counter() + seconds
        cpu = time.process_time()

        async def person(number: int) -> None:
            nonlocal answered_count
            for each in benchmark_queries[number::USERS] * 100:
                if time.perf_counter() > deadline or action is None:
                    return
                await action(each)
                answered_count += 1

        if action is None:
            await asyncio.sleep(seconds)
            return (time.process_time() - cpu) * 1_000 / seconds
        await asyncio.gather(*map(person, range(USERS)))
        return ((time.process_time() - cpu) * 1_000 - arrivals_cpu * seconds) / answered_count

    tasks = [asyncio.create_task(arrive()), asyncio.create_task(newsroom.index.run())]
    arrivals_cpu = await spent(None)
    floor, page = (
        await spent(lambda each: search_floor(newsroom, each)),
        await spent(lambda query: search_page(newsroom, query)),
    )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    console.print(
        f"Eight at once beside {ARRIVALS_PER_SECOND} arriving articles a second (alone "
        f"{arrivals_cpu / 10:.0f} % of a core): "
        f"floor {floor:.1f}, a page {page:.1f} ms of CPU a query, {page / floor:.2f} ×"
    )


async def measure_completions(newsroom: Services, feeds: list[Feed]) -> None:
    table = Table("ms a keystroke", "feeds seen", "p50", "p99")
    chance = random.Random(3)
    for kind, prefix in (
        (None, "a"),
        (None, "co"),
        (None, "gouv"),
        (CompletionField.AUTHOR, ""),
        (CompletionField.TAG, ""),
    ):
        for feed_count in (20, FEEDS):
            visible = {feed.id for feed in chance.sample(feeds, feed_count)}
            milliseconds = []
            for _ in range(30):
                started_at = time.perf_counter()
                await newsroom.searcher.suggest_completions(kind, prefix, feed_ids=visible, limit=25)
                milliseconds.append((time.perf_counter() - started_at) * 1_000)
            milliseconds.sort()
            table.add_row(
                f"{kind or 'word'} “{prefix}”",
                str(feed_count),
                f"{milliseconds[15]:.1f}",
                f"{milliseconds[-1]:.1f}",
            )
    console.print(table)


def measure_plain_tantivy(corpus: Corpus, count: int) -> float:
    """Milliseconds of CPU that plain tantivy takes to index an article: title and text by its default."""
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


def print_storage_costs(corpus: Corpus, folder: Path) -> None:
    texts = (
        sum(len(article.title.encode()) + len(article.text.encode()) for article in map(corpus.article, range(2_000)))
        / 2_000
    )
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    console.print(f"{sum(files) / corpus.size - texts:.0f} bytes an article beyond its texts of {texts:.0f}")


async def main(options: argparse.Namespace) -> None:
    corpus = Corpus(options.articles)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(TemporaryDirectory(prefix="telex-benchmark-")))
        settings = replace(read_settings(), database=folder / "telex.db", semantic=False)
        async with open_services(settings) as newsroom:
            feeds = await fill_store(newsroom, corpus)
        print_storage_costs(
            corpus, folder
        )  # of files that are closed: without a log that is still to be written into them
        async with open_services(settings) as newsroom:
            await newsroom.index.catch_up()
            benchmark_queries = list(generate_queries(corpus, feeds, options.queries + WARM_UP_ROUNDS))
            await measure_alone(newsroom, benchmark_queries)
            await measure_together(newsroom, corpus, feeds, benchmark_queries)
            await measure_completions(newsroom, feeds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="kept, and used again")
    parser.add_argument("--queries", type=int, default=100, help="of each kind")
    asyncio.run(main(parser.parse_args()))
