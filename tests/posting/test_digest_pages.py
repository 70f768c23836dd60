"""Headings, leads and length of a rendered digest."""

from __future__ import annotations

import re

from bot.digests.digest_models import DigestSection, DigestStory
from bot.posting.rendering.digest_rendering import FittedStories, fit_stories
from bot.posting.rendering.layout import blocks
from tests.posting.test_messages import ARTICLE


def fit_digest(*sections: tuple[str | None, int], **fields: str) -> FittedStories:
    """Fit a digest with one story per section, given as topic and article ID."""
    articles = {
        number: ARTICLE._replace(id=number, title=f"Story {number}", **fields)  # type: ignore[arg-type]
        for _topic, number in sections
    }
    digest_sections = [DigestSection(topic, (DigestStory(((number, 1),), 0),)) for topic, number in sections]
    return fit_stories(digest_sections, articles)


def list_story_lines(fitted_stories: FittedStories) -> list[str]:
    matching_lines = re.findall(
        r"-# \*\*[A-Z]+\*\*$|Story \d", blocks.join_texts(tuple(fitted_stories.blocks)), re.MULTILINE
    )
    return [line.strip("-#* ") for line in matching_lines]


def test_only_stories_without_topic_after_others_get_heading():
    fitted_stories = fit_digest((None, 1), ("Law", 2), (None, 3))
    assert list_story_lines(fitted_stories) == ["Story 1", "LAW", "Story 2", "ALSO", "Story 3"]
    assert list_story_lines(fit_digest((None, 1))) == ["Story 1"]


def test_story_has_lead_unless_it_repeats_title():
    digest_text = blocks.join_texts(
        tuple(fit_digest((None, 1), (None, 2), summary="What it is about. And more.").blocks)
    )
    assert digest_text.count("What it is about.") == 2
    assert "Also said" not in digest_text
    repeated_title_text = blocks.join_texts(tuple(fit_digest((None, 1), summary="Story 1").blocks))
    assert repeated_title_text.count("Story 1") == 1


def test_stories_with_long_links_and_leads_fit():
    sections = [(None, number) for number in range(1, 13)]
    fitted_stories = fit_digest(*sections, url="https://news.example/" + "x" * 450, summary="A long lead. " * 40)
    assert len(fitted_stories.shown_articles) == 12
    assert len(blocks.join_texts(tuple(fitted_stories.blocks))) <= 4000
