"""What a search costs among a million articles, beside tantivy over the same texts in the same run.

    python -m tests.benchmarks.million [--articles N] [--folder FOLDER] [--queries N]

Fills a database through `telex import`'s own code and an index of tantivy
with articles that are made of real words, then asks both the same questions: one after the other, and eight
at once while 100 articles a second arrive; for a page of five as `/search` shows it, and for 20 results as
`telex search` gives them. Whether the article that a query was made of is among the first 20 counts where at
most 20 titles have all its words, as tantivy says. Says of each limit whether it is met, and how long this
machine takes to add: limits in milliseconds know nothing of how fast it is. Both are kept in FOLDER and used
again when they are there already; without it they are made anew and thrown away.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import os
import platform
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from rich.table import Table

from bot.text import terms
from tests.benchmarks.corpus import FEEDS, Corpus, Made, Words
from tests.benchmarks.engines import (
    DEPTH,
    Asked,
    Sizes,
    Tantivy,
    Telex,
    Took,
    console,
    filled_tantivy,
    month,
    sizes,
    telex,
)

PAGE = 5  # results of `/search`
ADDITIONS = 1_000_000
PEOPLE = 8
ARRIVING, BATCH = 100, 20  # articles a second, and together
TIMES, HIT = 10, 0.98
NEWEST, PHRASE = 3.0, 5.0  # milliseconds of CPU
BYTES = 2_500  # an article, beyond its texts

PAIR, COMMON, MIXED = "two words of a title", "two common words", "a rare and a common word"
QUESTION, QUOTED = "a whole question", "a phrase"
LATEST, LATEST_PAIR = "newest of a common word", "newest of two common words"
FILTERED, FILTERED_WORD = "a feed and a month", "a feed, a month and a word"
RELEVANCE = (PAIR, COMMON, MIXED, QUESTION)
FAST = (LATEST, LATEST_PAIR, FILTERED, FILTERED_WORD)
KINDS = (*RELEVANCE, QUOTED, *FAST)
QUESTIONS = {
    "en": "What did people say about {0} {1} when {2} and {3} happened?",
    "fr": "Que disent les gens de {0} {1} depuis que {2} et {3} sont arrivés ?",
}

T = TypeVar("T")


def telling(text: str) -> list[str]:
    """The words of a text that a person would search for, as they are written, each once."""
    words = (word.strip("«»“”\"'’.,;:!?()[]…") for word in text.split())
    found = {
        terms.fold(word): word
        for word in words
        if len(word) > 2 and word.isalpha() and terms.alternatives(terms.fold(word))
    }
    return list(found.values())


class Questions:
    """Queries of each kind, most of them made of an article of the corpus."""

    def __init__(self, corpus: Corpus, seed: int = 7) -> None:
        self._corpus = corpus
        self._chance = random.Random(seed)
        self._common = {
            language: [word for word, _ in words.counts.most_common(60)]
            for language, words in corpus.words.items()
        }

    def of(self, kind: str, count: int) -> list[Asked]:
        """So many queries of a kind."""
        made: list[Asked] = []
        while len(made) < count:
            article = self._corpus.article(self._chance.randrange(self._corpus.size))
            if asked := self._asked(kind, article):
                made.append(asked)
        return made

    def _asked(self, kind: str, article: Made) -> Asked | None:
        title = telling(article.title)
        common = self._chance.sample(self._common[article.language], 2)
        if kind in FAST:
            return _fast(kind, article, common)
        if kind == QUOTED:
            return _phrase(kind, article)
        if kind == QUESTION:
            return self._question(title, article)
        if kind == MIXED:
            return _mixed(title, article, self._corpus.words[article.language])
        return _words(kind, common) if kind == COMMON else self._pair(title, article)

    def _pair(self, title: Sequence[str], article: Made) -> Asked | None:
        return _words(PAIR, self._chance.sample(title, 2), article) if len(title) > 1 else None

    def _question(self, title: Sequence[str], article: Made) -> Asked | None:
        if len(title) < 4:
            return None
        text = QUESTIONS[article.language].format(*self._chance.sample(title, 4))
        return Asked(QUESTION, text, text.rstrip(" ?"), every=False, known=article.url)


def _words(kind: str, words: Sequence[str], article: Made | None = None) -> Asked:
    text = " ".join(words)
    return Asked(kind, text, text, known=article.url if article else None)


def _mixed(title: Sequence[str], article: Made, words: Words) -> Asked | None:
    """The rarest and the commonest word of a title."""
    by_rarity = sorted(title, key=lambda word: words.counts[terms.fold(word)])
    if len(title) < 2 or words.counts[terms.fold(by_rarity[-1])] < len(words.lengths) / 50:
        return None
    return _words(MIXED, (by_rarity[0], by_rarity[-1]), article)


def _phrase(kind: str, article: Made) -> Asked | None:
    """Three words as they stand in the text, two of which tell something."""
    words = article.text.split()
    for start in range(len(words) // 3, len(words) - 3):
        taken = words[start : start + 3]
        if all(word.isalpha() for word in taken) and len(telling(" ".join(taken))) == 2:
            text = f'"{" ".join(taken)}"'
            return Asked(kind, text, text)
    return None


def _fast(kind: str, article: Made, common: Sequence[str]) -> Asked:
    if kind == LATEST:
        return replace(_words(kind, common[:1]), sort="newest")
    if kind == LATEST_PAIR:
        return replace(_words(kind, common), sort="newest")
    first, last = month(article.published)
    word = "" if kind == FILTERED else common[0]
    return Asked(
        kind,
        f"since:{first:%Y-%m-%d} before:{last:%Y-%m-%d} {word}".strip(),
        word,
        feed=article.feed,
        months=(int(first.timestamp()), int(last.timestamp())),
    )


Measured = dict[str, list[Took]]


async def alone(engine: Telex | Tantivy, asked: Sequence[Asked], limit: int) -> Measured:
    """One after the other."""
    for each in asked[: len(KINDS) * 5]:
        await engine.search(each, limit)
    took: Measured = defaultdict(list)
    for each in asked:
        took[each.kind].append(await engine.search(each, limit))
    return took


async def loaded(
    engine: Telex | Tantivy, asked: Sequence[Asked], limit: int, new: Iterator[Made]
) -> Measured:
    """Eight at once, while articles arrive; each query is asked once."""
    took: Measured = defaultdict(list)
    waiting = iter(asked)
    taken = 0

    async def person() -> None:
        for each in waiting:
            took[each.kind].append(await engine.search(each, limit))

    async def arrivals() -> None:
        nonlocal taken
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            await asyncio.sleep(max(0.0, began + taken / ARRIVING - loop.time()))
            await engine.add(list(itertools.islice(new, BATCH)))
            taken += BATCH

    arriving = asyncio.create_task(arrivals())
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(person() for _ in range(PEOPLE)))
    seconds = asyncio.get_running_loop().time() - began
    arriving.cancel()
    await asyncio.gather(arriving, return_exceptions=True)
    if arriving.done() and not arriving.cancelled() and (error := arriving.exception()):
        raise error
    console.print(
        f"{engine.name}, under load: {len(asked)} searches and {taken} new articles in {seconds:.0f} s"
    )
    return took


def at(values: Sequence[float], share: float) -> float:
    """A percentile."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def percentiles(values: Sequence[float]) -> str:
    """p50 / p95 / p99."""
    return " / ".join(f"{at(values, share):.1f}" for share in (0.5, 0.95, 0.99))


def hits(took: Sequence[Took]) -> float | None:
    """How often the known article was found."""
    known = [each.hit for each in took if each.hit is not None]
    return sum(known) / len(known) if known else None


def addition() -> float:
    """Milliseconds of CPU that a million additions take, the least of five times."""

    def once() -> float:
        began = time.thread_time()
        total = 0
        for number in range(ADDITIONS):
            total += number
        return time.thread_time() - began

    return min(once() for _ in range(5)) * 1_000


def show(title: str, by_engine: dict[str, Measured]) -> None:
    """What everything took."""
    table = Table("query", "engine", "CPU ms p50/p95/p99", "wall ms p50/p95/p99", "hit@20", title=title)
    for kind in KINDS:
        for name, measured in by_engine.items():
            took = measured[kind]
            found = hits(took)
            table.add_row(
                kind,
                name,
                percentiles([each.cpu for each in took]),
                percentiles([each.wall for each in took]),
                "" if found is None else f"{found:.3f}",
            )
    console.print(table)


def judge(phase: str, by_engine: dict[str, Measured], table: Table) -> bool:
    """Hold what was measured against the limits, a row each; whether all are met."""
    met = True

    def row(what: str, figure: float, limit: float, *, unit: str = " ms", least: bool = False) -> None:
        nonlocal met
        good = figure >= limit if least else figure <= limit
        met &= good
        bound = f"{'≥' if least else '≤'} {limit:.3g}{unit}"
        table.add_row(phase, what, f"{figure:.3g}{unit}", bound, "met" if good else "MISSED")

    ours, theirs = by_engine["Telex"], by_engine["tantivy"]
    for kind in KINDS:
        cpu = at([each.cpu for each in ours[kind]], 0.99)
        if kind in RELEVANCE:
            row(f"{kind}: p99 CPU", cpu, TIMES * at([each.cpu for each in theirs[kind]], 0.99))
            if (found := hits(ours[kind])) is not None:
                row(f"{kind}: hit@20", found, HIT, unit="", least=True)
        else:
            row(f"{kind}: p99 CPU", cpu, PHRASE if kind == QUOTED else NEWEST)
    return met


def judge_size(size: Sizes, articles: int, table: Table) -> bool:
    """Hold the bytes of an article against their limit."""
    beyond = (size.whole - size.texts) / articles
    good = beyond <= BYTES
    table.add_row(
        "", "bytes an article beyond its texts", f"{beyond:.0f}", f"≤ {BYTES}", "met" if good else "MISSED"
    )
    return good


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with TemporaryDirectory(prefix="telex-million-") as made:
        yield Path(made)


async def main(articles: int, queries: int, folder: Path | None) -> bool:
    """Measure, print; whether every limit is met."""
    corpus = Corpus(articles)
    questions = Questions(corpus)
    asked = [each for kind in KINDS for each in questions.of(kind, queries)]
    random.Random(1).shuffle(asked)
    gates = Table("results", "limit", "measured", "allowed", "", title="Limits")
    with _place(folder) as place:
        async with AsyncExitStack() as stack:
            engines = (
                await stack.enter_async_context(telex(place, corpus, articles)),
                await stack.enter_async_context(filled_tantivy(place / "tantivy", corpus, articles)),
            )
            by_limit = {
                PAGE: [replace(each, known=None) for each in asked],
                DEPTH: [replace(each, known=None) if engines[1].is_vague(each) else each for each in asked],
            }
            stored = await engines[0].newsroom.store.index.size()
            size = sizes(place / "telex.db")
            gc.collect()
            gc.freeze()  # as `telex run` does: the corpus is not looked through between searches
            new = map(corpus.article, itertools.count(stored))
            phases: dict[str, dict[str, Measured]] = {}
            for limit, asked in by_limit.items():
                measured = phases[f"{limit}, alone"] = {}
                console.print(f"A million additions: {addition():.0f} ms")
                for engine in engines:
                    measured[engine.name] = await alone(engine, asked, limit)
            for limit, asked in by_limit.items():
                measured = phases[f"{limit}, under load"] = {}
                console.print(f"A million additions: {addition():.0f} ms")
                for engine in engines:
                    measured[engine.name] = await loaded(engine, asked, limit, new)
    console.print(
        f"{articles:,} articles of {FEEDS} feeds, words of {corpus.comes_from}; {datetime.now(UTC):%Y-%m-%d},"
        f" {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    console.print(
        f"An article: {size.whole / stored:.0f} bytes in the file, {size.texts / stored:.0f} of them its"
        f" texts, {size.index / stored:.0f} the full-text index"
    )
    met = judge_size(size, stored, gates)
    for phase, by_engine in phases.items():
        show(f"{articles:,} articles, results: {phase}", by_engine)
        met &= judge(phase, by_engine, gates)
    console.print(gates)
    return met


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=200, help="of each kind")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    raise SystemExit(0 if asyncio.run(main(given.articles, given.queries, given.folder)) else 1)
