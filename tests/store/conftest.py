"""Choice of the engines on which each test of the store runs, and a feed."""

from __future__ import annotations

import pytest

from bot.core.models import Feed
from bot.store import Store
from tests.support.samples import add_feed

SQLITE_ALONE = {
    "test_backup": "backups of a server are made with pg_dump",
    "test_crash": "about the files of SQLite",
    "test_database": "about the SQLite engine",
    "test_docs": "reads the tables of a file; test_engines compares both engines",
    "test_engines": "about PostgreSQL",
    "test_moving": "uses both engines",
    "test_faults": "faults of a file and its disk",
    "test_migrate": "about migrations of a file",
    "test_upgrades": "each test chooses its engine",
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


@pytest.fixture
async def feed(store: Store) -> Feed:
    """A feed that no channel follows yet."""
    return await add_feed(store)
