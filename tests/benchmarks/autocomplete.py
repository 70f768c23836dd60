"""How long a person waits for what is offered while they type.

`python -m tests.benchmarks.autocomplete [ARTICLES]`: a database of so many articles (a million unless said)
over five years, titles and tags of real words, in 500 feeds; texts are short, for nothing of them is
completed. The floor is the cheapest read there is, an article by its key, in the same database and run; the
limit is 50 ms.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.core.models import Feed, NewArticle
from bot.store import Store
from bot.store.title_words import Kind
from bot.text import terms
from tests.benchmarks.corpus import END, FEEDS, Corpus, Made
from tests.clocks import ManualClock
from tests.store.samples import new_article

BATCH = 2_000
ASKED = 400  # times a row
WARM = 40
OFFERED = 12
PREFIXES = (1, 2, 3, 5)


def article(feed: Feed, made: Made) -> NewArticle:
    """A made article without its text."""
    return new_article(
        feed,
        str(made.number),
        title=made.title,
        text="",
        url=made.url,
        language=made.language,
        published=made.published,
        author=made.author,
        tags=made.tags,
    )


async def fill(store: Store, corpus: Corpus) -> list[Feed]:
    """Keep all articles; the feeds by their numbers."""
    feeds = [
        await store.feeds.add(f"https://feed{number}.example.org/", outlet=f"Outlet {number}")
        for number in range(FEEDS)
    ]
    made: Iterator[Made] = iter(corpus)
    while batch := list(islice(made, BATCH)):
        await store.articles.import_batch(
            [(feeds[one.feed].id, article(feeds[one.feed], one)) for one in batch]
        )
    return feeds


async def waits(act: Callable[[int], Awaitable[object]]) -> list[float]:
    """Milliseconds that calls take, sorted; the first few are left out."""
    took: list[float] = []
    for number in range(WARM + ASKED):
        began = time.perf_counter()
        await act(number)
        took.append((time.perf_counter() - began) * 1_000)
    return sorted(took[WARM:])


async def measure(store: Store, feeds: list[Feed], corpus: Corpus, table: Table) -> None:
    chance = random.Random(7)
    recent = [corpus.article(corpus.size - 1 - number) for number in range(min(corpus.size, 5_000))]
    words = [word for one in recent for word in map(terms.fold, one.title.split()) if word.isalpha()]
    keys = [article(feeds[one.feed], one).key for one in recent]
    typed = [chance.choice(words) for _ in range(WARM + ASKED)]
    floor = await waits(lambda _: store.articles.by_key(chance.choice(keys)))

    def completing(kind: Kind, letters: int, visible: set[int]) -> Callable[[int], Awaitable[object]]:
        return lambda n: store.words.complete(kind, typed[n][:letters], visible, OFFERED)

    def outlets(visible: set[int]) -> Callable[[int], Awaitable[object]]:
        return lambda n: store.feeds.outlets(visible, f"outlet {n % 50}", OFFERED)

    def row(what: str, seen: int, letters: str, took: list[float]) -> None:
        p50, p95, p99 = (took[int(len(took) * share)] for share in (0.5, 0.95, 0.99))
        ratio = p50 / floor[len(floor) // 2]
        table.add_row(what, str(seen), letters, *(f"{part:.2f}" for part in (p50, p95, p99)), f"{ratio:.1f}")

    row("an article by its key (the floor)", FEEDS, "", floor)
    for seen in (20, 200, FEEDS):
        visible = {feed.id for feed in chance.sample(feeds, seen)}
        for letters in PREFIXES:
            took = await waits(completing(Kind.WORD, letters, visible))
            row("words of recent titles", seen, str(letters), took)
        for kind in (Kind.TAG, Kind.AUTHOR):
            for letters in (0, 2):
                row(f"{kind.value}s", seen, str(letters), await waits(completing(kind, letters, visible)))
        row("sources", seen, "8", await waits(outlets(visible)))


async def main(articles: int) -> None:
    console = Console(width=100)
    corpus = Corpus(articles)
    for words in corpus.words.values():
        words.lengths = [1]
    with tempfile.TemporaryDirectory(prefix="telex-benchmark-") as folder:
        clock = ManualClock(END)
        store = await Store.open(Path(folder) / "telex.db", clock)
        try:
            began = time.perf_counter()
            feeds = await fill(store, corpus)
            rows = await store._database.fetchall("SELECT count(*) FROM completion")
            console.print(
                f"{articles} articles of {corpus.comes_from} in {time.perf_counter() - began:.0f} s, "
                f"{rows[0][0]} completions"
            )
            table = Table("ms a keystroke", "feeds seen", "letters", "p50", "p95", "p99", "p50 × floor")
            await measure(store, feeds, corpus, table)
            console.print(table)
        finally:
            await store.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))
