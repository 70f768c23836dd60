"""Whether a question in one language is answered by an article in the other.

    python -m benchmarks.across_languages

The demo's stories among 3,000 other articles of both languages, with the extra `semantic` and without.
Thirty questions that the weights for passages in the other language were fitted on, and forty that no
weight was fitted on, on other stories, each on a story in the other language: found is the story among the
first five results of a search; shown, one of up to three quotes, sure or not, is of that story and holds the
words that answer; right, a sure answer whose first quote does; wrong, any other sure one (a further article
may answer as well). Then 100 questions a language on passages that are not in the store: how many are not
answered surely.
"""

from __future__ import annotations

import asyncio
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.newsrooms import open_filled_newsroom, read_rows
from bot.answers import answer_pipeline
from bot.search.searching import Searcher
from tests.support.search import crossings

DISTRACTORS_PER_LANGUAGE = 1_500  # articles a language
UNANSWERABLE_PER_LANGUAGE = 100  # questions a language
SEARCH_LIMIT = 5


def load_documents() -> list[dict[str, Any]]:
    """The demo's stories and the other articles, as `newsrooms` takes them."""
    articles = [
        article for language in ("fr", "en") for article in read_rows(f"articles/{language}")[:DISTRACTORS_PER_LANGUAGE]
    ]
    for number, story in enumerate((*crossings.load_stories(), *crossings.load_further_stories())):
        url = f"https://demo.example.org/{number}"
        articles.append({"url": url, "title": story["title"], "text": story["text"], "lang": story["language"]})
    return articles


async def count_outcomes(searcher: Searcher, questions: list[crossings.Question]) -> list[str]:
    """How many of the questions found their story, showed the answer, were surely right, wrong, neither."""
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
    """The share of questions without an answer in the store that are refused."""
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
    table = Table("by", "half", "questions", "found", "shown", "right", "wrong", "not sure", "fr unanswerable", "en")
    asyncio.run(measure(table))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
