"""What a real model writes, and how much of it passes the checks: summaries, translations, answers.

    TELEX_MODEL_URL=http://127.0.0.1:8080/v1 TELEX_MODEL_NAME=small TELEX_MODEL_TIMEOUT=300 \
        python -m benchmarks.local_model --articles 4 --questions 4

Articles and questions are the first of the shared material. Prints everything that the model wrote and what
of it would be shown, then the counts.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.newsrooms import document_url, open_filled_newsroom, read_rows
from bot.answers.answer_model import Quote
from bot.client.services import Services
from bot.core.clock import SystemClock
from bot.core.models import Article
from bot.core.settings import Settings
from bot.text.words import fold
from bot.writing.answer_writer import AnswerWriter
from bot.writing.article_translator import ArticleTranslator, apply_stored_translation
from bot.writing.generation_quota import GenerationQuota
from bot.writing.model_client import ModelClient
from bot.writing.summarizer import Summarizer

SERVER_ID = 1
OTHER_LANGUAGE = {"en": "fr", "fr": "en"}
console = Console(width=110, highlight=False)


class PrintingModelClient(ModelClient):
    """The client, which prints what the service writes and how long that takes."""

    async def complete(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        on_partial: Callable[[str], None] | None = None,
        background: bool = False,
    ) -> str | None:
        started_at = time.monotonic()
        completion = await super().complete(
            messages, max_tokens=max_tokens, on_partial=on_partial, background=background
        )
        console.print(f"  wrote in {time.monotonic() - started_at:.1f} s: {completion!r}", markup=False)
        return completion


def load_articles(articles: int) -> list[dict[str, Any]]:
    """So many articles of each language."""
    return [document for language in ("en", "fr") for document in read_rows(f"articles/{language}")[:articles]]


async def find_article(newsroom: Services, document: dict[str, Any]) -> Article:
    """The article that a document of the shared material became."""
    url = document_url(document)
    ((stored_article, *_duplicates),) = (await newsroom.store.articles.load_stored_by_url([url])).values()
    article = await newsroom.store.articles.by_key(stored_article.key)
    assert article is not None
    return article


async def measure(newsroom: Services, client: PrintingModelClient, articles: int, questions: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    budget = GenerationQuota(newsroom.store, newsroom.settings)
    summaries = Summarizer(newsroom.store, client, budget)
    translations = ArticleTranslator(newsroom.store, client, budget)
    writer = AnswerWriter(client)
    for document in load_articles(articles):
        article, language = await find_article(newsroom, document), document["lang"]
        console.rule(f"summary, {language}: {article.title}")
        summary = await summaries.summarize(article, language, server_id=SERVER_ID)
        console.print(f"  shown: {summary!r}", markup=False)
        counts["summaries asked for"] += 1
        counts["summaries shown"] += isinstance(summary, tuple)
        counts["sentences of summaries shown"] += len(summary) if isinstance(summary, tuple) else 0
        console.rule(f"translation, {language} to {OTHER_LANGUAGE[language]}: {article.title}")
        await translations.translate(article, OTHER_LANGUAGE[language], server_id=SERVER_ID, channel_ids=())
        translation = await apply_stored_translation(newsroom.store, article, OTHER_LANGUAGE[language], client.model)
        shown_translation = None if translation is article else (translation.title, translation.summary)
        console.print(f"  shown: {shown_translation!r}", markup=False)
        counts["translations asked for"] += 1
        counts["translations shown"] += translation is not article
    for language in ("en", "fr"):
        documents = {passage["doc_id"]: passage for passage in read_rows(f"questions/{language}-docs")}
        for question_row in read_rows(f"questions/{language}-questions")[:questions]:
            document = documents[question_row["doc_id"]]
            article = await find_article(newsroom, document)
            console.rule(f"question, {language}: {question_row['question']}")
            draft_lengths: list[int] = []
            sentences = await writer.write(
                question_row["question"],
                [Quote(document["text"][:400], article)],
                language,
                lambda so_far, lengths=draft_lengths: lengths.append(len(so_far)),  # type: ignore[misc]
            )
            answer_text = " ".join(sentence.text for sentence in sentences)
            console.print(
                f"  shown: {answer_text!r}; drafts of {draft_lengths} sentences; {question_row['answers']}",
                markup=False,
            )
            counts["answers asked for"] += 1
            counts["answers shown"] += bool(sentences)
            counts["answers shown that hold the answer"] += any(
                fold(answer) in fold(answer_text) for answer in question_row["answers"]
            )
    return counts


async def run(articles: int, questions: int) -> None:
    settings = Settings()
    if settings.model_url is None:
        raise SystemExit("needs TELEX_MODEL_URL, and TELEX_MODEL_NAME")
    documents = load_articles(articles)
    doc_ids = {
        question["doc_id"] for one in ("en", "fr") for question in read_rows(f"questions/{one}-questions")[:questions]
    }
    documents += [
        document
        for language in ("en", "fr")
        for document in read_rows(f"questions/{language}-docs")
        if document["doc_id"] in doc_ids
    ]
    async with (
        open_filled_newsroom(documents) as newsroom,
        PrintingModelClient(settings, SystemClock()) as client,
    ):
        console.print(f"{settings.model_url} {await client.check_availability()}", markup=False)
        counts = await measure(newsroom, client, articles, questions)
    table = Table("what", "count")
    for name, count in counts.items():
        table.add_row(name, str(count))
    console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=4, help="of each language")
    parser.add_argument("--questions", type=int, default=4, help="of each language")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.articles, arguments.questions))


if __name__ == "__main__":
    main()
