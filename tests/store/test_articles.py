"""Articles: storing, listing, export, import and purging of texts."""

from __future__ import annotations

from bot.core.models import FeedState
from bot.store import Store
from tests.support.samples import add_feed, compute_digest, make_new_article, write_poll


async def list_newest_names(store: Store, *args, **kwargs) -> list[str]:
    articles = await store.articles.list_newest(*args, **kwargs)
    return [article.title.removeprefix("Title of ") for article in articles]


async def test_stored_article_equals_recorded_one(store, feed, clock):
    new = make_new_article(
        feed,
        "a",
        text="Menu. Le texte.",
        body="Le texte.",
        tags=("IA", "é, «x»"),
        author="N.",
        image_url="https://i",
    )
    (article_id,) = (await write_poll(store, feed, new)).new_article_ids
    article = await store.articles.get(article_id)
    assert await store.articles.get_by_key(new.key) == article
    assert await store.articles.list_by_page_key(new.page_key) == [article]
    assert await store.articles.find_by_urls((new.url,), "", (), 9) == [article]
    assert (article.text, article.body, article.tags) == ("Menu. Le texte.", "Le texte.", ("IA", "é, «x»"))
    assert (article.found_at, article.updated_at, article.feed_id) == (clock.now(), None, feed.id)
    for name in ("key", "page_key", "url", "title", "author", "image_url", "published", "language", "outlet"):
        assert getattr(article, name) == getattr(new, name)
    assert await store.articles.get(99) is None
    assert await store.articles.get_by_key("none") is None


async def test_articles_are_listed_in_order_of_given_ids(store, feed):
    ids = (await write_poll(store, feed, *[make_new_article(feed, name) for name in "abc"])).new_article_ids
    article_ids = [ids[2], 99, ids[0], ids[1], ids[0]]
    assert [article.id for article in await store.articles.list_by_ids(article_ids)] == [
        ids[2],
        ids[0],
        ids[1],
        ids[0],
    ]


async def test_newest_articles_are_ordered_by_date(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "Écran")
    await write_poll(store, first_feed, *[make_new_article(first_feed, f"1-{n}", published=n) for n in (5, 1, 3)])
    await write_poll(store, second_feed, *[make_new_article(second_feed, f"2-{n}", published=n) for n in (4, 2)])
    all_names = ["1-5", "2-4", "1-3", "2-2", "1-1"]
    assert await list_newest_names(store, None, limit=9) == all_names
    assert await list_newest_names(store, {first_feed.id, second_feed.id}, limit=9) == all_names
    assert await list_newest_names(store, {first_feed.id, second_feed.id}, limit=2, offset=1) == all_names[1:3]
    assert await list_newest_names(store, None, limit=2, offset=1) == all_names[1:3]
    assert await list_newest_names(store, {second_feed.id}, limit=9) == ["2-4", "2-2"]
    assert await list_newest_names(store, None, outlet="ECRAN", limit=9) == ["2-4", "2-2"]
    assert await list_newest_names(store, {first_feed.id}, outlet="ECRAN", limit=9) == []
    assert await list_newest_names(store, set(), limit=9) == []
    assert await store.articles.get_newest_published_at() == 5


async def test_page_of_two_feeds_is_listed_once(store):
    first_feed, second_feed = await add_feed(store, "one"), await add_feed(store, "two")
    url = "https://news.example/same"
    await write_poll(store, first_feed, make_new_article(first_feed, "1", url=url))
    await write_poll(store, second_feed, make_new_article(second_feed, "2", url=url))
    assert await list_newest_names(store, None, limit=9) == ["1"]
    assert await list_newest_names(store, {first_feed.id, second_feed.id}, limit=9) == ["1"]
    assert await list_newest_names(store, {second_feed.id}, limit=9) == ["2"]


async def test_export_iterates_articles_oldest_first(store, feed):
    new = [make_new_article(feed, f"{n}", published=n % 7) for n in range(500)]
    await write_poll(store, feed, *new, first=True)
    exported = [article async for article in store.articles.iterate()]
    assert [article.published for article in exported] == sorted(article.published for article in new)
    assert {article.key for article in exported} == {article.key for article in new}
    assert await store.articles.count() == 500


async def test_repeated_import_adds_nothing(store):
    feed = await store.feeds.add("import:Le Monde", outlet="Le Monde", state=FeedState.IMPORTED_ARTICLES)
    batch = [(feed.id, make_new_article(feed, name)) for name in "aab"]
    assert await store.articles.import_batch(batch) == 2
    assert await store.articles.import_batch(batch) == 0
    assert await store.articles.count() == 2
    assert await store.feeds.list_due(2**40, 9) == []


OLD_ARTICLE_NAMES = ("old", "saved", "removed")


async def test_purged_texts_leave_titles_dates_and_identities(store, feed, clock):
    old, saved, removed = (make_new_article(feed, name, summary="Un résumé") for name in OLD_ARTICLE_NAMES)
    ids = (await write_poll(store, feed, old, saved, removed, first=True)).new_article_ids
    by_title = {article.title.split()[-1]: article.id for article in await store.articles.list_by_ids(ids)}
    await store.bookmarks.add(1, by_title["saved"])
    await store.bookmarks.add(1, by_title["removed"])
    await store.bookmarks.remove(1, by_title["removed"])
    clock.advance(100)
    await write_poll(store, feed, make_new_article(feed, "new"))
    assert await store.articles.purge_texts(clock.now()) == 2
    assert await store.articles.purge_texts(clock.now()) == 0
    newest = await store.articles.list_newest(None, limit=9)
    assert {article.title.split()[-1] for article in newest if article.text} == {"saved", "new"}
    emptied_article = await store.articles.get(by_title["old"])
    assert (
        emptied_article.text,
        emptied_article.body,
        emptied_article.summary,
        emptied_article.published,
    ) == ("", "", "", old.published)
    assert await store.polls.load_known_by_identity(feed.id, [compute_digest("guid", "old")])


async def test_purge_handles_more_texts_than_one_transaction(store, feed, clock):
    new = [make_new_article(feed, f"{n}") for n in range(1_100)]
    await write_poll(store, feed, *new, first=True)
    assert await store.articles.purge_texts(clock.now() + 1) == 1_100
