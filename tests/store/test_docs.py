"""Completeness of the database reference."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.core.models import DispatchState
from tests.store import sql

PAGE = Path(__file__).resolve().parents[2] / "docs" / "database.md"
ROW = re.compile(r"^\| `(\w+)` \|[^|]+\|(.+)\|$", re.MULTILINE)


@pytest.fixture
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


def parse_documented_columns(cell: str) -> set[str]:
    """Return the columns that a cell names, before the colon of each of its parts."""
    return {column for part in cell.split(";") for column in re.findall(r"`(\w+)`", part.partition(":")[0])}


async def test_every_table_is_documented_with_its_columns(store, settings, page):
    tables = sql.run(
        settings.database,
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite_%'",
    )
    documented = {table: parse_documented_columns(cell) | {"id"} for table, cell in ROW.findall(page)}
    columns = {
        table["name"]: {
            column["name"]
            for column in sql.run(settings.database, f"SELECT name FROM pragma_table_info('{table['name']}')")
        }
        | {"id"}
        for table in tables
    }
    assert documented == columns


def test_diagram_links_documented_tables(page):
    (diagram,) = re.findall(r"^erDiagram\n(.+?)^```$", page, re.MULTILINE | re.DOTALL)
    linked_pairs = set(re.findall(r"\b([a-z_]+) [|}]\S+ ([a-z_]+) :", diagram))
    tables = {table for table, _cell in ROW.findall(page)}
    assert {table for pair in linked_pairs for table in pair} == tables - {
        "audit_entry",
        "blocked_source",
        "bookmark_feed",
        "meta",
        "outlet_icon",
        "request_allocation",
        "server_access",
        "server_limit",
    }


def test_every_dispatch_state_is_described(page):
    (section,) = re.findall(r"^## States of a dispatch\n(.+?)^## ", page, re.MULTILINE | re.DOTALL)
    assert set(re.findall(r"\*\*(\w+)\*\*", section)) == {state.value for state in DispatchState}
