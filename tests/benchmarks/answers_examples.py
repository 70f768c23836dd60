"""Questions with what the pipeline finds for them: what the scorer is fitted on and judged by.

Each question is asked of a filled store twice: of all articles, and of all but those that answer it. A
candidate is right where it holds the words of an answer. The encyclopedic questions (PIAF, Keraron et al.
2020; XQuAD, Artetxe et al. 2020) stand in the store of the news.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.answers import candidates
from bot.answers.candidate_scoring import (
    ScoredCandidate,
    extract_candidates,
    make_scored_candidate,
    select_candidates,
)
from bot.answers.candidates import ArticleAnalysis
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import Retrieved, retrieve, understand_with_index
from bot.client.services import Services, open_services
from bot.core.models import Article
from bot.core.settings import Settings
from bot.search.index import text_analysis
from tests.benchmarks.newsrooms import fill, read, url_of
from tests.shared import SHARED

LANGUAGES = ("fr", "en")
NEAR_TOPIC = "near_topic_unanswerable"
ENCYCLOPEDIC = "encyclopedic"
OUTSIDE = "out of the store"
ENCYCLOPEDIA = "Encyclopedia"
"""The outlet of the encyclopedic passages."""
READINGS = 4_000  # articles that are kept as they were read

Judge = Callable[[Sequence[Sequence[float]]], Sequence[float]]
"""How likely candidates with these features answer."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is found for a question: its candidates and whether each is right, in an article that answers."""

    judged: list[ScoredCandidate]
    right: list[bool]
    own: list[bool]
    retrieved: Retrieved


@dataclass(frozen=True, slots=True)
class Example:
    """A question as the shared data has it and as it is understood, and what is found for it.

    `without` is what is found where no article is that answers; None for a question without an answer.
    """

    asked: dict[str, Any]
    question: AnalysedQuestion
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

    def is_right(self, text: str) -> bool:
        """Whether a text holds the words of an answer."""
        return any(line(answer) in line(text) for answer in self.asked["answers"])


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


def encyclopedia(dates: Sequence[str]) -> list[dict[str, Any]]:
    """The passages that the encyclopedic questions are about, as if published on some of these dates.

    Without a date they would all be the newest, and that they are the ones that answer would show.
    """
    drawn = random.Random(0)
    return [
        {**document, "source": ENCYCLOPEDIA, "date": drawn.choice(dates)}
        for language in LANGUAGES
        for document in read(f"questions/{language}-docs")
    ]


@asynccontextmanager
async def store_in(folder: Path, *, semantic: bool) -> AsyncIterator[Services]:
    """A newsroom of all documents; one that the folder holds already is taken as it is."""
    is_new = not (folder / "telex.db").exists()
    async with open_services(Settings(database=folder / "telex.db", semantic=semantic)) as newsroom:
        if is_new:
            articles = news()
            await fill(newsroom, [*articles, *encyclopedia([each["date"] for each in articles])])
        if newsroom.semantic_index is not None:
            await newsroom.semantic_index.encode_missing()
            await newsroom.semantic_index.start()
        yield newsroom


async def example(
    newsroom: Services, asked: dict[str, Any], urls: dict[str, str], feed_ids: Collection[int] | None
) -> Example:
    """What the pipeline finds for a question in some feeds, by its words."""
    searcher = newsroom.searcher
    question = await understand_with_index(searcher, asked["question"])
    retrieved = await retrieve(searcher, question, feed_ids=feed_ids)
    answering = {urls[each] for each in asked["doc_ids"]}
    without = None
    if asked["answers"]:
        others = tuple(article for article in retrieved.articles if article.url not in answering)
        ids = {article.id for article in others}
        cosines = {id_: near for id_, near in retrieved.cosines.items() if id_ in ids}
        without = _candidates(question, Retrieved(others, cosines), asked, answering)
    return Example(asked, question, _candidates(question, retrieved, asked, answering), without)


@lru_cache(READINGS)
def reading(article: Article) -> ArticleAnalysis:
    """An article as it is read for an answer."""
    return candidates.analyse_article(article)


def _candidates(
    question: AnalysedQuestion, retrieved: Retrieved, asked: dict[str, Any], answering: set[str]
) -> Candidates:
    found = extract_candidates(question, map(reading, retrieved.articles))
    judged = [make_scored_candidate(candidate, features, 0.0) for candidate, features in found]
    judged = [each for each in judged if each.text]
    wanted = [line(answer) for answer in asked["answers"]]
    articles: dict[int, Article] = {article.id: article for article in retrieved.articles}
    return Candidates(
        judged=judged,
        right=[any(answer in line(each.text) for answer in wanted) for each in judged],
        own=[articles[each.article_id].url in answering for each in judged],
        retrieved=retrieved,
    )


async def _meant(
    newsroom: Services, asked: Example, by_words: Judge, known: dict[str, dict[str, float]]
) -> Example:
    """A question with those of its candidates that are held against its meaning, and how near they are.

    `known` are the cosines of questions and passages that were told before, and takes the others.
    """
    assert newsroom.semantic_index is not None
    parts = [_held(each, by_words) for each in (asked.found, asked.without) if each is not None]
    cosines = known.setdefault(asked.question.text, {})
    texts = list({each.text for part in parts for each in part.judged} - cosines.keys())
    told = await newsroom.semantic_index.passage_cosines(asked.question.text, texts, wait_for_ever=True)
    if told is None:
        raise SystemExit("the encoder of passages failed")
    cosines.update(zip(texts, told, strict=True))
    found, *without = (
        replace(
            part,
            judged=[
                each._replace(
                    features=(
                        *each.features,
                        cosines[each.text],
                        part.retrieved.cosines.get(each.article_id, 0.0),
                    )
                )
                for each in part.judged
            ],
        )
        for part in parts
    )
    return replace(asked, found=found, without=without[0] if without else None)


def _held(found: Candidates, by_words: Judge) -> Candidates:
    """Those of some candidates that are held against the meaning of the question."""
    told = by_words([each.features for each in found.judged])
    order = sorted(range(len(told)), key=lambda place: -told[place])
    places = {id(found.judged[place]): place for place in order}
    chosen = [
        places[id(each)]
        for each in select_candidates([found.judged[n] for n in order], found.retrieved.nearest_ids)
    ]
    return replace(
        found,
        judged=[found.judged[place] for place in chosen],
        right=[found.right[place] for place in chosen],
        own=[found.own[place] for place in chosen],
    )


def line(text: str) -> str:
    """A text as its words in a row."""
    return f" {' '.join(text_analysis.tokens(text))} "


async def examples(
    folder: Path,
    *,
    semantic: bool,
    judges: Callable[[Sequence[Example]], Sequence[Judge]],
    encyclopedic: int = 0,
    outside: int = 0,
) -> list[Example]:
    """The questions of the chat, asked of the news; then so many encyclopedic ones, asked of all documents.

    `outside` are encyclopedic questions of each language that are asked of the news alone, which answer none.
    With `semantic` the encyclopedic ones only serve the `judges`, which tell for each question which
    candidates are held against its meaning.
    """
    documents = [*news(), *encyclopedia([""])]
    urls = {document["doc_id"]: url_of(document) for document in documents}
    strangers = [
        {**each, "kind": OUTSIDE, "answers": [], "doc_ids": []} for each in encyclopedic_questions(outside)
    ]
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with store_in(folder, semantic=semantic) as newsroom:
        feeds = [each.id for each in await newsroom.store.feeds.all() if each.outlet != ENCYCLOPEDIA]
        asked: list[tuple[dict[str, Any], list[int] | None]]
        asked = [(each, feeds) for each in (*chat_questions(), *strangers)]
        asked += [(each, None) for each in encyclopedic_questions(encyclopedic)]
        made = [await example(newsroom, each, urls, feed_ids) for each, feed_ids in asked]
        if not semantic:
            return made
        if newsroom.semantic_index is None:
            raise SystemExit("needs the extra: pip install 'telex[semantic]'")
        file = folder / "cosines.json"
        known = json.loads(file.read_text("utf-8")) if file.exists() else {}
        pairs = [pair for pair in zip(made, judges(made), strict=True) if pair[0].kind != ENCYCLOPEDIC]
        made = [await _meant(newsroom, each, judge, known) for each, judge in pairs]
        file.write_text(json.dumps(known), "utf-8")
        return made
