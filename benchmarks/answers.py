"""How well questions are answered: by a scorer that was not fitted on the articles they are about.

    python -m benchmarks.answers [--folder FOLDER] [--encyclopedic 150] [--outside 30] [--semantic]
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

from benchmarks.answers_examples import (
    LANGUAGES,
    NEAR_TOPIC,
    OUTSIDE,
    load_examples,
    reading,
)
from benchmarks.answers_fit import (
    Outcome,
    compute_calibrated_outcomes,
    compute_trade_off,
    fit_judges,
    judge_outcomes,
)
from bot.answers.answer_model import Confidence
from bot.answers.answer_scorer import load_candidate_scorer
from bot.answers.candidate_scoring import ScoredCandidate, add_excerpt
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.quote_selection import classify_confidence, rank_candidates, select_quotes

ROUNDABOUT, CURRENT = "roundabout", "current"
WRONG_SHARE_LIMITS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)


def format_interval(hits: int, count: int) -> str:
    """A share with its interval."""
    if not count:
        return "–"
    share, z = hits / count, 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{share:.2f} ({max(0.0, middle - half):.2f}–{min(1.0, middle + half):.2f}, n={count})"


def rank_with_excerpts(outcome: Outcome, candidates: Sequence[ScoredCandidate]) -> list[ScoredCandidate]:
    """Return candidates with their excerpts, by the trees in the file, in the order in which they are quoted."""
    question = outcome.example.question
    articles = {article.id: article for article in outcome.example.candidates.retrieved.articles}
    return rank_candidates(
        add_excerpt(question, QuestionTermMatcher(question), reading(articles[candidate.article_id]), candidate)
        for candidate in candidates
    )


def tally_outcomes(outcomes: Sequence[Outcome], *, semantic: bool) -> dict[str, dict[str, list[bool]]]:
    """By what is measured and in which language, what became of each question."""
    answer_scorer = load_candidate_scorer(with_cosines=semantic)
    counts: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for outcome in outcomes:
        language, kind = outcome.example.row["lang"], outcome.example.kind

        def note(name: str, is_met: bool, language: str = language) -> None:
            counts[name][language].append(is_met)
            counts[name]["both"].append(is_met)

        ranked, ranked_without = (
            rank_with_excerpts(outcome, candidates or []) for candidates in (outcome.judged, outcome.without)
        )
        tier, tier_without = (
            classify_confidence(outcome.example.question, candidates, answer_scorer)
            for candidates in (ranked, ranked_without)
        )
        is_sure, quotes = tier is Confidence.SURE, select_quotes(outcome.example.question, ranked)[0]
        quotes_right = [outcome.example.is_right(quote.text) for quote in quotes]
        is_first_right, is_any_right = quotes_right[:1] == [True], any(quotes_right)
        if outcome.example.has_answer:
            note("first quote right", is_first_right)
            note("one of three right", is_any_right)
            if kind == ROUNDABOUT:
                note("roundabout, one of three", is_any_right)
            if kind == CURRENT:
                note("current, first", is_first_right)
                note("current, one of three", is_any_right)
            note("sure", is_sure)
            note("sure and wrong", is_sure and not is_first_right)
            note("sure, and none of two right", is_sure and not any(quotes_right[:2]))
            if is_any_right:
                note("right among three, and called nothing", tier is Confidence.NOTHING)
            if outcome.without is not None:
                note("taken out: nothing sure", tier_without is not Confidence.SURE)
                note("taken out: nothing at all", tier_without is Confidence.NOTHING)
        elif kind == NEAR_TOPIC:
            note("unanswerable near a topic: nothing sure", not is_sure)
        elif kind == OUTSIDE:
            note("out of the store: nothing sure", not is_sure)
            note("out of the store: nothing at all", tier is Confidence.NOTHING)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="with the extra, which has to be there")
    parser.add_argument("--installed", action="store_true", help="with the weights in the file")
    parser.add_argument("--encyclopedic", type=int, default=150, help="questions of each language")
    parser.add_argument("--outside", type=int, default=30, help="questions of each language")
    parser.add_argument("--folder", type=Path, help="where the filled stores are, or are to stay")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="telex-benchmark-") as folder:
        question_examples = asyncio.run(
            load_examples(
                options.folder or Path(folder),
                semantic=options.semantic,
                encyclopedic=0 if options.installed else options.encyclopedic,
                outside=options.outside,
                judges=fit_judges,
            )
        )
    if options.installed:
        answer_scorer = load_candidate_scorer(with_cosines=options.semantic)

        def installed(candidates: Sequence[Sequence[float]]) -> list[float]:
            return [answer_scorer.predict_probability(features) for features in candidates]

        outcomes = judge_outcomes(question_examples, [installed] * len(question_examples))
    else:
        outcomes, _, _ = compute_calibrated_outcomes(question_examples)
    table = Table("", *LANGUAGES, "both")
    for name, flags_by_language in tally_outcomes(outcomes, semantic=options.semantic).items():
        table.add_row(
            name,
            *(
                format_interval(sum(flags_by_language[language]), len(flags_by_language[language]))
                for language in (*LANGUAGES, "both")
            ),
        )
    console = Console(width=130)
    console.print(table)
    curve = compute_trade_off(outcomes)
    for max_wrong in WRONG_SHARE_LIMITS:
        sure = max((share for _, share, wrong, _ in curve if wrong <= max_wrong), default=0.0)
        console.print(f"at most {max_wrong:.2f} sure and wrong: {sure:.2f} answered surely")


if __name__ == "__main__":
    main()
