"""The learnt scorer: how likely a candidate answers, from what `features` measures of it.

Small gradient-boosted trees;
`tests/benchmarks/answers_fit.py` makes the file of their weights, which also says what it was fitted on
and where an answer is sure.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from pathlib import Path
from typing import Any

from bot.answers.candidate_features import COSINE_FEATURES, FEATURE_NAMES
from bot.answers.span_features import NAMES as SPANS

MODEL_FILE = Path(__file__).resolve().parents[2] / "data" / "answer_scorer.json"

CONTEXT_LOG_ODDS = 2.0
"""How much higher the log-odds are of what an article says that is talked about."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Weights of one set of features. A sure answer has at least the probability `sure_threshold`, what may
    be one
    `possible`.

    Each of `trees` is a list of nodes: a leaf is a number, another node is a feature, a threshold and the
    nodes to go on with at most it and above it.
    """

    bias: float
    trees: tuple[tuple[Any, ...], ...]
    sure_threshold: float
    possible_threshold: float

    def probability(self, features: Sequence[float], *, in_context: bool = False) -> float:
        """How likely a candidate with these features answers, from 0 to 1.

        Of an article that is talked about (`context_ids`) it is likelier.
        """
        odds = self.bias + CONTEXT_LOG_ODDS * in_context
        for tree in self.trees:
            node = tree[0]
            while isinstance(node, list):
                feature, threshold, low, high = node
                node = tree[low if features[feature] <= threshold else high]
            odds += node
        return 1 / (1 + exp(-odds)) if odds > -500 else 0.0  # noqa: PLR2004 - beyond, exp overflows


@dataclass(frozen=True, slots=True)
class HighlightModel:
    """How likely the likeliest words of a passage are the answer, from the odds of both and of the likeliest
    other words, and from where on they are marked."""

    bias: float
    passage: float
    words: float
    others: float
    least: float

    def should_highlight(self, passage: float, words: float, others: float) -> bool:
        """Whether words are marked that answer so probably, in a passage that does."""
        odds = self.bias + self.passage * log_odds(passage) + self.words * log_odds(words)
        return odds + self.others * log_odds(others) >= log_odds(self.least)


def log_odds(probability: float) -> float:
    """The logarithm of odds; of what is certain that of a billion to one."""
    return log(max(probability, 1e-9) / max(1 - probability, 1e-9))


@cache
def candidate_scorer(*, with_cosines: bool) -> Scorer:
    """The scorer for candidates whose cosines are known (`semantic_index`), or are not."""
    return _load_scorer(
        "with meaning" if with_cosines else "words",
        FEATURE_NAMES if with_cosines else FEATURE_NAMES[:-COSINE_FEATURES],
    )


@cache
def span_scorer() -> Scorer:
    """The scorer for the words in a candidate that may be the answer; nothing of it is ever
    `sure_threshold`.
    """
    return _load_scorer("spans", SPANS)


@cache
def highlight_model() -> HighlightModel:
    """What tells whether the likeliest words are marked as the answer."""
    return HighlightModel(**json.loads(MODEL_FILE.read_text(encoding="utf-8"))["marking"])


def _load_scorer(name: str, features: Sequence[str]) -> Scorer:
    made = json.loads(MODEL_FILE.read_text(encoding="utf-8"))[name]
    if made["features"] != list(features):
        raise ValueError(f"{MODEL_FILE.name} was made of other features: run tests/benchmarks/answers_fit.py")
    return Scorer(made["bias"], tuple(map(tuple, made["trees"])), made["sure"], made["possible"])
