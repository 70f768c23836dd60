"""Questions with what the pipeline finds for them: what the scorer is fitted on and judged by.

Each question is asked of a filled store twice: of all articles, and of all but those that answer it. A
candidate is right where it holds the words of an answer. The encyclopedic questions (PIAF, Keraron et al.
2020; XQuAD, Artetxe et al. 2020) stand in the store of the news.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.answers.judging import Judged, measured, told_of
from bot.answers.question_retrieval import Retrieved, retrieve, understood
from bot.answers.understanding import Question
from bot.client.services import Newsroom, open_newsroom
from bot.core.models import Article
from bot.core.settings import Settings
from bot.search.index import analysis
from tests.benchmarks.newsrooms import fill, read, url_of
from tests.shared import SHARED

LANGUAGES = ("fr", "en")
NEAR_TOPIC = "near_topic_unanswerable"
ENCYCLOPEDIC = "encyclopedic"
OUTSIDE = "out of the store"
MEANT = 48
"""Candidates that are held against the meaning of their question, those with the most of its words."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is found for a question: its candidates and whether each is right, in an article that answers."""

    judged: list[Judged]
    right: list[bool]
    own: list[bool]
    on_topic: float


@dataclass(frozen=True, slots=True)
class Example:
    """A question as the shared data has it and as it is understood, and what is found for it.

    `without` is what is found where no article is that answers; None for a question without an answer.
    """

    asked: dict[str, Any]
    question: Question
    found: Candidates
    without: Candidates | None

    @property
    def kind(self) -> str:
        """The kind of question."""
        return str(self.asked["kind"])

    @property
    def has_answer(self) -> bool:
        """Whether the store answers."""
        return bool(self.asked["answers"])


def chat_questions() -> list[dict[str, Any]]:
    """The questions as people type them in a chat."""
    asked = []
    for language in LANGUAGES:
        lines = (SHARED / f"questions/chat-{language}.jsonl").read_text("utf-8").splitlines()
        asked += [{"lang": language, **json.loads(line)} for line in lines]
    return asked


def encyclopedic_questions(of_each: int) -> list[dict[str, Any]]:
    """So many encyclopedic questions of each language, drawn at random, the same ones each time."""
    asked = []
    for language in LANGUAGES:
        drawn = random.Random(language).sample(read(f"questions/{language}-questions"), of_each)
        asked += [{**each, "kind": ENCYCLOPEDIC, "doc_ids": [each["doc_id"]]} for each in drawn]
    return asked


def news() -> list[dict[str, Any]]:
    """The articles that the questions of the chat are about."""
    return [document for language in LANGUAGES for document in read(f"articles/{language}")]


def encyclopedia() -> list[dict[str, Any]]:
    """The passages that the encyclopedic questions are about."""
    return [document for language in LANGUAGES for document in read(f"questions/{language}-docs")]


@asynccontextmanager
async def store_with(
    documents: Sequence[dict[str, Any]], folder: Path, *, semantic: bool
) -> AsyncIterator[Newsroom]:
    """A newsroom of these documents; one that the folder holds already is taken as it is."""
    is_new = not (folder / "telex.db").exists()
    async with open_newsroom(Settings(database=folder / "telex.db", semantic=semantic)) as newsroom:
        if is_new:
            await fill(newsroom, documents)
        if newsroom.meaning is not None:
            await newsroom.meaning.encode_missing()
            await newsroom.meaning.ready()
        yield newsroom


async def example(newsroom: Newsroom, asked: dict[str, Any], urls: dict[str, str], newest: int) -> Example:
    """What the pipeline finds for a question."""
    searcher = newsroom.searcher
    question = await understood(searcher, asked["question"])
    retrieved = await retrieve(searcher, question, feed_ids=None, newest=newest)
    answering = {urls[each] for each in asked["doc_ids"]}
    found = await _candidates(newsroom, question, retrieved, asked, answering, newest)
    without = None
    if asked["answers"]:
        others = tuple(article for article in retrieved.articles if article.url not in answering)
        without = await _candidates(
            newsroom, question, retrieved._replace(articles=others), asked, answering, newest
        )
    return Example(asked, question, found, without)


async def _candidates(
    newsroom: Newsroom,
    question: Question,
    retrieved: Retrieved,
    asked: dict[str, Any],
    answering: set[str],
    newest: int,
) -> Candidates:
    found, on_topic = measured(question, retrieved.articles, newest)
    judged = [told_of(question, 0.0, candidate, features) for candidate, features in found]
    judged = [each for each in judged if each.text]
    meaning = newsroom.searcher.meaning
    if meaning is not None and judged:
        judged.sort(key=lambda each: -(each.features[0] + 0.7 * each.features[1]))
        judged = judged[:MEANT]
        cosines = await meaning.likeness(question.text, [each.text for each in judged]) or [0.0] * len(judged)
        judged = [
            each._replace(features=(*each.features, cosine, retrieved.cosines.get(each.article_id, 0.0)))
            for each, cosine in zip(judged, cosines, strict=True)
        ]
    wanted = [line(answer) for answer in asked["answers"]]
    articles: dict[int, Article] = {article.id: article for article in retrieved.articles}
    return Candidates(
        judged=judged,
        right=[any(answer in line(each.text) for answer in wanted) for each in judged],
        own=[articles[each.article_id].url in answering for each in judged],
        on_topic=on_topic,
    )


def line(text: str) -> str:
    """A text as its words in a row."""
    return f" {' '.join(analysis.words(text))} "


async def examples(folder: Path, *, semantic: bool, encyclopedic: int = 0, outside: int = 0) -> list[Example]:
    """The questions of the chat in a store of the news; then so many encyclopedic ones, their passages
    beside.

    `outside` are encyclopedic questions of each language that are asked of the news alone, which answer none.
    """
    urls = {document["doc_id"]: url_of(document) for document in (*news(), *encyclopedia())}
    (folder / "news").mkdir(parents=True, exist_ok=True)
    (folder / "all").mkdir(parents=True, exist_ok=True)
    strangers = [
        {**each, "kind": OUTSIDE, "answers": [], "doc_ids": []} for each in encyclopedic_questions(outside)
    ]
    async with store_with(news(), folder / "news", semantic=semantic) as newsroom:
        newest = await newsroom.store.articles.newest_time() or 0
        made = [await example(newsroom, asked, urls, newest) for asked in (*chat_questions(), *strangers)]
    if encyclopedic:
        async with store_with([*news(), *encyclopedia()], folder / "all", semantic=semantic) as newsroom:
            newest = await newsroom.store.articles.newest_time() or 0
            drawn = encyclopedic_questions(encyclopedic)
            made += [await example(newsroom, asked, urls, newest) for asked in drawn]
    return made
