"""Matching of watches against articles, by index and one by one."""

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
from tests.support.samples import add_feed, make_new_article, write_poll

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
ARTICLE_FIELDS: list[dict[str, Any]] = [
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


class WatchedArticles(NamedTuple):
    articles: list[Article]


@pytest.fixture
async def stories(store) -> WatchedArticles:
    feed = await add_feed(store)
    await write_poll(
        store,
        feed,
        *(
            make_new_article(feed, f"story-{number}", title=title, text=body, language=language, **facts)
            for number, ((title, body, language), facts) in enumerate(zip(STORIES, ARTICLE_FIELDS, strict=True))
        ),
    )
    by_title = {article.title: article for article in await store.articles.list_newest(None, limit=99)}
    return WatchedArticles([by_title[title] for title, _body, _language in STORIES])


def queries() -> st.SearchStrategy[str]:
    term = st.sampled_from([*MATCHES_BY_QUERY, *(f"-{text}" for text in MATCHES_BY_QUERY if " " not in text)])
    either = st.lists(term, min_size=2, max_size=3).map(" OR ".join)
    group = st.lists(st.one_of(term, either), min_size=1, max_size=3).map(lambda terms: f"({' '.join(terms)})")
    negated = group.map(lambda text: f"-{text}")
    return st.lists(st.one_of(term, either, group, negated), min_size=1, max_size=4).map(" ".join)


def find_numbers_by_index(stories: WatchedArticles, text: str) -> set[int]:
    index = WatchIndex(lambda _key: 1)
    index.add_watch(1, 1, parse_query(text, 0))
    return {n for n, article in enumerate(stories.articles) if index.find_matching(article, frozenset({1}))}


def find_matching_numbers(stories: WatchedArticles, criterion: Clause) -> set[int]:
    return {n for n, article in enumerate(stories.articles) if matches_clause(criterion, AnalysedArticle(article))}


async def test_queries_match_expected_articles(stories):
    matches_by_query = {}
    for text in MATCHES_BY_QUERY:
        criterion = build_matchable_clause(parse_query(text, 0))
        assert criterion is not None
        matches_by_query[text] = find_matching_numbers(stories, criterion)
    assert matches_by_query == MATCHES_BY_QUERY


@given(text=queries())
@settings(max_examples=66, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_indexed_watch_is_found_by_all_matching_articles(stories, text):
    criterion = build_matchable_clause(parse_query(text, 0))
    if criterion is not None and select_cheapest_keys(criterion, lambda _key: 1):
        assert find_numbers_by_index(stories, text) == find_matching_numbers(stories, criterion)


async def test_watch_is_indexed_by_rarest_word(stories):
    criterion = build_matchable_clause(parse_query('apple orchards source:"le monde"', 0))
    costs = {"appl": 1000, "apple": 900, "ole": 5, "omonde": 3}
    assert {key.text for key in select_cheapest_keys(criterion, lambda key: costs.get(key.text, 1))} == {"orchard"}
    assert select_cheapest_keys(criterion, lambda key: key.kind is KeyKind.STEM) == {
        MatchKey(KeyKind.NAME, "ole"), MatchKey(KeyKind.NAME, "olemonde")
    }  # fmt: skip


async def test_watches_without_shared_key_are_not_evaluated(stories, monkeypatch):
    evaluate = Mock(side_effect=matches_clause)
    monkeypatch.setattr(watch_index, "matches_clause", evaluate)
    index = WatchIndex(lambda key: 9 if key.text.startswith("appl") else 1)
    for number in range(1000):
        index.add_watch(number, 1, parse_query(f"unseen{number} apple", 0))
    index.add_watch(5000, 1, parse_query("apple", 0))
    assert index.find_matching(get_first_article(stories), frozenset({1})) == [5000]
    assert evaluate.call_count == 1


async def test_watch_matches_inflections_of_other_language(store):
    feed = await add_feed(store)
    article = make_new_article(feed, "1", title="Regierungen", text="Die Regierungen beraten.", language="de")
    index = WatchIndex(lambda _key: 1)
    index.add_watch(1, 1, parse_query("regierung", 0))
    assert index.find_matching(article, frozenset({1})) == [1]
    index.add_watch(2, 1, parse_query("beraten", 0))
    assert index.find_matching(article, frozenset({1})) == [1, 2]
    index.discard_watches([1])
    assert index.find_matching(article, frozenset({1})) == [2]


async def test_watches_of_other_servers_are_left_out(stories):
    index = WatchIndex(lambda _key: 1)
    for watch, server in ((1, 10), (2, 20), (3, 10)):
        index.add_watch(watch, server, parse_query("apple", 0))
    assert index.find_matching(get_first_article(stories), frozenset({10})) == [1, 3]
    index.discard_watches([1])
    assert index.find_matching(get_first_article(stories), frozenset({10, 20})) == [2, 3]
    index.discard_watches([2, 3])
    assert len(index) == 0
    assert index.find_matching(get_first_article(stories), frozenset({10, 20})) == []


def get_first_article(stories: WatchedArticles) -> Article:
    return stories.articles[0]


async def test_long_query_is_parsed_within_limits(store):
    query = "((((" + " OR ".join(f"-({number} {number}a)" for number in range(200)) + " word"
    assert (await parse_watch_query(store, "word " + query)).text
