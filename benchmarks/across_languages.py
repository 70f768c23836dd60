"""Benchmark of questions in one language that an article in the other language answers.

    python -m benchmarks.across_languages

The store holds the demo's stories among 3,000 other articles of both languages. Each question is about a story
in the other language: thirty questions on which the weights for passages in the other language were fitted, and
forty on other stories. All are asked with and without the extra `semantic`.

- found: the story is among the first five results of a search
- shown: one of the at most three quotes is from that story and contains the answer
- right: the answer is sure and its first quote is such a quote
- wrong: the answer is sure and its first quote is none, though another article may answer as well

Then 100 questions per language whose articles are not stored are asked; the share that gets no sure answer is
reported.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.newsrooms import open_filled_newsroom, read_rows
from bot.answers import answer_pipeline
from bot.search.searching import Searcher
from tests.support.search import crossings

DISTRACTORS_PER_LANGUAGE = 1_500
UNANSWERABLE_PER_LANGUAGE = 100
SEARCH_LIMIT = 5


def load_documents() -> list[dict[str, Any]]:
    """Return the demo's stories and the other articles, as documents for `newsrooms`."""
    articles = [
        article for language in ("fr", "en") for article in read_rows(f"articles/{language}")[:DISTRACTORS_PER_LANGUAGE]
    ]
    for number, story in enumerate((*crossings.load_stories(), *crossings.load_further_stories())):
        url = f"https://demo.example.org/{number}"
        articles.append({"url": url, "title": story["title"], "text": story["text"], "lang": story["language"]})
    return articles


async def count_outcomes(searcher: Searcher, questions: list[crossings.Question]) -> list[str]:
    """Return the cells of a table row: the numbers of questions found, shown, right, wrong and not sure."""
    found_count = shown_count = right_count = wrong_count = refused_count = 0
    for question, title, words in questions:
        page = await searcher.search(question, feed_ids=None, limit=SEARCH_LIMIT)
        found_count += title in [hit.article.title for hit in page.results]
        answer = await answer_pipeline.answer_question(searcher, question, feed_ids=None)
        are_right = [
            quote.article.title == title and any(word in quote.text for word in words) for quote in answer.quotes
        ]
        shown_count += any(are_right)
        if not answer.is_answered:
            refused_count += 1
        elif are_right[0]:
            right_count += 1
        else:
            wrong_count += 1
    return [str(count) for count in (found_count, shown_count, right_count, wrong_count, refused_count)]


async def measure_refused_share(searcher: Searcher, language: str) -> str:
    """Return the share of questions without a stored answer that get no sure answer."""
    questions = read_rows(f"questions/{language}-questions")
    questions = questions[:: len(questions) // UNANSWERABLE_PER_LANGUAGE][:UNANSWERABLE_PER_LANGUAGE]
    answers = [
        await answer_pipeline.answer_question(searcher, question["question"], feed_ids=None) for question in questions
    ]
    return f"{sum(not answer.is_answered for answer in answers) / len(answers):.3f}"


async def measure(table: Table) -> None:
    async with open_filled_newsroom(load_documents(), semantic=True) as newsroom:
        by_words = Searcher(newsroom.store, newsroom.index)
        for name, searcher in (("words", by_words), ("semantic", newsroom.searcher)):
            refused_shares = [await measure_refused_share(searcher, language) for language in ("fr", "en")]
            for half, questions in (
                ("fitted on", crossings.load_questions()),
                ("held out", crossings.load_held_out_questions()),
            ):
                table.add_row(
                    name,
                    half,
                    str(len(questions)),
                    *await count_outcomes(searcher, questions),
                    *refused_shares,
                )


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    table = Table("by", "half", "questions", "found", "shown", "right", "wrong", "not sure", "fr unanswerable", "en")
    asyncio.run(measure(table))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
