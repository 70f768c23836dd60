"""The search syntax in `telex search`."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.search.syntax import (
    AMAZON,
    ARTICLES,
    CITIES,
    NOTES_BY_QUERY,
    SUGGESTIONS_BY_QUERY,
    TITLES_BY_QUERY,
)
from tests.support.telex_command import TelexCommand


def make_row(number: int, article: dict[str, Any]) -> str:
    published = datetime.fromtimestamp(int(time.time()) - article["days"] * 86_400, UTC).isoformat()
    return json.dumps(article | {"url": f"https://news.example/{number}", "published": published})


@pytest.fixture
def telex(telex) -> TelexCommand:
    telex("import", "-", given="\n".join(make_row(number, article) for number, article in enumerate(ARTICLES)))
    return telex


def test_every_kind_of_query_finds_expected_articles(telex):
    wrong = {}
    answers = telex.json("search", "-", "--json", input_text="\n".join(TITLES_BY_QUERY))
    for answer, (query, expected_titles) in zip(answers, TITLES_BY_QUERY.items(), strict=True):
        assert answer["query"] == query
        found_titles = [hit["title"] for hit in answer["results"][: len(expected_titles)]]  # before partial matches
        if set(found_titles) != set(expected_titles):
            wrong[query] = found_titles
    assert not wrong


def test_misunderstood_query_is_explained(telex):
    errors = telex("search", "-", given="\n".join(NOTES_BY_QUERY)).stderr
    for note_text in NOTES_BY_QUERY.values():
        assert note_text in errors


def test_misspelt_word_gets_suggestion(telex):
    errors = telex("search", "-", given="\n".join(SUGGESTIONS_BY_QUERY)).stderr
    for words in SUGGESTIONS_BY_QUERY.values():
        assert f"Did you mean {', '.join(words)}?" in errors


def test_partial_matches_are_marked(telex):
    completed = telex("search", "-", given="police browser\nploice")
    assert "(partial match)" in completed.stdout
    assert "(close match)" in completed.stdout
    several, single = telex.json("search", "-", "--json", input_text="police browser\nploice")
    assert all(result["partial"] for result in several["results"])
    assert {hit["title"] for hit in single["results"]} == {AMAZON, CITIES}
    assert single["notes"] == ["No article has the word “ploice”."]
    assert single["suggestions"] == ["police"]


def test_bookmark_filter_is_refused(telex):
    errors = telex("search", "is:bookmarked").stderr
    assert "Bookmarks are personal" in errors
    assert "Nothing found" in errors
