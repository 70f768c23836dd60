"""A watch matches what a search finds, whatever the query, and costs nothing where it cannot match."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.models import Article, NewArticle
from bot.search.query_matching import Held, Matcher, Sought, keys
from bot.search.query_syntax import parse
from bot.search.searching import Searcher
from bot.store import Store
from bot.watches.watch_matching import check
from tests.search.searchers import searcher_of
from tests.store.samples import add_feed, new_article, record

STORIES = [
    ("Apple unveils the iPhone 15 in Paris", "The GPT-4o model runs on it, said the US company.", "en"),
    ("Apples fall", "A wi-fi network for orchards: C++ code, version 3.12.1, 12 000 trees.", "en"),
    ("Les États-Unis interdisent la reconnaissance faciale", "L'IA d'Apple n'est pas visée.", "fr"),
    ("Reconnaissance vocale", "Un modèle de langue français, plus petit que GPT 4o.", "fr"),
    ("Open source models", "Open models with source code; the model is open, the source is not.", "en"),
    ("東京 opens", "東京都庁 and Apple", "en"),
    ("Model S and the Y Combinator", "AT & T: the weekend’s all-in-one GPT-4-class model at 80km/h", "en"),
    ("Avant-première", "C’est le week-end, un bien-être : Canal + et 10 000 abonnés. J’ai C.", "fr"),
    ("Nothing", "", None),
]
FACTS: list[dict[str, Any]] = [
    {"author": "Jane Doe", "tags": ("AI", "Apple Inc"), "image": "https://a.example/1.png"},
    {"author": "Jean Dupont", "tags": ("réseau",)},
    {"outlet": "Le Monde", "author": "Doe, Jane"},
    {"outlet": "Le Monde diplomatique", "image": "https://a.example/2.png"},
    {"tags": ("open source", "AI")},
    {},
    {},
    {},
    {"author": "Jane"},
]
PIECES = [
    "apple", "apples", "Apple", "iphone", "iphone15", "iPhone 15", "GPT-4o", "gpt4o", "models", "modèle",
    "open", "source", "reconnaissance", "états-unis", "US", "IA", "wi-fi", "c++", "3.12", "12000", "東京",
    "the", "missing", '"open source"', '"source code"', '"the model is open"', '"reconnaissance faciale"',
    '"of the"', "title:apple", 'title:"open source"', "titre:reconnaissance", "source:monde",
    'source:"le monde"', "author:jane", 'author:"jane doe"', "tag:ai", 'tag:"apple inc"', "lang:fr",
    "lang:en", "has:image", "week-end", "bien-être", "avant-première", "Model S", "Y Combinator", "AT & T",
    "wee kend", "av ant", "10 000", "80 km/h", "canal+", "gpt4", "C", "AI",
]  # fmt: skip


class Newsstand(NamedTuple):
    store: Store
    searcher: Searcher
    held: list[Held]


@pytest.fixture
async def stand(store: Store) -> Newsstand:
    feed = await add_feed(store)
    await record(
        store,
        feed,
        *(
            new_article(feed, f"story-{number}", title=title, text=body, language=language, **facts)
            for number, ((title, body, language), facts) in enumerate(zip(STORIES, FACTS, strict=True))
        ),
    )
    articles = await store.articles.newest(None, limit=99)
    return Newsstand(store, searcher_of(store), [Held(article) for article in articles])


def queries() -> st.SearchStrategy[str]:
    piece = st.sampled_from(PIECES)
    term = st.one_of(piece, piece.map(lambda text: f"-{text}"))
    either = st.lists(term, min_size=2, max_size=3).map(" OR ".join)
    group = st.lists(st.one_of(term, either), min_size=1, max_size=3).map(lambda some: f"({' '.join(some)})")
    negated = group.map(lambda text: f"-{text}")
    return st.lists(st.one_of(term, either, group, negated), min_size=1, max_size=4).map(" ".join)


async def differences(stand: Newsstand, text: str) -> tuple[set[str], set[str]] | None:
    """What a watch finds and what a search finds, by title; None for what no watch asks."""
    sought = Sought.of(parse(text, 0))
    if sought is None or not keys(sought.wanted, lambda _token: 1):
        return None
    matcher = Matcher()
    matcher.add(1, 1, text, sought, lambda _token: 1)
    watched = {held.article.title for held in stand.held if matcher.matching(held.article, frozenset({1}))}
    found = await stand.searcher.search(text, feed_ids=None, limit=99, sort="newest")
    return watched, {result.article.title for result in found.results}


async def test_a_watch_finds_what_a_search_for_one_thing_finds(stand: Newsstand) -> None:
    compared = {text: both for text in PIECES if (both := await differences(stand, text)) is not None}
    assert {text: both for text, both in compared.items() if both[0] != both[1]} == {}
    assert sum(bool(watched) for watched, _found in compared.values()) > 25  # not nothing with nothing


@given(text=queries())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_watch_finds_what_a_search_finds(stand: Newsstand, text: str) -> None:
    both = await differences(stand, text)
    if both is not None:
        watched, found = both
        assert watched == found


async def test_a_watch_is_found_by_its_rarest_word(stand: Newsstand) -> None:
    sought = Sought.of(parse("apple orchards", 0))
    assert sought is not None
    costs = {"appl": 1000}
    chosen = keys(sought.wanted, lambda token: costs.get(token[1], 1))
    assert {term for _place, term in chosen} == {"orchard", "appleorchard"}  # or both in one


async def test_watches_that_share_no_word_are_not_looked_at(
    stand: Newsstand, monkeypatch: pytest.MonkeyPatch
) -> None:
    matcher = Matcher()
    for number in range(1000):
        sought = Sought.of(parse(f"unseen{number} apple", 0))
        assert sought is not None
        matcher.add(number, 1, f"unseen{number} apple", sought, lambda token: 9 if token[1] == "appl" else 1)
    looked: list[Sought] = []

    def matches(_held: Held, sought: Sought) -> bool:
        looked.append(sought)
        return True

    monkeypatch.setattr(Held, "matches", matches)
    assert matcher.matching(article_of(stand), frozenset({1})) == []
    assert looked == []


async def test_a_watch_of_a_server_that_does_not_follow_the_feed_is_left_out(stand: Newsstand) -> None:
    matcher = Matcher()
    sought = Sought.of(parse("apple", 0))
    assert sought is not None
    for watch, server in ((1, 10), (2, 20), (3, 10)):
        matcher.add(watch, server, "apple", sought, lambda _token: 1)
    assert matcher.matching(article_of(stand), frozenset({10})) == [1, 3]
    matcher.discard([1])
    assert matcher.matching(article_of(stand), frozenset({10, 20})) == [2, 3]
    matcher.discard([2, 3])
    assert len(matcher) == 0
    assert matcher.matching(article_of(stand), frozenset({10, 20})) == []


def article_of(stand: Newsstand) -> Article | NewArticle:
    return next(held.article for held in stand.held if held.article.title.startswith("Apple unveils"))


async def test_the_longest_query_is_understood_in_bounded_time(store: Store) -> None:
    query = "((((" + " OR ".join(f"-({number} {number}a)" for number in range(200)) + " word"
    assert (await check(store, "word " + query)).text
