"""Whether search finds it: whole questions as queries, and articles looked for by words of their titles.

    python -m tests.benchmarks.search_quality [--semantic]

Prints recall@5 and the mean reciprocal rank of a question's passage, by language and by half of the questions
(rules were tuned on the even ones), beside plain FTS5 in the same run and, with `--semantic`, beside Telex
with that extra; then how often an article is among the first 20 for three words of its title, one of them
inflected otherwise or without its accents.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sqlite3
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bot.text import terms
from tests.benchmarks.newsrooms import filled, read, url_of
from tests.search.searchers import searcher_of

DEPTH = 20
KNOWN_ITEMS = 2_000


def plain_index(documents: Sequence[dict[str, Any]]) -> Callable[[str], list[str]]:
    """Plain FTS5 with BM25 over the same documents: unicode61, any of the words."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE plain USING fts5 (title, text, tokenize = 'unicode61')")
    connection.executemany(
        "INSERT INTO plain (rowid, title, text) VALUES (?, ?, ?)",
        ((number, document["title"], document["text"]) for number, document in enumerate(documents)),
    )

    def search(question: str) -> list[str]:
        words = re.findall(r"\w+", question)
        rows = connection.execute(
            "SELECT rowid FROM plain WHERE plain MATCH ? ORDER BY bm25(plain) LIMIT ?",
            (" OR ".join(f'"{word}"' for word in words), DEPTH),
        )
        return [url_of(documents[rowid]) for (rowid,) in rows]

    return search


def rank(urls: Sequence[str], wanted: str) -> int | None:
    """The place of an address, from 1."""
    return urls.index(wanted) + 1 if wanted in urls else None


def figures(ranks: Sequence[int | None]) -> tuple[str, ...]:
    """How many, recall@1, recall@5, mean reciprocal rank."""
    count = len(ranks)
    at = [sum(1 for place in ranks if place and place <= k) / count for k in (1, 5)]
    return str(count), *(f"{share:.3f}" for share in at), f"{sum(1 / p for p in ranks if p) / count:.3f}"


def in_other_words(title: str, language: str, chance: random.Random) -> str | None:
    """Three words of a title in random order, one of them changed in a way that a person would write it."""
    words = [
        word
        for word in re.findall(r"[^\W\d_]{3,}", title)
        if terms.alternatives(terms.fold(word)) and word.isalpha()
    ]
    words = list(dict.fromkeys(words))
    if len(words) < 3:
        return None
    chosen = chance.sample(words, 3)
    word = chosen[0]
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    if bare != word:
        chosen[0] = bare
    elif word.endswith("s"):
        chosen[0] = word[:-1]
    elif word[-1] not in "xz":
        chosen[0] = word + "s"
    chance.shuffle(chosen)
    return " ".join(chosen)


async def questions(table: Table, *, semantic: bool) -> None:
    documents = read("questions/fr-docs") + read("questions/en-docs")
    by_id = {document["doc_id"]: document for document in documents}
    plain = plain_index(documents)
    async with filled(documents, semantic=semantic) as newsroom:
        searchers = {"Telex": searcher_of(newsroom.store)}
        if semantic:
            searchers["Telex, semantic"] = newsroom.searcher
        for language in ("fr", "en"):
            ranks: dict[tuple[str, str], list[int | None]] = defaultdict(list)
            for number, asked in enumerate(read(f"questions/{language}-questions")):
                wanted = url_of(by_id[asked["doc_id"]])
                places = {"plain FTS5": rank(plain(asked["question"]), wanted)}
                for name, searcher in searchers.items():
                    page = await searcher.search(asked["question"], feed_ids=None, limit=DEPTH)
                    places[name] = rank([result.article.url for result in page.results], wanted)
                for name, place in places.items():
                    for half in ("all", "tuned on" if number % 2 == 0 else "held out"):
                        ranks[name, half].append(place)
            for name in ("plain FTS5", *searchers):
                for half in ("tuned on", "held out", "all"):
                    table.add_row(language, half, name, *figures(ranks[name, half]))


async def known_items(table: Table) -> None:
    chance = random.Random(20201124)
    documents = read("articles/fr") + read("articles/en")
    async with filled(documents) as newsroom:
        searcher = searcher_of(newsroom.store)
        for language in ("fr", "en"):
            pool = [document for document in documents if document["lang"] == language]
            ranks = []
            for document in chance.sample(pool, min(len(pool), KNOWN_ITEMS)):
                query = in_other_words(document["title"], language, chance)
                if query is None:
                    continue
                page = await searcher.search(query, feed_ids=None, limit=DEPTH)
                titles = [result.article.title.strip() for result in page.results]
                ranks.append(rank(titles, document["title"].strip()))
            hits = sum(1 for place in ranks if place and place <= DEPTH) / len(ranks)
            table.add_row(language, *figures(ranks), f"{hits:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--semantic", action="store_true", help="also with the extra, which has to be there")
    options = parser.parse_args()
    console = Console(width=110)
    table = Table(
        "language", "half", "search", "questions", "recall@1", "recall@5", "MRR", title="Questions as queries"
    )
    asyncio.run(questions(table, semantic=options.semantic))
    console.print(table)
    table = Table("language", "articles", "hit@1", "hit@5", "MRR", "hit@20", title="Three words of a title")
    asyncio.run(known_items(table))
    console.print(table)


if __name__ == "__main__":
    main()
