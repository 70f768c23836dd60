"""What a digest says: its headings."""

from __future__ import annotations

import re

from bot.digests.digest_selection import Section, Story
from bot.posting.rendering.digest_pages import _lines
from tests.posting.test_messages import ARTICLE


def told(*sections: tuple[str | None, int]) -> list[str]:
    """The lines of a digest with one story a section, by topic and article."""
    articles = {number: ARTICLE._replace(id=number, title=f"Story {number}") for _topic, number in sections}
    stories = [Section(topic, (Story(((number, 1),), 0),)) for topic, number in sections]
    lines, _linked, _left_out = _lines(stories, articles)
    return [found[0] for line in lines if (found := re.search(r"\*\*.+\*\*|Story \d", line))]


def test_what_comes_first_without_a_topic_has_no_heading_and_the_rest_has_one() -> None:
    assert told((None, 1), ("Law", 2), (None, 3)) == ["Story 1", "**Law**", "Story 2", "**Also**", "Story 3"]
    assert told((None, 1)) == ["Story 1"]
