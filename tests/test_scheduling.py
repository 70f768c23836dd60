"""The groups of tests that run in one worker, and the order of all tests."""

from __future__ import annotations

import itertools
from pathlib import Path

from tests.support.scheduling import GROUPS_BY_MODULE, spread_waiting_tests

ROOT = Path(__file__).resolve().parent.parent


def test_modules_of_groups_exist():
    assert [module for module in GROUPS_BY_MODULE if not (ROOT / module).is_file()] == []


def test_waiting_tests_are_spread_among_others():
    wire_ids, other_ids = (
        [f"tests/{folder}/test_x.py::test_{number}" for number in range(count)]
        for folder, count in (("wire", 9), ("text", 90))
    )
    order = spread_waiting_tests([*other_ids, *wire_ids])
    assert [node_id for node_id in order if node_id in wire_ids] == wire_ids
    assert [node_id for node_id in order if node_id in other_ids] == other_ids
    gaps = {
        order[::-1].index(wire_ids[-1]),
        *(order.index(after) - order.index(before) for before, after in itertools.pairwise(wire_ids)),
    }
    assert min(gaps) >= 9
