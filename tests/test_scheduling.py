"""The groups of tests that run in one worker."""

from __future__ import annotations

from pathlib import Path

from tests.support.scheduling import GROUPS_BY_MODULE

ROOT = Path(__file__).resolve().parent.parent


def test_every_module_of_a_group_exists():
    assert [module for module in GROUPS_BY_MODULE if not (ROOT / module).is_file()] == []
