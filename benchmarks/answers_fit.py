"""Fits the scorer of answers: writes data/answer_scorer.json.

    python -m benchmarks.answers_fit [--folder FOLDER] [--encyclopedic 150] [--semantic]

Small gradient-boosted trees (LightGBM, which only this needs) over the candidates of the shared questions:
those typed in a chat, and a sample of the encyclopedic ones, which count less. More of the question's words
never count against a candidate. Not right are other passages of the article that answers, of other articles
on the topic, and all that is found where the articles that answer are taken out. Then the log-odds of the
first candidate are calibrated (Platt 1999) on questions that were not fitted on (cross-validation by
article). `--semantic` fits the weights with cosines, else those without; `--folder` keeps the filled
stores for the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from math import exp
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import lightgbm
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from scipy.optimize import minimize

from benchmarks.answers_examples import (
    ENCYCLOPEDIC,
    NEAR_TOPIC,
    OUTSIDE,
    Candidates,
    Example,
    Judge,
    load_examples,
    reading,
)
from bot.answers.answer_scorer import MODEL_FILE, Scorer, compute_log_odds
from bot.answers.candidate_features import COSINE_FEATURE_COUNT, FEATURE_NAMES
from bot.answers.candidate_scoring import MAX_CANDIDATES, ScoredCandidate, find_following_candidate
from bot.answers.quote_selection import select_quotes

Matrix = NDArray[np.float64]
FOLDS = 5
TREES = 40
SEEDS = (1, 2, 3)
"""Of as many sets of trees, whose log-odds are averaged: less hangs on what each was shown."""
SETTINGS = {
    "objective": "binary",
    "num_leaves": 8,
    "learning_rate": 0.1,
    "min_data_in_leaf": 40,
    "lambda_l2": 1.0,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "feature_fraction": 0.5,
    "num_threads": 1,
    "verbosity": -1,
}
RISING_FEATURES = set(
    "in window|in window or title|in article|in title|together|bm25|has form|cosine|article cosine".split("|")
)
"""Features of which more never counts against a candidate,"""
FALLING_FEATURES = {"lacks form", "superseded"}
"""and never for it."""
HARDEST_NEGATIVES = 20
"""Candidates that are not right, of each question: those with the most of its words,"""
RANDOM_NEGATIVES = 10
"""and so many others."""
NEGATIVE_WEIGHT = 0.1
ENCYCLOPEDIC_WEIGHT = 0.3
SURE_PROBABILITY, SURE_PROBABILITY_WITH_COSINES = 0.46, 0.51
"""Probabilities from which on an answer is sure, by words and with cosines: see `answer_confidence`."""
MAX_LEFT_OUT = 0.015
"""Share of the questions with what answers among three passages that may be told that there is nothing."""
VAGUE = "vague"
NON_CHAT_KINDS = frozenset({ENCYCLOPEDIC, OUTSIDE})
"""Questions that were not typed in a chat."""

console = Console(highlight=False, soft_wrap=True)


class Outcome(NamedTuple):
    """What a scorer that was not fitted on it makes of a question: with what answers stored, and without."""

    example: Example
    judged: list[ScoredCandidate]
    without: list[ScoredCandidate] | None


def assign_folds(examples: Sequence[Example]) -> list[int]:
    """The fold of each question: those about the same article are in the same one."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    for number, example in enumerate(examples):
        for document in example.row["doc_ids"]:
            parents[root(document)] = root(f"question {number}")
    groups = [root(f"question {number}") for number in range(len(examples))]
    order = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [order[group] % FOLDS for group in groups]


def build_training_rows(examples: Sequence[Example]) -> tuple[Matrix, NDArray[np.int64], Matrix]:
    """What is fitted on: the features of candidates, whether each is right, and how much each counts."""
    generator = np.random.default_rng(0)
    feature_rows: list[Sequence[float]] = []
    labels: list[int] = []
    weights: list[float] = []
    for example in examples:
        if example.kind == VAGUE:
            continue
        count = ENCYCLOPEDIC_WEIGHT if example.kind == ENCYCLOPEDIC else 1.0
        for candidates in filter(None, (example.candidates, example.without)):
            right = [one.features for one, right, own in _iterate_labelled(candidates) if right and own]
            wrong = [candidate.features for candidate, right, _ in _iterate_labelled(candidates) if not right]
            wrong.sort(key=lambda features: -(features[0] + 0.7 * features[1]))
            further = wrong[HARDEST_NEGATIVES:]
            drawn_numbers = generator.permutation(len(further))[:RANDOM_NEGATIVES]
            wrong = [*wrong[:HARDEST_NEGATIVES], *(further[number] for number in drawn_numbers)]
            feature_rows += [*right, *wrong]
            labels += [1] * len(right) + [0] * len(wrong)
            weights += [count / max(1, len(right))] * len(right) + [count * NEGATIVE_WEIGHT] * len(wrong)
    return np.array(feature_rows), np.array(labels), np.array(weights)


def _iterate_labelled(candidates: Candidates) -> Iterator[tuple[ScoredCandidate, bool, bool]]:
    return zip(candidates.judged, candidates.right, candidates.own, strict=True)


def fit_boosters(examples: Sequence[Example]) -> list[lightgbm.Booster]:
    """Sets of trees fitted on some questions, not yet calibrated."""
    features, labels, weights = build_training_rows(examples)
    names = FEATURE_NAMES[: features.shape[1]]
    settings = SETTINGS | {
        "monotone_constraints": [(name in RISING_FEATURES) - (name in FALLING_FEATURES) for name in names]
    }
    return [
        lightgbm.train(settings | {"seed": seed}, lightgbm.Dataset(features, labels, weight=weights), TREES)
        for seed in SEEDS
    ]


def make_judge(boosters: Sequence[lightgbm.Booster]) -> Judge:
    """What some sets of trees make of candidates."""

    def told(candidates: Sequence[Sequence[float]]) -> list[float]:
        if not candidates:
            return []
        odds = np.mean([booster.predict(np.array(candidates), raw_score=True) for booster in boosters], axis=0)
        return list(1 / (1 + np.exp(-odds)))

    return told


def build_scorer(
    boosters: Sequence[lightgbm.Booster],
    slope: float,
    shift: float,
    sure: float,
    possible: float = 0.0,
) -> Scorer:
    """Sets of trees as the scorer that the file has, with their log-odds stretched and shifted."""
    trees = []
    for tree in (tree for booster in boosters for tree in booster.dump_model()["tree_info"]):
        nodes: list[Any] = []
        _add_node(tree["tree_structure"], nodes)
        trees.append(tuple(node if isinstance(node, list) else node * slope / len(boosters) for node in nodes))
    return Scorer(shift, tuple(trees), sure, possible)


def _add_node(node: dict[str, Any], nodes: list[Any]) -> int:
    """Add a node and those below it as `Scorer` has them; the number of it."""
    number = len(nodes)
    if "leaf_value" in node:
        nodes.append(float(node["leaf_value"]))
    else:
        nodes.append(None)
        low, high = _add_node(node["left_child"], nodes), _add_node(node["right_child"], nodes)
        nodes[number] = [node["split_feature"], float(node["threshold"]), low, high]
    return number


def judge_candidates(judge: Judge, candidates: Candidates) -> list[ScoredCandidate]:
    """The best candidates by a judge."""
    predicted = judge([each.features for each in candidates.judged])
    scored = [each._replace(probability=p) for each, p in zip(candidates.judged, predicted, strict=True)]
    scored.sort(key=lambda each: -each.probability)
    articles = {article.id: article for article in candidates.retrieved.articles}
    return [
        candidate._replace(
            following_candidate=find_following_candidate(reading(articles[candidate.article_id]), candidate)
        )
        for candidate in scored[:MAX_CANDIDATES]
    ]


def fit_judges(examples: Sequence[Example]) -> list[Judge]:
    """For each question one that was fitted on those about other articles, and on encyclopedic ones.

    One for the encyclopedic questions was fitted on those of the chat alone.
    """
    chat_examples = [each for each in examples if each.kind not in NON_CHAT_KINDS]
    encyclopedic_examples = [each for each in examples if each.kind == ENCYCLOPEDIC]
    fold_by_id = dict(zip(map(id, chat_examples), assign_folds(chat_examples), strict=True))
    fold_by_id |= {id(each): n % FOLDS for n, each in enumerate(each for each in examples if each.kind == OUTSIDE)}
    fold_judges = [
        make_judge(
            fit_boosters([*(each for each in chat_examples if fold_by_id[id(each)] != fold), *encyclopedic_examples])
        )
        for fold in range(FOLDS)
    ]
    encyclopedic_judge = make_judge(fit_boosters(chat_examples)) if encyclopedic_examples else fold_judges[0]
    return [
        encyclopedic_judge if example.kind == ENCYCLOPEDIC else fold_judges[fold_by_id[id(example)]]
        for example in examples
    ]


def judge_outcomes(examples: Sequence[Example], example_judges: Sequence[Judge]) -> list[Outcome]:
    """What becomes of the questions that are not encyclopedic, each by its judge."""
    return [
        Outcome(
            example,
            judge_candidates(judge, example.candidates),
            None if example.without is None else judge_candidates(judge, example.without),
        )
        for example, judge in zip(examples, example_judges, strict=True)
        if example.kind != ENCYCLOPEDIC
    ]


def calibrate(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """The slope and shift by which log-odds become those with which the first candidate is right."""
    odds, labels = [], []
    for outcome in outcomes:
        if outcome.example.kind in {VAGUE, OUTSIDE}:
            continue
        for judged in filter(None, (outcome.judged, outcome.without)):
            odds.append(compute_log_odds(judged[0].probability))
            labels.append(int(judged is outcome.judged and outcome.example.is_right(judged[0].text)))
    (slope,), shift = fit_logistic(np.array(odds)[:, None], np.array(labels))
    return slope, shift


def fit_logistic(features: Matrix, labels: NDArray[np.int64]) -> tuple[list[float], float]:
    """The weights and the shift of a regression."""

    def loss(coefficients: Matrix) -> float:
        predicted = features @ coefficients[:-1] + coefficients[-1]
        return float(np.logaddexp(0, predicted).sum() - predicted @ labels)

    *weights, shift = minimize(loss, [*[1.0] * features.shape[1], 0.0]).x.tolist()
    return weights, shift


def compute_calibrated_outcomes(examples: Sequence[Example]) -> tuple[list[Outcome], float, float]:
    """What becomes of the questions of the chat, cross-validated, with calibrated probabilities; slope and
    shift of these."""
    outcomes = judge_outcomes(examples, fit_judges(examples))
    slope, shift = calibrate(outcomes)
    return with_calibrated_probabilities(outcomes, slope, shift), slope, shift


def with_calibrated_probabilities(outcomes: Sequence[Outcome], slope: float, shift: float) -> list[Outcome]:
    """Return outcomes whose log-odds are stretched and shifted."""

    def recalibrate(judged: list[ScoredCandidate]) -> list[ScoredCandidate]:
        return [
            candidate._replace(probability=1 / (1 + exp(-slope * compute_log_odds(candidate.probability) - shift)))
            for candidate in judged
        ]

    return [
        outcome._replace(
            judged=recalibrate(outcome.judged),
            without=None if outcome.without is None else recalibrate(outcome.without),
        )
        for outcome in outcomes
    ]


def compute_trade_off(outcomes: Sequence[Outcome]) -> list[tuple[float, float, float, float]]:
    """By the probability from which on an answer is sure, from the highest on: that, the shares of the
    questions with an answer that are answered surely, and surely and wrongly, and of those near a topic."""
    best_candidates = [(each.judged[0], each.example) for each in outcomes if each.judged]
    best_candidates.sort(key=lambda pair: -pair[0].probability)
    answerable = sum(each.example.has_answer for each in outcomes)
    near = sum(outcome.example.kind == NEAR_TOPIC for outcome in outcomes)
    sure = wrong = answered = 0
    curve = []
    for judged, example in best_candidates:
        sure += example.has_answer
        wrong += example.has_answer and not example.is_right(judged.text)
        answered += example.kind == NEAR_TOPIC
        curve.append((judged.probability, sure / answerable, wrong / answerable, answered / near))
    return curve


def find_possible_threshold(outcomes: Sequence[Outcome]) -> float:
    """The least probability at which an answer is possible, so that few that answer are left out."""
    right = sorted(
        outcome.judged[0].probability
        for outcome in outcomes
        if any(outcome.example.is_right(quote.text) for quote in select_quotes(outcome.judged))
    )
    return right[int(MAX_LEFT_OUT * len(right))]


def scorer_to_json(scorer: Scorer, names: Sequence[str], figures: dict[str, Any]) -> dict[str, Any]:
    """A scorer as the file has it."""

    def short(number: float) -> float:
        return float(f"{number:.5g}")

    return {
        "features": list(names),
        "bias": short(scorer.bias),
        "sure": short(scorer.sure_threshold),
        "possible": short(scorer.possible_threshold),
        "trees": [
            [[node[0], short(node[1]), *node[2:]] if isinstance(node, list) else short(node) for node in tree]
            for tree in scorer.trees
        ],
        "fitted on": figures,
    }


def fit_scorer(examples: Sequence[Example]) -> tuple[Scorer, list[Outcome]]:
    """A scorer of all the questions, calibrated, and what becomes of each by one that was not fitted on
    it."""
    outcomes, slope, shift = compute_calibrated_outcomes(examples)
    boosters = fit_boosters([example for example in examples if example.kind != OUTSIDE])
    has_cosines = len(examples[0].candidates.judged[0].features) == len(FEATURE_NAMES)
    sure_threshold = SURE_PROBABILITY_WITH_COSINES if has_cosines else SURE_PROBABILITY
    return build_scorer(boosters, slope, shift, sure_threshold, find_possible_threshold(outcomes)), outcomes


def write(examples: Sequence[Example], *, semantic: bool) -> None:
    """Fit, and put the weights in the file in the place of those there."""
    scorer, outcomes = fit_scorer(examples)
    answerable = [each for each in outcomes if each.example.has_answer and each.judged]
    first = np.mean([outcome.example.is_right(outcome.judged[0].text) for outcome in answerable])
    figures = {
        "chat questions": sum(each.kind not in NON_CHAT_KINDS for each in examples),
        "encyclopedic questions": sum(example.kind == ENCYCLOPEDIC for example in examples),
        "first candidate right, cross-validated by article": round(float(first), 3),
    }
    file = json.loads(MODEL_FILE.read_text("utf-8")) if MODEL_FILE.exists() else {}
    file["with meaning" if semantic else "words"] = scorer_to_json(
        scorer, FEATURE_NAMES[: len(examples[0].candidates.judged[0].features)], figures
    )
    MODEL_FILE.write_text(json.dumps(file, separators=(",", ":")) + "\n", "utf-8")
    console.print(figures, f"sure from {scorer.sure_threshold:.3f}, possible from {scorer.possible_threshold:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="with the extra, which has to be there")
    parser.add_argument("--encyclopedic", type=int, default=150, help="questions of each language")
    parser.add_argument("--folder", type=Path, help="where the filled stores are, or are to stay")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="telex-benchmark-") as folder:
        question_examples = asyncio.run(
            load_examples(
                options.folder or Path(folder),
                semantic=options.semantic,
                encyclopedic=options.encyclopedic,
                judges=fit_judges,
            )
        )
    width = len(FEATURE_NAMES) if options.semantic else len(FEATURE_NAMES) - COSINE_FEATURE_COUNT
    if any(
        len(candidate.features) != width for example in question_examples for candidate in example.candidates.judged
    ):
        raise SystemExit("needs the extra: pip install 'telex[semantic]'")
    write(question_examples, semantic=options.semantic)


if __name__ == "__main__":
    main()
