"""What search costs among many articles, beside a floor in the same run.

    python -m tests.benchmarks.million [--articles N] [--folder FOLDER] [--queries N]

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
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import tantivy
from rich.console import Console
from rich.table import Table

from bot.client.services import Services, open_services
from bot.core.models import Feed, NewArticle
from bot.core.settings import Settings
from bot.search.index import text_analysis
from bot.search.index.search_engine import UNRESTRICTED, CompletionField, Hit, Scope
from bot.search.query.query_parser import parse_query
from bot.search.reranking import MAX_CANDIDATES
from tests.benchmarks.corpus import END, FEEDS, Corpus, Made
from tests.store.samples import new_article

PAGE, DEPTH, WARM = 5, 20, 5
BATCH = 2_000
PEOPLE, ARRIVING, TOGETHER = 8, 100, 20
console = Console(width=120)


class Asked(NamedTuple):
    """A query, the kind it is of, where it is asked, and the article that it was made of."""

    kind: str
    query: str
    scope: Scope
    url: str | None
    newest: bool = False


def article_of(feed: Feed, made: Made) -> NewArticle:
    return new_article(
        feed, str(made.number), url=made.url, title=made.title, text=made.text, published=made.published,
        author=made.author, tags=made.tags, language=made.language, outlet=made.source,
    )  # fmt: skip


async def fill(newsroom: Services, corpus: Corpus) -> list[Feed]:
    """The feeds, with all articles, as far as they are not there yet."""
    store = newsroom.store
    feeds = [
        await store.feeds.add(f"https://feed{n}.example.org/", title=str(n), outlet=f"Outlet {n}")
        for n in range(FEEDS)
    ]
    there = await store.articles.count()
    made = map(corpus.article, range(there, corpus.size))
    began, cpu = time.perf_counter(), time.process_time()
    while batch := list(islice(made, BATCH)):
        await store.articles.import_batch(
            [(feeds[one.feed].id, article_of(feeds[one.feed], one)) for one in batch]
        )
    stored, stored_cpu = time.perf_counter() - began, time.process_time() - cpu
    began, cpu = time.perf_counter(), time.process_time()
    await newsroom.index.catch_up()
    took = time.process_time() - cpu
    console.print(
        f"{corpus.size - there} articles made and stored in {stored:.0f} s ({stored_cpu:.0f} s of CPU), "
        f"indexed in {time.perf_counter() - began:.0f} s ({took:.0f} s of CPU)"
    )
    if corpus.size > there:
        each, plain = took * 1_000 / (corpus.size - there), plain_tantivy(corpus, min(corpus.size, 20_000))
        console.print(
            f"An article costs {each:.3f} ms of CPU to read, prepare and index, plain tantivy {plain:.3f}: "
            f"{each / plain:.2f} ×"
        )
    return feeds


def queries(corpus: Corpus, feeds: list[Feed], number: int) -> Iterator[Asked]:
    chance = random.Random(11)
    common = {
        code: [word for word, _ in words.counts.most_common(60)] for code, words in corpus.words.items()
    }
    for _ in range(number):
        one = corpus.article(chance.randrange(corpus.size))
        title = [
            word
            for word in one.title.split()
            if text_analysis.stemmed_tokens(word, one.language) and word.isalnum()
        ]
        text = one.text.split()
        two = " ".join(chance.sample(common[one.language], 2))
        some = frozenset(feed.id for feed in chance.sample(feeds, 60)) | {feeds[one.feed].id}
        place = chance.randrange(max(1, len(text) - 4))
        yield Asked("two words of a title", " ".join(title[:2]), UNRESTRICTED, None)
        yield Asked("its whole title", one.title.replace('"', ""), UNRESTRICTED, one.url)
        yield Asked(
            "its whole title, within 60 feeds", one.title.replace('"', ""), Scope(feed_ids=some), one.url
        )
        yield Asked("two common words", two, UNRESTRICTED, None)
        yield Asked("a common word of a feed", f'{two.split()[0]} source:"{one.source}"', UNRESTRICTED, None)
        yield Asked(
            "a phrase", '"' + " ".join(text[place : place + 3]).replace('"', "") + '"', UNRESTRICTED, None
        )
        yield Asked("newest of a common word", two.split()[0], UNRESTRICTED, None, newest=True)


async def page_of(newsroom: Services, asked: Asked, limit: int = PAGE) -> list[str]:
    page = await newsroom.searcher.search(
        asked.query,
        feed_ids=asked.scope.feed_ids,
        limit=limit,
        sort="newest" if asked.newest else "relevance",
    )
    return [result.article.url for result in page.results]


async def floor_of(newsroom: Services, asked: Asked) -> list[str]:
    """The engine's own order: its bare query, fifty articles read, each analysed once."""
    engine = newsroom.index.engine
    assert engine is not None
    nodes = parse_query(asked.query, END).nodes

    def bare() -> list[Hit]:
        if asked.kind.startswith(("its whole title", "two words")):
            return engine.match_any(asked.query, asked.scope, MAX_CANDIDATES)
        return engine.match_all(nodes, asked.scope, MAX_CANDIDATES, newest=asked.newest)

    hits = await asyncio.to_thread(bare)
    articles = await newsroom.store.articles.by_ids([hit.article_id for hit in hits])
    for article in articles:
        text_analysis.stemmed_tokens(article.title, article.language)
        text_analysis.stemmed_tokens(article.body, article.language)
    return [article.url for article in articles[:DEPTH]]


async def cpu_of(act: Callable[[], Awaitable[list[str]]]) -> tuple[float, list[str]]:
    began = time.process_time()
    found = await act()
    return (time.process_time() - began) * 1_000, found


async def alone(newsroom: Services, asked: list[Asked]) -> None:
    took: dict[str, tuple[list[float], list[float], list[bool], list[bool]]] = {}
    for number, each in enumerate(asked):
        (floor, bare), (page, _) = (
            await cpu_of(partial(floor_of, newsroom, each)),
            await cpu_of(partial(page_of, newsroom, each)),
        )
        if number < WARM * 7:
            continue
        floors, pages, hits, bare_hits = took.setdefault(each.kind, ([], [], [], []))
        floors.append(floor)
        pages.append(page)
        if each.url is not None:
            hits.append(each.url in await page_of(newsroom, each, DEPTH))
            bare_hits.append(each.url in bare)
    table = Table(
        "CPU ms", "floor p50", "p99", "a page p50", "p99", "p50 ×", "p99 ×", "hit@20", "the engine's"
    )
    for kind, (floors, pages, hits, bare_hits) in took.items():
        one, other = sorted(floors), sorted(pages)
        at = [(one[int(len(one) * q)], other[int(len(other) * q)]) for q in (0.5, 0.99)]
        shares = [f"{sum(each) / len(each):.3f}" if each else "" for each in (hits, bare_hits)]
        table.add_row(
            kind, f"{at[0][0]:.1f}", f"{at[1][0]:.1f}", f"{at[0][1]:.1f}", f"{at[1][1]:.1f}",
            f"{at[0][1] / at[0][0]:.2f}", f"{at[1][1] / at[1][0]:.2f}", *shares,
        )  # fmt: skip
    console.print(table)


async def together(newsroom: Services, corpus: Corpus, feeds: list[Feed], asked: list[Asked]) -> None:
    """Eight at once, while articles arrive."""
    made = map(corpus.article, range(corpus.size, corpus.size + 1_000_000))

    async def arrive() -> None:
        while True:
            began = time.perf_counter()
            batch = [(feeds[one.feed].id, article_of(feeds[one.feed], one)) for one in islice(made, TOGETHER)]
            await newsroom.store.articles.import_batch(batch)
            await asyncio.sleep(max(0.0, TOGETHER / ARRIVING - (time.perf_counter() - began)))

    async def spent(act: Callable[[Asked], Awaitable[object]] | None, seconds: float = 15) -> float:
        """Milliseconds of CPU a query, or a second where nobody asks."""
        done, until = 0, time.perf_counter() + seconds
        cpu = time.process_time()

        async def person(number: int) -> None:
            nonlocal done
            for each in asked[number::PEOPLE] * 100:
                if time.perf_counter() > until or act is None:
                    return
                await act(each)
                done += 1

        if act is None:
            await asyncio.sleep(seconds)
            return (time.process_time() - cpu) * 1_000 / seconds
        await asyncio.gather(*map(person, range(PEOPLE)))
        return ((time.process_time() - cpu) * 1_000 - alone_ * seconds) / done

    tasks = [asyncio.create_task(arrive()), asyncio.create_task(newsroom.index.run())]
    alone_ = await spent(None)
    floor, page = (
        await spent(lambda each: floor_of(newsroom, each)),
        await spent(lambda each: page_of(newsroom, each)),
    )
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    console.print(
        f"Eight at once beside {ARRIVING} arriving articles a second (alone {alone_ / 10:.0f} % of a core): "
        f"floor {floor:.1f}, a page {page:.1f} ms of CPU a query, {page / floor:.2f} ×"
    )


async def completions(newsroom: Services, feeds: list[Feed]) -> None:
    table = Table("ms a keystroke", "feeds seen", "p50", "p99")
    chance = random.Random(3)
    for kind, typed in (
        (None, "a"),
        (None, "co"),
        (None, "gouv"),
        (CompletionField.AUTHOR, ""),
        (CompletionField.TAG, ""),
    ):
        for seen in (20, FEEDS):
            visible = {feed.id for feed in chance.sample(feeds, seen)}
            took = []
            for _ in range(30):
                began = time.perf_counter()
                await newsroom.searcher.complete(kind, typed, feed_ids=visible, limit=25)
                took.append((time.perf_counter() - began) * 1_000)
            took.sort()
            table.add_row(f"{kind or 'word'} “{typed}”", str(seen), f"{took[15]:.1f}", f"{took[-1]:.1f}")
    console.print(table)


def plain_tantivy(corpus: Corpus, count: int) -> float:
    """Milliseconds of CPU that plain tantivy takes to index an article: title and text by its default."""
    builder = tantivy.SchemaBuilder()
    for field in ("title", "body"):
        builder.add_text_field(field)
    with TemporaryDirectory() as folder:
        writer = tantivy.Index(builder.build(), path=folder).writer(30_000_000, 1)
        made = [corpus.article(number) for number in range(count)]
        began = time.process_time()
        for one in made:
            writer.add_document(tantivy.Document(title=one.title, body=one.text))
        writer.commit()
        writer.wait_merging_threads()
        return (time.process_time() - began) * 1_000 / count


def costs(corpus: Corpus, folder: Path) -> None:
    texts = (
        sum(len(one.title.encode()) + len(one.text.encode()) for one in map(corpus.article, range(2_000)))
        / 2_000
    )
    files = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    console.print(f"{sum(files) / corpus.size - texts:.0f} bytes an article beyond its texts of {texts:.0f}")


async def main(options: argparse.Namespace) -> None:
    corpus = Corpus(options.articles)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(TemporaryDirectory(prefix="telex-benchmark-")))
        settings = Settings(database=folder / "telex.db", semantic=False)
        async with open_services(settings) as newsroom:
            feeds = await fill(newsroom, corpus)
        costs(corpus, folder)  # of files that are closed: without a log that is still to be written into them
        async with open_services(settings) as newsroom:
            await newsroom.index.catch_up()
            asked = list(queries(corpus, feeds, options.queries + WARM))
            await alone(newsroom, asked)
            await together(newsroom, corpus, feeds, asked)
            await completions(newsroom, feeds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="kept, and used again")
    parser.add_argument("--queries", type=int, default=100, help="of each kind")
    asyncio.run(main(parser.parse_args()))
