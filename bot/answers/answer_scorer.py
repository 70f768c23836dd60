"""Gradient-boosted trees that predict the probability that a candidate (a passage), or words in it, answer a question.

`benchmarks/answers_fit.py` and `benchmarks/answer_spans_fit.py` fit the trees and write `MODEL_FILE`, which also
records the thresholds and what each model was fitted on.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from pathlib import Path
from typing import Any

from bot.answers.candidate_features import COSINE_FEATURE_COUNT, FEATURE_NAMES
from bot.answers.span_features import SPAN_FEATURE_NAMES

MODEL_FILE = Path(__file__).resolve().parents[2] / "data" / "answer_scorer.json"
"""Path of the JSON file with the fitted models that score passages and words as answers."""

CONTEXT_LOG_ODDS = 2.0
"""Amount added to the log-odds that a passage answers, for articles that the conversation is about."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Gradient-boosted trees that predict from features the probability that a passage or words answer.

    Attributes:
        bias: Log-odds before the first tree.
        trees: Each tree is a list of nodes. A leaf is a number of log-odds; an inner node is (feature index,
            threshold, node index if at most the threshold, node index if above).
        sure_threshold: Minimum probability at which an answer counts as sure.
        possible_threshold: Minimum probability at which an answer counts as possible.
    """

    bias: float
    trees: tuple[tuple[Any, ...], ...]
    sure_threshold: float
    possible_threshold: float

    def predict_probability(self, features: Sequence[float], *, in_context: bool = False) -> float:
        """Return the probability, from 0 to 1, that a passage or words with these features answer the question.

        `in_context` adds `CONTEXT_LOG_ODDS`, for articles that the conversation is about.
        """
        total_log_odds = self.bias + CONTEXT_LOG_ODDS * in_context
        for tree in self.trees:
            node = tree[0]
            while isinstance(node, list):
                feature_index, threshold, lower_node_index, upper_node_index = node
                node = tree[lower_node_index if features[feature_index] <= threshold else upper_node_index]
            total_log_odds += node
        return 1 / (1 + exp(-total_log_odds)) if total_log_odds > -500 else 0.0  # noqa: PLR2004 - beyond, exp overflows


def compute_log_odds(probability: float) -> float:
    """Return the natural logarithm of the odds of a probability; odds are limited to a billion to one, either way."""
    return log(max(probability, 1e-9) / max(1 - probability, 1e-9))


@cache
def load_candidate_scorer(*, with_cosines: bool) -> Scorer:
    """Load the scorer of passages that may answer (candidates).

    `with_cosines` selects the scorer that compares meanings (cosines of vectors) besides words. Raises
    `ValueError` if the model file was fitted on other features.
    """
    if with_cosines:
        return _load_scorer("with meaning", FEATURE_NAMES)
    return _load_scorer("words", FEATURE_NAMES[:-COSINE_FEATURE_COUNT])


@cache
def load_span_scorer() -> Scorer:
    """Load the scorer of answer spans (the words in a sentence that may answer).

    Raises `ValueError` if the model file was fitted on other features.
    """
    return _load_scorer("spans", SPAN_FEATURE_NAMES)


def _load_scorer(model_name: str, feature_names: Sequence[str]) -> Scorer:
    model_document = json.loads(MODEL_FILE.read_text(encoding="utf-8"))[model_name]
    if model_document["features"] != list(feature_names):
        raise ValueError(f"{MODEL_FILE.name} was fitted on other features: run benchmarks/answers_fit.py")
    return Scorer(
        model_document["bias"],
        tuple(map(tuple, model_document["trees"])),
        model_document["sure"],
        model_document["possible"],
    )
