"""Whether questions are answered from their passage, and refused without it.

    python -m tests.benchmarks.answers_quality [--semantic] [--every 15] [--jobs 2]

Right: answered, and the first quote (or one of three) holds the words of the answer. Refused: a question
whose passage was taken out of the store, the others of its language left in, is not answered. Prints both for
the threshold that is used and for those at which a share of the questions without an answer is refused, by
language and by half of the questions (weights were fitted on the even ones). With `--semantic` Telex has that
extra, which takes much longer: `--every` asks a sample, by an odd step so that it has some of both halves.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from itertools import chain, islice, repeat
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from bot.answers import answering
from bot.answers.answer_worker import draw, ordered
from bot.answers.answering import QUOTES, SURE_ENOUGH
from bot.search.searching import Searcher
from bot.text import terms
from tests.benchmarks.newsrooms import filled, read, url_of

SHARES = (0.80, 0.85, 0.90, 0.95)
NEVER = -99.0


class Outcome(NamedTuple):
    """How sure the answer is with the passage in the store, and without it; whether its quotes are right."""

    with_it: float
    first: bool
    any_of_three: bool
    without_it: float


def line(text: str) -> str:
    """A text as its folded words in a row."""
    return f" {' '.join(terms.words(text))} "


async def outcome(searcher: Searcher, asked: dict[str, Any], url: str) -> Outcome:
    """Ask a question twice: of all articles, and of all but the one that answers."""
    question = asked["question"]
    gathered = await answering.gather(searcher, question, feed_ids=None)
    found = ordered(gathered)
    wanted = [line(answer) for answer in asked["answers"]]
    with_it = await answering.in_meaning(searcher, question, draw(question, gathered, found))
    right = [
        any(answer in line(extract.text) for answer in wanted)
        for extract in islice(with_it.quotable(), QUOTES)
    ]
    others = [each for each in found if each.read and each.read.article.url != url]
    without_it = await answering.in_meaning(searcher, question, draw(question, gathered, others))
    return Outcome(
        NEVER if with_it.sureness is None else with_it.sureness,
        right[:1] == [True],
        any(right),
        NEVER if without_it.sureness is None else without_it.sureness,
    )


def figures(outcomes: list[Outcome], threshold: float) -> tuple[str, str, str]:
    """Refused of those without an answer; right by the first quote, by one of three, of those with one."""
    count = len(outcomes)
    refused = sum(each.without_it < threshold for each in outcomes) / count
    first = sum(each.with_it >= threshold and each.first for each in outcomes) / count
    three = sum(each.with_it >= threshold and each.any_of_three for each in outcomes) / count
    return f"{refused:.3f}", f"{first:.3f}", f"{three:.3f}"


async def outcomes_of(language: str, share: slice, *, semantic: bool) -> list[tuple[int, Outcome]]:
    """What becomes of a share of a language's questions, each with its number."""
    documents = read(f"questions/{language}-docs")
    urls = {document["doc_id"]: url_of(document) for document in documents}
    async with filled(documents, semantic=semantic) as newsroom:
        return [
            (number, await outcome(newsroom.searcher, asked, urls[asked["doc_id"]]))
            for number, asked in list(enumerate(read(f"questions/{language}-questions")))[share]
        ]


def in_process(language: str, share: slice, semantic: bool) -> list[tuple[int, Outcome]]:
    return asyncio.run(outcomes_of(language, share, semantic=semantic))


def work(table: Table, *, semantic: bool, every: int, jobs: int) -> None:
    for language in ("fr", "en"):
        shares = [slice(every * job, None, every * jobs) for job in range(jobs)]
        with ProcessPoolExecutor(jobs) as pool:
            found = list(pool.map(in_process, repeat(language), shares, repeat(semantic)))
        halves: dict[str, list[Outcome]] = defaultdict(list)
        for number, result in chain.from_iterable(found):
            halves["all"].append(result)
            halves["held out" if number % 2 else "fitted on"].append(result)
        for half, outcomes in sorted(halves.items()):
            ordered = sorted(each.without_it for each in outcomes)
            rows = [(f"{share:.2f} refused", ordered[int(share * len(ordered))]) for share in SHARES]
            for name, threshold in (("as used", SURE_ENOUGH), *rows):
                row = figures(outcomes, threshold)
                table.add_row(language, half, str(len(outcomes)), name, f"{threshold:+.2f}", *row)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--semantic", action="store_true", help="with the extra, which has to be there")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes, each with its own store")
    parser.add_argument("--every", type=int, default=1, help="one question of so many (an odd number)")
    options = parser.parse_args()
    if options.every < 1 or options.every % 2 == 0:
        parser.error("--every takes an odd number, which meets both halves of the questions")
    table = Table("language", "half", "questions", "threshold", "", "refused", "right", "right of three")
    work(table, semantic=options.semantic, every=options.every, jobs=options.jobs)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
