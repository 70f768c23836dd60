"""What a person may be typing: from which articles, in which feeds, for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.models import Feed
from bot.store import Store
from bot.store.records import ChangedArticle
from bot.store.title_words import KEPT, LONGEST, Kind
from tests.clocks import ManualClock
from tests.store.samples import add_feed, new_article, record


async def write(store: Store, feed: Feed, title: str, *, age: int = 60, **more: object) -> None:
    name = f"{title}{age}"
    await record(store, feed, new_article(feed, name, title=title, published=store.clock.now() - age, **more))


@pytest.fixture
async def feed(store: Store) -> Feed:
    return await add_feed(store)


async def complete(store: Store, prefix: str, *feeds: Feed, kind: Kind = Kind.WORD) -> list[str]:
    return await store.words.complete(kind, prefix, [feed.id for feed in feeds], 10)


async def test_words_of_titles_that_begin_so_come_the_most_used_first(store: Store, feed: Feed) -> None:
    await write(store, feed, "Mistral and Microsoft")
    await write(store, feed, "Mistral again")
    await write(store, feed, "Something else")
    assert await complete(store, "mi", feed) == ["Mistral", "Microsoft"]
    assert await complete(store, "MIS", feed) == ["Mistral"]
    assert await complete(store, "x", feed) == []


async def test_accents_and_case_do_not_matter_and_the_word_with_accents_is_offered(
    store: Store, feed: Feed
) -> None:
    await write(store, feed, "ENQUETE")
    await write(store, feed, "Enquête")
    await write(store, feed, "Une enquête")
    for typed in ("enq", "ENQUÊ", "enque"):
        assert await complete(store, typed, feed) == ["enquête"]


async def test_other_feeds_words_are_not_offered(store: Store, feed: Feed) -> None:
    secret = await add_feed(store, "secret")
    await write(store, secret, "Mergers", tags=("Confidential",), author="Mallory")
    await write(store, feed, "Mergers")
    assert await complete(store, "m", feed) == ["Mergers"]
    assert await complete(store, "conf", feed, kind=Kind.TAG) == []
    assert await complete(store, "conf", secret, kind=Kind.TAG) == ["Confidential"]
    assert await complete(store, "mal", feed, kind=Kind.AUTHOR) == []
    assert await complete(store, "m") == []


async def test_how_often_hidden_feeds_use_a_word_does_not_show_in_the_order(store: Store, feed: Feed) -> None:
    secret = await add_feed(store, "secret")
    for number in range(3):
        await write(store, secret, f"Merger of {number}")
    await write(store, feed, "Merchants")
    await write(store, feed, "Merchants again")
    await write(store, feed, "Merger")
    assert await complete(store, "mer", feed) == ["Merchants", "Merger"]


async def test_empty_words_and_numbers_are_not_offered(store: Store, feed: Feed) -> None:
    await write(store, feed, "The of with pour dans 2026 at IA x")
    found = [word for letter in "abcdefghijklmnopqrstuvwxyz2" for word in await complete(store, letter, feed)]
    assert found == ["IA"]


async def test_names_are_found_by_their_first_and_later_words(store: Store, feed: Feed) -> None:
    await write(store, feed, "One", tags=("Intelligence artificielle", "AI"), author="Zoé Durand")
    for typed in ("intel", "ARTIF", "intelligence art"):
        assert await complete(store, typed, feed, kind=Kind.TAG) == ["Intelligence artificielle"]
    assert await complete(store, "", feed, kind=Kind.TAG) == ["AI", "Intelligence artificielle"]
    for typed in ("zoe", "dura", "Zoé D"):
        assert await complete(store, typed, feed, kind=Kind.AUTHOR) == ["Zoé Durand"]


async def test_what_is_old_is_no_longer_offered_and_goes(
    store: Store, feed: Feed, clock: ManualClock
) -> None:
    await write(store, feed, "Ancient", age=KEPT + 10)
    await write(store, feed, "Recent", age=10)
    assert await complete(store, "anc", feed) == []
    assert await complete(store, "rec", feed) == ["Recent"]
    clock.advance(KEPT)
    assert await complete(store, "rec", feed) == []
    await store.words.forget()
    rows = await store._database.fetchall("SELECT * FROM completion")
    assert rows == []


async def test_what_is_recent_stays_when_the_old_goes(store: Store, feed: Feed) -> None:
    await write(store, feed, "Recent", age=10)
    await store.words.forget()
    assert await complete(store, "rec", feed) == ["Recent"]


async def test_the_words_of_a_changed_title_are_offered(store: Store, feed: Feed) -> None:
    await write(store, feed, "Before")
    (article,) = await store.articles.newest([feed.id], limit=1)
    new = new_article(feed, "Before60", title="Afterwards", published=article.published)
    await store.polls.record(
        feed, new=(), changed=[ChangedArticle(article.id, new)], aliases=(), catch_up_after=5, first=False
    )
    assert await complete(store, "after", feed) == ["Afterwards"]


async def test_a_database_from_before_takes_its_recent_words_once(
    store: Store, feed: Feed, clock: ManualClock
) -> None:
    await write(store, feed, "Mistral", tags=("AI",))
    await write(store, feed, "Ancient", age=KEPT + 10)
    path: Path = store._database.path
    async with store._database.write() as transaction:
        await transaction.execute("DELETE FROM completion")
        await transaction.execute("DELETE FROM meta WHERE name = 'completions_filled'")
    for _ in range(2):
        again = await Store.open(path, clock)
        assert await complete(again, "mis", feed) == ["Mistral"]
        assert await complete(again, "a", feed, kind=Kind.TAG) == ["AI"]
        assert await complete(again, "anc", feed) == []
        (row,) = await again._database.fetchall("SELECT uses FROM completion WHERE kind = 'word'")
        assert row["uses"] == 1
        await again.close()


@pytest.mark.parametrize(
    "title", ["%_*' OR 1=1 --", "\x00\u202e@everyone", "w" * 5_000, "日本語", "$x^2$", "a" * 61, ""]
)
async def test_whatever_a_title_says_what_is_offered_is_short_and_visible(
    store: Store, feed: Feed, title: str
) -> None:
    await write(store, feed, title, tags=(title,) * 50, author=title)
    for kind in Kind:
        for word in await store.words.complete(kind, "", [feed.id], 100):
            assert word.isprintable()
            assert 0 < len(word) <= LONGEST


@pytest.mark.parametrize("typed", ["%", "_", "'", '"', "\x00", "*", "a" * 500, "\ud800", "\U0010ffff"])
async def test_whatever_is_typed_is_a_prefix_and_nothing_else(store: Store, feed: Feed, typed: str) -> None:
    await write(store, feed, "Mistral")
    assert await complete(store, typed, feed) == []
