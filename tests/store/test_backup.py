"""Backups of a database in use."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.store import DatabaseBroken, DatabaseUnusable, Store
from bot.store.meta import NEVER_REUSED_ID_TABLES, RESTORED_ID_GAP
from bot.store.schema_scripts import SCHEMA_DIRECTORY
from bot.store.sqlite import sqlite_engine
from bot.store.sqlite.sqlite_engine import open_locked
from tests.support.samples import (
    CHANNEL,
    SERVER,
    add_feed,
    add_followed_feed,
    follow_feed,
    make_new_article,
    write_poll,
)


def list_file_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_backup_is_one_complete_file_marked_as_restored(store, feed, clock, tmp_path):
    await write_poll(store, feed, make_new_article(feed, "a"))
    folder = tmp_path / "backups"
    folder.mkdir()
    await store.backup(folder / "telex.db")
    assert list_file_names(folder) == {"telex.db"}
    assert (folder / "telex.db").stat().st_mode & 0o077 == 0
    assert await store.meta.get("restored") is None
    restored = await Store.open(folder / "telex.db", clock)
    assert await restored.meta.get("restored") == "1"
    assert await restored.check() == await store.check()
    assert await restored.feeds.list_all() == await store.feeds.list_all()
    assert await restored.articles.count() == 1
    await restored.close()


async def test_backup_under_load_is_consistent_snapshot(store, clock, tmp_path):
    feed = await add_followed_feed(store)
    big = [make_new_article(feed, f"{number}", text="x" * 5_000) for number in range(2_000)]
    await write_poll(store, feed, *big, first=True)
    backup_task = asyncio.create_task(store.backup(tmp_path / "backup.db"))
    polls = 0
    while not backup_task.done():
        polls += 1
        await write_poll(store, feed, *[make_new_article(feed, f"{polls}-{n}") for n in range(10)], max_pending_posts=5)
    await backup_task
    restored = await Store.open(tmp_path / "backup.db", clock)
    await restored.check()
    copied = await restored.articles.count()
    assert copied % 10 == 0
    assert 2_000 <= copied <= 2_000 + 10 * polls
    await restored.close()


@pytest.mark.parametrize("before", [0, 1])
async def test_restored_backup_reuses_no_watch_id(store, clock, tmp_path, before):
    # Buttons of the lost watches are still in Discord and would end a new watch with the same ID
    await follow_feed(store, await add_feed(store))

    async def add_watch(opened: Store, query: str) -> int:
        added = await opened.watches.add(
            server_id=SERVER, channel_id=CHANNEL, user_id=None, query=query, language=None, limit=99
        )
        return added[0].id

    for number in range(before):
        await add_watch(store, f"before {number}")
    await store.backup(tmp_path / "backup.db")
    lost = {await add_watch(store, f"lost {number}") for number in range(3)}
    restored = await Store.open(tmp_path / "backup.db", clock)
    again = {await add_watch(restored, f"new {number}") for number in range(3)}
    await restored.close()
    assert len(lost) == len(again) == 3
    assert not lost & again


async def test_tables_with_unique_ids_skip_ids_after_restore(store, tmp_path):
    # An empty table skips IDs, too: its first rows may have been added after the backup
    schema = "\n".join(path.read_text() for path in SCHEMA_DIRECTORY.glob("*.sql"))
    tables = re.findall(r"CREATE TABLE (\w+) \(\n *id +ID NEVER REUSED", schema)
    assert sorted(tables) == sorted(NEVER_REUSED_ID_TABLES)
    await store.backup(tmp_path / "backup.db")
    with closing(sqlite3.connect(tmp_path / "backup.db")) as backup:
        last_ids = dict(backup.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
    assert all(last_ids[table] >= RESTORED_ID_GAP for table in tables)


async def test_backup_overwrites_no_file(store, tmp_path):
    existing_path = tmp_path / "kept"
    existing_path.write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for path in (existing_path, tmp_path / "telex.db", tmp_path / "link", tmp_path):
        with pytest.raises(DatabaseUnusable, match="exists already"):
            await store.backup(path)
    assert existing_path.read_text() == "mine"


async def test_backup_into_missing_folder_fails_without_leftovers(store, tmp_path):
    before = list_file_names(tmp_path)
    with pytest.raises(DatabaseUnusable, match="cannot be written: No such file or directory"):
        await store.backup(tmp_path / "missing" / "backup.db")
    assert list_file_names(tmp_path) == before


async def test_failed_backup_leaves_no_files(store, tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_engine, "list_integrity_problems", lambda _connection: ["a page is gone"])
    before = list_file_names(tmp_path)
    with pytest.raises(DatabaseBroken, match="a page is gone"):
        await store.backup(tmp_path / "backup.db")
    assert list_file_names(tmp_path) == before


async def test_next_backup_removes_parts_of_killed_one(store, tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite_engine, "PAGES_PER_STEP", 1)
    folder = tmp_path / "backups"
    folder.mkdir()
    running = asyncio.create_task(store.backup(folder / "telex.db"))
    while not list_file_names(folder):  # noqa: ASYNC110 - a thread makes it
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert list_file_names(folder) <= {"telex.db"}  # the complete file is there if the thread was faster
    (folder / "telex.db").unlink(missing_ok=True)
    for name in ("telex.db.12345678.part", "telex.db.12345678.part-journal", "telex.db.abcdefab.part"):
        (folder / name).touch()
    descriptor = open_locked(folder / "telex.db.abcdefab.part")  # as a running backup holds it
    await store.backup(folder / "telex.db")
    os.close(descriptor)
    assert list_file_names(folder) == {"telex.db", "telex.db.abcdefab.part"}
