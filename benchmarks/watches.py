"""What an arriving article costs with 10,000 watches, with 100, and with one that cannot match (the floor).

`python -m benchmarks.watches [WATCHES]`: watches of people in 400 servers that all follow the feed, of
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

from benchmarks.corpus import Corpus, CorpusArticle
from bot.core.models import Feed
from bot.search.index import text_analysis
from bot.store import Store
from bot.text.words import fold
from bot.watches.watch_matching import WatchMatcher
from tests.support import store_probe
from tests.support.clocks import ManualClock
from tests.support.samples import add_feed, new_article, record

WATCHES, FEW_WATCHES = 10_000, 100
SERVERS = 400
STORED_ARTICLES = 3_000  # articles that are there before: they tell how rare a word is
ARRIVING_ARTICLES = 300
QUERY_WORDS = 3


def find_rare_words(corpus: Corpus) -> set[str]:
    """The words of titles that few articles have."""
    article_counts: Counter[str] = Counter()
    for number in range(STORED_ARTICLES):
        article = corpus.article(number)
        article_counts.update({*article.title.split(), *article.text.split()})
    return {word for word, count in article_counts.items() if count <= STORED_ARTICLES // 50}


def make_query(corpus: Corpus, chance: random.Random, rare_words: set[str]) -> str:
    """What somebody could watch for: words of a title, in one of the forms of the syntax."""
    words: list[str] = []
    while len(words) < QUERY_WORDS:
        title = corpus.article(chance.randrange(STORED_ARTICLES)).title
        words = [word for word in title.split() if word.isalpha() and not text_analysis.is_stop_word(fold(word))]
    first = chance.randrange(len(words) - 2)
    first_word, second_word, third_word = words[first : first + QUERY_WORDS]
    forms = (
        f"{first_word} {second_word}",
        f"{first_word} {second_word}",
        f"{first_word} {third_word}",
        f"{first_word} {second_word} {third_word}",
        f"{first_word} {second_word} {third_word}",
        f'"{first_word} {second_word}"',
        f"{first_word} {second_word} OR {third_word}",
        f"{first_word} {third_word} -{second_word}",
        f'{first_word} source:"Outlet {chance.randrange(500)}"',
        next((word for word in words if word in rare_words), f"{first_word} {second_word}"),
    )
    return chance.choice(forms)


async def record_articles(store: Store, feed: Feed, *articles: CorpusArticle) -> None:
    """Let articles come in one poll."""
    await record(
        store,
        feed,
        *(
            new_article(
                feed,
                str(article.number),
                title=article.title,
                text=article.text,
                language=article.language,
                outlet=article.source,
                author=article.author,
                tags=article.tags,
                published=article.published,
            )
            for article in articles
        ),
    )


async def measure(path: Path, corpus: Corpus, watches: int) -> tuple[list[float], list[float], int, float]:
    """CPU and wall milliseconds of each article, the notices they made, and the seconds to begin."""
    store = await Store.open(path, ManualClock())
    feed = await add_feed(store)
    await record_articles(store, feed, *(corpus.article(number) for number in range(STORED_ARTICLES)))
    for server in range(1, SERVERS + 1):
        await store.subscriptions.follow(
            server_id=server, channel_id=10_000 + server, feed_id=feed.id, first_article_id=None
        )
    chance, rare_words = random.Random(7), find_rare_words(corpus)
    for number in range(watches):
        server = number % SERVERS + 1
        await store.watches.add(
            server_id=server,
            channel_id=100_000 + number // 25,
            user_id=500_000 + number // 25,
            query=make_query(corpus, chance, rare_words) if watches > 1 else "unheardof",
            language="en",
            limit=1_000_000,
        )
    matcher = WatchMatcher(store)
    await record_articles(store, feed, corpus.article(STORED_ARTICLES))
    started_at = time.perf_counter()
    await matcher.process_next_batch()  # learns the watches
    learning_seconds = time.perf_counter() - started_at
    cpu, wall = [], []
    for number in range(STORED_ARTICLES + 1, STORED_ARTICLES + 1 + ARRIVING_ARTICLES):
        await record_articles(store, feed, corpus.article(number))
        started_at, cpu_started_at = time.perf_counter(), time.process_time()
        await matcher.process_next_batch()
        cpu.append((time.process_time() - cpu_started_at) * 1_000)
        wall.append((time.perf_counter() - started_at) * 1_000)
    await store.close()
    match_count = len(store_probe.load_rows(path, "watch_match"))
    return sorted(cpu), sorted(wall), match_count, learning_seconds


async def main() -> None:
    max_watches = int(sys.argv[1]) if len(sys.argv) > 1 else WATCHES
    corpus = Corpus(STORED_ARTICLES + 1 + ARRIVING_ARTICLES)
    print(f"{ARRIVING_ARTICLES} articles arrive one by one, made of {corpus.origin}")  # noqa: T201 - what it is for
    for watches, name in (
        (1, "floor: 1 watch"),
        (FEW_WATCHES, f"{FEW_WATCHES} watches"),
        (max_watches, f"{max_watches:,} watches"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            cpu, wall, matches, learning_seconds = await measure(Path(folder) / "telex.db", corpus, watches)
        print(  # noqa: T201 - as above
            f"{name:>16}: {mean(cpu):5.2f} ms of CPU an article (p50 {cpu[len(cpu) // 2]:.2f}, "
            f"p99 {cpu[int(len(cpu) * 0.99)]:.2f}), {wall[len(wall) // 2]:.2f} ms wall (p50), "
            f"{matches / (ARRIVING_ARTICLES + 1):.1f} matches an article, {learning_seconds:.2f} "
            f"s to learn them"
        )


if __name__ == "__main__":
    asyncio.run(main())
