from __future__ import annotations

from array import array

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.search.semantic.nearest import Neighbours, cosines
from bot.store.sqlite.search_index import Scope
from bot.store.vectors import Signs

COUNT = 300
ANYWHERE = Scope()


def signs(rows: NDArray[np.uint8], first: int) -> Signs:
    ids = range(first, first + len(rows))
    return Signs(
        first,
        array("q", ids),
        array("q", [number % 3 for number in ids]),
        array("q", [1000 * number for number in ids]),
        rows.tobytes(),
    )


@pytest.fixture
def rows() -> NDArray[np.uint8]:
    return np.random.default_rng(3).integers(0, 256, (COUNT, 64), np.uint8)


@pytest.fixture
def neighbours(rows: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch) -> Neighbours:
    monkeypatch.setattr("bot.search.semantic.nearest.BLOCK", 64)
    made = Neighbours()
    for first in range(0, COUNT, 100):
        made.add(signs(rows[first : first + 100], first))
    return made


def test_the_nearest_are_those_that_differ_in_the_fewest_signs(neighbours: Neighbours, rows) -> None:
    for number in (0, 99, 100, 299):
        differences = np.unpackbits(rows ^ rows[number], axis=1).sum(axis=1)
        nearest = neighbours.nearest(rows[number].tobytes(), ANYWHERE, 10)
        assert len(nearest) == 10
        assert sorted(differences[nearest]) == sorted(differences)[:10]


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        (Scope(feed_ids=frozenset({1, 7})), {number for number in range(COUNT) if number % 3 == 1}),
        (Scope(feed_ids=frozenset()), set()),
        (Scope(since=250_000), set(range(250, COUNT))),
        (Scope(before=20_000), set(range(20))),
    ],
)
def test_only_the_feeds_and_dates_of_the_scope(neighbours: Neighbours, rows, scope, allowed) -> None:
    nearest = neighbours.nearest(rows[0].tobytes(), scope, 30)
    assert set(nearest) <= allowed
    assert len(nearest) == min(30, len(allowed))


def test_nothing_is_near_where_nothing_is() -> None:
    assert Neighbours().nearest(bytes(64), ANYWHERE, 10) == []
    assert cosines(bytes(64), []) == []


def test_cosines_tell_directions_and_no_lengths() -> None:
    one = np.array([10, 20, 0, -5], np.int8)
    others = [(2 * one).tobytes(), (-one).tobytes(), bytes(4), np.array([20, -10, 9, 0], np.int8).tobytes()]
    assert cosines(one.tobytes(), others) == pytest.approx([1, -1, 0, 0], abs=1e-6)
