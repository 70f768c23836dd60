"""The search engine through its port: documents in, queries in, hits out."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.search.index.search_engine import (
    UNRESTRICTED_SCOPE,
    CompletionField,
    EngineError,
    IndexPosition,
    Scope,
)
from bot.search.index.tantivy_engine import TantivyEngine, TantivyWriter
from bot.search.query.query_parser import parse_query
from bot.store.records.content_records import IndexedArticle
from tests.support.cases import check_cases
from tests.support.search.damage import corrupt_index

NOW = 1_790_000_000
ARTICLES = (
    IndexedArticle(
        1, 10, NOW - 300, "Les élections présidentielles approchent",
        "Le président était à Lyon. Le prix de l'or monte.",
        "fr", "Le Monde", "Jeanne Doë", ("Politique",), True,
    ),
    IndexedArticle(
        2, 10, NOW - 200, "Three satellites launched",
        "The company launched three satellites on Monday. Covid-19 delayed it.",
        "en", "The Verge", None, ("Space", "AI"), False,
    ),
    IndexedArticle(
        3, 20, NOW - 100, "An electric car", "AT&T sells no electric cars. A satellite is no car.",
        "en", "Ars Technica", "Ann Onym", ("Cars",), False,
    ),
)  # fmt: skip


@pytest.fixture
def writer(tmp_path) -> Iterator[TantivyWriter]:
    writer = TantivyEngine(tmp_path / "index").open_writer()
    writer.put_articles(ARTICLES)
    writer.commit(IndexPosition(7, 8, 0))
    yield writer
    writer.close()


@pytest.fixture
def engine(tmp_path, writer) -> TantivyEngine:
    return TantivyEngine(tmp_path / "index")


@check_cases(
    ("query", "article_ids"),
    [
        ("election", {1}),
        ("satellite", {2, 3}),
        ("satellite launched", {2}),
        ('"three satellites"', {2}),
        ('"three satellite"', {2}),
        ('"satellites on Monday"', {2}),
        ('"satellites Monday"', set()),
        ("était", {1}),
        ("l’or", {1}),
        ("electric car", {3}),
        ("the satellite", {2, 3}),
        ("the OR election", {1}),
        ("AT&T", {3}),
        ("covid-19", {2}),
        ("title:satellites", {2}),
        ("satellite -cars", {2}),
        ("election OR satellite", {1, 2, 3}),
        ("source:lemonde", {1}),
        ('source:"The Verge"', {2}),
        ("tag:ai", {2}),
        ("author:doe", {1}),
        ("has:image", {1}),
        ("lang:en", {2, 3}),
        ("-lang:en", {1}),
        ("is:bookmarked OR election", {1, 3}),
        ("satellite -is:bookmarked", {2}),
        ("before:2000-01-01 OR satellite", {2, 3}),
        ("gibberish", set()),
    ],
)
def test_query_matches_expected_articles(engine, query, article_ids):
    scope = Scope(bookmarked_article_ids=frozenset({3}))
    assert {hit.article_id for hit in engine.match_all(parse_query(query, NOW).nodes, scope, 10)} == article_ids


def test_scope_limits_matches_and_completions(engine):
    visible_scope = Scope(feed_ids=frozenset({20}))
    assert [hit.article_id for hit in engine.match_any("three satellites for the election", visible_scope, 10)] == [3]
    assert engine.complete_title_words("ele", visible_scope, 5, since=0)[0] == ["electric"]
    alike = engine.match_similar({"satellit": 2.0, "car": 1.0, "compani": 1.0}, visible_scope, 5, exclude_article_id=2)
    assert [hit.article_id for hit in alike] == [3]


def test_newest_first_sorts_by_date(engine):
    assert [hit.article_id for hit in engine.match_all((), UNRESTRICTED_SCOPE, 2, newest_first=True)] == [3, 2]


def test_match_any_ranks_most_matching_words_first(engine):
    question = "When did the company launch three satellites?"
    assert engine.match_any(question, UNRESTRICTED_SCOPE, 10)[0].article_id == 2


def test_prefix_completes_title_words_and_names(engine):
    assert engine.complete_title_words("élec", UNRESTRICTED_SCOPE, 5, since=0)[0] == ["elections", "electric"]
    assert engine.complete_title_words("elec", UNRESTRICTED_SCOPE, 5, since=NOW - 150)[0] == ["electric"]
    assert engine.complete_names(CompletionField.AUTHOR, "doe", UNRESTRICTED_SCOPE, 5, since=0) == ["Jeanne Doë"]
    assert engine.complete_names(CompletionField.TAG, "", UNRESTRICTED_SCOPE, 9, since=NOW - 250) == [
        "AI",
        "Cars",
        "Space",
    ]


def test_commit_stores_changes_with_position(engine, writer):
    assert (engine.position, engine.document_count) == (IndexPosition(7, 8, 0), 3)
    writer.put_articles([ARTICLES[1]._replace(title="Four rockets launched", body="")])
    writer.remove_articles([3])
    engine.reload()
    assert engine.document_count == 3
    writer.commit(IndexPosition(9, 1, 0))
    engine.reload()
    assert (engine.position, engine.document_count) == (IndexPosition(9, 1, 0), 2)
    assert {hit.article_id for hit in engine.match_all(parse_query("launch", NOW).nodes, UNRESTRICTED_SCOPE, 9)} == {2}
    assert not engine.match_all(parse_query("satellite", NOW).nodes, UNRESTRICTED_SCOPE, 9)


CALLS: dict[str, Callable[[TantivyEngine], object]] = {
    "document_count": lambda engine: engine.document_count,
    "position": lambda engine: engine.position,
    "reload": lambda engine: engine.reload(),
    "match_all": lambda engine: engine.match_all(parse_query("satellite", NOW).nodes, UNRESTRICTED_SCOPE, 10),
    "match_any": lambda engine: engine.match_any("satellite", UNRESTRICTED_SCOPE, 10),
    "match_similar": lambda engine: engine.match_similar(
        {"satellit": 1.0, "car": 1.0}, UNRESTRICTED_SCOPE, 10, exclude_article_id=0
    ),
    "get_document_frequency": lambda engine: engine.get_document_frequency("satellit"),
    "complete_names": lambda engine: engine.complete_names(CompletionField.TAG, "s", UNRESTRICTED_SCOPE, 10, since=0),
    "complete_title_words": lambda engine: engine.complete_title_words("s", UNRESTRICTED_SCOPE, 10, since=0),
    "list_terms_with_prefix": lambda engine: engine.list_terms_with_prefix("s", 10),
    "open_writer": lambda engine: engine.open_writer(),
}


class PanicException(BaseException):
    """A stand-in for the exception that tantivy raises when its code in Rust panics."""


class PanickingPart:
    """A part of the engine of which every method panics."""

    def __getattr__(self, name: str) -> Any:
        raise PanicException(name)


@check_cases("name", [name for name in vars(TantivyEngine) if not name.startswith("_") and name != "folder"])
def test_engine_panic_raises_engine_error(engine, monkeypatch, name):
    for part in ("_index", "_searcher", "_query_builder"):
        monkeypatch.setattr(engine, part, PanickingPart())
    with pytest.raises(EngineError):
        CALLS[name](engine)


def test_writer_panic_raises_engine_error(engine):
    panicking: Any = PanickingPart()
    writer = TantivyWriter(engine, panicking)
    for call in (
        lambda: writer.put_articles(ARTICLES),
        lambda: writer.remove_articles([1]),
        lambda: writer.commit(IndexPosition(1, 1, 0)),
    ):
        with pytest.raises(EngineError):
            call()


def test_corrupt_files_raise_only_engine_error(engine):
    corrupt_index(engine)
    failed = set()
    for name, call in CALLS.items():
        try:
            call(engine)
        except EngineError:
            failed.add(name)
    assert failed >= {"match_all", "get_document_frequency", "complete_title_words"}
