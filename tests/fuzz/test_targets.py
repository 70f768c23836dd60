"""Fuzz targets: each passes its own seeds, measures cost, and finds what a fuzzer is to find."""

from __future__ import annotations

import re
import sys
from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz import cost, output_checks
from tests.fuzz.fuzz_target import MODULE_BY_TARGET, load_target

SEED_COUNT = 25
"""Number of seeds of each target that a test run checks."""
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", MODULE_BY_TARGET)
def test_target_passes_its_first_seeds(name):
    target = load_target(name)
    seeds = [seed for seed in islice(target.load_seeds(), SEED_COUNT) if len(seed) <= target.max_bytes]
    assert seeds
    try:
        for seed in [*seeds, b"", b"\xff", b"x"]:
            target.check(seed)
    finally:
        target.close()


def test_every_module_of_targets_is_listed():
    names = {path.stem for path in (ROOT / "tests" / "fuzz" / "targets").glob("*.py")} - {"__init__"}
    assert names == set(MODULE_BY_TARGET.values())


def test_value_that_no_database_stores_is_noticed():
    for value in (2**63, float("inf"), "a\0b", "\ud800", "x" * 101):
        with pytest.raises(AssertionError):
            output_checks.check_storable({"key": [value]}, 100)
    output_checks.check_storable({"key": (2**63 - 1, -(2**63), 1.5, "text", None, True, b"\0")}, 100)


def test_markup_and_mentions_of_strangers_are_noticed():
    for text in ("<@1>", "@everyone", "a **b", "<#3>", "https://evil.example", "`code`", "||x||", "<:x:1>"):
        with pytest.raises(AssertionError):
            output_checks.check_markup(f"-# {text} _x_" if text == "a **b" else text)
    output_checks.check_markup("**[A \\@everyone \\[title\\]](https://news.example/1)**\n-# Site · <t:1770000000:R>")


def test_lengthened_inputs_are_twice_and_four_times_as_long():
    lengthened_inputs = list(cost.iter_lengthened_inputs(b"<item>text</item>", 4096))
    assert len(lengthened_inputs) == 2
    for single, double, fourfold in lengthened_inputs:
        assert len(fourfold) <= 4096
        assert fourfold.startswith(single[:8])
        assert len(double) - len(single) == (len(fourfold) - len(double)) / 2


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory was used at most")
def test_memory_beyond_limit_is_noticed():
    def use_memory(data: bytes) -> None:
        assert data * (cost.MAX_MEMORY_BYTES // len(data) + 2 * cost.MAX_MEMORY_PER_BYTE)

    with pytest.raises(cost.TooCostly):
        cost.check_cost(use_memory, b"x", 4096)


def test_documents_name_every_target():
    page = (ROOT / "docs" / "fuzzing.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)`", page, re.MULTILINE)) == set(MODULE_BY_TARGET)
