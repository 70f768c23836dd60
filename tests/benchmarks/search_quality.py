"""Whether search finds it: questions, titles and quoted paragraphs as queries, beside the engine and FTS5.

    python -m tests.benchmarks.search_quality [--semantic] [--sample N]

Of whole questions: recall@1, recall@5 and the mean reciprocal rank of the passage that answers, by language;
the weights of `ranking` were chosen with these questions at hand. Of articles by their
titles, by three words of them (one inflected otherwise or without its accents), and by two sentences of their
texts, in which words stand in quotation marks: the same, and how often they are among the first 20. So too
by what is left of two sentences where another outlet has half of the words, with what it quotes and without
its quotation marks.
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

from bot.client.services import Services
from bot.search.index import text_analysis
from bot.search.index.search_engine import UNRESTRICTED
from bot.text import excerpts
from tests.benchmarks.newsrooms import filled, read, url_of

DEPTH = 20
KNOWN_ITEMS = 2_000
TITLE_WORDS = 3
QUOTED_SENTENCES = 2
WORDS_ELSEWHERE = 0.5  # part of the words of a sentence that another outlet has
MIN_WORDS_ELSEWHERE = 4  # of a sentence


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
    """How many, recall@1, recall@5, mean reciprocal rank, hit@20."""
    count = len(ranks)
    hits = sum(1 for place in ranks if place) / count
    at = [sum(1 for place in ranks if place and place <= k) / count for k in (1, 5)]
    return (
        str(count),
        *(f"{share:.3f}" for share in at),
        f"{sum(1 / p for p in ranks if p) / count:.3f}",
        f"{hits:.3f}",
    )


def in_other_words(title: str, language: str, chance: random.Random) -> str | None:
    """Three words of a title in random order, one of them changed in a way that a person would write it."""
    words = [
        word
        for word in re.findall(r"[^\W\d_]{3,}", title)
        if text_analysis.stemmed_tokens(word, language) and word.isalpha()
    ]
    words = list(dict.fromkeys(words))
    if len(words) < TITLE_WORDS:
        return None
    chosen = chance.sample(words, TITLE_WORDS)
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


def quotable_sentences(text: str) -> list[str]:
    """Return the sentences of 8 to 40 words."""
    lengths = range(8, 41)
    return [sentence for sentence in excerpts.sentences(text) if len(sentence.split()) in lengths]


def in_quotes(text: str, chance: random.Random) -> str | None:
    """Two sentences of a text, with two words of each in quotation marks."""
    sentences = [sentence for sentence in quotable_sentences(text) if '"' not in sentence]
    if len(sentences) < QUOTED_SENTENCES:
        return None
    start = chance.randrange(len(sentences) - 1)
    quoted = []
    for sentence in sentences[start : start + QUOTED_SENTENCES]:
        words = sentence.split()
        place = chance.randrange(1, len(words) - 3)
        words[place], words[place + 1] = f"«{words[place]}", f"{words[place + 1]}»"
        quoted.append(" ".join(words))
    return " ".join(quoted)


def from_elsewhere(document: dict[str, Any]) -> str | None:
    """Half of the words of two sentences, in order, two neighbours of each in quotation marks."""
    chance = random.Random(url_of(document))
    sentences = quotable_sentences(document["text"])
    if len(sentences) < QUOTED_SENTENCES:
        return None
    start = chance.randrange(len(sentences) - 1)
    pasted = []
    for sentence in sentences[start : start + QUOTED_SENTENCES]:
        words = [
            word for word in re.sub('["«»“”]', " ", sentence).split() if chance.random() < WORDS_ELSEWHERE
        ]
        if len(words) < MIN_WORDS_ELSEWHERE:
            return None
        place = chance.randrange(len(words) - 1)
        words[place], words[place + 1] = f"«{words[place]}", f"{words[place + 1]}»"
        pasted.append(" ".join(words))
    return " ".join(pasted)


async def engine_alone(newsroom: Services, query: str) -> list[str]:
    """The addresses that the engine's own order gives."""
    await newsroom.index.ensure_current()
    assert newsroom.index.engine is not None
    hits = await asyncio.to_thread(newsroom.index.engine.match_any, query, UNRESTRICTED, DEPTH)
    return [article.url for article in await newsroom.store.articles.by_ids([hit.article_id for hit in hits])]


async def search(newsroom: Services, query: str) -> list[str]:
    """The addresses that a search gives."""
    page = await newsroom.searcher.search(query, feed_ids=None, limit=DEPTH)
    return [result.article.url for result in page.results]


async def questions(table: Table, *, semantic: bool, most: int) -> None:
    documents = read("questions/fr-docs") + read("questions/en-docs")
    by_id = {document["doc_id"]: document for document in documents}
    plain = plain_index(documents)
    async with filled(documents, semantic=semantic) as newsroom:
        for language in ("fr", "en"):
            ranks: dict[str, list[int | None]] = defaultdict(list)
            asked_all = read(f"questions/{language}-questions")
            for asked in random.Random(1).sample(asked_all, min(most, len(asked_all))):
                wanted = url_of(by_id[asked["doc_id"]])
                places = {
                    "plain FTS5": rank(plain(asked["question"]), wanted),
                    "the engine alone": rank(await engine_alone(newsroom, asked["question"]), wanted),
                    "Telex": rank(await search(newsroom, asked["question"]), wanted),
                }
                for name, place in places.items():
                    ranks[name].append(place)
            for name, places_ in ranks.items():
                table.add_row(language, name, *figures(places_))


async def known_items(table: Table, most: int) -> None:
    chance = random.Random(20201124)
    documents = read("articles/fr") + read("articles/en")
    plain = plain_index(documents)
    makers: dict[str, Callable[[dict[str, Any]], str | None]] = {
        "title": lambda document: document["title"],
        "three words of a title": lambda document: in_other_words(
            document["title"], document["lang"], chance
        ),
        "two sentences with quotation marks": lambda document: in_quotes(document["text"], chance),
        "pasted from elsewhere": from_elsewhere,
        "pasted from elsewhere, plain": lambda document: re.sub("[«»]", "", from_elsewhere(document) or ""),
    }
    async with filled(documents) as newsroom:
        for language in ("fr", "en"):
            pool = [document for document in documents if document["lang"] == language]
            chosen = chance.sample(pool, min(len(pool), most))
            for name, maker in makers.items():
                ranks: dict[str, list[int | None]] = defaultdict(list)
                for document in chosen:
                    if query := maker(document):
                        wanted = url_of(document)
                        ranks["plain FTS5"].append(rank(plain(query), wanted))
                        ranks["the engine alone"].append(rank(await engine_alone(newsroom, query), wanted))
                        ranks["Telex"].append(rank(await search(newsroom, query), wanted))
                for search_name, places in ranks.items():
                    table.add_row(language, name, search_name, *figures(places))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--semantic", action="store_true", help="also with the extra, which has to be there")
    parser.add_argument("--sample", type=int, default=1_000_000, help="so many of each kind at the most")
    options = parser.parse_args()
    console = Console(width=120)
    columns = ("queries", "recall@1", "recall@5", "MRR", "hit@20")
    table = Table("language", "search", *columns, title="Questions as queries")
    asyncio.run(questions(table, semantic=options.semantic, most=options.sample))
    console.print(table)
    table = Table("language", "kind", "search", *columns, title="Articles by their own words")
    asyncio.run(known_items(table, min(options.sample, KNOWN_ITEMS)))
    console.print(table)


if __name__ == "__main__":
    main()
