"""Updates and rebuilds of the search index."""

import asyncio
import os
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from bot.client.health import Health
from bot.search.index.index_health import MAX_WRITE_FAILURES
from bot.search.index.index_updater import ERROR_BACKOFF_SECONDS, IndexUpdater
from bot.search.index.search_engine import UNRESTRICTED_SCOPE, EngineError
from bot.search.index.tantivy_engine import TantivyWriter
from bot.store import Store
from bot.store.records.content_records import IndexedArticle
from tests.support import store_probe
from tests.support.search.library import Library, list_modes
from tests.support.store_probe import locate_database, require_database_file
from tests.support.wire.disks import exhaust_disk, free_disk, mount_small_disk
from tests.support.wire.waiting import wait_until


async def list_indexed_ids(updater: IndexUpdater) -> list[int]:
    """Catch up and list the IDs of all indexed articles."""
    await updater.catch_up()
    return sorted(hit.article_id for hit in updater.engine.match_all((), UNRESTRICTED_SCOPE, 10_000, newest_first=True))


async def list_stored_ids(store: Store) -> list[int]:
    return sorted([article.id async for article in store.articles.iterate()])


@pytest.fixture
async def updater(library, tmp_path) -> AsyncIterator[IndexUpdater]:
    updater = IndexUpdater(library.store, tmp_path / "index")
    yield updater
    await updater.close()


async def test_updater_indexes_added_changed_and_deleted_articles(library, updater, settings):
    first = await library.add("Three satellites launched", "The rockets are made in Kourou.")
    other_feed = await library.new_feed("Other")
    second = await library.add("An election", feed=other_feed)
    assert await list_indexed_ids(updater) == [first, second]
    third = await library.add("A late one")
    assert [hit.article_id for hit in updater.engine.match_any("Kourou", UNRESTRICTED_SCOPE, 5)] == [first]
    await library.store.articles.purge_texts(library.store.clock.now() + 1)
    # Whoever may delete articles, the index follows.
    store_probe.delete_row(settings.database, "feed", other_feed.id)
    assert await list_indexed_ids(updater) == [first, third]
    assert not updater.engine.match_any("Kourou", UNRESTRICTED_SCOPE, 5)


async def test_missing_or_damaged_index_is_rebuilt(library, updater, tmp_path):
    ids = [await library.add(f"Article {number}") for number in range(3)]
    assert await list_indexed_ids(updater) == ids
    await updater.close()
    for path in (tmp_path / "index").rglob("*.idx"):
        path.write_bytes(b"damaged")
    damaged = IndexUpdater(library.store, tmp_path / "index")
    assert await list_indexed_ids(damaged) == ids
    await damaged.close()
    shutil.rmtree(tmp_path / "index")
    missing = IndexUpdater(library.store, tmp_path / "index")
    assert await list_indexed_ids(missing) == ids
    assert missing.build_progress is None
    await missing.close()


async def test_index_of_other_database_is_rebuilt(library, updater, tmp_path):
    await library.add("Of the first")
    assert len(await list_indexed_ids(updater)) == 1
    await updater.close()
    other_store = await Store.open(tmp_path / "other.db", library.store.clock)
    elsewhere = await Library(other_store).open()
    await elsewhere.add("One")
    ids = [1, await elsewhere.add("Two")]
    moved = IndexUpdater(other_store, tmp_path / "index")
    assert await list_indexed_ids(moved) == ids
    await moved.close()
    await other_store.close()


async def test_index_newer_than_restored_backup_is_rebuilt(library, updater, tmp_path):
    require_database_file(locate_database(library.store))  # a server has tools of its own for that
    before = await library.add("Before the backup")
    await library.store.backup(tmp_path / "copy.db")
    await library.add("After the backup")
    assert len(await list_indexed_ids(updater)) == 2
    await updater.close()
    copy = await Store.open(tmp_path / "copy.db", library.store.clock)
    restored = IndexUpdater(copy, tmp_path / "index")
    assert await list_indexed_ids(restored) == [before]
    await restored.close()
    await copy.close()


async def test_index_of_other_schema_is_replaced(library, updater, tmp_path, monkeypatch):
    ids = [await library.add(f"Article {number}") for number in range(3)]
    assert await list_indexed_ids(updater) == ids
    await updater.close()
    monkeypatch.setattr("bot.search.index.tantivy_engine.SCHEMA_VERSION", "other")
    newer = IndexUpdater(library.store, tmp_path / "index")
    assert await list_indexed_ids(newer) == ids
    assert len([path for path in (tmp_path / "index").iterdir() if path.is_dir()]) == 1
    await newer.close()


async def test_reader_sees_commits_of_writer(library, updater, tmp_path):
    first = await library.add("First")
    await updater.catch_up()
    reader = IndexUpdater(library.store, tmp_path / "index")
    assert await list_indexed_ids(reader) == [first]
    second = await library.add("Second")
    assert await list_indexed_ids(reader) == [first]
    await updater.catch_up()
    assert await list_indexed_ids(reader) == [first, second]
    third = await library.add("Third")
    await updater.close()
    assert await list_indexed_ids(reader) == [first, second, third]
    await reader.close()


CHILD = """
import asyncio, sys
from pathlib import Path
from bot.core.clock import SystemClock
from bot.search.index.index_updater import IndexUpdater
from bot.store import Store
from tests.support.search.library import Library

async def main():
    store = await Store.open(Path(sys.argv[1]), SystemClock())
    updater = IndexUpdater(store, Path(sys.argv[2]))
    library = await Library(store).open()
    for number in range(10_000):
        await library.add(f"Article {sys.argv[3]} {number}")
        if number % 7 == 0:
            await updater.catch_up()
            print("caught up", flush=True)

asyncio.run(main())
"""


async def test_killed_updater_loses_and_duplicates_nothing(library, updater, tmp_path):
    database, index = tmp_path / "killed.db", tmp_path / "killed"
    for turn in range(2):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, str(database), str(index), str(turn),
            stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
        await child.stdout.readline()
        await asyncio.sleep(random.random() / 2)
        child.send_signal(signal.SIGKILL)
        await child.wait()
        store = await Store.open(database, library.store.clock)
        after = IndexUpdater(store, index)
        assert await list_indexed_ids(after) == await list_stored_ids(store)
        await after.close()
        await store.close()


async def test_full_disk_is_logged_once_and_retried(library, tmp_path, clock, caplog):
    with mount_small_disk(tmp_path) as disk:
        updater = IndexUpdater(library.store, disk / "index")
        first = await library.add("First")
        assert await list_indexed_ids(updater) == [first]
        exhaust_disk(disk)
        second = await library.add("Second", " ".join(f"word{number}" for number in range(20_000)))
        following = asyncio.create_task(updater.run())
        try:
            for attempt in range(1, 6):
                await wait_until(lambda: clock.sleep_count == attempt)  # noqa: B023 - of this round
                assert updater.health.write_error == "the search index cannot be written: the disk is full"
                clock.advance(ERROR_BACKOFF_SECONDS)
            hits = updater.engine.match_all((), UNRESTRICTED_SCOPE, 10, newest_first=True)
            assert [hit.article_id for hit in hits] == [first]  # what was there can be searched meanwhile
            free_disk(disk)
            clock.advance(ERROR_BACKOFF_SECONDS)
            await wait_until(lambda: updater.health.write_error is None)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
        assert await list_indexed_ids(updater) == [first, second]
        await updater.close()
    assert [record.message for record in caplog.records if record.levelname != "INFO"] == [
        "search index write failed error=the disk is full",
        "search index write recovered",
    ]


async def test_failed_rebuild_is_retried_after_pause(library, updater, clock, caplog, monkeypatch):
    ids = [await library.add(f"Article {number}") for number in range(3)]
    attempts = 0

    def put(_writer: TantivyWriter, _articles: Iterable[IndexedArticle], *, are_new: bool = False) -> None:
        nonlocal attempts
        attempts += 1
        raise EngineError("on trial")

    with monkeypatch.context() as broken:
        broken.setattr(TantivyWriter, "put_articles", put)
        following = asyncio.create_task(updater.run())
        for pauses in range(1, 4):
            await wait_until(lambda: clock.sleep_count == pauses)  # noqa: B023 - of this round
            assert attempts == MAX_WRITE_FAILURES + pauses
            clock.advance(ERROR_BACKOFF_SECONDS)
        await wait_until(lambda: clock.sleep_count == 4)
        assert updater.health.write_error == "the search index cannot be written: on trial"
    clock.advance(ERROR_BACKOFF_SECONDS)
    await wait_until(lambda: updater.health.write_error is None)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert await list_indexed_ids(updater) == ids
    assert caplog.text.count("on trial") == 1


async def test_write_failure_is_reported_as_health_problem(newsroom):
    health = Health(newsroom)
    health.gateway_down_since = None
    assert await health.load_problems() == []
    newsroom.index.health.record_write_failure(EngineError("on trial"))
    assert await health.load_problems() == ["the search index cannot be written: on trial"]
    newsroom.index.health.mark_up_to_date()
    assert await health.load_problems() == []


async def test_index_is_readable_only_by_owner(library, updater, tmp_path):
    (tmp_path / "index").mkdir()
    await library.add("First")
    await updater.catch_up()
    assert list_modes(tmp_path / "index") == {"drwx------", "-rw-------"}
