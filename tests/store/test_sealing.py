"""Encryption of feed URLs with passwords or tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from bot.core.clock import Clock
from bot.core.configuration.settings import Secret
from bot.store import DatabaseUnusable, Store, url_encryption
from tests.support.samples import SERVER

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
OPEN = "https://news.example/feed"
PRIVATE = "https://reader:hunter2@news.example/feed"


@pytest.fixture(autouse=True)
def remove_keys_afterwards() -> Iterator[None]:
    yield
    url_encryption.set_encryption_keys(None)


async def open_store(path: Path, clock: Clock, keys: str | None) -> Store:
    url_encryption.set_encryption_keys(Secret(keys) if keys else None)
    return await Store.open(path, clock)


def read_database_bytes(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*") if file.is_file())


async def test_key_encrypts_existing_and_new_urls(tmp_path, clock):
    path = tmp_path / "telex.db"
    store = await open_store(path, clock, None)
    before = await store.feeds.add(PRIVATE, server_id=SERVER)
    await store.feeds.add(OPEN)
    assert tuple(await store.count_private_urls()) == (1, 0)
    await store.close()
    assert b"hunter2" in read_database_bytes(path)
    store = await open_store(path, clock, OLD)
    assert b"hunter2" not in read_database_bytes(path)
    assert await store.feeds.get(before.id) == before
    await store.feeds.add("https://other:hunter2@news.example/", server_id=SERVER)
    assert tuple(await store.count_private_urls()) == (2, 2)
    assert b"hunter2" not in read_database_bytes(path)
    assert OPEN.encode() in read_database_bytes(path)
    await store.backup(tmp_path / "backup")
    assert b"hunter2" not in read_database_bytes(tmp_path / "backup")
    await store.close()


async def test_encrypted_url_is_found_and_can_change(tmp_path, clock):
    store = await open_store(tmp_path / "telex.db", clock, OLD)
    feed = await store.feeds.add(PRIVATE, server_id=SERVER)
    other_feed = await store.feeds.add(PRIVATE, server_id=SERVER + 1)
    assert (await store.feeds.add(PRIVATE, server_id=SERVER)).id == feed.id != other_feed.id
    assert await store.feeds.find(PRIVATE, SERVER) == feed
    assert await store.feeds.find(PRIVATE) is None
    assert [listed_feed.url for listed_feed in await store.feeds.list_all()] == [PRIVATE, PRIVATE]
    moved = replace(feed, url=f"{PRIVATE}/new", moved_to=f"{PRIVATE}/newer", title="Paper")
    await store.polls.record_unchanged([moved])
    assert await store.feeds.get(feed.id) == moved
    third = await store.feeds.add(f"{PRIVATE}/third", server_id=SERVER)
    await store.polls.record_unchanged([replace(third, url=moved.url)])  # which another feed has
    assert await store.feeds.get(third.id) == third
    assert b"hunter2" not in read_database_bytes(tmp_path / "telex.db")
    await store.close()


async def test_reencryption_makes_old_key_useless(tmp_path, clock):
    path = tmp_path / "telex.db"
    store = await open_store(path, clock, OLD)
    feed = await store.feeds.add(PRIVATE, server_id=SERVER)
    await store.close()
    store = await open_store(path, clock, f"{NEW}, {OLD}")
    assert await store.encrypt_feed_urls(reencrypt=True) == 1
    assert await store.feeds.get(feed.id) == feed
    await store.close()
    for keys in (OLD, None):
        with pytest.raises(DatabaseUnusable, match="TELEX_SECRET_KEY"):
            await open_store(path, clock, keys)
    store = await open_store(path, clock, NEW)
    assert await store.feeds.get(feed.id) == feed
    await store.close()


SUSPICIOUS = (
    "https://news.example/f/3rTx9Qb7hunter2LmK8vWz01/rss",
    "https://news.example/rss/0123456789abcdef0123456789abcdef?k=hunter2",
    "https://news.example/feed?token=hunter2",  # as of `telex poll`, which knows no server
)


@pytest.mark.parametrize("url", SUSPICIOUS)
async def test_shared_url_with_secret_is_encrypted(tmp_path, clock, url):
    path = tmp_path / "telex.db"
    store = await open_store(path, clock, None)
    before = await store.feeds.add(url)
    await store.close()
    store = await open_store(path, clock, OLD)
    assert b"hunter2" not in read_database_bytes(path)
    assert tuple(await store.count_private_urls()) == (1, 1)
    assert await store.feeds.add(url) == await store.feeds.find(url) == before
    await store.polls.record_unchanged([replace(before, title="Paper", moved_to=f"{url}x")])
    moved = replace(before, title="Paper", url=f"{url}x")
    await store.polls.record_unchanged([moved])
    assert await store.feeds.get(before.id) == moved
    assert await store.feeds.find(url) is None
    assert b"hunter2" not in read_database_bytes(path)
    assert await store.encrypt_feed_urls(reencrypt=True) == 1
    plain = replace(moved, url=OPEN)
    await store.polls.record_unchanged([plain])
    assert await store.feeds.find(OPEN) == plain
    await store.close()
    assert OPEN.encode() in read_database_bytes(path)


async def test_list_on_page_with_secret_is_found_by_page_url(tmp_path, clock):
    page = SUSPICIOUS[0]
    store = await open_store(tmp_path / "telex.db", clock, OLD)
    list_feed = replace(await store.feeds.add(f"{page}#list=news"), list_signature="{}")
    await store.polls.record_unchanged([list_feed])
    await store.feeds.add(f"{page}2#list=news")
    assert [feed.id for feed in await store.feeds.list_by_page_url(page)] == [list_feed.id]
    await store.close()
