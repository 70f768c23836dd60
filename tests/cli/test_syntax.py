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
from tests.support.telex_command import Telex


def row(number: int, article: dict[str, Any]) -> str:
    published = datetime.fromtimestamp(int(time.time()) - article["days"] * 86_400, UTC).isoformat()
    return json.dumps(article | {"url": f"https://news.example/{number}", "published": published})


@pytest.fixture
def telex(telex) -> Telex:
    telex("import", "-", given="\n".join(row(number, article) for number, article in enumerate(ARTICLES)))
    return telex


def test_every_kind_of_query_finds_what_it_says(telex):
    wrong = {}
    answers = telex.json("search", "-", "--json", input_text="\n".join(TITLES_BY_QUERY))
    for answer, (query, expected_titles) in zip(answers, TITLES_BY_QUERY.items(), strict=True):
        assert answer["query"] == query
        found_titles = [hit["title"] for hit in answer["results"][: len(expected_titles)]]  # before partial matches
        if set(found_titles) != set(expected_titles):
            wrong[query] = found_titles
    assert not wrong


def test_a_mistake_is_answered_with_what_was_understood(telex):
    errors = telex("search", "-", given="\n".join(NOTES_BY_QUERY)).stderr
    for note_text in NOTES_BY_QUERY.values():
        assert note_text in errors


def test_a_misspelt_word_or_name_is_asked_after(telex):
    errors = telex("search", "-", given="\n".join(SUGGESTIONS_BY_QUERY)).stderr
    for words in SUGGESTIONS_BY_QUERY.values():
        assert f"Did you mean {', '.join(words)}?" in errors


def test_what_lacks_a_word_is_marked_as_such(telex):
    completed = telex("search", "-", given="police browser\nploice")
    assert "(partial match)" in completed.stdout
    assert "(close match)" in completed.stdout
    several, single = telex.json("search", "-", "--json", input_text="police browser\nploice")
    assert all(result["partial"] for result in several["results"])
    assert {hit["title"] for hit in single["results"]} == {AMAZON, CITIES}
    assert single["notes"] == ["No article has the word “ploice”."]
    assert single["suggestions"] == ["police"]


def test_bookmarks_which_the_command_line_has_none_of_are_told_as_such(telex):
    errors = telex("search", "is:bookmarked").stderr
    assert "Bookmarks are personal" in errors
    assert "Nothing found" in errors
