"""A database of every earlier version becomes one of today with all that was in it, or stays as it was."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.models import DeliveryStatus
from bot.store import Store
from bot.store.sqlite.migrations import (
    list_available_migrations,
    list_integrity_problems,
    migrate,
    split_statements,
)
from tests.store.old_databases import Content, build_old_databases, connect, content, schema

pytestmark = pytest.mark.xdist_group("upgrades")  # in one process, which makes the old databases once
CHECKOUT = Path(__file__).resolve().parents[2]
TODAY = max(list_available_migrations())
FIRST = min(list_available_migrations())
DERIVED = {"vector", "completion"}  # tables of what is made anew from the rest, gone since


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> dict[int, Path]:
    """A database of each version, today's among them."""
    return build_old_databases(tmp_path_factory.mktemp("versions"))


def find_missing_rows(before: Content, after: Content) -> dict[str, list[object]]:
    """The rows of `before` that are not in `after`, as far as their columns are still there."""
    missing_rows: dict[str, list[object]] = {}
    for table, rows in before.items():
        if table in DERIVED:
            continue
        if table not in after:
            missing_rows[table] = [*rows]
            continue
        migrated_rows = [row.items() for row in after[table]]
        columns = set(after[table][0]) if after[table] else set()
        for row in rows:
            remaining_cells = {name: cell for name, cell in row.items() if name in columns}.items()
            # The mark of an index is taken away so that it is made anew.
            if (
                not any(remaining_cells <= migrated_row for migrated_row in migrated_rows)
                and row.get("name") != "terms_version"
            ):
                missing_rows.setdefault(table, []).append(row)
    return missing_rows


def test_every_table_of_an_old_database_has_rows(old):
    for path in old.values():
        assert [table for table, rows in content(path).items() if not rows] == []


@pytest.mark.parametrize("version", list_available_migrations())
async def test_an_old_database_keeps_every_row_and_becomes_one_of_today(old, tmp_path, clock, version):
    path = tmp_path / "telex.db"
    shutil.copy(old[version], path)
    before = content(path)
    with closing(connect(path)) as connection:
        migrate(connection)
        assert list_integrity_problems(connection) == []
    assert find_missing_rows(before, content(path)) == {}
    fresh = await Store.open(tmp_path / "fresh.db", clock)
    await fresh.close()
    assert schema(path) == schema(tmp_path / "fresh.db")


async def test_the_bot_goes_on_with_a_database_of_the_oldest_version(old, tmp_path, clock):
    """What it remembers of posts, claims, bookmarks and entries still means the same."""
    path = tmp_path / "telex.db"
    shutil.copy(old[FIRST], path)
    clock.advance(1_779_000_700 - clock.now())
    store = await Store.open(path, clock)
    try:
        assert await store.check() == TODAY
        dispatches = store.dispatches
        assert [one.dedupe_key for one in await dispatches.list_claimed()] == ["catch-up-1"]
        assert {3, 4} <= set((await dispatches.list_claimed())[0].article_ids)
        assert [one.dedupe_key for one in await dispatches.list_unfinalized()] == ["key-2"]
        assert [dispatch.dedupe_key for dispatch in await dispatches.list_due_edits(clock.now(), 9)] == ["key-2"]
        claimed = await dispatches.claim(200)
        assert (claimed.dedupe_key, claimed.article_ids, claimed.server_id) == ("key-5", (5,), 100)
        fates = {fate.channel_id: fate for fate in await store.delivery_statuses.list_by_page_key("page-1")}
        assert {channel: fate.fate for channel, fate in fates.items()} == {
            200: DeliveryStatus.POSTED,
            201: DeliveryStatus.FAILED,
            202: DeliveryStatus.WITHHELD,
        }
        assert fates[200].message_id == 9001
        known_articles = await store.polls.load_known_by_identity(1, [b"\xa1", b"\xa5", b"\xa6"])
        assert {known_article.key for known_article in known_articles.values()} == {"key-1", "key-5"}
        bookmarks = await store.bookmarks.list_by_user(300, limit=9)
        assert [bookmark.article.key for bookmark in bookmarks] == ["key-1"]
        second = await store.feeds.get(2)
        assert second.server_id == 100
    finally:
        await store.close()


@pytest.mark.parametrize("version", [FIRST, TODAY - 1])  # each one is tried while it is the newest
def test_a_migration_killed_after_any_statement_leaves_a_whole_version(old, tmp_path, version):
    """From the first version through all that follow, and from the last to today's, with rows in every table.

    What is left goes on to the same end.
    """
    later = [path.read_text("utf-8") for number, path in list_available_migrations().items() if number > version]
    counts = [len(list(split_statements(script))) for script in later]
    killed = sum(counts)
    command = [sys.executable, "-m", "tests.store.interrupting", str(old[version]), str(tmp_path)]
    subprocess.run([*command, str(killed)], cwd=CHECKOUT, check=True, timeout=100)
    copies = sorted(tmp_path.glob("*.db"), key=lambda path: int(path.stem))
    assert len(copies) == killed + 1
    finished = (schema(copies[-1]), content(copies[-1]))
    steps = [version + done for done, statements_ in enumerate(counts) for _ in range(statements_)][:killed]
    contents_by_version: dict[int, tuple[object, Content]] = {version: (schema(old[version]), content(old[version]))}
    for copy, at in zip(copies, steps, strict=False):
        copy_contents = (schema(copy), content(copy))
        assert copy_contents[0][0] == at
        assert copy_contents == contents_by_version.setdefault(at, copy_contents)
        with closing(connect(copy)) as connection:
            assert list_integrity_problems(connection) == []
            migrate(connection)
        assert (schema(copy), content(copy)) == finished


def test_a_table_and_a_column_that_a_migration_drops_are_missed():
    """The comparison above sees what it is there to see."""
    before: Content = {"feed": [{"id": 1, "url": "a"}, {"id": 2, "url": "b"}], "vote": [{"id": 1}]}
    assert find_missing_rows(before, {"feed": [{"id": 1, "url": "a"}]}) == {
        "feed": [{"id": 2, "url": "b"}],
        "vote": [{"id": 1}],
    }
    assert find_missing_rows(before, before) == {}
