"""Search where the lists of words are too long to be read whole."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.search import retrieval, searching, vocabulary
from bot.search.phrase_matching import Exactly
from bot.search.searching import Searcher
from bot.store import Store
from bot.store.sqlite import coverage, indexing, phrases, search_index
from bot.store.sqlite.database import Connection
from bot.store.sqlite.search_index import Scope, Terms
from tests.search.library import Library
from tests.search.searchers import searcher_of


@pytest.fixture
async def library(store: Store, monkeypatch: pytest.MonkeyPatch) -> Library:
    """A store in which every list counts as long."""
    monkeypatch.setattr(vocabulary, "AT_ONCE", 0)
    monkeypatch.setattr(retrieval, "BUDGET", 0)
    return await Library(store).open()


async def ready(store: Store) -> Searcher:
    searcher = searcher_of(store)
    await searcher.finder.vocabulary.is_long()
    for _ in range(500):
        if searcher.finder.vocabulary.size:
            break
        await asyncio.sleep(0.01)
    assert searcher.finder.vocabulary.size
    return searcher


async def find(store: Store, query: str, **options) -> list[str]:
    page = await (await ready(store)).search(query, **{"feed_ids": None} | options)
    return [result.article.title for result in page.results]


async def test_what_has_all_words_in_its_title_is_first(store: Store, library: Library):
    await library.add("Kansas robots", "A strike.", days=300)
    await library.add("Robots", "In Kansas there is a strike.", days=2)
    await library.add("Strike", "In Kansas there are robots.", days=1)
    await library.add("Weather", "In Kansas it rains.", days=1)
    assert (await find(store, "robots kansas"))[0] == "Kansas robots"
    assert set(await find(store, "robots kansas")) >= {"Kansas robots", "Robots", "Strike"}


async def test_an_old_title_is_found_behind_many_newer_texts(store: Store, library: Library, monkeypatch):
    monkeypatch.setattr(coverage, "RECENT", 3)
    await library.add("Kansas robots", days=900, language="fr")
    for number in range(8):
        await library.add(f"News {number}", "Robots in Kansas.", days=number)
    assert (await find(store, "robots kansas"))[0] == "Kansas robots"
    assert (await find(store, "robots kansas lang:fr")) == ["Kansas robots"]
    assert "Kansas robots" not in await find(store, "robots kansas lang:en")


async def test_whether_any_article_has_a_word_is_asked_of_those_taken_in_last_first(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(search_index, "MOST_FEEDS", 0)  # as for who may see a hundred
    for number in range(200):
        await library.add(f"Robots {number}")
    late = await library.new_feed("Latecomer")
    await library.add("Robots at last", feed=late)
    steps: list[None] = []

    def any_(connection: sqlite3.Connection) -> bool:
        connection.set_progress_handler(lambda: steps.append(None), 1)
        try:
            return search_index._any(connection, Terms(("robot",)), Scope(feed_ids=frozenset({late.id})))
        finally:
            connection.set_progress_handler(None, 0)

    assert await store._database.read(any_)
    assert len(steps) < 1_000


async def test_nothing_of_a_feed_that_the_person_may_not_see(store: Store, library: Library):
    other = await library.new_feed("Other")
    await library.add("Kansas robots", feed=other)
    await library.add("Robots of Kansas")
    assert await find(store, "robots kansas", feed_ids={library.feed.id}) == ["Robots of Kansas"]
    many = {library.feed.id, *range(1_000, 1_100)}  # more than are looked for by token
    assert await find(store, "robots kansas", feed_ids=many) == ["Robots of Kansas"]
    assert await find(store, "robots kansas strike", feed_ids=many) == ["Robots of Kansas"]


async def test_a_question_finds_its_article(store: Store, library: Library):
    await library.add("Amazon bans police use of Rekognition", "For a year, it said.", days=400)
    for number in range(30):
        await library.add(f"Police and people {number}", "What people say about the police.", days=number)
    found = await find(store, "Why did Amazon stop the police in Kansas from using Rekognition?")
    assert found[0] == "Amazon bans police use of Rekognition"


async def test_a_partial_match_has_what_is_required(store: Store, library: Library):
    await library.add("Rekognition for police", language="en")
    await library.add("Rekognition pour la police", language="fr")
    assert await find(store, "rekognition police kansas lang:fr") == ["Rekognition pour la police"]


async def test_a_title_with_most_words_of_a_question_is_found_before_texts_with_all_by_chance(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(searching, "FEW_OF_MANY", 2)
    await library.add("Robots of Kansas strike against police chiefs", days=300)
    for number in range(4):
        await library.add(
            f"News {number}", "People, robots, a strike, Kansas. The police has a chief.", days=300
        )
    found = await find(store, "Where people robots strike Kansas police chiefs", limit=3)
    assert found[0] == "Robots of Kansas strike against police chiefs"
    assert len(found) == 3


async def test_a_word_as_it_was_typed_comes_before_other_words_of_its_stem(store: Store, library: Library):
    await library.add("Far", "A walk along the walls, and a robot.", days=300)
    for number in range(8):
        await library.add(f"Near {number}", "Walking with robots, walked by robots.", days=number)
    assert (await find(store, "walk robot"))[0] == "Far"
    assert (await find(store, "walking robots"))[0] != "Far"


async def test_a_phrase_is_found_as_it_stands(store: Store, library: Library):
    await library.add("One", "The police chief of Kansas spoke.")
    await library.add("Other", "The chief of police spoke.")
    assert await find(store, '"police chief"') == ["One"]


async def test_a_phrase_is_read_for_until_the_page_is_full(store: Store, library: Library, monkeypatch):
    monkeypatch.setattr(phrases, "BATCH", 2)
    await library.add("The police chief of Kansas", "He spoke.", days=300)
    for number in range(6):
        await library.add(f"Spoke {number}", "The police chief of Kansas spoke.", days=100 - number)
        await library.add(f"Silent {number}", "The police of Kansas, chiefly its chief, was silent.", days=50)
    found = await find(store, '"police chief"')
    assert found == ["The police chief of Kansas", *(f"Spoke {number}" for number in reversed(range(6)))]
    assert await find(store, '"police chief"', limit=3) == found[:3]
    assert await find(store, '"police chief"', sort="newest", limit=3) == found[1:4]
    assert await find(store, '"police chief" source:elsewhere') == []
    assert set(await find(store, 'chief -"police chief"')) == {f"Silent {number}" for number in range(6)}


async def test_a_phrase_is_found_where_other_forms_stand_between_its_words(store: Store, library: Library):
    await library.add("One", "The new wi-fi network of Kansas.")
    await library.add("Other", "A network for wi-fi.")
    assert await find(store, '"wi-fi network"') == ["One"]


async def test_a_phrase_is_found_behind_many_articles_that_have_its_words_apart(
    store: Store, library: Library, monkeypatch
):
    monkeypatch.setattr(phrases, "PAIRED_TEXTS", 3)
    monkeypatch.setattr(phrases, "PAIRED_TITLES", 3)
    await library.add("One", "The police chief of Kansas spoke.", days=300)
    for number in range(8):
        await library.add(f"Other {number}", "A chief of police, and police without chief.", days=number)
    assert await find(store, '"police chief of Kansas"') == ["One"]
    assert await find(store, '"police chief"') == ["One"]


@pytest.mark.parametrize("phrase", ["chief of police", "the chief", "of police", "a chief of"])
async def test_a_phrase_is_found_behind_many_articles_with_other_empty_words(
    store: Store, library: Library, monkeypatch, phrase: str
):
    monkeypatch.setattr(phrases, "PAIRED_TEXTS", 3)
    monkeypatch.setattr(phrases, "PAIRED_TITLES", 3)
    monkeypatch.setattr(phrases, "READ", 3)
    await library.add("One", f"In Kansas {phrase} spoke.", days=300)
    for number in range(8):
        await library.add(f"Other {number}", "His chief police and no chief: their police.", days=number)
    assert await find(store, f'"{phrase}"') == ["One"]


async def test_a_phrase_is_found_in_a_feed_behind_many_of_other_feeds(
    store: Store, library: Library, monkeypatch
):
    monkeypatch.setattr(phrases, "PAIRED_TEXTS", 3)
    monkeypatch.setattr(phrases, "PAIRED_TITLES", 3)
    other = await library.new_feed("Other")
    await library.add("One", "The police chief of Kansas spoke.", days=300)
    await library.add("The police chief", "He spoke.", days=300)
    for number in range(8):
        await library.add(f"The police chief {number}", "The police chief.", days=number, feed=other)
    assert await find(store, '"police chief"', feed_ids={library.feed.id}) == ["The police chief", "One"]
    assert await find(store, '"police chief" since:2030-01-01') == []


@pytest.mark.parametrize("budget", [0, 1_000])
async def test_of_many_articles_with_the_words_of_a_phrase_only_those_with_its_pairs_are_read(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch, budget: int
):
    monkeypatch.setattr(retrieval, "BUDGET", budget)
    read: list[str] = []
    holds = Exactly.tells

    def tells(self: Exactly, title: str, body: str) -> bool | None:
        read.append(title)
        return holds(self, title, body)

    monkeypatch.setattr(Exactly, "tells", tells)
    await library.add("One", "The police chief spoke.", days=300)
    for number in range(8):
        await library.add(f"News {number}", "The police chiefs spoke.", days=number)
    assert await find(store, '"police chief"') == ["One"]
    assert set(read) == {"One"}


async def test_that_more_may_hold_a_phrase_than_was_read_is_told(store: Store, library: Library, monkeypatch):
    monkeypatch.setattr(phrases, "PAIRED_TEXTS", 3)
    for number in range(8):
        await library.add(f"News {number}", "Of chief police. The police chief.", days=number)
    searcher = await ready(store)
    page = await searcher.search('"chief of police"', feed_ids=None)
    assert (page.total, page.results) == (0, ())
    page = await searcher.search('"police chief"', feed_ids=None)
    assert page.total is None
    assert page.notes


async def test_a_phrase_does_not_begin_in_the_title_and_end_in_the_text(store: Store, library: Library):
    await library.add("News of the police", "Chief among them is Kansas.")
    assert await find(store, '"police chief"') == []


@pytest.mark.parametrize("recent", [2, 400])
async def test_a_feed_and_a_month_narrow_to_its_articles_the_title_first(
    store: Store, library: Library, monkeypatch, recent
):
    monkeypatch.setattr(coverage, "RECENT", recent)
    other = await library.new_feed("Other")
    now = store.clock.now()
    await library.add("Robots", "In Kansas.", days=20)
    for number in range(3):
        await library.add(f"News {number}", "Robots of Kansas.", days=20 + number)
        await library.add(f"Old {number}", "Robots of Kansas.", days=400)
        await library.add(f"Other {number}", "Robots of Kansas.", days=20, feed=other)
    last, first = (datetime.fromtimestamp(now - days * 86_400, UTC) for days in (19, 23))
    query = f"robots since:{first:%Y-%m-%d} before:{last:%Y-%m-%d}"
    scope = {"feed_ids": {library.feed.id}}
    everything = {"Robots", "News 0", "News 1", "News 2"}
    found = await find(store, query, **scope)
    assert found[0] == "Robots"
    assert set(found) <= everything
    assert len(found) == min(len(everything), recent + 1)  # the title, and those taken in last
    assert set(await find(store, query, sort="newest", **scope)) == everything
    assert await find(store, f"{query} -kansas", **scope) == []


async def test_a_title_that_changed_is_found_by_its_new_words_alone(store: Store, library: Library):
    changed = await library.add("Robots of Kansas")
    async with store._database.write() as transaction:
        await transaction.run(_rename, changed, "Robots of Texas")
    assert await find(store, "robots texas") == ["Robots of Texas"]
    hits = await store.coverage.some(
        [coverage.Part(Terms((word,)), 1.0, 10_000) for word in ("robot", "kansa")],
        required=None,
        scope=Scope(),
        limit=5,
    )
    assert hits == []


def _rename(connection, article_id, title):
    before = connection.execute(
        f"SELECT {indexing.SOURCE} FROM article WHERE id = ?", (article_id,)
    ).fetchone()
    connection.execute("UPDATE article SET title = ? WHERE id = ?", (title, article_id))
    indexing.replace(connection, before)


@pytest.mark.parametrize("stragglers", [0, 1, 100])
async def test_newest_is_by_date_in_whatever_order_articles_came(
    store: Store, library: Library, monkeypatch, stragglers
):
    monkeypatch.setattr(search_index, "LAST", 4)
    monkeypatch.setattr(search_index, "STRAGGLERS", stragglers)
    for days in (0.5, 40, 9, 2, 80, 3, 7, 1, 4):
        await library.add(f"{days}", "robots", days=days)
    await library.add("Weather", "rain", days=0)
    searcher = searcher_of(store)
    page = await searcher.search("robots", feed_ids=None, sort="newest", limit=3)
    assert [result.article.title for result in page.results] == ["0.5", "1", "2"]
    page = await searcher.search("robots before:2030-01-01", feed_ids={library.feed.id}, sort="newest")
    assert [float(result.article.title) for result in page.results] == [0.5, 1, 2, 3, 4, 7, 9, 40, 80]


async def test_a_match_of_many_words_is_whole_though_it_was_not_looked_for_whole(
    store: Store, library: Library, monkeypatch
):
    monkeypatch.setattr(retrieval, "UNLIKELY", float("inf"))
    await library.add("Amazon bans police", "Rekognition in Kansas is not for cameras of the sheriff.")
    await library.add("Police cameras", "The sheriff of Kansas.")
    searcher = await ready(store)
    page = await searcher.search("amazon police rekognition kansas cameras sheriff", feed_ids=None)
    assert [(result.article.title, result.partial) for result in page.results] == [
        ("Amazon bans police", False),
        ("Police cameras", True),
    ]


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("robots", {"sort": "newest"}),
        ("robots kansas", {}),
        ("robots since:30d before:today", {}),
        ('"robots in kansas"', {}),
        ("robots kansas", {"offset": 3}),
    ],
)
async def test_a_page_and_its_articles_are_read_in_one_step(
    store: Store, library: Library, monkeypatch: pytest.MonkeyPatch, query: str, options: dict[str, Any]
):
    for number in range(12):
        await library.add(f"News {number}", "Robots in Kansas.", days=number + 1)
    searcher = await ready(store)
    steps: list[None] = []
    run = Connection.run

    async def counted(self: Connection, *args, **kwargs):
        steps.append(None)
        return await run(self, *args, **kwargs)

    monkeypatch.setattr(Connection, "run", counted)
    page = await searcher.search(query, feed_ids={library.feed.id}, limit=5, **options)
    assert len(page.results) == 5
    assert len(steps) == 1
