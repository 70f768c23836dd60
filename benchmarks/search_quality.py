"""Benchmark of search quality: questions, titles and quoted sentences as queries, compared with plain FTS5.

    python -m benchmarks.search_quality [--semantic] [--sample N]

Printed by language, type of query and search (plain FTS5, Telex's engine alone, Telex) are the number of queries,
recall@1, recall@5, the mean reciprocal rank and hit@20 (found among the first 20) of the expected document:

- questions, which expect the passage that answers; the weights of the ranking were chosen on them
- the title of an article
- three words of a title, one of them inflected differently or without its accents
- two sentences of a text, with words in quotation marks
- half of the words of two sentences, as another outlet may have them, with and without quotation marks
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
SHARED_WORD_SHARE = 0.5  # Share of a sentence's words that another outlet has.
MIN_SHARED_WORDS = 4  # Shared words of a sentence, at least.


def build_plain_index(documents: Sequence[dict[str, Any]]) -> Callable[[str], list[str]]:
    """Return a search for any of the words in plain FTS5 (unicode61, BM25) over the documents."""
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
    """Return the rank of a URL from 1, or None if it is absent."""
    return urls.index(expected_url) + 1 if expected_url in urls else None


def format_figures(ranks: Sequence[int | None]) -> tuple[str, ...]:
    """Format the number of queries, recall@1, recall@5, mean reciprocal rank and hit@20."""
    count = len(ranks)
    hit_share = sum(1 for rank in ranks if rank) / count
    recalls = [sum(1 for rank in ranks if rank and rank <= depth) / count for depth in (1, 5)]
    return (
        str(count),
        *(f"{share:.3f}" for share in recalls),
        f"{sum(1 / rank for rank in ranks if rank) / count:.3f}",
        f"{hit_share:.3f}",
    )


def rephrase_title(title: str, language: str, chance: random.Random) -> str | None:
    """Return three words of a title in random order, one of them with another ending or without its accents."""
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
    unaccented = "".join(
        character for character in unicodedata.normalize("NFKD", word) if not unicodedata.combining(character)
    )
    if unaccented != word:
        sampled_words[0] = unaccented
    elif word.endswith("s"):
        sampled_words[0] = word[:-1]
    elif word[-1] not in "xz":
        sampled_words[0] = word + "s"
    chance.shuffle(sampled_words)
    return " ".join(sampled_words)


def split_quotable_sentences(text: str) -> list[str]:
    """Return the sentences of 8 to 40 words."""
    lengths = range(8, 41)
    return [sentence for sentence in excerpts.split_sentences(text) if len(sentence.split()) in lengths]


def quote_sentences(text: str, chance: random.Random) -> str | None:
    """Return two sentences of a text, with two words of each in quotation marks."""
    sentences = [sentence for sentence in split_quotable_sentences(text) if '"' not in sentence]
    if len(sentences) < QUOTED_SENTENCES:
        return None
    start = chance.randrange(len(sentences) - 1)
    quoted_sentences = []
    for sentence in sentences[start : start + QUOTED_SENTENCES]:
        words = sentence.split()
        position = chance.randrange(1, len(words) - 3)
        words[position], words[position + 1] = f"«{words[position]}", f"{words[position + 1]}»"
        quoted_sentences.append(" ".join(words))
    return " ".join(quoted_sentences)


def extract_shared_words(document: dict[str, Any]) -> str | None:
    """Return half of the words of two sentences, in order, with two words of each in quotation marks."""
    chance = random.Random(make_document_url(document))
    sentences = split_quotable_sentences(document["text"])
    if len(sentences) < QUOTED_SENTENCES:
        return None
    start = chance.randrange(len(sentences) - 1)
    shared_sentences = []
    for sentence in sentences[start : start + QUOTED_SENTENCES]:
        words = [word for word in re.sub('["«»“”]', " ", sentence).split() if chance.random() < SHARED_WORD_SHARE]
        if len(words) < MIN_SHARED_WORDS:
            return None
        position = chance.randrange(len(words) - 1)
        words[position], words[position + 1] = f"«{words[position]}", f"{words[position + 1]}»"
        shared_sentences.append(" ".join(words))
    return " ".join(shared_sentences)


async def search_engine_alone(newsroom: Services, query: str) -> list[str]:
    """Return the URLs in the engine's own order."""
    await newsroom.index.ensure_up_to_date()
    assert newsroom.index.engine is not None
    hits = await asyncio.to_thread(newsroom.index.engine.match_any, query, UNRESTRICTED_SCOPE, DEPTH)
    return [article.url for article in await newsroom.store.articles.list_by_ids([hit.article_id for hit in hits])]


async def search_urls(newsroom: Services, query: str) -> list[str]:
    """Return the URLs that Telex's search returns."""
    page = await newsroom.searcher.search(query, feed_ids=None, limit=DEPTH)
    return [hit.article.url for hit in page.results]


async def add_question_rows(table: Table, *, semantic: bool, max_queries: int) -> None:
    """Search with questions and add the figures to the table."""
    documents = read_rows("questions/fr-docs") + read_rows("questions/en-docs")
    by_id = {document["doc_id"]: document for document in documents}
    search_plain = build_plain_index(documents)
    async with open_filled_newsroom(documents, semantic=semantic) as newsroom:
        for language in ("fr", "en"):
            ranks: dict[str, list[int | None]] = defaultdict(list)
            question_rows = read_rows(f"questions/{language}-questions")
            for question_row in random.Random(1).sample(question_rows, min(max_queries, len(question_rows))):
                expected_url = make_document_url(by_id[question_row["doc_id"]])
                rank_by_search = {
                    "plain FTS5": find_rank(search_plain(question_row["question"]), expected_url),
                    "engine alone": find_rank(
                        await search_engine_alone(newsroom, question_row["question"]), expected_url
                    ),
                    "Telex": find_rank(await search_urls(newsroom, question_row["question"]), expected_url),
                }
                for name, rank in rank_by_search.items():
                    ranks[name].append(rank)
            for name, question_ranks in ranks.items():
                table.add_row(language, name, *format_figures(question_ranks))


async def add_article_rows(table: Table, max_queries: int) -> None:
    """Search for articles by their own words and add the figures to the table."""
    chance = random.Random(20201124)
    documents = read_rows("articles/fr") + read_rows("articles/en")
    search_plain = build_plain_index(documents)
    query_makers: dict[str, Callable[[dict[str, Any]], str | None]] = {
        "title": lambda document: document["title"],
        "three words of a title": lambda document: rephrase_title(document["title"], document["lang"], chance),
        "two sentences with quotation marks": lambda document: quote_sentences(document["text"], chance),
        "half of the words": extract_shared_words,
        "half of the words, no quotation marks": lambda document: re.sub(
            "[«»]", "", extract_shared_words(document) or ""
        ),
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
                        ranks["plain FTS5"].append(find_rank(search_plain(query), expected_url))
                        ranks["engine alone"].append(
                            find_rank(await search_engine_alone(newsroom, query), expected_url)
                        )
                        ranks["Telex"].append(find_rank(await search_urls(newsroom, query), expected_url))
                for search_name, query_ranks in ranks.items():
                    table.add_row(language, name, search_name, *format_figures(query_ranks))


def main() -> None:
    """Print the tables of questions and of articles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="search with the extra `semantic`")
    parser.add_argument("--sample", type=int, default=1_000_000, help="largest number of queries of each type")
    options = parser.parse_args()
    console = Console(width=120)
    columns = ("queries", "recall@1", "recall@5", "MRR", "hit@20")
    table = Table("language", "search", *columns, title="Questions as queries")
    asyncio.run(add_question_rows(table, semantic=options.semantic, max_queries=options.sample))
    console.print(table)
    table = Table("language", "query", "search", *columns, title="Articles by their own words")
    asyncio.run(add_article_rows(table, min(options.sample, MAX_KNOWN_ARTICLES)))
    console.print(table)


if __name__ == "__main__":
    main()
