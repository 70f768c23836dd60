"""Benchmark of matching new articles against 10,000 watches, 100 watches, and one that never matches (the floor).

    python -m benchmarks.watches [WATCHES]

The watches belong to people in 400 servers that all follow the feed. Their queries are one to three words of
articles' titles, without stop words, some with a phrase, an alternative, an exclusion or a source; a single word is
one that at most one article in fifty contains. 300 articles in two languages are matched one by one.

Printed are the CPU and wall time per article in milliseconds (loading and analysing it, matching it, storing its
matches), the matches per article, and the seconds to load the watches at the start.
"""

from __future__ import annotations

import argparse
import asyncio
import random
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
from tests.support.samples import add_feed, make_new_article, write_poll

WATCHES, FEW_WATCHES = 10_000, 100
SERVERS = 400
STORED_ARTICLES = 3_000  # Articles of which the frequencies of words are counted.
MATCHED_ARTICLES = 300
QUERY_WORDS = 3


def find_rare_words(corpus: Corpus) -> set[str]:
    """Return the words that at most one article in fifty contains."""
    article_counts: Counter[str] = Counter()
    for number in range(STORED_ARTICLES):
        article = corpus.article(number)
        article_counts.update({*article.title.split(), *article.text.split()})
    return {word for word, count in article_counts.items() if count <= STORED_ARTICLES // 50}


def make_query(corpus: Corpus, chance: random.Random, rare_words: set[str]) -> str:
    """Make a query of words of a title, in a random form of the syntax."""
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
    """Record articles as new in one poll."""
    await write_poll(
        store,
        feed,
        *(
            make_new_article(
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
    """Return the sorted CPU and wall milliseconds per article, the matches, and the seconds to load the watches."""
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
            query=make_query(corpus, chance, rare_words) if watches > 1 else "xyzzyplugh",
            language="en",
            limit=1_000_000,
        )
    matcher = WatchMatcher(store)
    await record_articles(store, feed, corpus.article(STORED_ARTICLES))
    started_at = time.perf_counter()
    await matcher.process_next_batch()  # The first batch loads the watches.
    loading_seconds = time.perf_counter() - started_at
    cpu_ms, wall_ms = [], []
    for number in range(STORED_ARTICLES + 1, STORED_ARTICLES + 1 + MATCHED_ARTICLES):
        await record_articles(store, feed, corpus.article(number))
        started_at, cpu_started_at = time.perf_counter(), time.process_time()
        await matcher.process_next_batch()
        cpu_ms.append((time.process_time() - cpu_started_at) * 1_000)
        wall_ms.append((time.perf_counter() - started_at) * 1_000)
    await store.close()
    match_count = len(store_probe.load_rows(path, "watch_match"))
    return sorted(cpu_ms), sorted(wall_ms), match_count, loading_seconds


async def main(max_watches: int) -> None:
    """Print the figures for each number of watches."""
    corpus = Corpus(STORED_ARTICLES + 1 + MATCHED_ARTICLES)
    print(f"{MATCHED_ARTICLES} articles are matched one by one, made from {corpus.origin}")  # noqa: T201 - prints the figures
    for watches, name in (
        (1, "floor: 1 watch"),
        (FEW_WATCHES, f"{FEW_WATCHES} watches"),
        (max_watches, f"{max_watches:,} watches"),
    ):
        with tempfile.TemporaryDirectory() as folder:
            cpu_ms, wall_ms, match_count, loading_seconds = await measure(Path(folder) / "telex.db", corpus, watches)
        print(  # noqa: T201 - prints the figures
            f"{name:>16}: {mean(cpu_ms):5.2f} ms of CPU per article (p50 {cpu_ms[len(cpu_ms) // 2]:.2f}, "
            f"p99 {cpu_ms[int(len(cpu_ms) * 0.99)]:.2f}), {wall_ms[len(wall_ms) // 2]:.2f} ms wall time (p50), "
            f"{match_count / (MATCHED_ARTICLES + 1):.1f} matches per article, {loading_seconds:.2f} s to load them"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("watches", type=int, nargs="?", default=WATCHES, help="largest number of watches")
    asyncio.run(main(parser.parse_args().watches))
