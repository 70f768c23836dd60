"""Fits the scorer of answers: writes data/answer_scorer.json.

    python -m tests.benchmarks.answers_fit [--folder FOLDER] [--encyclopedic 150] [--semantic]

Small gradient-boosted trees (LightGBM, which only this needs) over the candidates of the shared questions:
those typed in a chat, and a sample of the encyclopedic ones, which count less. More of the question's words
never count against a candidate. Not right are other passages of the article that answers, of other articles
on the topic, and all that is found where the articles that answer are taken out. Then the log-odds of the
first candidate are calibrated (Platt 1999) on questions that were not fitted on (cross-validation by
article), and the threshold of a sure answer is put where of those few are sure and wrong. `--semantic` fits
the weights with cosines, else those without; `--folder` keeps the filled stores for the next time.
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

from bot.answers.answer_pipeline import select_quotes
from bot.answers.answer_scorer import MODEL_FILE, Scorer, log_odds
from bot.answers.candidate_features import COSINE_FEATURES, FEATURE_NAMES
from bot.answers.candidate_scoring import MAX_CANDIDATES, ScoredCandidate, following_range
from tests.benchmarks.answers_examples import (
    ENCYCLOPEDIC,
    NEAR_TOPIC,
    OUTSIDE,
    Candidates,
    Example,
    Judge,
    examples,
    reading,
)

Values = NDArray[np.float64]
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
RISING = set(
    "in window|in window or title|in article|in title|family in window or title|together|bm25|has form"
    "|near form|in a sentence|cosine|article cosine".split("|")
)
"""Features of which more never counts against a candidate,"""
FALLING = {"lacks form", "unknown", "superseded"}
"""and never for it."""
OF_WORDS = ("headline", "place")
"""Features that the scorer with meaning does without: it chooses no better with them."""
HARDEST = 20
"""Candidates that are not right, of each question: those with the most of its words,"""
OTHERS = 10
"""and so many others."""
WEIGHT_OF_WRONG = 0.1
WEIGHT_OF_ENCYCLOPEDIC = 0.3
SURE_AND_WRONG = 0.04
"""Share of the questions that may be answered surely and wrongly,"""
NEAR_REFUSED = 0.87
"""and the share of those near a topic, without an answer, that are not answered surely."""
LEFT_OUT = 0.02
"""Share of the questions with what answers among three passages that may be told that there is nothing."""
VAGUE = "vague"
BESIDE = frozenset({ENCYCLOPEDIC, OUTSIDE})
"""Questions that were not typed in a chat."""

console = Console(highlight=False, soft_wrap=True)


class Outcome(NamedTuple):
    """What a scorer that was not fitted on it makes of a question: with what answers stored, and without."""

    example: Example
    judged: list[ScoredCandidate]
    without: list[ScoredCandidate] | None


def folds(asked: Sequence[Example]) -> list[int]:
    """The fold of each question: those about the same article are in the same one."""
    first: dict[str, str] = {}

    def root(name: str) -> str:
        while first.setdefault(name, name) != name:
            name = first[name]
        return name

    for number, each in enumerate(asked):
        for document in each.asked["doc_ids"]:
            first[root(document)] = root(f"question {number}")
    groups = [root(f"question {number}") for number in range(len(asked))]
    order = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [order[group] % FOLDS for group in groups]


def rows(asked: Sequence[Example]) -> tuple[Values, NDArray[np.int64], Values]:
    """What is fitted on: the features of candidates, whether each is right, and how much each counts."""
    drawn = np.random.default_rng(0)
    values: list[Sequence[float]] = []
    labels: list[int] = []
    weights: list[float] = []
    for each in asked:
        if each.kind == VAGUE:
            continue
        count = WEIGHT_OF_ENCYCLOPEDIC if each.kind == ENCYCLOPEDIC else 1.0
        for found in filter(None, (each.found, each.without)):
            right = [one.features for one, right, own in _each(found) if right and own]
            wrong = [one.features for one, right, _ in _each(found) if not right]
            wrong.sort(key=lambda features: -(features[0] + 0.7 * features[1]))
            further = wrong[HARDEST:]
            chosen = drawn.permutation(len(further))[:OTHERS]
            wrong = [*wrong[:HARDEST], *(further[number] for number in chosen)]
            values += [*right, *wrong]
            labels += [1] * len(right) + [0] * len(wrong)
            weights += [count / max(1, len(right))] * len(right) + [count * WEIGHT_OF_WRONG] * len(wrong)
    return np.array(values), np.array(labels), np.array(weights)


def _each(found: Candidates) -> Iterator[tuple[ScoredCandidate, bool, bool]]:
    return zip(found.judged, found.right, found.own, strict=True)


def fitted(asked: Sequence[Example]) -> list[lightgbm.Booster]:
    """Sets of trees fitted on some questions, not yet calibrated."""
    values, labels, weights = rows(asked)
    names = FEATURE_NAMES[: values.shape[1]]
    if "cosine" in names:
        values[:, [names.index(name) for name in OF_WORDS]] = 0
    settings = SETTINGS | {"monotone_constraints": [(name in RISING) - (name in FALLING) for name in names]}
    return [
        lightgbm.train(settings | {"seed": seed}, lightgbm.Dataset(values, labels, weight=weights), TREES)
        for seed in SEEDS
    ]


def probabilities(made: Sequence[lightgbm.Booster]) -> Judge:
    """What some sets of trees make of candidates."""

    def told(candidates: Sequence[Sequence[float]]) -> list[float]:
        if not candidates:
            return []
        odds = np.mean([each.predict(np.array(candidates), raw_score=True) for each in made], axis=0)
        return list(1 / (1 + np.exp(-odds)))

    return told


def scorer_of(
    made: Sequence[lightgbm.Booster],
    slope: float,
    shift: float,
    sure: float,
    possible: float = 0.0,
) -> Scorer:
    """Sets of trees as the scorer that the file has, with their log-odds stretched and shifted."""
    trees = []
    for tree in (tree for each in made for tree in each.dump_model()["tree_info"]):
        nodes: list[Any] = []
        _add(tree["tree_structure"], nodes)
        trees.append(tuple(node if isinstance(node, list) else node * slope / len(made) for node in nodes))
    return Scorer(shift, tuple(trees), sure, possible)


def _add(node: dict[str, Any], nodes: list[Any]) -> int:
    """Add a node and those below it as `Scorer` has them; the number of it."""
    number = len(nodes)
    if "leaf_value" in node:
        nodes.append(float(node["leaf_value"]))
    else:
        nodes.append(None)
        low, high = _add(node["left_child"], nodes), _add(node["right_child"], nodes)
        nodes[number] = [node["split_feature"], float(node["threshold"]), low, high]
    return number


def judged_by(judge: Judge, found: Candidates) -> list[ScoredCandidate]:
    """The best candidates by a judge."""
    told = judge([each.features for each in found.judged])
    scored = [each._replace(probability=p) for each, p in zip(found.judged, told, strict=True)]
    scored.sort(key=lambda each: -each.probability)
    articles = {article.id: article for article in found.retrieved.articles}
    return [
        each._replace(after=following_range(reading(articles[each.article_id]), each.sentence_range[1]))
        for each in scored[:MAX_CANDIDATES]
    ]


def judges(asked: Sequence[Example]) -> list[Judge]:
    """For each question one that was fitted on those about other articles, and on encyclopedic ones.

    One for the encyclopedic questions was fitted on those of the chat alone.
    """
    chat = [each for each in asked if each.kind not in BESIDE]
    encyclopedic = [each for each in asked if each.kind == ENCYCLOPEDIC]
    of = dict(zip(map(id, chat), folds(chat), strict=True))
    of |= {id(each): n % FOLDS for n, each in enumerate(each for each in asked if each.kind == OUTSIDE)}
    made = [
        probabilities(fitted([*(each for each in chat if of[id(each)] != fold), *encyclopedic]))
        for fold in range(FOLDS)
    ]
    apart = probabilities(fitted(chat)) if encyclopedic else made[0]
    return [apart if each.kind == ENCYCLOPEDIC else made[of[id(each)]] for each in asked]


def outcomes_by(asked: Sequence[Example], judged: Sequence[Judge]) -> list[Outcome]:
    """What becomes of the questions that are not encyclopedic, each by its judge."""
    return [
        Outcome(
            each,
            judged_by(judge, each.found),
            None if each.without is None else judged_by(judge, each.without),
        )
        for each, judge in zip(asked, judged, strict=True)
        if each.kind != ENCYCLOPEDIC
    ]


def calibration(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    """The slope and shift by which log-odds become those with which the first candidate is right."""
    odds, labels = [], []
    for each in outcomes:
        if each.example.kind in {VAGUE, OUTSIDE}:
            continue
        for judged in filter(None, (each.judged, each.without)):
            odds.append(log_odds(judged[0].probability))
            labels.append(int(judged is each.judged and each.example.is_right(judged[0].text)))
    (slope,), shift = logistic(np.array(odds)[:, None], np.array(labels))
    return slope, shift


def logistic(values: Values, labels: NDArray[np.int64]) -> tuple[list[float], float]:
    """The weights and the shift of a regression."""

    def loss(line: Values) -> float:
        predicted = values @ line[:-1] + line[-1]
        return float(np.logaddexp(0, predicted).sum() - predicted @ labels)

    *weights, shift = minimize(loss, [*[1.0] * values.shape[1], 0.0], method="Nelder-Mead").x.tolist()
    return weights, shift


def calibrated_outcomes(asked: Sequence[Example]) -> tuple[list[Outcome], float, float]:
    """What becomes of the questions of the chat, cross-validated, with calibrated probabilities; slope and
    shift of these."""
    outcomes = outcomes_by(asked, judges(asked))
    slope, shift = calibration(outcomes)

    def again(judged: list[ScoredCandidate]) -> list[ScoredCandidate]:
        return [
            each._replace(probability=1 / (1 + exp(-slope * log_odds(each.probability) - shift)))
            for each in judged
        ]

    made = [
        each._replace(
            judged=again(each.judged), without=None if each.without is None else again(each.without)
        )
        for each in outcomes
    ]
    return made, slope, shift


def trade_off(outcomes: Sequence[Outcome]) -> list[tuple[float, float, float, float]]:
    """By the probability from which on an answer is sure, from the highest on: that, the shares of the
    questions with an answer that are answered surely, and surely and wrongly, and of those near a topic."""
    best = [(each.judged[0], each.example) for each in outcomes if each.judged]
    best.sort(key=lambda one: -one[0].probability)
    answerable = sum(each.example.has_answer for each in outcomes)
    near = sum(each.example.kind == NEAR_TOPIC for each in outcomes)
    sure = wrong = answered = 0
    curve = []
    for judged, asked in best:
        sure += asked.has_answer
        wrong += asked.has_answer and not asked.is_right(judged.text)
        answered += asked.kind == NEAR_TOPIC
        curve.append((judged.probability, sure / answerable, wrong / answerable, answered / near))
    return curve


def sure_from(outcomes: Sequence[Outcome]) -> float:
    """The least probability at which an answer is sure, so that few are sure and wrong."""
    fitting = [
        probability
        for probability, _, wrong, near in trade_off(outcomes)
        if wrong <= SURE_AND_WRONG and near <= 1 - NEAR_REFUSED
    ]
    return min(fitting, default=1.0)


def possible_from(outcomes: Sequence[Outcome]) -> float:
    """The least probability at which an answer is possible, so that few that answer are left out."""
    right = sorted(
        each.judged[0].probability
        for each in outcomes
        if any(
            each.example.is_right(one.text) for one in select_quotes(each.example.question, each.judged)[0]
        )
    )
    return right[int(LEFT_OUT * len(right))]


def as_json(made: Scorer, names: Sequence[str], figures: dict[str, Any]) -> dict[str, Any]:
    """A scorer as the file has it."""

    def short(number: float) -> float:
        return float(f"{number:.5g}")

    return {
        "features": list(names),
        "bias": short(made.bias),
        "sure": short(made.sure_threshold),
        "possible": short(made.possible_threshold),
        "trees": [
            [[node[0], short(node[1]), *node[2:]] if isinstance(node, list) else short(node) for node in tree]
            for tree in made.trees
        ],
        "fitted on": figures,
    }


def fit(asked: Sequence[Example]) -> tuple[Scorer, list[Outcome]]:
    """A scorer of all the questions, calibrated, and what becomes of each by one that was not fitted on
    it."""
    outcomes, slope, shift = calibrated_outcomes(asked)
    made = fitted([each for each in asked if each.kind != OUTSIDE])
    return scorer_of(made, slope, shift, sure_from(outcomes), possible_from(outcomes)), outcomes


def write(asked: Sequence[Example], *, semantic: bool) -> None:
    """Fit, and put the weights in the file in the place of those there."""
    made, outcomes = fit(asked)
    answerable = [each for each in outcomes if each.example.has_answer and each.judged]
    first = np.mean([each.example.is_right(each.judged[0].text) for each in answerable])
    figures = {
        "chat questions": sum(each.kind not in BESIDE for each in asked),
        "encyclopedic questions": sum(each.kind == ENCYCLOPEDIC for each in asked),
        "first candidate right, cross-validated by article": round(float(first), 3),
    }
    file = json.loads(MODEL_FILE.read_text("utf-8")) if MODEL_FILE.exists() else {}
    file["with meaning" if semantic else "words"] = as_json(
        made, FEATURE_NAMES[: len(asked[0].found.judged[0].features)], figures
    )
    MODEL_FILE.write_text(json.dumps(file, separators=(",", ":")) + "\n", "utf-8")
    console.print(
        figures, f"sure from {made.sure_threshold:.3f}, possible from {made.possible_threshold:.3f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--semantic", action="store_true", help="with the extra, which has to be there")
    parser.add_argument("--encyclopedic", type=int, default=150, help="questions of each language")
    parser.add_argument("--folder", type=Path, help="where the filled stores are, or are to stay")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="telex-benchmark-") as folder:
        asked = asyncio.run(
            examples(
                options.folder or Path(folder),
                semantic=options.semantic,
                encyclopedic=options.encyclopedic,
                judges=judges,
            )
        )
    width = len(FEATURE_NAMES) if options.semantic else len(FEATURE_NAMES) - COSINE_FEATURES
    if any(len(one.features) != width for each in asked for one in each.found.judged):
        raise SystemExit("needs the extra: pip install 'telex[semantic]'")
    write(asked, semantic=options.semantic)


if __name__ == "__main__":
    main()
