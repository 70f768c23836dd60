"""How well questions are answered: by a scorer that was not fitted on the articles they are about.

    python -m tests.benchmarks.answers [--folder FOLDER] [--encyclopedic 150] [--outside 30] [--semantic]
    [--installed]

The questions as people type them in a chat, over the shared news. First: the first quote, sure or
possible, holds the words of an answer; three: one of at most three does. Each question is judged by a
scorer fitted on those about other articles and on encyclopedic questions (cross-validation by article),
with the threshold that stands in the file; `--installed` asks the weights in the file instead, which were
fitted on all of them: an upper bound. Taken out: the same questions where the articles that answer are not
stored. Out of the store: encyclopedic questions asked of the news alone. Intervals are Wilson's, of 95 %.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Sequence
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from bot.answers.answer_model import Confidence
from bot.answers.answer_pipeline import confidence_of, select_quotes
from bot.answers.answer_scorer import candidate_scorer
from tests.benchmarks.answers_examples import (
    LANGUAGES,
    NEAR_TOPIC,
    OUTSIDE,
    examples,
)
from tests.benchmarks.answers_fit import (
    Outcome,
    calibrated_outcomes,
    judges,
    outcomes_by,
    trade_off,
)

ROUNDABOUT, CURRENT = "roundabout", "current"
WRONG = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)


def interval(hits: int, count: int) -> str:
    """A share with its interval."""
    if not count:
        return "–"
    share, z = hits / count, 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{share:.2f} ({max(0.0, middle - half):.2f}–{min(1.0, middle + half):.2f}, n={count})"


def tallied(outcomes: Sequence[Outcome], *, semantic: bool) -> dict[str, dict[str, list[bool]]]:
    """By what is measured and in which language, what became of each question."""
    made = candidate_scorer(with_cosines=semantic)
    counts: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for each in outcomes:
        language, kind = each.example.asked["lang"], each.example.kind

        def note(name: str, value: bool, language: str = language) -> None:
            counts[name][language].append(value)
            counts[name]["both"].append(value)

        tier, without = (confidence_of(some or [], made) for some in (each.judged, each.without))
        sure, picked = tier is Confidence.SURE, select_quotes(each.example.question, each.judged)[0]
        right = [each.example.is_right(one.text) for one in picked]
        first, three = right[:1] == [True], any(right)
        if each.example.has_answer:
            note("first quote right", first)
            note("one of three right", three)
            if kind == ROUNDABOUT:
                note("roundabout, one of three", three)
            if kind == CURRENT:
                note("current, first", first)
                note("current, one of three", three)
            note("sure", sure)
            note("sure and wrong", sure and not first)
            if three:
                note("right among three, and called nothing", tier is Confidence.NOTHING)
            if each.without is not None:
                note("taken out: nothing sure", without is not Confidence.SURE)
                note("taken out: nothing at all", without is Confidence.NOTHING)
        elif kind == NEAR_TOPIC:
            note("unanswerable near a topic: nothing sure", not sure)
        elif kind == OUTSIDE:
            note("out of the store: nothing sure", not sure)
            note("out of the store: nothing at all", tier is Confidence.NOTHING)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--semantic", action="store_true", help="with the extra, which has to be there")
    parser.add_argument("--installed", action="store_true", help="with the weights in the file")
    parser.add_argument("--encyclopedic", type=int, default=150, help="questions of each language")
    parser.add_argument("--outside", type=int, default=30, help="questions of each language")
    parser.add_argument("--folder", type=Path, help="where the filled stores are, or are to stay")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="telex-benchmark-") as folder:
        asked = asyncio.run(
            examples(
                options.folder or Path(folder),
                semantic=options.semantic,
                encyclopedic=0 if options.installed else options.encyclopedic,
                outside=options.outside,
                judges=judges,
            )
        )
    if options.installed:
        made = candidate_scorer(with_cosines=options.semantic)

        def installed(candidates: Sequence[Sequence[float]]) -> list[float]:
            return [made.probability(each) for each in candidates]

        outcomes = outcomes_by(asked, [installed] * len(asked))
    else:
        outcomes, _, _ = calibrated_outcomes(asked)
    table = Table("", *LANGUAGES, "both")
    for name, found in tallied(outcomes, semantic=options.semantic).items():
        table.add_row(
            name,
            *(interval(sum(found[language]), len(found[language])) for language in (*LANGUAGES, "both")),
        )
    console = Console(width=130)
    console.print(table)
    curve = trade_off(outcomes)
    for most in WRONG:
        sure = max((share for _, share, wrong, _ in curve if wrong <= most), default=0.0)
        console.print(f"at most {most:.2f} sure and wrong: {sure:.2f} answered surely")


if __name__ == "__main__":
    main()
