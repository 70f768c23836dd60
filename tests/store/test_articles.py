"""Articles: kept once, listed by date, found by their words, and emptied without being forgotten."""

from __future__ import annotations

import io
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cli import article_files
from bot.client.services import Newsroom
from bot.core.models import FeedState
from bot.store import Store
from bot.store.records import ChangedArticle
from bot.store.sqlite import indexing
from bot.text import terms
from tests.clocks import ManualClock
from tests.feed_server import FeedServer
from tests.store.samples import add_feed, digest, new_article, record


async def names(store: Store, *args, **kwargs) -> list[str]:
    found = await store.articles.newest(*args, **kwargs)
    return [article.title.removeprefix("Title of ") for article in found]


async def index_is_sound(store: Store) -> bool:
    """Whether the indexes hold exactly the terms of the articles: emptied of them, they are empty."""

    def compare(connection: sqlite3.Connection) -> bool:
        rows = connection.execute(f"SELECT {indexing.SOURCE} FROM article").fetchall()
        indexing.remove(connection, ((row["id"], *indexing.stored_terms(row)) for row in rows))
        left = 0
        for table in indexing.TABLES:
            made = f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.of_{table} USING fts5vocab (main, {table}, row)"
            connection.execute(made)
            left += connection.execute(f"SELECT count(*) FROM of_{table}").fetchone()[0]
        indexing.add(connection, ((row["id"], *indexing.stored_terms(row)) for row in rows))
        return left == 0

    async with store._database.write() as transaction:
        return await transaction.run(compare)


async def test_an_article_comes_back_as_it_was_given(store: Store, clock: ManualClock):
    feed = await add_feed(store)
    new = new_article(
        feed,
        "a",
        text="Menu. Le texte.",
        body="Le texte.",
        tags=("IA", "é, «x»"),
        author="N.",
        image="https://i",
    )
    (article_id,) = (await record(store, feed, new)).new_ids
    article = await store.articles.get(article_id)
    assert article is not None
    assert await store.articles.by_key(new.key) == article
    assert await store.articles.of_page(new.page) == [article]
    assert await store.articles.known_at((new.url,), "", (), 9) == [article]
    assert (article.text, article.body, article.tags) == ("Menu. Le texte.", "Le texte.", ("IA", "é, «x»"))
    assert (article.found, article.updated, article.feed_id) == (clock.now(), None, feed.id)
    for name in ("key", "page", "url", "title", "author", "image", "published", "language", "outlet"):
        assert getattr(article, name) == getattr(new, name)
    assert await store.articles.get(99) is None
    assert await store.articles.by_key("none") is None


async def test_articles_come_in_the_order_of_their_ids_given(store: Store):
    feed = await add_feed(store)
    ids = (await record(store, feed, *[new_article(feed, name) for name in "abc"])).new_ids
    wanted = [ids[2], 99, ids[0], ids[1], ids[0]]
    assert [article.id for article in await store.articles.by_ids(wanted)] == [ids[2], ids[0], ids[1], ids[0]]


async def test_the_newest_are_by_date_whatever_was_found_first(store: Store):
    one, two = await add_feed(store, "one"), await add_feed(store, "Écran")
    await record(store, one, *[new_article(one, f"1-{n}", published=n) for n in (5, 1, 3)])
    await record(store, two, *[new_article(two, f"2-{n}", published=n) for n in (4, 2)])
    everything = ["1-5", "2-4", "1-3", "2-2", "1-1"]
    assert await names(store, None, limit=9) == everything
    assert await names(store, {one.id, two.id}, limit=9) == everything
    assert await names(store, {one.id, two.id}, limit=2, offset=1) == everything[1:3]
    assert await names(store, None, limit=2, offset=1) == everything[1:3]
    assert await names(store, {two.id}, limit=9) == ["2-4", "2-2"]
    assert await names(store, None, outlet="ECRAN", limit=9) == ["2-4", "2-2"]
    assert await names(store, {one.id}, outlet="ECRAN", limit=9) == []
    assert await names(store, set(), limit=9) == []
    assert await store.articles.newest_time() == 5


async def test_a_page_of_two_feeds_is_one_line_in_a_list(store: Store):
    one, two = await add_feed(store, "one"), await add_feed(store, "two")
    url = "https://news.example/same"
    await record(store, one, new_article(one, "1", url=url))
    await record(store, two, new_article(two, "2", url=url))
    assert await names(store, None, limit=9) == ["1"]
    assert await names(store, {one.id, two.id}, limit=9) == ["1"]
    assert await names(store, {two.id}, limit=9) == ["2"]


async def test_an_export_gives_every_article_once_oldest_first(store: Store):
    feed = await add_feed(store)
    new = [new_article(feed, f"{n}", published=n % 7) for n in range(500)]
    await record(store, feed, *new, first=True)
    exported = [article async for article in store.articles.export()]
    assert [article.published for article in exported] == sorted(article.published for article in new)
    assert {article.key for article in exported} == {article.key for article in new}
    assert await store.articles.count() == 500


async def test_an_import_that_is_repeated_adds_nothing(store: Store):
    feed = await store.feeds.add("import:Le Monde", outlet="Le Monde", state=FeedState.IMPORTED)
    batch = [(feed.id, new_article(feed, name)) for name in "aab"]
    assert await store.articles.import_batch(batch) == 2
    assert await store.articles.import_batch(batch) == 0
    assert await store.articles.count() == 2
    assert await store.feeds.due(2**40, 9) == []
    assert await index_is_sound(store)


OLD = ("old", "saved", "removed")


async def test_emptied_texts_leave_titles_dates_and_identities(store: Store, clock: ManualClock):
    feed = await add_feed(store)
    old, saved, removed = (new_article(feed, name, summary="Un résumé") for name in OLD)
    ids = (await record(store, feed, old, saved, removed, first=True)).new_ids
    by_title = {article.title.split()[-1]: article.id for article in await store.articles.by_ids(ids)}
    await store.bookmarks.add(1, by_title["saved"])
    await store.bookmarks.add(1, by_title["removed"])
    await store.bookmarks.remove(1, by_title["removed"])
    clock.advance(100)
    await record(store, feed, new_article(feed, "new"))
    assert await store.articles.forget_texts(clock.now()) == 2
    assert await store.articles.forget_texts(clock.now()) == 0
    newest = await store.articles.newest(None, limit=9)
    assert {article.title.split()[-1] for article in newest if article.text} == {"saved", "new"}
    kept = await store.articles.get(by_title["old"])
    assert kept is not None
    assert (kept.text, kept.body, kept.summary, kept.published) == ("", "", "", old.published)
    assert await store.polls.known(feed.id, [digest("guid", "old")])
    assert await index_is_sound(store)


async def test_more_texts_than_a_transaction_takes_are_emptied(store: Store, clock: ManualClock):
    feed = await add_feed(store)
    new = [new_article(feed, f"{n}") for n in range(1_100)]
    await record(store, feed, *new, first=True)
    assert await store.articles.forget_texts(clock.now() + 1) == 1_100
    assert await index_is_sound(store)


async def test_the_parts_of_the_index_are_merged(store: Store):
    feed = await add_feed(store)
    for number in range(30):
        await record(store, feed, new_article(feed, f"{number}"))

    async def parts() -> list[int]:
        sql = "SELECT count(DISTINCT segid) AS parts FROM {}_idx"
        return [(await store._database.fetchall(sql.format(table)))[0]["parts"] for table in indexing.TABLES]

    assert min(await parts()) > 3
    await store.merge_index()
    assert await parts() == [1, 1, 1]
    assert await index_is_sound(store)


async def test_a_large_part_of_the_index_and_what_came_since_become_one_when_that_is_a_tenth(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(indexing, "MERGED", 1)
    feed = await add_feed(store)

    async def come(first: int, count: int) -> None:
        articles = [
            new_article(feed, f"{n}", text=" ".join(f"word{n}x{m}" for m in range(60)))
            for n in range(first, first + count)
        ]
        await record(store, feed, *articles, first=True)

    async def parts() -> int:
        rows = await store._database.fetchall("SELECT count(DISTINCT segid) FROM article_terms_idx")
        return int(rows[0][0])

    for number in range(6):
        await come(50 * number, 50)
        await store.merge_index()
    await come(300, 5)
    await store.merge_index()
    assert await parts() == 2
    await come(305, 60)
    await store.merge_index()
    assert await parts() == 1
    assert await index_is_sound(store)


async def test_an_index_of_other_terms_is_made_anew_at_opening(
    store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
):
    feed = await add_feed(store)
    await record(store, feed, *[new_article(feed, f"{n}") for n in range(30)])
    path = store._database.path
    await store.close()
    monkeypatch.setattr(indexing, "BATCH", 7)
    monkeypatch.setattr(terms, "VERSION", terms.VERSION + 1)
    monkeypatch.setattr(
        terms,
        "index_terms",
        lambda **fields: terms.IndexTerms("zz" + fields["title"][-1], "body", "meta", "pairs"),
    )
    again = await Store.open(path, clock)
    rows = await again._database.fetchall(
        "SELECT count(*) FROM article_terms WHERE article_terms MATCH 'zz3'"
    )
    assert rows[0][0] == 3  # 3, 13 and 23
    assert await index_is_sound(again)
    await again.close()


TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(versions=st.lists(st.tuples(TEXTS, TEXTS, TEXTS, st.integers(0, 2**32)), min_size=1, max_size=4))
async def test_whatever_an_article_says_the_index_can_unsay_it(store: Store, versions):
    feed = await add_feed(store)
    name = f"{await store.articles.count()}"
    for title, text, author, published in versions:
        new = new_article(
            feed, name, title=title, text=text, author=author, tags=(author,), published=published
        )
        article = await store.articles.by_key(new.key)
        if article is None:
            await record(store, feed, new, first=True)
        else:
            changed = [ChangedArticle(article.id, new)]
            await store.polls.record(feed, new=[], changed=changed, catch_up_after=9, first=False)
    assert await index_is_sound(store)


DOCUMENT = """<?xml version="1.0"?><rss version="2.0"><channel><title>Écran</title><link>{0}</link>
<item><guid>1</guid><link>{0}/a</link><title>{1}</title><category>IA</category><author>N. Ève</author>
<description>&lt;p&gt;L’été {1} &lt;img src="/i.png"&gt; A lire aussi.&lt;/p&gt;</description></item>
<item><guid>2</guid><link>{0}/b</link><title>Ohne Datum 中文 C++</title></item></channel></rss>"""


async def test_what_intake_and_imports_index_the_store_can_unsay(newsroom: Newsroom, feed_server: FeedServer):
    for title in ("Moratoire", "Interdiction"):
        url = feed_server.serve("/feed", DOCUMENT.format(feed_server.origin, title))
        await newsroom.poller.poll(await newsroom.store.feeds.add(url), polite=False)
    line = '{"url": "https://x.example/1", "title": "Été", "text": "Menu\\n\\nLe texte", "tags": ["a"]}\n'
    await article_files.import_lines(newsroom, io.BytesIO(line.encode()))
    assert await newsroom.store.articles.count() == 3
    assert await index_is_sound(newsroom.store)
