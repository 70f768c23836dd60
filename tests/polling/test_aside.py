"""Search in a worker process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from bot.answers.answer_pipeline import answer_question
from bot.core.concurrency.worker_pool import WorkerPool
from tests.support.search.library import Library
from tests.support.search.searchers import build_searcher
from tests.support.workers import worker_calls

HERE = os.getpid()


@pytest.fixture
async def workers() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool()
    yield pool
    await pool.close()


async def test_searcher_uses_worker_process_if_it_has_one(store, workers):
    assert await build_searcher(store, workers=workers).run_in_worker(os.getpid) != HERE
    assert await build_searcher(store).run_in_worker(os.getpid) == HERE


async def test_search_survives_death_of_worker(store, workers):
    assert await build_searcher(store, workers=workers).run_in_worker(worker_calls.die_elsewhere, HERE) == "alive"


@pytest.mark.parametrize(
    "question", ["When was Rekognition launched?", "what's new about Rekognition this week", "robots?"]
)
async def test_answer_is_the_same_with_worker(store, workers, question):
    library = await Library(store).open()
    await library.add("Amazon bans Rekognition", "Rekognition was launched in 2016. The police may not use it.")
    await library.add("A robot", "It guides visitors through the museum since January 2021.")
    answer_without_worker = await answer_question(build_searcher(store), question, feed_ids=None)
    assert (
        await answer_question(build_searcher(store, workers=workers), question, feed_ids=None) == answer_without_worker
    )
