"""Fitting of the scorer of answers; writes data/answer_scorer.json.

    python -m benchmarks.answers_fit [--folder FOLDER] [--encyclopedic 150] [--semantic]

Small gradient-boosted trees (LightGBM, which only the fitting needs) are fitted on the candidates of the shared
questions: the chat questions, and a sample of the encyclopedic ones with a lower weight. More words of the question
never lower a candidate's score. Negative examples are other passages of the article that answers, passages of other
articles, and all candidates that are retrieved when the articles that answer aren't stored. Then the log-odds of the
first candidate are calibrated (Platt 1999) by cross-validation by article. `--semantic` fits the trees with cosines,
else those without.
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
    analyse_article,
    load_examples,
)
from bot.answers.answer_scorer import MODEL_FILE, Scorer, compute_log_odds
from bot.answers.candidate_features import COSINE_FEATURE_COUNT, FEATURE_NAMES
from bot.answers.candidate_scoring import MAX_CANDIDATES, ScoredCandidate, find_following_candidate
from bot.answers.quote_selection import select_quotes

Matrix = NDArray[np.float64]
FOLDS = 5
TREES = 40
SEEDS = (1, 2, 3)
"""Seeds of the sets of trees, whose log-odds are averaged to reduce variance."""
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
"""Features of which a larger value never lowers the score."""
FALLING_FEATURES = {"lacks form", "superseded"}
"""Features of which a larger value never raises the score."""
HARDEST_NEGATIVES = 20
"""Number of negative candidates per question with the most words of the question."""
RANDOM_NEGATIVES = 10
"""Number of random negative candidates per question."""
NEGATIVE_WEIGHT = 0.1
ENCYCLOPEDIC_WEIGHT = 0.3
SURE_PROBABILITY, SURE_PROBABILITY_WITH_COSINES = 0.46, 0.51
"""Thresholds of sure answers without and with cosines, chosen with `benchmarks.answer_confidence`."""
MAX_LEFT_OUT = 0.015
"""Largest share of the questions with a right quote among three that may be answered with “nothing on this”."""
VAGUE = "vague"
NON_CHAT_KINDS = frozenset({ENCYCLOPEDIC, OUTSIDE})
"""Kinds of questions that weren't typed in a chat."""

console = Console(highlight=False, soft_wrap=True)


class Outcome(NamedTuple):
    """A question with its scored candidates, and those when the articles that answer aren't stored."""

    example: Example
    judged: list[ScoredCandidate]
    without: list[ScoredCandidate] | None


def assign_folds(examples: Sequence[Example]) -> list[int]:
    """Return the fold of each question, the same one for questions about the same article."""
    parents: dict[str, str] = {}

    def find_root(name: str) -> str:
        while parents.setdefault(name, name) != name:
            name = parents[name]
        return name

    for number, example in enumerate(examples):
        for document in example.row["doc_ids"]:
            parents[find_root(document)] = find_root(f"question {number}")
    groups = [find_root(f"question {number}") for number in range(len(examples))]
    order = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [order[group] % FOLDS for group in groups]


def build_training_rows(examples: Sequence[Example]) -> tuple[Matrix, NDArray[np.int64], Matrix]:
    """Return the features, labels and weights of the candidates to fit on."""
    generator = np.random.default_rng(0)
    feature_rows: list[Sequence[float]] = []
    labels: list[int] = []
    weights: list[float] = []
    for example in examples:
        if example.kind == VAGUE:
            continue
        count = ENCYCLOPEDIC_WEIGHT if example.kind == ENCYCLOPEDIC else 1.0
        for candidates in filter(None, (example.candidates, example.without)):
            right = [candidate.features for candidate, right, own in _iterate_labelled(candidates) if right and own]
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
    """Fit a set of trees for each seed, without calibration."""
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
    """Return a judge that averages the log-odds of sets of trees."""

    def predict_probabilities(candidates: Sequence[Sequence[float]]) -> list[float]:
        if not candidates:
            return []
        odds = np.mean([booster.predict(np.array(candidates), raw_score=True) for booster in boosters], axis=0)
        return list(1 / (1 + np.exp(-odds)))

    return predict_probabilities


def build_scorer(
    boosters: Sequence[lightgbm.Booster],
    slope: float,
    shift: float,
    sure: float,
    possible: float = 0.0,
) -> Scorer:
    """Build a scorer from sets of trees, with their log-odds scaled by `slope` and shifted."""
    trees = []
    for tree in (tree for booster in boosters for tree in booster.dump_model()["tree_info"]):
        nodes: list[Any] = []
        _add_node(tree["tree_structure"], nodes)
        trees.append(tuple(node if isinstance(node, list) else node * slope / len(boosters) for node in nodes))
    return Scorer(shift, tuple(trees), sure, possible)


def _add_node(node: dict[str, Any], nodes: list[Any]) -> int:
    """Append a node and its descendants in the format of `Scorer`; return the node's index."""
    number = len(nodes)
    if "leaf_value" in node:
        nodes.append(float(node["leaf_value"]))
    else:
        nodes.append(None)
        low, high = _add_node(node["left_child"], nodes), _add_node(node["right_child"], nodes)
        nodes[number] = [node["split_feature"], float(node["threshold"]), low, high]
    return number


def judge_candidates(judge: Judge, candidates: Candidates) -> list[ScoredCandidate]:
    """Return the candidates with the highest probabilities."""
    probabilities = judge([candidate.features for candidate in candidates.judged])
    scored = [
        candidate._replace(probability=probability)
        for candidate, probability in zip(candidates.judged, probabilities, strict=True)
    ]
    scored.sort(key=lambda candidate: -candidate.probability)
    articles = {article.id: article for article in candidates.retrieved.articles}
    return [
        candidate._replace(
            following_candidate=find_following_candidate(analyse_article(articles[candidate.article_id]), candidate)
        )
        for candidate in scored[:MAX_CANDIDATES]
    ]


def fit_judges(examples: Sequence[Example]) -> list[Judge]:
    """Return for each question a judge that was fitted on questions about other articles and on encyclopedic ones.

    The judge of the encyclopedic questions is fitted on the chat questions alone.
    """
    chat_examples = [example for example in examples if example.kind not in NON_CHAT_KINDS]
    encyclopedic_examples = [example for example in examples if example.kind == ENCYCLOPEDIC]
    fold_by_id = dict(zip(map(id, chat_examples), assign_folds(chat_examples), strict=True))
    outside_examples = [example for example in examples if example.kind == OUTSIDE]
    fold_by_id |= {id(example): number % FOLDS for number, example in enumerate(outside_examples)}
    fold_judges = [
        make_judge(
            fit_boosters(
                [*(example for example in chat_examples if fold_by_id[id(example)] != fold), *encyclopedic_examples]
            )
        )
        for fold in range(FOLDS)
    ]
    encyclopedic_judge = make_judge(fit_boosters(chat_examples)) if encyclopedic_examples else fold_judges[0]
    return [
        encyclopedic_judge if example.kind == ENCYCLOPEDIC else fold_judges[fold_by_id[id(example)]]
        for example in examples
    ]


def judge_outcomes(examples: Sequence[Example], example_judges: Sequence[Judge]) -> list[Outcome]:
    """Return the outcome of each question that isn't encyclopedic, by its judge."""
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
    """Fit the slope and shift that calibrate the log-odds of the first candidate."""
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
    """Fit a logistic regression; return its weights and its intercept."""

    def loss(coefficients: Matrix) -> float:
        predicted = features @ coefficients[:-1] + coefficients[-1]
        return float(np.logaddexp(0, predicted).sum() - predicted @ labels)

    *weights, shift = minimize(loss, [*[1.0] * features.shape[1], 0.0]).x.tolist()
    return weights, shift


def compute_calibrated_outcomes(examples: Sequence[Example]) -> tuple[list[Outcome], float, float]:
    """Return the cross-validated outcomes with calibrated probabilities, and the slope and shift."""
    outcomes = judge_outcomes(examples, fit_judges(examples))
    slope, shift = calibrate(outcomes)
    return with_calibrated_probabilities(outcomes, slope, shift), slope, shift


def with_calibrated_probabilities(outcomes: Sequence[Outcome], slope: float, shift: float) -> list[Outcome]:
    """Return the outcomes with scaled and shifted log-odds."""

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
    """Return each threshold from the highest with three shares of sure answers.

    They are the shares of answerable questions that are sure, of answerable questions that are sure and wrong, and of
    unanswerable questions near a topic that are sure.
    """
    best_candidates = [(outcome.judged[0], outcome.example) for outcome in outcomes if outcome.judged]
    best_candidates.sort(key=lambda pair: -pair[0].probability)
    answerable = sum(outcome.example.has_answer for outcome in outcomes)
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
    """Return the lowest probability of a possible answer, so that few right answers are left out."""
    right = sorted(
        outcome.judged[0].probability
        for outcome in outcomes
        if any(outcome.example.is_right(quote.text) for quote in select_quotes(outcome.judged))
    )
    return right[int(MAX_LEFT_OUT * len(right))]


def scorer_to_json(scorer: Scorer, names: Sequence[str], figures: dict[str, Any]) -> dict[str, Any]:
    """Return a scorer in the format of the file."""

    def shorten(number: float) -> float:
        return float(f"{number:.5g}")

    return {
        "features": list(names),
        "bias": shorten(scorer.bias),
        "sure": shorten(scorer.sure_threshold),
        "possible": shorten(scorer.possible_threshold),
        "trees": [
            [[node[0], shorten(node[1]), *node[2:]] if isinstance(node, list) else shorten(node) for node in tree]
            for tree in scorer.trees
        ],
        "fitted on": figures,
    }


def fit_scorer(examples: Sequence[Example]) -> tuple[Scorer, list[Outcome]]:
    """Fit a calibrated scorer on all questions; return it with the cross-validated outcomes."""
    outcomes, slope, shift = compute_calibrated_outcomes(examples)
    boosters = fit_boosters([example for example in examples if example.kind != OUTSIDE])
    has_cosines = len(examples[0].candidates.judged[0].features) == len(FEATURE_NAMES)
    sure_threshold = SURE_PROBABILITY_WITH_COSINES if has_cosines else SURE_PROBABILITY
    return build_scorer(boosters, slope, shift, sure_threshold, find_possible_threshold(outcomes)), outcomes


def write_scorer(examples: Sequence[Example], *, semantic: bool) -> None:
    """Fit the scorer, replace it in the file and print its figures."""
    scorer, outcomes = fit_scorer(examples)
    answerable = [outcome for outcome in outcomes if outcome.example.has_answer and outcome.judged]
    first = np.mean([outcome.example.is_right(outcome.judged[0].text) for outcome in answerable])
    figures = {
        "chat questions": sum(example.kind not in NON_CHAT_KINDS for example in examples),
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
    """Load the examples and write the fitted scorer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--semantic", action="store_true", help="fit the trees with cosines of the extra `semantic`")
    parser.add_argument("--encyclopedic", type=int, default=150, help="encyclopedic questions per language to fit on")
    parser.add_argument("--folder", type=Path, help="folder that keeps the filled stores for the next run")
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
    write_scorer(question_examples, semantic=options.semantic)


if __name__ == "__main__":
    main()
