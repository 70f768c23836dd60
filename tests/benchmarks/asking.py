"""How late the event loop is while eight people ask at once, beside the same loop while nobody asks.

    python -m tests.benchmarks.asking [--semantic] [--seconds N]

The store holds the shared articles and passages; the questions are the shared ones, asked through the desk as
in Discord. Prints milliseconds that a tick of one millisecond was late, and how long an answer took, by how
many ask. Fails when the design's limits do not hold, unless the loop was as late with nobody asking.
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

from bot.answers.conversing.question_service import QuestionRequest, QuestionService
from bot.client.services import Services
from tests.benchmarks.newsrooms import filled, read
from tests.benchmarks.polling import LATE_P99, LATE_WORST, Ticker

PEOPLE = (0, 1, 8)
WARM_UP = 16  # questions


class Load(NamedTuple):
    """Lateness of the loop and the time that answers took, in milliseconds, while some people asked."""

    people: int
    late: list[float]
    took: list[float]


def asked(text: str, feed_ids: frozenset[int]) -> QuestionRequest:
    """A question of somebody in a channel."""
    return QuestionRequest(text=text, feed_ids=feed_ids, server_id=1, channel_id=1, person_id=1, public=False)


async def under_load(
    desk: QuestionService, questions: itertools.cycle[QuestionRequest], people: int, seconds: float
) -> Load:
    """Have so many people ask without a pause for so long."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def person() -> None:
        while (began := time.perf_counter()) < end:
            await desk.answer(next(questions))
            took.append((time.perf_counter() - began) * 1_000)

    ticker = Ticker()
    ticker.start()
    await asyncio.gather(asyncio.sleep(seconds), *(person() for _ in range(people)))
    ticker.stop()
    return Load(people, sorted(ticker.late), sorted(took))


async def loads(newsroom: Services, texts: Sequence[str], seconds: float) -> list[Load]:
    desk = QuestionService(newsroom.store, newsroom.searcher, newsroom.clock)
    feed_ids = frozenset(feed.id for feed in await newsroom.store.feeds.all())
    questions = itertools.cycle([asked(text, feed_ids) for text in texts])
    for _ in range(WARM_UP):
        await desk.answer(next(questions))
    return [await under_load(desk, questions, people, seconds) for people in PEOPLE]


def row(load: Load) -> list[str]:
    """A line of the table."""
    count = len(load.late)
    cells = [
        str(load.people),
        f"{count:,}",
        f"{load.late[count // 2]:.2f}",
        f"{load.late[count * 99 // 100]:.1f}",
    ]
    cells += [f"{load.late[-1]:.1f}", str(len(load.took))]
    if len(load.took) > 1:
        cuts = quantiles(load.took, n=20)
        cells += [f"{cuts[9]:.0f}", f"{cuts[18]:.0f}"]
    return cells


async def work(*, semantic: bool, seconds: float) -> list[Load]:
    names = ("questions/fr-docs", "questions/en-docs", "articles/fr", "articles/en")
    documents = list(itertools.chain.from_iterable(map(read, names)))
    pairs = zip(read("questions/fr-questions"), read("questions/en-questions"), strict=False)
    texts = [each["question"] for pair in pairs for each in pair]
    async with filled(documents, semantic=semantic) as newsroom:
        return await loads(newsroom, texts, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--semantic", action="store_true", help="with the extra, which has to be there")
    parser.add_argument("--seconds", type=float, default=20, help="of each load")
    options = parser.parse_args()
    found = asyncio.run(work(semantic=options.semantic, seconds=options.seconds))
    table = Table(
        "people", "ticks", "late p50", "p99", "worst", "answers", "took p50", "p95", title="Milliseconds"
    )
    for load in found:
        table.add_row(*row(load))
    Console(width=110).print(table)
    floor = found[0]
    for load in found[1:]:
        p99, usual = (each.late[len(each.late) * 99 // 100] for each in (load, floor))
        if p99 > max(LATE_P99, usual) or load.late[-1] > max(LATE_WORST, floor.late[-1]):
            sys.exit(f"the loop was later than {LATE_P99:g} ms (p99) or {LATE_WORST:g} ms (worst)")


if __name__ == "__main__":
    main()
