"""Bookmarks: adding, removing, listing, search, notes and tags."""

from __future__ import annotations

import pytest

from bot.store import Store
from bot.store.records.people_records import BookmarkFilter
from tests.support.samples import SERVER, add_feed, make_new_article, write_poll

ANNA, BEN = 11, 12


@pytest.fixture
async def ids(store) -> list[int]:
    """IDs of three articles."""
    feed = await add_feed(store, "Écran d'accueil")
    new = [make_new_article(feed, name, title=f"L'été {name}", published=ord(name)) for name in "abc"]
    return list((await write_poll(store, feed, *new)).new_article_ids)


async def list_bookmarked_ids(store: Store, person: int = ANNA) -> list[int]:
    return [bookmark.article.id for bookmark in await store.bookmarks.list_by_user(person, limit=99)]


async def test_bookmark_records_time_and_message(store, ids, clock):
    assert await store.bookmarks.add(ANNA, ids[0], server_id=SERVER, channel_id=2, message_id=3)
    (bookmark,) = await store.bookmarks.list_by_user(ANNA, limit=9)
    assert (bookmark.created_at, bookmark.server_id, bookmark.channel_id, bookmark.message_id) == (
        clock.now(),
        SERVER,
        2,
        3,
    )
    assert bookmark.article == await store.articles.get(ids[0])


async def test_adding_twice_makes_one_bookmark(store, ids, clock):
    assert await store.bookmarks.add(ANNA, ids[0])
    clock.advance(60)
    assert not await store.bookmarks.add(ANNA, ids[0])
    (bookmark,) = await store.bookmarks.list_by_user(ANNA, limit=9)
    assert bookmark.created_at == clock.now() - 60
    assert not await store.bookmarks.add(ANNA, 99)  # no such article


async def test_removed_bookmark_is_not_restored_by_sync(store, ids):
    await store.bookmarks.add(ANNA, ids[0])
    assert await store.bookmarks.remove(ANNA, ids[0])
    assert not await store.bookmarks.remove(ANNA, ids[0])
    assert not await store.bookmarks.add(ANNA, ids[0], restores_removed=False)
    assert await list_bookmarked_ids(store) == []
    assert await store.bookmarks.add(ANNA, ids[0])
    assert await list_bookmarked_ids(store) == [ids[0]]


async def test_bookmark_found_by_sync_is_added(store, ids):
    assert await store.bookmarks.add(ANNA, ids[0], restores_removed=False)
    assert not await store.bookmarks.add(ANNA, ids[0], restores_removed=False)
    assert await list_bookmarked_ids(store) == [ids[0]]


async def test_bookmarks_are_listed_latest_first(store, ids, clock):
    for article_id in (ids[1], ids[0], ids[2]):
        await store.bookmarks.add(ANNA, article_id)
        clock.advance(1)
    assert await list_bookmarked_ids(store) == [ids[2], ids[0], ids[1]]
    page = await store.bookmarks.list_by_user(ANNA, limit=1, offset=1)
    assert [bookmark.article.id for bookmark in page] == [ids[0]]


async def test_bookmark_search_ignores_accents(store, ids):
    for article_id in ids:
        await store.bookmarks.add(ANNA, article_id)
    for match, count in [("ETE B", 1), ("L’ÉTÉ", 3), ("ecran", 3), ("winter", 0), ("%", 0), (None, 3)]:
        assert await store.bookmarks.count(ANNA, BookmarkFilter(search_text=match)) == count
        assert (
            len(await store.bookmarks.list_by_user(ANNA, limit=9, bookmark_filter=BookmarkFilter(search_text=match)))
            == count
        )


async def test_bookmarks_are_filtered_by_note_tag_and_read_state(store, ids):
    bookmarks = store.bookmarks
    for article_id in ids:
        await bookmarks.add(ANNA, article_id)
    assert await bookmarks.annotate(ANNA, ids[0], note="À lire demain", tags=("Été", "IA"))
    assert await bookmarks.annotate(ANNA, ids[1], note="", tags=("été",))
    assert await bookmarks.mark_read(ANNA, ids[1], is_read=True)
    assert not await bookmarks.annotate(BEN, ids[0], note="mine", tags=())
    assert not await bookmarks.mark_read(BEN, ids[0], is_read=True)
    assert await bookmarks.count_by_tag(ANNA) == {"Été": 2, "IA": 1}
    for bookmark_filter, expected_ids in [
        (BookmarkFilter(search_text="a LIRE"), [ids[0]]),
        (BookmarkFilter(tag="ete"), [ids[0], ids[1]]),
        (BookmarkFilter(tag="ete", only_unread=True), [ids[0]]),
        (BookmarkFilter(only_unread=True), [ids[0], ids[2]]),
    ]:
        bookmark_page = await bookmarks.list_by_user(ANNA, limit=9, bookmark_filter=bookmark_filter)
        assert sorted(bookmark.article.id for bookmark in bookmark_page) == expected_ids
        assert await bookmarks.count(ANNA, bookmark_filter) == len(expected_ids)
    await bookmarks.mark_read(ANNA, ids[1], is_read=False)
    assert await bookmarks.count(ANNA, BookmarkFilter(only_unread=True)) == 3
    await bookmarks.remove(ANNA, ids[0])
    await bookmarks.add(ANNA, ids[0])
    new_bookmark = await bookmarks.get(ANNA, ids[0])
    assert (new_bookmark.note, new_bookmark.tags, new_bookmark.read_at) == ("", (), None)


async def test_bookmarks_of_hidden_servers_are_not_listed(store, ids):
    await store.bookmarks.add(ANNA, ids[0], server_id=SERVER)
    await store.bookmarks.add(ANNA, ids[1], server_id=SERVER + 1)
    await store.bookmarks.add(ANNA, ids[2])
    assert await store.bookmarks.load_server_ids(ANNA) == {SERVER, SERVER + 1}
    bookmarks = await store.bookmarks.list_by_user(
        ANNA, limit=9, bookmark_filter=BookmarkFilter(hidden_server_ids={SERVER})
    )
    assert {bookmark.article.id for bookmark in bookmarks} == {ids[1], ids[2]}
    assert await store.bookmarks.count(ANNA, BookmarkFilter(hidden_server_ids={SERVER})) == 2


async def test_bookmarks_are_separate_for_each_user(store, ids):
    await store.bookmarks.add(ANNA, ids[0])
    assert await store.bookmarks.filter_bookmarked(ANNA, ids) == {ids[0]}
    assert await store.bookmarks.filter_bookmarked(BEN, ids) == set()
    assert await list_bookmarked_ids(store, BEN) == []
