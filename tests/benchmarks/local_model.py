"""What a real model writes, and how much of it passes the checks: summaries, translations, answers.

    TELEX_MODEL_URL=http://127.0.0.1:8080/v1 TELEX_MODEL_NAME=small TELEX_MODEL_TIMEOUT=300 \
        python -m tests.benchmarks.local_model --articles 4 --questions 4

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

from bot.answers.answer_model import Quote
from bot.client.services import Services
from bot.core.clock import SystemClock
from bot.core.models import Article
from bot.core.settings import Settings
from bot.text.words import fold
from bot.writing.answer_writer import AnswerWriter
from bot.writing.article_translator import ArticleTranslator, with_translation
from bot.writing.generation_quota import GenerationQuota
from bot.writing.model_client import ModelClient
from bot.writing.summarizer import Summarizer
from tests.benchmarks.newsrooms import filled, read, url_of

SERVER = 1
OTHER = {"en": "fr", "fr": "en"}
console = Console(width=110, highlight=False)


class Heard(ModelClient):
    """The client, which prints what the service writes and how long that takes."""

    async def complete(
        self,
        messages: list[dict[str, str]],
        *,
        max_tokens: int,
        on_partial: Callable[[str], None] | None = None,
        background: bool = False,
    ) -> str | None:
        begun = time.monotonic()
        written = await super().complete(
            messages, max_tokens=max_tokens, on_partial=on_partial, background=background
        )
        console.print(f"  wrote in {time.monotonic() - begun:.1f} s: {written!r}", markup=False)
        return written


def told(articles: int) -> list[dict[str, Any]]:
    """So many articles of each language."""
    return [each for language in ("en", "fr") for each in read(f"articles/{language}")[:articles]]


async def article_of(newsroom: Services, document: dict[str, Any]) -> Article:
    """The article that a document of the shared material became."""
    url = url_of(document)
    ((kept, *_others),) = (await newsroom.store.articles.stored_at_urls([url])).values()
    article = await newsroom.store.articles.by_key(kept.key)
    assert article is not None
    return article


async def measure(newsroom: Services, client: Heard, articles: int, questions: int) -> Counter[str]:
    counts: Counter[str] = Counter()
    budget = GenerationQuota(newsroom.store, newsroom.settings)
    summaries = Summarizer(newsroom.store, client, budget)
    translations = ArticleTranslator(newsroom.store, client, budget)
    writer = AnswerWriter(client)
    for document in told(articles):
        article, language = await article_of(newsroom, document), document["lang"]
        console.rule(f"summary, {language}: {article.title}")
        found = await summaries.summarize(article, language, server_id=SERVER)
        console.print(f"  shown: {found!r}", markup=False)
        counts["summaries asked for"] += 1
        counts["summaries shown"] += isinstance(found, tuple)
        counts["sentences of summaries shown"] += len(found) if isinstance(found, tuple) else 0
        console.rule(f"translation, {language} to {OTHER[language]}: {article.title}")
        await translations.translate(article, OTHER[language], server_id=SERVER, channel_ids=())
        in_other = await with_translation(newsroom.store, article, OTHER[language], client.model)
        shown = None if in_other is article else (in_other.title, in_other.summary)
        console.print(f"  shown: {shown!r}", markup=False)
        counts["translations asked for"] += 1
        counts["translations shown"] += in_other is not article
    for language in ("en", "fr"):
        documents = {each["doc_id"]: each for each in read(f"questions/{language}-docs")}
        for asked in read(f"questions/{language}-questions")[:questions]:
            document = documents[asked["doc_id"]]
            article = await article_of(newsroom, document)
            console.rule(f"question, {language}: {asked['question']}")
            heard: list[int] = []
            sentences = await writer.write(
                asked["question"],
                [Quote(document["text"][:400], article)],
                language,
                lambda so_far, heard=heard: heard.append(len(so_far)),  # type: ignore[misc]
            )
            said = " ".join(sentence.text for sentence in sentences)
            console.print(f"  shown: {said!r}; drafts of {heard} sentences; {asked['answers']}", markup=False)
            counts["answers asked for"] += 1
            counts["answers shown"] += bool(sentences)
            counts["answers shown that hold the answer"] += any(
                fold(one) in fold(said) for one in asked["answers"]
            )
    return counts


async def run(articles: int, questions: int) -> None:
    settings = Settings()
    if settings.model_url is None:
        raise SystemExit("needs TELEX_MODEL_URL, and TELEX_MODEL_NAME")
    documents = told(articles)
    asked = {
        each["doc_id"] for one in ("en", "fr") for each in read(f"questions/{one}-questions")[:questions]
    }
    documents += [
        each for one in ("en", "fr") for each in read(f"questions/{one}-docs") if each["doc_id"] in asked
    ]
    async with filled(documents) as newsroom, Heard(settings, SystemClock()) as client:
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
    given = parser.parse_args()
    asyncio.run(run(given.articles, given.questions))


if __name__ == "__main__":
    main()
