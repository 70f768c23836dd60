"""Benchmark of answers to questions about the news, by scorers that weren't fitted on the same articles.

    python -m benchmarks.answers [--folder FOLDER] [--encyclopedic 150] [--outside 30] [--semantic]
    [--installed]

Chat questions are asked over the shared news. Printed by language are shares with Wilson's 95 % intervals:

- first quote right, one of three right: the first quote, or one of the first three, contains an accepted answer
- sure, possible, nothing: the confidence of an answer
- taken out: the same questions when the articles that answer them aren't stored
- out of the store: encyclopedic questions, which the news can't answer

Each question's candidates and bold words are scored by trees fitted on questions about other articles and on
encyclopedic questions (cross-validation by article), with the installed thresholds. `--installed` uses the installed
trees instead, which were fitted on all questions: an upper bound.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from benchmarks.answer_spans_fit import build_encyclopedic_samples, fit_span_scorers
from benchmarks.answers_examples import (
    LANGUAGES,
    NEAR_TOPIC,
    OUTSIDE,
    analyse_article,
    join_words,
    load_examples,
)
from benchmarks.answers_fit import (
    Outcome,
    compute_calibrated_outcomes,
    compute_trade_off,
    fit_judges,
    judge_outcomes,
)
from bot.answers.answer_model import Confidence
from bot.answers.answer_scorer import Scorer, load_candidate_scorer, load_span_scorer
from bot.answers.candidate_scoring import ScoredCandidate, add_excerpt
from bot.answers.question_terms import QuestionTermMatcher
from bot.answers.quote_selection import (
    classify_confidence,
    rank_candidates,
    select_quotes,
    show_text_of_headline,
)

ROUNDABOUT, CURRENT = "roundabout", "current"
WRONG_SHARE_LIMITS = (0.02, 0.03, 0.04, 0.05, 0.06, 0.08)


def format_interval(hits: int, count: int) -> str:
    """Format a share with its 95 % interval."""
    if not count:
        return "–"
    share, z = hits / count, 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    margin = z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return f"{share:.2f} ({max(0.0, middle - margin):.2f}–{min(1.0, middle + margin):.2f}, n={count})"


def rank_with_excerpts(
    outcome: Outcome, candidates: Sequence[ScoredCandidate], span_scorer: Scorer
) -> list[ScoredCandidate]:
    """Return candidates with their excerpts, in the order in which they are quoted."""
    question = outcome.example.question
    articles = {article.id: article for article in outcome.example.candidates.retrieved.articles}
    return rank_candidates(
        add_excerpt(
            question,
            QuestionTermMatcher(question),
            analyse_article(articles[candidate.article_id]),
            candidate,
            span_scorer,
        )
        for candidate in candidates
    )


def judge_bold_words(
    outcome: Outcome, candidates: Sequence[ScoredCandidate], tier: Confidence
) -> Iterator[tuple[str, bool]]:
    """Yield whether the words in bold are right (contain an accepted answer or are part of one), wrong, or none."""
    if tier is Confidence.NOTHING:
        return
    answer_text = show_text_of_headline(candidates[0], candidates).excerpt.answer_text
    words = join_words(answer_text or "")
    is_right = any(answer in words or words in answer for answer in map(join_words, outcome.example.row["answers"]))
    yield f"{tier}: words in bold right", answer_text is not None and is_right
    yield f"{tier}: words in bold wrong", answer_text is not None and not is_right
    yield f"{tier}: no words in bold", answer_text is None


def tally_outcomes(
    outcomes: Sequence[Outcome], span_scorers: Sequence[Scorer], *, semantic: bool
) -> dict[str, dict[str, list[bool]]]:
    """Return a flag for each question, by the name of the figure and the language."""
    answer_scorer = load_candidate_scorer(with_cosines=semantic)
    counts: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for outcome, span_scorer in zip(outcomes, span_scorers, strict=True):
        language, kind = outcome.example.row["lang"], outcome.example.kind

        def add_flag(name: str, is_met: bool, language: str = language) -> None:
            counts[name][language].append(is_met)
            counts[name]["both"].append(is_met)

        ranked, ranked_without = (
            rank_with_excerpts(outcome, candidates or [], span_scorer)
            for candidates in (outcome.judged, outcome.without)
        )
        tier, tier_without = (
            classify_confidence(outcome.example.question, candidates, answer_scorer)
            for candidates in (ranked, ranked_without)
        )
        is_sure, quotes = tier is Confidence.SURE, select_quotes(ranked)
        quotes_right = [outcome.example.is_right(quote.text) for quote in quotes]
        is_first_right, is_any_right = quotes_right[:1] == [True], any(quotes_right)
        if outcome.example.has_answer:
            add_flag("first quote right", is_first_right)
            add_flag("one of three right", is_any_right)
            if kind in {ROUNDABOUT, CURRENT}:
                add_flag(f"{kind}, first", is_first_right)
                add_flag(f"{kind}, one of three", is_any_right)
            add_flag("sure", is_sure)
            add_flag("sure and wrong", is_sure and not is_first_right)
            add_flag("sure, and none of two right", is_sure and not any(quotes_right[:2]))
            for name, is_met in judge_bold_words(outcome, ranked, tier):
                add_flag(name, is_met)
            if is_any_right:
                add_flag("right among three, and called nothing", tier is Confidence.NOTHING)
            if outcome.without is not None:
                add_flag("taken out: nothing sure", tier_without is not Confidence.SURE)
                add_flag("taken out: nothing at all", tier_without is Confidence.NOTHING)
        elif kind == NEAR_TOPIC:
            add_flag("unanswerable near a topic: nothing sure", not is_sure)
        elif kind == OUTSIDE:
            add_flag("out of the store: nothing sure", not is_sure)
            add_flag("out of the store: nothing at all", tier is Confidence.NOTHING)
    return counts


def main() -> None:
    """Print the table of figures and the trade-off of wrong answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="answer with the extra `semantic`")
    parser.add_argument("--installed", action="store_true", help="score with the installed trees")
    parser.add_argument("--encyclopedic", type=int, default=150, help="encyclopedic questions per language to fit on")
    parser.add_argument("--outside", type=int, default=30, help="encyclopedic questions per language to ask")
    parser.add_argument("--folder", type=Path, help="folder that keeps the filled stores for the next run")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="telex-benchmark-") as temporary:
        folder = options.folder or Path(temporary)
        question_examples = asyncio.run(
            load_examples(
                folder,
                semantic=options.semantic,
                encyclopedic=0 if options.installed else options.encyclopedic,
                outside=options.outside,
                judges=fit_judges,
            )
        )
        span_samples = (
            [] if options.installed else asyncio.run(build_encyclopedic_samples(folder, options.encyclopedic))
        )
    if options.installed:
        answer_scorer = load_candidate_scorer(with_cosines=options.semantic)

        def judge_with_installed_trees(candidates: Sequence[Sequence[float]]) -> list[float]:
            return [answer_scorer.predict_probability(features) for features in candidates]

        outcomes = judge_outcomes(question_examples, [judge_with_installed_trees] * len(question_examples))
        span_scorers = [load_span_scorer()] * len(outcomes)
    else:
        outcomes, _, _ = compute_calibrated_outcomes(question_examples)
        folds, fold_scorers = fit_span_scorers([outcome.example for outcome in outcomes], span_samples)
        span_scorers = [fold_scorers[fold] for fold in folds]
    table = Table("", *LANGUAGES, "both")
    for name, flags_by_language in tally_outcomes(outcomes, span_scorers, semantic=options.semantic).items():
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
        console.print(f"at most {max_wrong:.2f} sure and wrong: {sure:.2f} sure")


if __name__ == "__main__":
    main()
