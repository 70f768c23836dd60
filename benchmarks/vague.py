"""Benchmark of "what's new" questions: whether they are recognized, and whether the listed stories belong.

    python -m benchmarks.vague

Questions are asked over the shared articles of each language. Printed are:

- recognized: the vague questions that are recognized as requests for news; and the other chat questions and
  encyclopedic questions that are mistaken for such requests
- items: the stories that the answers list
- labelled: the share of items whose article the author of the question listed (`doc_ids`)
- or similar: the share of items that are labelled, or whose title shares three stems with a labelled one
- outlets: the mean number of outlets in an answer
"""

from __future__ import annotations

import argparse
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
"""Stems that the titles of similar articles share, at least."""


async def add_rows(table: Table) -> None:
    """Ask the questions of each language and add their figures to the table."""
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
            item_count = labelled_count = similar_count = outlet_count = 0
            vague_rows = [row for row in questions if row["kind"] == "vague"]
            for row in vague_rows:
                answer = await answer_pipeline.answer_question(newsroom.searcher, row["question"], feed_ids=None)
                outlet_count += len({item.article.outlet for item in answer.briefing})
                labelled_articles = [by_id[doc_id] for doc_id in row["doc_ids"]]
                for item in answer.briefing:
                    listed_article = by_url[item.article.url]
                    item_count += 1
                    labelled_count += listed_article["doc_id"] in row["doc_ids"]
                    similar_count += any(
                        _is_similar(listed_article, labelled_article) for labelled_article in labelled_articles
                    )
            encyclopedic_questions = [row["question"] for row in read_rows(f"questions/{language}-questions")]
            mistaken_count = sum(
                news_requests.parse_news_request(question, now) is not None for question in encyclopedic_questions
            )
            table.add_row(
                language,
                f"{sum(row in recognized_questions for row in vague_rows)} of {len(vague_rows)}",
                f"{sum(row['kind'] != 'vague' for row in recognized_questions)} of {len(questions) - len(vague_rows)}",
                f"{mistaken_count} of {len(encyclopedic_questions)}",
                str(item_count),
                f"{labelled_count / max(item_count, 1):.2f}",
                f"{similar_count / max(item_count, 1):.2f}",
                f"{outlet_count / max(len(vague_rows), 1):.1f}",
            )


def _is_similar(article: dict[str, str], other_article: dict[str, str]) -> bool:
    """Return whether two articles are the same, or their titles share enough stems."""
    stems, other_stems = (set(text_analysis.stem_tokens(row["title"], row["lang"])) for row in (article, other_article))
    return article["doc_id"] == other_article["doc_id"] or len(stems & other_stems) >= MIN_COMMON_WORDS


def main() -> None:
    """Print the table."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    table = Table(
        "language",
        "recognized",
        "others mistaken",
        "encyclopedic mistaken",
        "items",
        "labelled",
        "or similar",
        "outlets",
    )
    asyncio.run(add_rows(table))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
