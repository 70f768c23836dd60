"""A watch matches what a search finds, whatever the query, and costs nothing where it cannot match."""

from __future__ import annotations

from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.models import Article
from bot.search.query.analysed_query import Clause
from bot.search.query.query_matching import (
    AnalysedArticle,
    KeyKind,
    MatchKey,
    build_matchable_clause,
    matches_clause,
    select_cheapest_keys,
)
from bot.search.query.query_parser import parse_query
from bot.watches import watch_index
from bot.watches.watch_index import WatchIndex
from bot.watches.watch_matching import parse_watch_query
from tests.support.samples import add_feed, new_article, record

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
    {"author": "Jane Doe", "tags": ("AI", "Apple Inc"), "image_url": "https://a.example/1.png"},
    {"author": "Jean Dupont", "tags": ("réseau",)},
    {"outlet": "Le Monde", "author": "Doe, Jane"},
    {"outlet": "Le Monde diplomatique", "image_url": "https://a.example/2.png"},
    {"tags": ("open source", "AI")},
    {},
    {},
    {},
    {"author": "Jane"},
]
MATCHES_BY_QUERY = {
    "apple": {0, 1, 2, 5},
    "Apples": {0, 1, 2, 5},
    "gpt": {0, 3, 6},
    "GPT-4o": {0, 3},
    "models": {0, 3, 4, 6},
    "reconnaissance": {2, 3},
    "états-unis": {2},
    "the": {0, 4, 6},
    "missing": set(),
    '"open source"': {4},
    '"source code"': {4},
    '"the model is open"': {4},
    '"reconnaissance faciale"': {2},
    '"of the"': set(),
    "title:apple": {0, 1},
    'title:"open source"': {4},
    "titre:reconnaissance": {2, 3},
    "source:monde": {2, 3},
    'source:"le monde"': {2, 3},
    "source:lemonde": {2},
    "author:jane": {0, 2, 8},
    'author:"jane doe"': {0},
    "tag:ai": {0, 4},
    'tag:"apple inc"': {0},
    "tag:reseau": {1},
    "lang:fr apple": {2},
    "has:image": {0, 3},
    "tag:ai -apple": {4},
    "-has:image apple": {1, 2, 5},
    "orchards OR orchard": {1},
    "(orchards OR abonnés) -apple": {7},
    'modèle -"langue française"': {4, 6, 0, 3},
    "AT&T": {6},
    "apple the": {0, 1, 2, 5},
}
"""Stories by query."""


class Newsstand(NamedTuple):
    articles: list[Article]


@pytest.fixture
async def stand(store) -> Newsstand:
    feed = await add_feed(store)
    await record(
        store,
        feed,
        *(
            new_article(feed, f"story-{number}", title=title, text=body, language=language, **facts)
            for number, ((title, body, language), facts) in enumerate(zip(STORIES, FACTS, strict=True))
        ),
    )
    by_title = {article.title: article for article in await store.articles.list_newest(None, limit=99)}
    return Newsstand([by_title[title] for title, _body, _language in STORIES])


def queries() -> st.SearchStrategy[str]:
    term = st.sampled_from([*MATCHES_BY_QUERY, *(f"-{text}" for text in MATCHES_BY_QUERY if " " not in text)])
    either = st.lists(term, min_size=2, max_size=3).map(" OR ".join)
    group = st.lists(st.one_of(term, either), min_size=1, max_size=3).map(lambda terms: f"({' '.join(terms)})")
    negated = group.map(lambda text: f"-{text}")
    return st.lists(st.one_of(term, either, group, negated), min_size=1, max_size=4).map(" ".join)


def found_by_index(stand: Newsstand, text: str) -> set[int]:
    index = WatchIndex(lambda _key: 1)
    index.add_watch(1, 1, parse_query(text, 0))
    return {n for n, article in enumerate(stand.articles) if index.find_matching(article, frozenset({1}))}


def find_matching_numbers(stand: Newsstand, criterion: Clause) -> set[int]:
    return {n for n, article in enumerate(stand.articles) if matches_clause(criterion, AnalysedArticle(article))}


async def test_an_article_matches_what_is_true_of_it(stand):
    matches_by_query = {}
    for text in MATCHES_BY_QUERY:
        criterion = build_matchable_clause(parse_query(text, 0))
        assert criterion is not None
        matches_by_query[text] = find_matching_numbers(stand, criterion)
    assert matches_by_query == MATCHES_BY_QUERY


@given(text=queries())
@settings(max_examples=66, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_watch_that_has_a_key_is_found_by_every_article_that_matches(stand, text):
    criterion = build_matchable_clause(parse_query(text, 0))
    if criterion is not None and select_cheapest_keys(criterion, lambda _key: 1):
        assert found_by_index(stand, text) == find_matching_numbers(stand, criterion)


async def test_a_watch_is_found_by_its_rarest_word(stand):
    criterion = build_matchable_clause(parse_query('apple orchards source:"le monde"', 0))
    costs = {"appl": 1000, "apple": 900, "ole": 5, "omonde": 3}
    assert {key.text for key in select_cheapest_keys(criterion, lambda key: costs.get(key.text, 1))} == {"orchard"}
    assert select_cheapest_keys(criterion, lambda key: key.kind is KeyKind.STEM) == {
        MatchKey(KeyKind.NAME, "ole"), MatchKey(KeyKind.NAME, "olemonde")
    }  # fmt: skip


async def test_watches_that_share_no_word_are_not_looked_at(stand, monkeypatch):
    looked = Mock(side_effect=matches_clause)
    monkeypatch.setattr(watch_index, "matches_clause", looked)
    index = WatchIndex(lambda key: 9 if key.text.startswith("appl") else 1)
    for number in range(1000):
        index.add_watch(number, 1, parse_query(f"unseen{number} apple", 0))
    index.add_watch(5000, 1, parse_query("apple", 0))
    assert index.find_matching(article_of(stand), frozenset({1})) == [5000]
    assert looked.call_count == 1


async def test_a_watch_in_another_language_finds_its_inflections(store):
    feed = await add_feed(store)
    article = new_article(feed, "1", title="Regierungen", text="Die Regierungen beraten.", language="de")
    index = WatchIndex(lambda _key: 1)
    index.add_watch(1, 1, parse_query("regierung", 0))
    assert index.find_matching(article, frozenset({1})) == [1]
    index.add_watch(2, 1, parse_query("beraten", 0))
    assert index.find_matching(article, frozenset({1})) == [1, 2]
    index.discard_watches([1])
    assert index.find_matching(article, frozenset({1})) == [2]


async def test_a_watch_of_a_server_that_does_not_follow_the_feed_is_left_out(stand):
    index = WatchIndex(lambda _key: 1)
    for watch, server in ((1, 10), (2, 20), (3, 10)):
        index.add_watch(watch, server, parse_query("apple", 0))
    assert index.find_matching(article_of(stand), frozenset({10})) == [1, 3]
    index.discard_watches([1])
    assert index.find_matching(article_of(stand), frozenset({10, 20})) == [2, 3]
    index.discard_watches([2, 3])
    assert len(index) == 0
    assert index.find_matching(article_of(stand), frozenset({10, 20})) == []


def article_of(stand: Newsstand) -> Article:
    return stand.articles[0]


async def test_the_longest_query_is_understood_in_bounded_time(store):
    query = "((((" + " OR ".join(f"-({number} {number}a)" for number in range(200)) + " word"
    assert (await parse_watch_query(store, "word " + query)).text
