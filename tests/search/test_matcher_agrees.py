"""Agreement of the matcher of single articles with the search engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.core.models import Article
from bot.search.index.search_engine import UNRESTRICTED_SCOPE, IndexPosition, SearchEngine
from bot.search.index.tantivy_engine import TantivyEngine
from bot.search.query.query_matching import (
    AnalysedArticle,
    build_matchable_clause,
    matches_clause,
    select_query_languages,
)
from bot.search.query.query_parser import parse_query
from bot.store.records.content_records import IndexedArticle

NOW = 1_790_000_000
STORIES = (
    ("Apple unveils the iPhone 15 in Paris", "The GPT-4o model runs on it, said the US company.", "en"),
    ("Apples fall", "A wi-fi network for orchards: C++ code, version 3.12.1, 12 000 trees.", "en"),
    ("Les États-Unis interdisent la reconnaissance faciale", "L'IA d'Apple n'est pas visée.", "fr"),
    ("Reconnaissance vocale", "Un modèle de langue français, plus petit que GPT 4o.", "fr"),
    ("Open source models", "Open models with source code; the model is open, the source is not.", "en"),
    ("東京 opens", "東京都庁 and Apple", "en"),
    ("Cars or dogs", "AT&T sells no car. Le car est là, et l'or aussi.", "en"),
    ("Avant-première", "C’est le week-end, un bien-être : Canal + et 10 000 abonnés. J’ai C.", "fr"),
    ("Nothing", "", None),
    ("Regierungen beraten", "Die Regierungen beraten über Äpfel.", "de"),
)
NAMES = (
    ("Le Monde", "Jane Doe", ("AI", "Apple Inc"), True),
    ("Le Monde diplomatique", "Doe, Jane", ("open source", "AI"), False),
    ("The Verge", "Jane", (), True),
    ("Wired", None, ("réseau",), False),
)
PIECES = [
    "apple", "Apples", "iPhone 15", "GPT-4o", "models", "modèle", "open", "source", "états-unis", "l'IA",
    "wi-fi", "c++", "3.12",
    "東京", "the", "le", "or", "car", "cars", "AT&T", "missing", '"open source"', '"of the"',
    '"the model is open"', '"the"', '""', "title:apple", "title:the", 'title:"open source"', "source:monde",
    'source:"le monde"', "source:lemonde", "author:jane", 'author:"jane doe"', "tag:ai", 'tag:"apple inc"',
    "tag:reseau", "lang:fr", "has:image", "regierung", "week-end", "10 000", "l’or", "it", "d'", "!",
]  # fmt: skip


class IndexSample(NamedTuple):
    engine: SearchEngine
    articles: dict[int, Article]


def build_article(number: int, title: str, body: str, **facts: Any) -> Article:
    fields: dict[str, Any] = {
        "key": str(number), "feed_id": 1, "page_key": str(number), "url": "", "summary": "", "text": body,
        "author": None, "outlet": "Wired", "language": "en", "tags": (), "image_url": None,
        "published": NOW - number, "found_at": NOW,
    }  # fmt: skip
    return Article(id=number, title=title, body=body, **fields | facts)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory) -> Iterator[IndexSample]:
    articles: dict[int, Article] = {}
    for number, (title, body, language) in enumerate(STORIES, 1):
        outlet, author, tags, has_image = NAMES[number % len(NAMES)]
        articles[number] = build_article(
            number,
            title,
            body,
            outlet=outlet,
            author=author,
            language=language,
            tags=tags,
            image_url="https://a.example/1.png" if has_image else None,
        )
    folder: Path = tmp_path_factory.mktemp("index")
    writer = TantivyEngine(folder).open_writer()
    writer.put_articles(
        IndexedArticle(
            indexed_article.id, indexed_article.feed_id, indexed_article.published, indexed_article.title,
            indexed_article.body, indexed_article.language, indexed_article.outlet,
            indexed_article.author, indexed_article.tags, indexed_article.image_url is not None,
        )
        for indexed_article in articles.values()
    )  # fmt: skip
    writer.commit(IndexPosition(1, 1, 0))
    yield IndexSample(TantivyEngine(folder), articles)
    writer.close()


def queries() -> st.SearchStrategy[str]:
    piece = st.sampled_from(PIECES)
    term = st.one_of(piece, piece.map(lambda text: f"-{text}"))
    either = st.lists(term, min_size=2, max_size=3).map(" OR ".join)
    group = st.lists(st.one_of(term, either), min_size=1, max_size=3).map(lambda terms: f"({' '.join(terms)})")
    negated = group.map(lambda text: f"-{text}")
    return st.lists(st.one_of(term, either, group, negated), min_size=1, max_size=4).map(" ".join)


@given(text=queries())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(text="the")
@example(text='"open source" the')
@example(text="the OR le apple")
@example(text='-("open source" the)')
@example(text="-(the le) apple")
@example(text="(the OR !) OR apple")
def test_matcher_agrees_with_engine(indexed, text):
    query = parse_query(text, NOW)
    if not query.nodes:
        return
    engine_ids = {hit.article_id for hit in indexed.engine.match_all(query.nodes, UNRESTRICTED_SCOPE, 99)}
    matched = set()
    for number, article in indexed.articles.items():
        criterion = build_matchable_clause(query, select_query_languages(article.language))
        if criterion is None or matches_clause(criterion, AnalysedArticle(article)):
            matched.add(number)
    assert matched == engine_ids


def test_query_pieces_match_some_articles(indexed):
    hit_counts = {
        text: len(indexed.engine.match_all(parse_query(text, NOW).nodes, UNRESTRICTED_SCOPE, 99)) for text in PIECES
    }
    assert sum(0 < count < len(STORIES) for count in hit_counts.values()) > len(PIECES) * 2 // 3
