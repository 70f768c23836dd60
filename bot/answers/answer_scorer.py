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

from bot.answers.answer_spans import NAMES as SPANS
from bot.answers.features import NAMES, WITH_COSINE

FILE = Path(__file__).resolve().parents[2] / "data" / "answer_scorer.json"

AT_HAND = 2.0
"""How much higher the log-odds are of what an article says that is talked about."""


@dataclass(frozen=True, slots=True)
class Scorer:
    """Weights of one set of features. A sure answer has at least the probability `sure`, what may be one
    `possible`.

    Each of `trees` is a list of nodes: a leaf is a number, another node is a feature, a threshold and the
    nodes to go on with at most it and above it.
    """

    bias: float
    trees: tuple[tuple[Any, ...], ...]
    sure: float
    possible: float

    def probability(self, features: Sequence[float], *, at_hand: bool = False) -> float:
        """How likely a candidate with these features answers, from 0 to 1.

        Of an article that is talked about (`at_hand`) it is likelier.
        """
        odds = self.bias + AT_HAND * at_hand
        for tree in self.trees:
            node = tree[0]
            while isinstance(node, list):
                feature, threshold, low, high = node
                node = tree[low if features[feature] <= threshold else high]
            odds += node
        return 1 / (1 + exp(-odds)) if odds > -500 else 0.0  # noqa: PLR2004 - beyond, exp overflows


@dataclass(frozen=True, slots=True)
class Marking:
    """How likely the likeliest words of a passage are the answer, from the odds of both and of the likeliest
    other words, and from where on they are marked."""

    bias: float
    passage: float
    words: float
    others: float
    least: float

    def marks(self, passage: float, words: float, others: float) -> bool:
        """Whether words are marked that answer so probably, in a passage that does."""
        odds = self.bias + self.passage * log_odds(passage) + self.words * log_odds(words)
        return odds + self.others * log_odds(others) >= log_odds(self.least)


def log_odds(probability: float) -> float:
    """The logarithm of odds; of what is certain that of a billion to one."""
    return log(max(probability, 1e-9) / max(1 - probability, 1e-9))


@cache
def scorer(*, meaning: bool) -> Scorer:
    """The scorer for candidates whose cosines are known (`meaning`), or are not."""
    return _read("with meaning" if meaning else "words", NAMES if meaning else NAMES[:-WITH_COSINE])


@cache
def span_scorer() -> Scorer:
    """The scorer for the words in a candidate that may be the answer; nothing of it is ever `sure`."""
    return _read("spans", SPANS)


@cache
def marking() -> Marking:
    """What tells whether the likeliest words are marked as the answer."""
    return Marking(**json.loads(FILE.read_text(encoding="utf-8"))["marking"])


def _read(name: str, features: Sequence[str]) -> Scorer:
    made = json.loads(FILE.read_text(encoding="utf-8"))[name]
    if made["features"] != list(features):
        raise ValueError(f"{FILE.name} was made of other features: run tests/benchmarks/answers_fit.py")
    return Scorer(made["bias"], tuple(map(tuple, made["trees"])), made["sure"], made["possible"])
