"""Questions for the news: how many of the stories that are listed belong, and what is taken for one.

    python -m benchmarks.vague

Over the shared articles of both languages. A story belongs where who wrote the question named its article
(`doc_ids`), or, in a column of its own, where its title shares three telling words with one that was
named: of one cluster. Questions of encyclopedias, none of which asks for the news, tell what is
mistaken for one.
"""

from __future__ import annotations

import asyncio
import json

from rich.console import Console
from rich.table import Table

from benchmarks.newsrooms import make_document_url, open_filled_newsroom, read_rows
from bot.answers import answer_pipeline
from bot.answers.briefing import news_requests
from bot.search.index import text_analysis
from tests.support.shared_data import SHARED

LANGUAGES = ("fr", "en")
MIN_COMMON_WORDS = 3
"""Telling words that titles of one cluster have in common, at the least."""


async def measure(table: Table) -> None:
    documents = [row for language in LANGUAGES for row in read_rows(f"articles/{language}")]
    by_url = {make_document_url(row): row for row in documents}
    by_id = {row["doc_id"]: row for row in documents}
    async with open_filled_newsroom(documents) as newsroom:
        now = newsroom.clock.now()
        for language in LANGUAGES:
            lines = (SHARED / "questions" / f"chat-{language}.jsonl").read_text("utf-8").splitlines()
            questions = [json.loads(line) for line in lines]
            recognized_questions = [
                row for row in questions if news_requests.parse_news_request(row["question"], now) is not None
            ]
            line_count = named_count = similar_count = outlet_count = 0
            vague_rows = [row for row in questions if row["kind"] == "vague"]
            for row in vague_rows:
                answer = await answer_pipeline.answer_question(newsroom.searcher, row["question"], feed_ids=None)
                outlet_count += len({line.article.outlet for line in answer.briefing})
                named_articles = [by_id[id_] for id_ in row["doc_ids"]]
                for line in answer.briefing:
                    listed_article = by_url[line.article.url]
                    line_count += 1
                    named_count += listed_article["doc_id"] in row["doc_ids"]
                    similar_count += any(_is_similar(listed_article, named_article) for named_article in named_articles)
            encyclopedic_questions = [row["question"] for row in read_rows(f"questions/{language}-questions")]
            mistaken_count = sum(
                news_requests.parse_news_request(question, now) is not None for question in encyclopedic_questions
            )
            table.add_row(
                language,
                f"{sum(row in recognized_questions for row in vague_rows)} of {len(vague_rows)}",
                f"{sum(row['kind'] != 'vague' for row in recognized_questions)} of {len(questions) - len(vague_rows)}",
                f"{mistaken_count} of {len(encyclopedic_questions)}",
                str(line_count),
                f"{named_count / max(line_count, 1):.2f}",
                f"{similar_count / max(line_count, 1):.2f}",
                f"{outlet_count / max(len(vague_rows), 1):.1f}",
            )


def _is_similar(article: dict[str, str], other_article: dict[str, str]) -> bool:
    """Whether two articles are one, or of one cluster by their titles."""
    stems, other_stems = (set(text_analysis.stem_tokens(row["title"], row["lang"])) for row in (article, other_article))
    return article["doc_id"] == other_article["doc_id"] or len(stems & other_stems) >= MIN_COMMON_WORDS


def main() -> None:
    table = Table(
        "language",
        "vague found",
        "others taken",
        "encyclopedic taken",
        "items",
        "named",
        "or alike",
        "outlets",
    )
    asyncio.run(measure(table))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
