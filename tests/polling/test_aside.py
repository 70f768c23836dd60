"""Where articles are read for a question: in a process of their own, unless there is none."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from bot.answers.answer_pipeline import answer_question
from bot.core.concurrency.worker_pool import WorkerPool
from tests.support.search.library import Library
from tests.support.search.searchers import searcher_of
from tests.support.workers import worker_calls

HERE = os.getpid()


@pytest.fixture
async def workers() -> AsyncIterator[WorkerPool]:
    pool = WorkerPool()
    yield pool
    await pool.close()


async def test_what_is_costly_runs_in_another_process(store, workers):
    assert await searcher_of(store, workers=workers).run_in_worker(os.getpid) != HERE
    assert await searcher_of(store).run_in_worker(os.getpid) == HERE


async def test_a_worker_that_dies_costs_no_answer(store, workers):
    assert await searcher_of(store, workers=workers).run_in_worker(worker_calls.die_elsewhere, HERE) == "alive"


@pytest.mark.parametrize(
    "question", ["When was Rekognition launched?", "what's new about Rekognition this week", "robots?"]
)
async def test_a_worker_gives_the_same_answer(store, workers, question):
    library = await Library(store).open()
    await library.add("Amazon bans Rekognition", "Rekognition was launched in 2016. The police may not use it.")
    await library.add("A robot", "It guides visitors through the museum since January 2021.")
    inside = await answer_question(searcher_of(store), question, feed_ids=None)
    assert await answer_question(searcher_of(store, workers=workers), question, feed_ids=None) == inside
