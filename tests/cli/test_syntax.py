"""The search syntax in `telex search`."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cli.test_commands import Telex
from tests.search.syntax import AMAZON, ARTICLES, CITIES, FOUND, MEANT, TOLD


def row(number: int, article: dict[str, Any]) -> str:
    published = datetime.fromtimestamp(int(time.time()) - article["days"] * 86_400, UTC).isoformat()
    return json.dumps(article | {"url": f"https://news.example/{number}", "published": published})


@pytest.fixture
def telex(tmp_path, launcher) -> Telex:
    telex = Telex(tmp_path, launcher)
    telex("import", "-", given="\n".join(row(number, article) for number, article in enumerate(ARTICLES)))
    return telex


def test_every_kind_of_query_finds_what_it_says(telex):
    wrong = {}
    answers = telex.json("search", "-", "--json", given="\n".join(FOUND))
    for answer, (query, wanted) in zip(answers, FOUND.items(), strict=True):
        assert answer["query"] == query
        found = [result["title"] for result in answer["results"][: len(wanted)]]  # before partial matches
        if set(found) != set(wanted):
            wrong[query] = found
    assert not wrong


def test_a_mistake_is_answered_with_what_was_understood(telex):
    said = telex("search", "-", given="\n".join(TOLD)).stderr
    for told in TOLD.values():
        assert told in said


def test_a_misspelt_word_or_name_is_asked_after(telex):
    said = telex("search", "-", given="\n".join(MEANT)).stderr
    for words in MEANT.values():
        assert f"Did you mean {', '.join(words)}?" in said


def test_what_lacks_a_word_is_marked_as_such(telex):
    shown = telex("search", "-", given="police browser\nploice")
    assert "(partial match)" in shown.stdout
    assert "(close match)" in shown.stdout
    several, single = telex.json("search", "-", "--json", given="police browser\nploice")
    assert all(result["partial"] for result in several["results"])
    assert {result["title"] for result in single["results"]} == {AMAZON, CITIES}
    assert single["notes"] == ["No article has the word “ploice”."]
    assert single["suggestions"] == ["police"]


def test_bookmarks_which_the_command_line_has_none_of_are_told_as_such(telex):
    said = telex("search", "is:bookmarked").stderr
    assert "Bookmarks are personal" in said
    assert "Nothing found" in said
