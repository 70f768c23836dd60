"""What an arriving article costs with 10,000 watches, with 100, and with one that cannot match (the floor).

`python -m tests.benchmarks.watches [WATCHES]`: watches of people in 400 servers that all follow the feed, of
one to three words of other articles' titles, stop words aside, some with a phrase, an alternative, an
exclusion or a source; a word alone is one that at most one article in fifty has. 300 articles arrive one by
one, in two languages. The cost is all that happens to an article for watches: it is read, analysed,
held against the watches, and its notices and the end of its arrival are written.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import mean

from bot.core.models import Feed
from bot.search.index import text_analysis
from bot.store import Store
from bot.text.words import fold
from bot.watches.watch_matching import WatchMatcher
from tests.benchmarks.corpus import Corpus, Made
from tests.clocks import ManualClock
from tests.store.samples import add_feed, new_article, record
from tests.wire import direct_access

WATCHES, FEW = 10_000, 100
SERVERS = 400
KEPT = 3_000  # articles that are there before: they tell how rare a word is
ARRIVING = 300
QUERY_WORDS = 3


def rare(corpus: Corpus) -> set[str]:
    """The words of titles that few articles have."""
    having: Counter[str] = Counter()
    for number in range(KEPT):
        made = corpus.article(number)
        having.update({*made.title.split(), *made.text.split()})
    return {word for word, count in having.items() if count <= KEPT // 50}


def query(corpus: Corpus, chance: random.Random, alone: set[str]) -> str:
    """What somebody could watch for: words of a title, in one of the forms of the syntax."""
    words: list[str] = []
    while len(words) < QUERY_WORDS:
        title = corpus.article(chance.randrange(KEPT)).title
        words = [
            word for word in title.split() if word.isalpha() and not text_analysis.is_stop_word(fold(word))
        ]
    first = chance.randrange(len(words) - 2)
    one, two, three = words[first : first + QUERY_WORDS]
    forms = (
        f"{one} {two}",
        f"{one} {two}",
        f"{one} {three}",
        f"{one} {two} {three}",
        f"{one} {two} {three}",
        f'"{one} {two}"',
        f"{one} {two} OR {three}",
        f"{one} {three} -{two}",
        f'{one} source:"Outlet {chance.randrange(500)}"',
        next((word for word in words if word in alone), f"{one} {two}"),
    )
    return chance.choice(forms)


async def keep(store: Store, feed: Feed, *articles: Made) -> None:
    """Let articles come in one poll."""
    await record(
        store,
        feed,
        *(
            new_article(
                feed,
                str(made.number),
                title=made.title,
                text=made.text,
                language=made.language,
                outlet=made.source,
                author=made.author,
                tags=made.tags,
                published=made.published,
            )
            for made in articles
        ),
    )


async def measure(path: Path, corpus: Corpus, watches: int) -> tuple[list[float], list[float], int, float]:
    """CPU and wall milliseconds of each article, the notices they made, and the seconds to begin."""
    store = await Store.open(path, ManualClock())
    feed = await add_feed(store)
    await keep(store, feed, *(corpus.article(number) for number in range(KEPT)))
    for server in range(1, SERVERS + 1):
        await store.subscriptions.follow(
            server_id=server, channel_id=10_000 + server, feed_id=feed.id, first_article_id=None
        )
    chance, alone = random.Random(7), rare(corpus)
    for number in range(watches):
        server = number % SERVERS + 1
        await store.watches.add(
            server_id=server,
            channel_id=100_000 + number // 25,
            person_id=500_000 + number // 25,
            query=query(corpus, chance, alone) if watches > 1 else "unheardof",
            language="en",
            limit=1_000_000,
        )
    watchman = WatchMatcher(store)
    await keep(store, feed, corpus.article(KEPT))
    began = time.perf_counter()
    await watchman.process_next_batch()  # learns the watches
    begin = time.perf_counter() - began
    cpu, wall = [], []
    for number in range(KEPT + 1, KEPT + 1 + ARRIVING):
        await keep(store, feed, corpus.article(number))
        began, spent = time.perf_counter(), time.process_time()
        await watchman.process_next_batch()
        cpu.append((time.process_time() - spent) * 1_000)
        wall.append((time.perf_counter() - began) * 1_000)
    await store.close()
    ((told,),) = direct_access.rows(path, "SELECT count(*) FROM watch_match")
    return sorted(cpu), sorted(wall), told, begin


async def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else WATCHES
    corpus = Corpus(KEPT + 1 + ARRIVING)
    print(f"{ARRIVING} articles arrive one by one, made of {corpus.comes_from}")  # noqa: T201 - what it is for
    for watches, name in ((1, "floor: 1 watch"), (FEW, f"{FEW} watches"), (most, f"{most:,} watches")):
        with tempfile.TemporaryDirectory() as folder:
            cpu, wall, matches, begin = await measure(Path(folder) / "telex.db", corpus, watches)
        print(  # noqa: T201 - as above
            f"{name:>16}: {mean(cpu):5.2f} ms of CPU an article (p50 {cpu[len(cpu) // 2]:.2f}, "
            f"p99 {cpu[int(len(cpu) * 0.99)]:.2f}), {wall[len(wall) // 2]:.2f} ms wall (p50), "
            f"{matches / (ARRIVING + 1):.1f} matches an article, {begin:.2f} s to learn them"
        )


if __name__ == "__main__":
    asyncio.run(main())
