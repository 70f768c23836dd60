"""Telex and tantivy over the same articles, each search measured in CPU and in time.

CPU is that of a search alone, whatever else runs: what its task takes of the event loop and what its
functions take of a reader's thread. tantivy searches in the thread that asks.
"""

from __future__ import annotations

import asyncio
import io
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest.mock import patch

import tantivy
from rich.console import Console

from bot.cli import article_files
from bot.client.services import Newsroom, open_newsroom
from bot.core.settings import Settings
from bot.search.searching import Sort
from bot.store.sqlite.database import READERS, Connection
from bot.text.stopwords import EMPTY
from tests.benchmarks.corpus import Made, source_of
from tests.search.searchers import searcher_of

DEPTH = 20  # results among which the article that a query was made of should be
TITLE_BOOST = 2.0

console = Console(width=120)


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as a person types it for Telex, and the same for tantivy.

    `known` is the address of the article that it was made of, where it should be found.
    """

    kind: str
    query: str
    words: str
    every: bool = True
    sort: Sort = "relevance"
    feed: int | None = None
    months: tuple[int, int] | None = None
    known: str | None = None

    def is_among(self, found: Iterable[str]) -> bool | None:
        """Whether the known article is among what was found; None where there is none."""
        return None if self.known is None else self.known in found


class Took(NamedTuple):
    """Milliseconds of CPU and of time, and whether the known article was found (None: there was none)."""

    cpu: float
    wall: float
    hit: bool | None


class Lines(io.RawIOBase):
    """Lines made when they are read."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)

    def readline(self, size: int | None = -1, /) -> bytes:
        return next(self._lines, b"")


_spent: ContextVar[list[float]] = ContextVar("spent")


class _Metered:
    """A coroutine, and the CPU that each of its steps takes of the loop's thread."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], spent: list[float]) -> None:
        self._coroutine = coroutine
        self._spent = spent

    def __await__(self) -> Generator[Any, Any, Any]:
        coroutine = self._coroutine
        value: Any = None
        error: BaseException | None = None
        while True:
            began = time.thread_time()
            try:
                waited = coroutine.send(value) if error is None else coroutine.throw(error)
            except StopIteration as end:
                return end.value
            finally:
                self._spent.append(time.thread_time() - began)
            value, error = None, None
            try:
                value = yield waited
            except BaseException as thrown:  # noqa: BLE001 - for the coroutine to see
                error = thrown


@asynccontextmanager
async def metered_readers() -> AsyncIterator[None]:
    """What runs on a connection's thread for a measured search counts as its own."""
    run = Connection.run

    async def measured(self: Connection, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        spent = _spent.get(None)
        if spent is None:
            return await run(self, function, *args, **kwargs)

        def timed(connection: sqlite3.Connection, *args: Any, **kwargs: Any) -> Any:
            began = time.thread_time()
            try:
                return function(connection, *args, **kwargs)
            finally:
                spent.append(time.thread_time() - began)

        return await run(self, timed, *args, **kwargs)

    with patch.object(Connection, "run", measured):
        yield


class Telex:
    """The real thing: a newsroom, its store with its readers, its searcher."""

    name = "Telex"

    def __init__(self, newsroom: Newsroom, feeds: dict[str, int]) -> None:
        self.newsroom = newsroom
        self.searcher = searcher_of(newsroom.store)
        self._feeds = feeds

    async def search(self, asked: Asked, limit: int) -> Took:
        """So many results with their excerpts."""
        feeds = None if asked.feed is None else {self._feeds[source_of(asked.feed)]}
        spent: list[float] = []
        token = _spent.set(spent)
        began = time.perf_counter()
        page = await _Metered(
            self.searcher.search(asked.query, feed_ids=feeds, limit=limit, sort=asked.sort), spent
        )
        wall = time.perf_counter() - began
        _spent.reset(token)
        found = asked.is_among(result.article.url for result in page.results)
        return Took(sum(spent) * 1_000, wall * 1_000, found)

    async def add(self, articles: Iterable[Made]) -> None:
        """Take in new articles."""
        await article_files.import_lines(
            self.newsroom, io.BufferedReader(io.BytesIO(b"".join(article.line for article in articles)))
        )


@asynccontextmanager
async def telex(folder: Path, articles: Iterable[Made], size: int) -> AsyncIterator[Telex]:
    """Telex over a database in `folder`, which is filled where it is not yet."""
    async with open_newsroom(Settings(database=folder / "telex.db")) as newsroom:
        if await newsroom.store.index.size() < size:
            began = time.perf_counter()

            def progress(done: int) -> None:
                if done % 50_000 == 0:
                    console.print(f"Telex: {done:,} articles, {time.perf_counter() - began:.0f} s")

            lines = Lines(article.line for article in articles)
            await article_files.import_lines(newsroom, cast("io.BufferedReader", lines), on_progress=progress)
        await newsroom.store.merge_index()  # as the bot does every quarter of an hour
        engine = Telex(newsroom, {feed.outlet: feed.id for feed in await newsroom.store.feeds.all()})
        await engine.searcher.finder.vocabulary.ready()
        while not engine.searcher.finder.vocabulary.size:  # noqa: ASYNC110 - it is read beside, and tells nobody
            await asyncio.sleep(1)
        async with metered_readers():
            yield engine


class Tantivy:
    """tantivy, as a program would use it that has nothing else to do."""

    name = "tantivy"

    def __init__(self, folder: Path) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("number", stored=True, fast=True)
        builder.add_text_field("url", stored=True, tokenizer_name="raw", index_option="basic")
        builder.add_text_field("title", tokenizer_name="news")
        builder.add_text_field("body", tokenizer_name="news")
        builder.add_integer_field("feed", indexed=True, fast=True)
        builder.add_integer_field("published", indexed=True, fast=True)
        self.schema = builder.build()
        folder.mkdir(parents=True, exist_ok=True)
        self.index = tantivy.Index(self.schema, path=str(folder))
        self.index.register_tokenizer(
            "news",
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
            .filter(tantivy.Filter.remove_long(48))
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.ascii_fold())
            .filter(tantivy.Filter.custom_stopword(sorted(EMPTY)))
            .filter(tantivy.Filter.stemmer("english"))
            .build(),
        )
        self.writer = self.index.writer(heap_size=60_000_000, num_threads=1)
        self._threads = ThreadPoolExecutor(READERS)
        self._writing = ThreadPoolExecutor(1)

    def put(self, article: Made) -> None:
        """Add an article, to be found after the next commit."""
        document = tantivy.Document()
        document.add_integer("number", article.number)
        document.add_text("url", article.url)
        document.add_text("title", article.title)
        document.add_text("body", article.text)
        document.add_integer("feed", article.feed)
        document.add_integer("published", article.published)
        self.writer.add_document(document)

    def commit(self) -> None:
        """Let what was put be found."""
        self.writer.commit()
        self.index.reload()

    async def add(self, articles: Iterable[Made]) -> None:
        """Take in new articles."""

        def work() -> None:
            for article in articles:
                self.put(article)
            self.commit()

        await asyncio.get_running_loop().run_in_executor(self._writing, work)

    def close(self) -> None:
        """Wait for what still writes to the folder: a commit that nobody waits for any more, and merges."""
        self._threads.shutdown()
        self._writing.shutdown()
        self.writer.wait_merging_threads()

    def is_vague(self, asked: Asked) -> bool:
        """Whether so many titles have all words that none can be known by them."""
        query = self.index.parse_query(asked.words, ["title"], conjunction_by_default=True)
        return bool(asked.every and self.index.searcher().search(query, DEPTH + 1, count=False).hits[DEPTH:])

    async def search(self, asked: Asked, limit: int) -> Took:
        """The addresses of so many matches."""
        began = time.perf_counter()
        cpu, urls = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._search, asked, limit
        )
        wall = time.perf_counter() - began
        return Took(cpu * 1_000, wall * 1_000, asked.is_among(urls))

    def _search(self, asked: Asked, limit: int) -> tuple[float, list[str]]:
        began = time.thread_time()
        parts = []
        if asked.words:
            parts.append(
                self.index.parse_query(
                    asked.words, ["title", "body"], {"title": TITLE_BOOST}, conjunction_by_default=asked.every
                )
            )
        if asked.feed is not None:
            parts.append(tantivy.Query.term_query(self.schema, "feed", asked.feed))
        if asked.months:
            since, before = asked.months
            parts.append(
                tantivy.Query.range_query(
                    self.schema, "published", tantivy.FieldType.Integer, since, before, include_upper=False
                )
            )
        query = parts[0] if len(parts) == 1 else parts[0].and_must_match(*parts[1:])
        searcher = self.index.searcher()
        newest = asked.sort == "newest" or not asked.words
        order: dict[str, Any] = {"order_by_field": "published"} if newest else {}
        found = searcher.search(query, limit, count=False, **order)
        urls = [str(searcher.doc(address)["url"][0]) for _, address in found.hits]
        return time.thread_time() - began, urls


@asynccontextmanager
async def filled_tantivy(folder: Path, articles: Iterable[Made], size: int) -> AsyncIterator[Tantivy]:
    """tantivy over an index in `folder`, which is filled where it is not yet."""
    engine = Tantivy(folder)
    if engine.index.searcher().num_docs < size:
        began = time.perf_counter()
        for article in articles:
            engine.put(article)
        engine.commit()
        console.print(f"tantivy: {time.perf_counter() - began:.0f} s")
    try:
        yield engine
    finally:
        engine.close()


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of the database file, of the articles' own columns in it, and of the full-text index."""

    whole: int
    texts: int
    index: int


def sizes(path: Path) -> Sizes:
    """What lies in a database."""
    connection = sqlite3.connect(path)
    try:
        (whole,) = connection.execute(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        ).fetchone()
        (texts,) = connection.execute(
            "SELECT sum(octet_length(title) + octet_length(summary) + octet_length(text)"
            " + coalesce(octet_length(body), 0)) FROM article"
        ).fetchone()
        (index,) = connection.execute("SELECT sum(octet_length(block)) FROM article_terms_data").fetchone()
    finally:
        connection.close()
    return Sizes(whole, texts, index)


def month(moment: int) -> Iterator[datetime]:
    """The first moments of the month (UTC) of `moment` and of the next."""
    first = datetime.fromtimestamp(moment, UTC).replace(day=1, hour=0, minute=0, second=0)
    yield first
    yield first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
