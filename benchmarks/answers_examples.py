"""Labelled questions with the candidates that the pipeline retrieves, to fit and to measure the scorer of answers.

Each question is asked of a filled store twice: of all articles, and of all except those that answer it. A candidate is
right if it contains the words of an accepted answer. The passages of the encyclopedic questions (PIAF, Keraron et al.
2020; XQuAD, Artetxe et al. 2020) are in the same store as the news.
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

from benchmarks.newsrooms import import_documents, make_document_url, read_rows
from bot.answers import candidates
from bot.answers.candidate_scoring import (
    ScoredCandidate,
    extract_candidates,
    make_scored_candidate,
    select_candidates,
)
from bot.answers.candidates import ArticleAnalysis
from bot.answers.question_analysis import AnalysedQuestion
from bot.answers.question_retrieval import RetrievedArticles, analyse_question_with_index, retrieve_articles
from bot.client.services import Services, open_services
from bot.core.configuration.settings_reading import read_settings
from bot.core.models import Article
from bot.search.index import text_analysis
from tests.support.shared_data import SHARED

LANGUAGES = ("fr", "en")
NEAR_TOPIC = "near_topic_unanswerable"
ENCYCLOPEDIC = "encyclopedic"
OUTSIDE = "out of the store"
ENCYCLOPEDIA = "Encyclopedia"
"""Outlet of the encyclopedic passages."""
CACHED_ANALYSES = 4_000  # Analysed articles in the cache.

Judge = Callable[[Sequence[Sequence[float]]], Sequence[float]]
"""Function that predicts the probabilities that candidates answer, from their features."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidates of a question, whether each is right, and whether each is from an article that answers it."""

    judged: list[ScoredCandidate]
    right: list[bool]
    own: list[bool]
    retrieved: RetrievedArticles


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled question, its analysis and its candidates.

    `without` are the candidates when the articles that answer aren't stored; None for a question without an answer.
    """

    row: dict[str, Any]
    question: AnalysedQuestion
    candidates: Candidates
    without: Candidates | None

    @property
    def kind(self) -> str:
        """The kind of question."""
        return str(self.row["kind"])

    @property
    def has_answer(self) -> bool:
        """Whether an article of the store answers the question."""
        return bool(self.row["answers"])

    def is_right(self, text: str) -> bool:
        """Return whether a text contains the words of an accepted answer."""
        return any(join_words(answer) in join_words(text) for answer in self.row["answers"])


def load_chat_questions() -> list[dict[str, Any]]:
    """Load the questions that people typed in a chat."""
    questions = []
    for language in LANGUAGES:
        lines = (SHARED / f"questions/chat-{language}.jsonl").read_text("utf-8").splitlines()
        questions += [{"lang": language, **json.loads(line)} for line in lines]
    return questions


def draw_encyclopedic_questions(per_language: int) -> list[dict[str, Any]]:
    """Draw a fixed random sample of the encyclopedic questions of each language."""
    questions = []
    for language in LANGUAGES:
        rows = random.Random(language).sample(read_rows(f"questions/{language}-questions"), per_language)
        questions += [{**row, "kind": ENCYCLOPEDIC, "doc_ids": [row["doc_id"]]} for row in rows]
    return questions


def load_news() -> list[dict[str, Any]]:
    """Load the news articles that the chat questions are about."""
    return [document for language in LANGUAGES for document in read_rows(f"articles/{language}")]


def load_encyclopedia(dates: Sequence[str]) -> list[dict[str, Any]]:
    """Load the passages that answer the encyclopedic questions, each with a random one of the dates.

    Without a date they would all be the newest, which would reveal that they are the ones that answer.
    """
    generator = random.Random(0)
    return [
        {**document, "source": ENCYCLOPEDIA, "date": generator.choice(dates)}
        for language in LANGUAGES
        for document in read_rows(f"questions/{language}-docs")
    ]


@asynccontextmanager
async def open_store_in(folder: Path, *, semantic: bool) -> AsyncIterator[Services]:
    """Yield services on a store with all documents; a store that the folder already has is reused."""
    is_new = not (folder / "telex.db").exists()
    async with open_services(replace(read_settings(), database=folder / "telex.db", semantic=semantic)) as newsroom:
        if is_new:
            articles = load_news()
            await import_documents(newsroom, [*articles, *load_encyclopedia([article["date"] for article in articles])])
        if newsroom.semantic_index is not None:
            await newsroom.semantic_index.encode_missing()
            await newsroom.semantic_index.start_encoder()
        yield newsroom


async def build_example(
    newsroom: Services, row: dict[str, Any], urls: dict[str, str], feed_ids: Collection[int] | None
) -> Example:
    """Retrieve the candidates for a question in some feeds, by its words."""
    searcher = newsroom.searcher
    question = await analyse_question_with_index(searcher, row["question"])
    retrieved = await retrieve_articles(searcher, question, feed_ids=feed_ids)
    answering_urls = {urls[doc_id] for doc_id in row["doc_ids"]}
    without = None
    if row["answers"]:
        other_articles = tuple(article for article in retrieved.articles if article.url not in answering_urls)
        ids = {article.id for article in other_articles}
        cosines = {id_: near for id_, near in retrieved.cosine_by_article_id.items() if id_ in ids}
        without = _label_candidates(question, RetrievedArticles(other_articles, cosines), row, answering_urls)
    return Example(row, question, _label_candidates(question, retrieved, row, answering_urls), without)


@lru_cache(CACHED_ANALYSES)
def analyse_article(article: Article) -> ArticleAnalysis:
    """Analyse an article for an answer; results are cached."""
    return candidates.analyse_article(article)


def _label_candidates(
    question: AnalysedQuestion, retrieved: RetrievedArticles, row: dict[str, Any], answering_urls: set[str]
) -> Candidates:
    feature_rows = extract_candidates(question, map(analyse_article, retrieved.articles))
    judged = [make_scored_candidate(candidate, features, 0.0) for candidate, features in feature_rows]
    judged = [candidate for candidate in judged if candidate.text]
    answer_lines = [join_words(answer) for answer in row["answers"]]
    articles: dict[int, Article] = {article.id: article for article in retrieved.articles}
    return Candidates(
        judged=judged,
        right=[any(answer in join_words(candidate.text) for answer in answer_lines) for candidate in judged],
        own=[articles[candidate.article_id].url in answering_urls for candidate in judged],
        retrieved=retrieved,
    )


async def add_cosines(
    newsroom: Services, example: Example, by_words: Judge, known_cosines: dict[str, dict[str, float]]
) -> Example:
    """Select the candidates that are compared with the question's meaning, and add their cosines as features.

    `known_cosines` is a cache of cosines by question and passage, and gets the new ones.
    """
    assert newsroom.semantic_index is not None
    candidate_sets = [
        _select_for_cosines(candidate_set, by_words)
        for candidate_set in (example.candidates, example.without)
        if candidate_set is not None
    ]
    cosines = known_cosines.setdefault(example.question.text, {})
    texts = list({candidate.text for part in candidate_sets for candidate in part.judged} - cosines.keys())
    similarities = await newsroom.semantic_index.compute_passage_cosines(
        example.question.text, texts, waits_indefinitely=True
    )
    if similarities is None:
        raise SystemExit("the encoder of passages failed")
    cosines.update(zip(texts, similarities, strict=True))
    found_candidates, *without = (
        replace(
            part,
            judged=[
                candidate._replace(
                    features=(
                        *candidate.features,
                        cosines[candidate.text],
                        part.retrieved.cosine_by_article_id.get(candidate.article_id, 0.0),
                    )
                )
                for candidate in part.judged
            ],
        )
        for part in candidate_sets
    )
    return replace(example, candidates=found_candidates, without=without[0] if without else None)


def _select_for_cosines(candidate_set: Candidates, by_words: Judge) -> Candidates:
    """Select the candidates that are compared with the meaning of the question."""
    probabilities = by_words([candidate.features for candidate in candidate_set.judged])
    order = sorted(range(len(probabilities)), key=lambda place: -probabilities[place])
    places = {id(candidate_set.judged[place]): place for place in order}
    selected_places = [
        places[id(candidate)]
        for candidate in select_candidates(
            [candidate_set.judged[n] for n in order], candidate_set.retrieved.nearest_article_ids
        )
    ]
    return replace(
        candidate_set,
        judged=[candidate_set.judged[place] for place in selected_places],
        right=[candidate_set.right[place] for place in selected_places],
        own=[candidate_set.own[place] for place in selected_places],
    )


def join_words(text: str) -> str:
    """Return the words of a text, joined and surrounded by single spaces."""
    return f" {' '.join(text_analysis.tokenize(text))} "


async def load_examples(
    folder: Path,
    *,
    semantic: bool,
    judges: Callable[[Sequence[Example]], Sequence[Judge]],
    encyclopedic: int = 0,
    outside: int = 0,
) -> list[Example]:
    """Return the chat questions, asked of the news, and `encyclopedic` questions per language, asked of all documents.

    `outside` is the number of encyclopedic questions per language that are asked of the news alone, which answers none.
    With `semantic`, the encyclopedic ones are only used to fit `judges`, which choose the candidates of each question
    that are compared with its meaning, and aren't returned.
    """
    documents = [*load_news(), *load_encyclopedia([""])]
    urls = {document["doc_id"]: make_document_url(document) for document in documents}
    outside_rows = [
        {**row, "kind": OUTSIDE, "answers": [], "doc_ids": []} for row in draw_encyclopedic_questions(outside)
    ]
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with open_store_in(folder, semantic=semantic) as newsroom:
        news_feed_ids = [feed.id for feed in await newsroom.store.feeds.list_all() if feed.outlet != ENCYCLOPEDIA]
        scoped_rows: list[tuple[dict[str, Any], list[int] | None]]
        scoped_rows = [(row, news_feed_ids) for row in (*load_chat_questions(), *outside_rows)]
        scoped_rows += [(row, None) for row in draw_encyclopedic_questions(encyclopedic)]
        question_examples = [await build_example(newsroom, row, urls, feed_ids) for row, feed_ids in scoped_rows]
        if not semantic:
            return question_examples
        if newsroom.semantic_index is None:
            raise SystemExit("needs the extra: pip install 'telex[semantic]'")
        file = folder / "cosines.json"
        known_cosines = json.loads(file.read_text("utf-8")) if file.exists() else {}
        pairs = [
            pair
            for pair in zip(question_examples, judges(question_examples), strict=True)
            if pair[0].kind != ENCYCLOPEDIC
        ]
        question_examples = [
            await add_cosines(newsroom, question_example, judge, known_cosines) for question_example, judge in pairs
        ]
        file.write_text(json.dumps(known_cosines), "utf-8")
        return question_examples
