"""SQL in tests: allowed in the tests of the store and in the probe alone."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PROBE = TESTS / "support" / "store_probe.py"
ENGINE_TOOLS = {
    TESTS / "conftest.py",
    TESTS / "support" / "postgres_server.py",
    TESTS / "support" / "wire" / "disks.py",
}
"""Modules that configure or administer a database, or damage its file."""
MAX_STATEMENTS = 10
STATEMENT = re.compile(
    r"""["']\s*(?:SELECT\s.+?\sFROM\s|SELECT\s+(?:1|\w+\()|INSERT\s+INTO\s|UPDATE\s+\S+\s+SET\s|DELETE\s+FROM\s|PRAGMA\s+\w|"""
    r"""(?:CREATE|DROP|ALTER)\s+(?:TABLE|INDEX|DATABASE|VIEW|TRIGGER)\s)""",
    re.DOTALL,
)
"""A string that begins as SQL does."""


def test_sql_statements_are_recognised():
    statements = (
        "SELECT url FROM article",
        "SELECT\n  a,\n  b\nFROM article",
        "SELECT 1",
        "INSERT INTO meta VALUES (1)",
        "UPDATE feed SET url = ?",
        "DELETE FROM feed",
        "PRAGMA page_size",
        "DROP TABLE meta",
    )
    assert all(STATEMENT.match(f"'{statement}'") for statement in statements)
    assert not STATEMENT.search(
        "'UPDATE 2-Microsoft buys Activision. MESSAGE_UPDATE; selected from a list'; id; DROP TABLE feed"
    )


def test_sql_is_only_in_store_tests_and_probe():
    modules = [path for path in TESTS.rglob("*.py") if TESTS / "store" not in path.parents]
    allowed = {Path(__file__), PROBE} | ENGINE_TOOLS
    assert [path.name for path in modules if path not in allowed and STATEMENT.search(path.read_text("utf-8"))] == []


def test_probe_has_few_statements():
    statements = re.findall(r'(?:"""\s*|")(?:SELECT|UPDATE|INSERT|DELETE|PRAGMA)\s', PROBE.read_text("utf-8"))
    assert 0 < len(statements) <= MAX_STATEMENTS
