"""Questions for the news: how many of the stories that are listed belong, and what is taken for one.

    python -m tests.benchmarks.vague

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

from bot.answers import answer_pipeline
from bot.answers.briefing import news_requests
from bot.search.index import text_analysis
from tests.benchmarks.newsrooms import filled, read, url_of
from tests.shared import SHARED

LANGUAGES = ("fr", "en")
COMMON = 3
"""Telling words that titles of one cluster have in common, at the least."""


async def work(table: Table) -> None:
    documents = [row for language in LANGUAGES for row in read(f"articles/{language}")]
    by_url = {url_of(row): row for row in documents}
    by_id = {row["doc_id"]: row for row in documents}
    async with filled(documents) as newsroom:
        now = newsroom.clock.now()
        for language in LANGUAGES:
            lines = (SHARED / "questions" / f"chat-{language}.jsonl").read_text("utf-8").splitlines()
            asked = [json.loads(line) for line in lines]
            taken = [
                row for row in asked if news_requests.parse_news_request(row["question"], now) is not None
            ]
            items = named = alike = outlets = 0
            vague = [row for row in asked if row["kind"] == "vague"]
            for row in vague:
                answer = await answer_pipeline.answer_question(
                    newsroom.searcher, row["question"], feed_ids=None
                )
                outlets += len({line.article.outlet for line in answer.briefing})
                wanted = [by_id[id_] for id_ in row["doc_ids"]]
                for line in answer.briefing:
                    found = by_url[line.article.url]
                    items += 1
                    named += found["doc_id"] in row["doc_ids"]
                    alike += any(_alike(found, other) for other in wanted)
            others = [row["question"] for row in read(f"questions/{language}-questions")]
            mistaken = sum(news_requests.parse_news_request(question, now) is not None for question in others)
            table.add_row(
                language,
                f"{sum(row in taken for row in vague)} of {len(vague)}",
                f"{sum(row['kind'] != 'vague' for row in taken)} of {len(asked) - len(vague)}",
                f"{mistaken} of {len(others)}",
                str(items),
                f"{named / max(items, 1):.2f}",
                f"{alike / max(items, 1):.2f}",
                f"{outlets / max(len(vague), 1):.1f}",
            )


def _alike(one: dict[str, str], other: dict[str, str]) -> bool:
    """Whether two articles are one, or of one cluster by their titles."""
    first, second = (set(text_analysis.stemmed_tokens(row["title"], row["lang"])) for row in (one, other))
    return one["doc_id"] == other["doc_id"] or len(first & second) >= COMMON


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
    asyncio.run(work(table))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
