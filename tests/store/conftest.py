"""Choice of the engines on which each test of the store runs."""

from __future__ import annotations

import pytest

SQLITE_ALONE = {
    "test_backup": "a server has tools of its own for that",
    "test_crash": "a server's files are its own",
    "test_database": "the engine itself",
    "test_docs": "the tables are those of SQLite's file; test_engines compares both",
    "test_engines": "about PostgreSQL",
    "test_moving": "about both at once",
    "test_faults": "faults of a file and its disk",
    "test_migrate": "the engine's own",
    "test_upgrades": "names the engine in each test",
}
LONG = {
    "test_no_sequence_of_actions_loses_or_repeats_a_page",
    "test_combined_settings_lose_and_repeat_nothing",
    "test_each_page_is_sent_exactly_once_for_any_polls",
}
"""Slow tests, which run on PostgreSQL only with `--postgres`."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that opens a store on SQLite and on PostgreSQL."""
    module = metafunc.module.__name__.rpartition(".")[2]
    thorough = metafunc.config.getoption("--postgres")
    if "settings" not in metafunc.fixturenames:
        return
    if module in SQLITE_ALONE:
        metafunc.parametrize("database_engine", ["sqlite"])
    elif thorough or metafunc.function.__name__ not in LONG:
        metafunc.parametrize("database_engine", ["sqlite", "postgres"])
