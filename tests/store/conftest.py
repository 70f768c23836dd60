"""What the store promises, it promises on both engines."""

from __future__ import annotations

import pytest

SQLITE_ALONE = {
    "test_backup": "a server has tools of its own for that",
    "test_crash": "a server's files are its own",
    "test_database": "the engine itself",
    "test_docs": "the tables are those of SQLite's file; test_engines compares both",
    "test_faults": "faults of a file and its disk",
    "test_migrate": "the engine's own",
    "test_upgrades": "there are no older databases on a server",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test that opens a store, on SQLite and on PostgreSQL."""
    module = metafunc.module.__name__.rpartition(".")[2]
    if "settings" in metafunc.fixturenames and module not in SQLITE_ALONE:
        metafunc.parametrize("engine", ["sqlite", "postgres"])
