"""Whether search finds it: questions, titles and quoted paragraphs as queries, beside the engine and FTS5.

    python -m benchmarks.search_quality [--semantic] [--sample N]

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

from benchmarks.newsrooms import make_document_url, open_filled_newsroom, read_rows
from bot.client.services import Services
from bot.search.index import text_analysis
from bot.search.index.search_engine import UNRESTRICTED_SCOPE
from bot.text import excerpts

DEPTH = 20
MAX_KNOWN_ARTICLES = 2_000
TITLE_WORDS = 3
QUOTED_SENTENCES = 2
WORDS_ELSEWHERE_SHARE = 0.5  # part of the words of a sentence that another outlet has
MIN_WORDS_ELSEWHERE = 4  # of a sentence


def build_plain_index(documents: Sequence[dict[str, Any]]) -> Callable[[str], list[str]]:
    """Plain FTS5 with BM25 over the same documents: unicode61, any of the words."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE plain USING fts5 (title, text, tokenize = 'unicode61')")
    connection.executemany(
        "INSERT INTO plain (rowid, title, text) VALUES (?, ?, ?)",
        ((number, document["title"], document["text"]) for number, document in enumerate(documents)),
    )

    def search_plain(question: str) -> list[str]:
        words = re.findall(r"\w+", question)
        rows = connection.execute(
            "SELECT rowid FROM plain WHERE plain MATCH ? ORDER BY bm25(plain) LIMIT ?",
            (" OR ".join(f'"{word}"' for word in words), DEPTH),
        )
        return [make_document_url(documents[rowid]) for (rowid,) in rows]

    return search_plain


def find_rank(urls: Sequence[str], expected_url: str) -> int | None:
    """The place of an address, from 1."""
    return urls.index(expected_url) + 1 if expected_url in urls else None


def format_figures(ranks: Sequence[int | None]) -> tuple[str, ...]:
    """How many, recall@1, recall@5, mean reciprocal rank, hit@20."""
    count = len(ranks)
    hits = sum(1 for place in ranks if place) / count
    recalls = [sum(1 for place in ranks if place and place <= k) / count for k in (1, 5)]
    return (
        str(count),
        *(f"{share:.3f}" for share in recalls),
        f"{sum(1 / p for p in ranks if p) / count:.3f}",
        f"{hits:.3f}",
    )


def rephrase_title(title: str, language: str, chance: random.Random) -> str | None:
    """Three words of a title in random order, one of them changed in a way that a person would write it."""
    words = [
        word
        for word in re.findall(r"[^\W\d_]{3,}", title)
        if text_analysis.stem_tokens(word, language) and word.isalpha()
    ]
    words = list(dict.fromkeys(words))
    if len(words) < TITLE_WORDS:
        return None
    sampled_words = chance.sample(words, TITLE_WORDS)
    word = sampled_words[0]
    unaccented = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    if unaccented != word:
        sampled_words[0] = unaccented
    elif word.endswith("s"):
        sampled_words[0] = word[:-1]
    elif word[-1] not in "xz":
        sampled_words[0] = word + "s"
    chance.shuffle(sampled_words)
    return " ".join(sampled_words)


def quotable_sentences(text: str) -> list[str]:
    """Return the sentences of 8 to 40 words."""
    lengths = range(8, 41)
    return [sentence for sentence in excerpts.split_sentences(text) if len(sentence.split()) in lengths]


def quote_sentences(text: str, chance: random.Random) -> str | None:
    """Two sentences of a text, with two words of each in quotation marks."""
    sentences = [sentence for sentence in quotable_sentences(text) if '"' not in sentence]
    if len(sentences) < QUOTED_SENTENCES:
        return None
    start = chance.randrange(len(sentences) - 1)
    quoted_sentences = []
    for sentence in sentences[start : start + QUOTED_SENTENCES]:
        words = sentence.split()
        place = chance.randrange(1, len(words) - 3)
        words[place], words[place + 1] = f"«{words[place]}", f"{words[place + 1]}»"
        quoted_sentences.append(" ".join(words))
    return " ".join(quoted_sentences)


def paste_from_elsewhere(document: dict[str, Any]) -> str | None:
    """Half of the words of two sentences, in order, two neighbours of each in quotation marks."""
    chance = random.Random(make_document_url(document))
    sentences = quotable_sentences(document["text"])
    if len(sentences) < QUOTED_SENTENCES:
        return None
    start = chance.randrange(len(sentences) - 1)
    pasted_sentences = []
    for sentence in sentences[start : start + QUOTED_SENTENCES]:
        words = [word for word in re.sub('["«»“”]', " ", sentence).split() if chance.random() < WORDS_ELSEWHERE_SHARE]
        if len(words) < MIN_WORDS_ELSEWHERE:
            return None
        place = chance.randrange(len(words) - 1)
        words[place], words[place + 1] = f"«{words[place]}", f"{words[place + 1]}»"
        pasted_sentences.append(" ".join(words))
    return " ".join(pasted_sentences)


async def search_engine_alone(newsroom: Services, query: str) -> list[str]:
    """The addresses that the engine's own order gives."""
    await newsroom.index.ensure_up_to_date()
    assert newsroom.index.engine is not None
    hits = await asyncio.to_thread(newsroom.index.engine.match_any, query, UNRESTRICTED_SCOPE, DEPTH)
    return [article.url for article in await newsroom.store.articles.list_by_ids([hit.article_id for hit in hits])]


async def search_urls(newsroom: Services, query: str) -> list[str]:
    """The addresses that a search gives."""
    page = await newsroom.searcher.search(query, feed_ids=None, limit=DEPTH)
    return [hit.article.url for hit in page.results]


async def measure_questions(table: Table, *, semantic: bool, max_queries: int) -> None:
    documents = read_rows("questions/fr-docs") + read_rows("questions/en-docs")
    by_id = {document["doc_id"]: document for document in documents}
    plain = build_plain_index(documents)
    async with open_filled_newsroom(documents, semantic=semantic) as newsroom:
        for language in ("fr", "en"):
            ranks: dict[str, list[int | None]] = defaultdict(list)
            question_rows = read_rows(f"questions/{language}-questions")
            for question_row in random.Random(1).sample(question_rows, min(max_queries, len(question_rows))):
                expected_url = make_document_url(by_id[question_row["doc_id"]])
                places = {
                    "plain FTS5": find_rank(plain(question_row["question"]), expected_url),
                    "the engine alone": find_rank(
                        await search_engine_alone(newsroom, question_row["question"]), expected_url
                    ),
                    "Telex": find_rank(await search_urls(newsroom, question_row["question"]), expected_url),
                }
                for name, place in places.items():
                    ranks[name].append(place)
            for name, places_ in ranks.items():
                table.add_row(language, name, *format_figures(places_))


async def measure_known_articles(table: Table, max_queries: int) -> None:
    chance = random.Random(20201124)
    documents = read_rows("articles/fr") + read_rows("articles/en")
    plain = build_plain_index(documents)
    query_makers: dict[str, Callable[[dict[str, Any]], str | None]] = {
        "title": lambda document: document["title"],
        "three words of a title": lambda document: rephrase_title(document["title"], document["lang"], chance),
        "two sentences with quotation marks": lambda document: quote_sentences(document["text"], chance),
        "pasted from elsewhere": paste_from_elsewhere,
        "pasted from elsewhere, plain": lambda document: re.sub("[«»]", "", paste_from_elsewhere(document) or ""),
    }
    async with open_filled_newsroom(documents) as newsroom:
        for language in ("fr", "en"):
            pool = [document for document in documents if document["lang"] == language]
            sampled_documents = chance.sample(pool, min(len(pool), max_queries))
            for name, make_query in query_makers.items():
                ranks: dict[str, list[int | None]] = defaultdict(list)
                for document in sampled_documents:
                    if query := make_query(document):
                        expected_url = make_document_url(document)
                        ranks["plain FTS5"].append(find_rank(plain(query), expected_url))
                        ranks["the engine alone"].append(
                            find_rank(await search_engine_alone(newsroom, query), expected_url)
                        )
                        ranks["Telex"].append(find_rank(await search_urls(newsroom, query), expected_url))
                for search_name, places in ranks.items():
                    table.add_row(language, name, search_name, *format_figures(places))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="also with the extra, which has to be there")
    parser.add_argument("--sample", type=int, default=1_000_000, help="so many of each kind at the most")
    options = parser.parse_args()
    console = Console(width=120)
    columns = ("queries", "recall@1", "recall@5", "MRR", "hit@20")
    table = Table("language", "search", *columns, title="Questions as queries")
    asyncio.run(measure_questions(table, semantic=options.semantic, max_queries=options.sample))
    console.print(table)
    table = Table("language", "kind", "search", *columns, title="Articles by their own words")
    asyncio.run(measure_known_articles(table, min(options.sample, MAX_KNOWN_ARTICLES)))
    console.print(table)


if __name__ == "__main__":
    main()
