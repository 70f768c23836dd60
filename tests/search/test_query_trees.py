"""Queries of any shape: their results, and no errors."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.core.models import Article
from bot.search.query.query_matching import AnalysedArticle, build_matchable_clause, matches_clause
from bot.search.query.query_notes import Note, NoteKind
from bot.search.query.query_parser import parse_query
from bot.store import Store
from tests.support.search.library import Library
from tests.support.search.searchers import build_searcher

PERSON = 77
SENTENCES = ("The robot", "police robot", "robot police", "of Kansas")
"""Sentences of the articles: one for each choice of them."""
WORDS = {"kansas": "Kansas", "police": "police", '"robot police"': "robot police", '"the robot"': "The robot"}
PIECES = [
    "kansas", "robots", "the", "le", '"robot police"', '"of the"', '"the robot"', "title:robots", "tag:ai",
    'source:"le monde"', "lang:fr", "lang:en", "has:image", "since:7d", "avant:2025", "is:bookmarked",
    "jusqu'à:hier", "kansas|robots", "|", "OR", "OU", "NOT", "SAUF", "-", "(", ")", "-(", "titre:(", '"', ":",
    "\x00", "{name}", "c++", "3.12", "東京",
]  # fmt: skip


class StoredArticles(NamedTuple):
    store: Store
    articles: list[Article]


@pytest.fixture
async def stored(store) -> StoredArticles:
    library = await Library(store).open()
    for number, presence in enumerate(product((True, False), repeat=len(SENTENCES))):
        text = " and Paris ".join(sentence for sentence, is_said in zip(SENTENCES, presence, strict=True) if is_said)
        await library.add(f"News {number}", text, days=number + 1)
    articles = await store.articles.list_newest(None, limit=99)
    await store.bookmarks.add(PERSON, articles[0].id)
    return StoredArticles(store, articles)


def any_query() -> st.SearchStrategy[str]:
    return st.builds(
        lambda pieces, between: between.join(pieces),
        st.lists(st.sampled_from(PIECES), min_size=1, max_size=9),
        st.sampled_from((" ", "")),
    )


@given(query=any_query())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(query="kansas OR -is:bookmarked")
@example(query="kansas OR (robots since:7d)")
@example(query="-(robots since:7d)")
@example(query="NOT (kansas is:bookmarked)")
@example(query="-(kansas -(robots avant:2025))")
async def test_any_query_is_searched_without_error(stored, query):
    searcher = build_searcher(stored.store)
    for options in ({"user_id": PERSON}, {"sort": "newest"}, {"feed_ids": {1}}):
        page = await searcher.search(query, **{"feed_ids": None} | options)
        assert Note.create(NoteKind.INDEX_DAMAGED) not in page.notes
    parsed = parse_query(query, stored.store.clock.now())
    if criterion := build_matchable_clause(parsed):
        matches_clause(criterion, AnalysedArticle(stored.articles[0]))


Tree = str | tuple[str, list["Tree"]]


def trees() -> st.SearchStrategy[Tree]:
    return st.recursive(
        st.sampled_from([*WORDS, "the"]),
        lambda inner: st.tuples(st.sampled_from(["-", "AND", "OR"]), st.lists(inner, min_size=1, max_size=3)),
        max_leaves=6,
    )


def format_query(tree: Tree) -> str:
    if isinstance(tree, str):
        return tree
    operator, parts = tree
    inner = (" OR " if operator == "OR" else " ").join(map(format_query, parts))
    return f"-({inner})" if operator == "-" else f"({inner})"


def is_true(tree: Tree, text: str) -> bool | None:
    """Whether the query is true of the text; None for a query of stop words."""
    if isinstance(tree, str):
        return None if tree == "the" else WORDS[tree] in text
    operator, parts = tree
    truth_values = [truth_value for part in parts if (truth_value := is_true(part, text)) is not None]
    if not truth_values:
        return None
    is_match = any(truth_values) if operator == "OR" else all(truth_values)
    return not is_match if operator == "-" else is_match


@given(tree=trees())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(tree=("AND", ["kansas", ("-", [("OR", ['"robot police"', "the"])])]))
@example(tree=("OR", ["kansas", ("-", ['"robot police"'])]))
@example(tree=("OR", ["kansas", ("-", ["police"])]))
@pytest.mark.parametrize("sort", ["relevance", "newest"])
async def test_results_are_articles_for_which_query_is_true(stored, sort, tree):
    expected = [article for article in stored.articles if is_true(tree, article.body)]
    if is_true(tree, "") is None:
        return
    page = await build_searcher(stored.store).search(format_query(tree), feed_ids=None, limit=99, sort=sort)
    found_titles = {hit.article.title for hit in page.results if not hit.is_partial}
    assert found_titles == {article.title for article in expected}
    criterion = build_matchable_clause(parse_query(format_query(tree), 0))
    assert {
        matching_article.title
        for matching_article in stored.articles
        if matches_clause(criterion, AnalysedArticle(matching_article))
    } == found_titles
