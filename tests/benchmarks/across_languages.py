"""Whether a question in one language is answered by an article in the other.

    python -m tests.benchmarks.across_languages

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

from bot.answers import answer_pipeline
from bot.search.searching import Searcher
from tests.benchmarks.newsrooms import filled, read
from tests.search import crossings

OTHERS = 1_500  # articles a language
UNANSWERED = 100  # questions a language
FIRST = 5


def documents() -> list[dict[str, Any]]:
    """The demo's stories and the other articles, as `newsrooms` takes them."""
    found = [each for language in ("fr", "en") for each in read(f"articles/{language}")[:OTHERS]]
    for number, story in enumerate((*crossings.stories(), *crossings.further_stories())):
        url = f"https://demo.example.org/{number}"
        found.append({"url": url, "title": story["title"], "text": story["text"], "lang": story["language"]})
    return found


async def crossed(searcher: Searcher, asked: list[crossings.Question]) -> list[str]:
    """How many of the questions found their story, showed the answer, were surely right, wrong, neither."""
    found = shown = right = wrong = refused = 0
    for question, title, words in asked:
        page = await searcher.search(question, feed_ids=None, limit=FIRST)
        found += title in [result.article.title for result in page.results]
        answer = await answer_pipeline.answer_question(searcher, question, feed_ids=None)
        holds = [
            quote.article.title == title and any(word in quote.text for word in words)
            for quote in answer.quotes or answer.possible_quotes
        ]
        shown += any(holds)
        if not answer.answered:
            refused += 1
        elif holds[0]:
            right += 1
        else:
            wrong += 1
    return [str(count) for count in (found, shown, right, wrong, refused)]


async def refused(searcher: Searcher, language: str) -> str:
    """The share of questions without an answer in the store that are refused."""
    asked = read(f"questions/{language}-questions")
    asked = asked[:: len(asked) // UNANSWERED][:UNANSWERED]
    given = [
        await answer_pipeline.answer_question(searcher, each["question"], feed_ids=None) for each in asked
    ]
    return f"{sum(not answer.answered for answer in given) / len(given):.3f}"


async def work(table: Table) -> None:
    async with filled(documents(), semantic=True) as newsroom:
        by_words = Searcher(newsroom.store, newsroom.index)
        for name, searcher in (("words", by_words), ("semantic", newsroom.searcher)):
            unanswered = [await refused(searcher, each) for each in ("fr", "en")]
            for half, asked in (("fitted on", crossings.questions()), ("held out", crossings.held_out())):
                table.add_row(name, half, str(len(asked)), *await crossed(searcher, asked), *unanswered)


def main() -> None:
    table = Table(
        "by", "half", "questions", "found", "shown", "right", "wrong", "not sure", "fr unanswerable", "en"
    )
    asyncio.run(work(table))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
