"""What a digest says: its headings, leads and outlets, and what is left out."""

from __future__ import annotations

import re

from bot.digests.digest_selection import DigestSection, DigestStory
from bot.posting.rendering.digest_rendering import FittedStories, fit_stories
from bot.posting.rendering.layout import blocks
from tests.posting.test_messages import ARTICLE


def told(*sections: tuple[str | None, int], **fields: str) -> FittedStories:
    """A digest with one story a section, by topic and article."""
    articles = {
        number: ARTICLE._replace(id=number, title=f"Story {number}", **fields)  # type: ignore[arg-type]
        for _topic, number in sections
    }
    chosen = [DigestSection(topic, (DigestStory(((number, 1),), 0),)) for topic, number in sections]
    return fit_stories(chosen, articles)


def lines(shown: FittedStories) -> list[str]:
    found = re.findall(r"-# \*\*[A-Z]+\*\*$|Story \d", blocks.plain_text(tuple(shown.blocks)), re.MULTILINE)
    return [line.strip("-#* ") for line in found]


def test_what_comes_first_without_a_topic_has_no_heading_and_the_rest_has_one():
    shown = told((None, 1), ("Law", 2), (None, 3))
    assert lines(shown) == ["Story 1", "LAW", "Story 2", "ALSO", "Story 3"]
    assert lines(told((None, 1))) == ["Story 1"]


def test_each_story_has_a_lead_unless_it_only_repeats_the_title():
    shown = blocks.plain_text(tuple(told((None, 1), (None, 2), summary="What it is about. And more.").blocks))
    assert shown.count("What it is about.") == 2
    assert "Also said" not in shown
    same = blocks.plain_text(tuple(told((None, 1), summary="Story 1").blocks))
    assert same.count("Story 1") == 1


def test_stories_with_long_addresses_and_leads_all_fit():
    sections = [(None, number) for number in range(1, 13)]
    shown = told(*sections, url="https://news.example/" + "x" * 450, summary="A long lead. " * 40)
    assert len(shown.linked_articles) == 12
    assert len(blocks.plain_text(tuple(shown.blocks))) <= 4000
