"""Benchmark of the lateness of the event loop while nobody, one person or eight people ask questions.

    python -m benchmarks.asking [--semantic] [--seconds N]

The store holds the shared articles and passages; the shared questions are asked through the question service, as
in Discord. Prints by how many milliseconds ticks of one millisecond were late, and how long answers took, by
number of people. Fails if a limit is exceeded, unless the loop was as late while nobody asked.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
import time
from collections.abc import Sequence
from statistics import quantiles
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from benchmarks.newsrooms import open_filled_newsroom, read_rows
from benchmarks.polling import MAX_LATENESS_MS, MAX_LATENESS_P99_MS, LatenessRecorder
from bot.answers.conversing.question_service import QuestionRequest, QuestionService
from bot.client.services import Services

USER_COUNTS = (0, 1, 8)
WARM_UP_QUESTIONS = 16


class Load(NamedTuple):
    """Lateness of the event loop and durations of answers, in milliseconds, while a number of people asked."""

    users: int
    lateness_ms: list[float]
    answer_ms: list[float]


def build_question(text: str, feed_ids: frozenset[int]) -> QuestionRequest:
    """Return a public question in a channel."""
    return QuestionRequest(text=text, feed_ids=feed_ids, server_id=1, channel_id=1, user_id=1, is_public=False)


async def measure_load(
    question_service: QuestionService, questions: itertools.cycle[QuestionRequest], users: int, seconds: float
) -> Load:
    """Let a number of people ask one question after another for some seconds."""
    answer_ms: list[float] = []
    end = time.perf_counter() + seconds

    async def ask_repeatedly() -> None:
        while (started_at := time.perf_counter()) < end:
            await question_service.answer(next(questions))
            answer_ms.append((time.perf_counter() - started_at) * 1_000)

    recorder = LatenessRecorder()
    recorder.start()
    await asyncio.gather(asyncio.sleep(seconds), *(ask_repeatedly() for _ in range(users)))
    recorder.stop()
    return Load(users, sorted(recorder.lateness_ms), sorted(answer_ms))


async def measure_loads(newsroom: Services, texts: Sequence[str], seconds: float) -> list[Load]:
    question_service = QuestionService(newsroom.store, newsroom.searcher, newsroom.clock)
    feed_ids = frozenset(feed.id for feed in await newsroom.store.feeds.list_all())
    questions = itertools.cycle([build_question(text, feed_ids) for text in texts])
    for _ in range(WARM_UP_QUESTIONS):
        await question_service.answer(next(questions))
    return [await measure_load(question_service, questions, users, seconds) for users in USER_COUNTS]


def format_row(load: Load) -> list[str]:
    """Return the cells of a table row for a load."""
    count = len(load.lateness_ms)
    cells = [
        str(load.users),
        f"{count:,}",
        f"{load.lateness_ms[count // 2]:.2f}",
        f"{load.lateness_ms[count * 99 // 100]:.1f}",
    ]
    cells += [f"{load.lateness_ms[-1]:.1f}", str(len(load.answer_ms))]
    if len(load.answer_ms) > 1:
        cuts = quantiles(load.answer_ms, n=20)
        cells += [f"{cuts[9]:.0f}", f"{cuts[18]:.0f}"]
    return cells


async def measure(*, semantic: bool, seconds: float) -> list[Load]:
    names = ("questions/fr-docs", "questions/en-docs", "articles/fr", "articles/en")
    documents = list(itertools.chain.from_iterable(map(read_rows, names)))
    pairs = zip(read_rows("questions/fr-questions"), read_rows("questions/en-questions"), strict=False)
    texts = [question["question"] for pair in pairs for question in pair]
    async with open_filled_newsroom(documents, semantic=semantic) as newsroom:
        return await measure_loads(newsroom, texts, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="compare meanings, with the extra `semantic`")
    parser.add_argument("--seconds", type=float, default=20, help="duration of each load")
    options = parser.parse_args()
    measured_loads = asyncio.run(measure(semantic=options.semantic, seconds=options.seconds))
    table = Table("people", "ticks", "late p50", "p99", "worst", "answers", "took p50", "p95", title="Milliseconds")
    for load in measured_loads:
        table.add_row(*format_row(load))
    Console(width=110).print(table)
    floor = measured_loads[0]
    for load in measured_loads[1:]:
        p99, floor_p99 = (
            measured_load.lateness_ms[len(measured_load.lateness_ms) * 99 // 100] for measured_load in (load, floor)
        )
        if p99 > max(MAX_LATENESS_P99_MS, floor_p99) or load.lateness_ms[-1] > max(
            MAX_LATENESS_MS, floor.lateness_ms[-1]
        ):
            sys.exit(f"the loop was later than {MAX_LATENESS_P99_MS:g} ms (p99) or {MAX_LATENESS_MS:g} ms (worst)")


if __name__ == "__main__":
    main()
