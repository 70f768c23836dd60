"""Misspelt words and word families: partial matches only."""

from __future__ import annotations

import pytest

from bot.search.query.query_parser import parse_query
from bot.search.ranked_search import NAME_WEIGHT_FACTOR, QueryParts
from bot.search.related_terms import find_related_terms
from tests.support.search.library import Library


@pytest.fixture
async def library(library) -> Library:
    await library.add("Hedwige, roi de Pologne", "Elle est décédée à Cracovie.", language="fr")
    await library.add("L’opéra ravagé", "Un incendie a détruit la grande salle.", language="fr")
    await library.add("Une reine morte", "Comment la reine de Bohême est morte.", language="fr")
    return library


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("Où vivait Hegwige ?", "Hedwige, roi de Pologne"),
        ("théâtre incendiaire", "L’opéra ravagé"),
    ],
    ids=["misspelt", "of one family"],
)
async def test_related_term_gives_partial_match(library, searcher, query, title):
    page = await searcher.search(query, feed_ids=None)
    assert page.results[0].article.title == title
    assert page.results[0].is_partial


@pytest.mark.parametrize("query", ["Palais de Versailles", "Un palais. Versailles", "Palais à 1780"])
async def test_name_or_number_has_more_weight(library, searcher, query):
    await searcher.index.ensure_up_to_date()
    assert searcher.index.engine is not None
    palace, other_term = QueryParts.from_query(parse_query(query, 0)).build_query_terms(searcher.index.engine)
    is_name = not query.startswith("Un")
    assert other_term.weight == palace.weight * (NAME_WEIGHT_FACTOR if is_name else 1)


async def test_related_terms_are_stem_family_and_spelling(library, searcher):
    await searcher.index.ensure_up_to_date()
    assert searcher.index.engine is not None
    related = find_related_terms(searcher.index.engine, ["hegwige", "incendiaire", "reine", "cracovie", "2024"])
    assert related == {"hegwige": {"hedwig"}, "incendiaire": {"incend"}}
