"""Rankings of several kinds put together: reciprocal rank fusion.

Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
Methods" (https://doi.org/10.1145/1571941.1572114). Only places count, so that scores of different kinds need
no common scale.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)

RRF_K = 60
"""The constant of the paper: how little the first places count for more than those below."""


def reciprocal_rank_fusion(*rankings: Sequence[Item]) -> list[Item]:
    """All that is in some rankings, each best first, by the places it has in them, best first."""
    points: defaultdict[Item, float] = defaultdict(float)
    for ranking in rankings:
        for place, item in enumerate(ranking, 1):
            points[item] += 1 / (RRF_K + place)
    return sorted(points, key=lambda item: -points[item])
