"""Reciprocal rank fusion, which combines several rankings into one.

Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods" (https://doi.org/10.1145/1571941.1572114). Only ranks count, so scores of different kinds need no
common scale.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

RRF_K = 60
"""Constant k of reciprocal rank fusion; the larger it is, the less the first ranks stand out."""


def fuse_rankings(*rankings: Sequence[Item]) -> list[Item]:
    """Return all items of the rankings, best first. Each ranking must be sorted best first."""
    scores: defaultdict[Item, float] = defaultdict(float)
    for ranking in rankings:
        for rank, item in enumerate(ranking, 1):
            scores[item] += 1 / (RRF_K + rank)
    return sorted(scores, key=lambda item: -scores[item])
