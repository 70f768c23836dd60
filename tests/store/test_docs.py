"""The picture of the tables shows the tables there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.core.models import DispatchState
from tests.store import sql

PAGE = Path(__file__).resolve().parents[2] / "docs" / "database.md"


@pytest.fixture
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


async def test_every_table_and_no_other_is_in_the_picture(store, settings, page):
    rows = sql.run(
        settings.database,
        "SELECT name FROM pragma_table_list "
        "WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite_%'",
    )
    tables = {row["name"] for row in rows}
    assert set(re.findall(r"^    (\w+) \{$", page, re.MULTILINE)) == tables
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == tables


async def test_every_column_in_the_picture_is_there(store, settings, page):
    for table, body in re.findall(r"^    (\w+) \{\n(.*?)^    \}$", page, re.MULTILINE | re.DOTALL):
        rows = sql.run(settings.database, f"SELECT name FROM pragma_table_info('{table}')")
        assert set(re.findall(r"^        \w+ (\w+)", body, re.MULTILINE)) <= {row["name"] for row in rows}


def test_every_state_of_a_dispatch_is_described(page):
    assert set(re.findall(r"\*\*(\w+)\*\*", page)) == {state.value for state in DispatchState}
