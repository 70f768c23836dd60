"""Content of a digest that is not rendered yet: its stories in sections, and the JSON that stores it until then."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec

from bot.digests.trend_detection import TrendRow


class DigestStory(
    msgspec.Struct,
    frozen=True,
    # The keys in queued digests:
    rename={"article_and_feed_ids": "articles", "bookmark_count": "kept"},
):
    """Story in a digest: pairs of article id and feed id, the linked article first, and its bookmark count.

    `summary` is a summary of the first article by a language model, or "".
    """

    article_and_feed_ids: tuple[tuple[int, int], ...]
    bookmark_count: int
    summary: str = ""


@dataclass(frozen=True, slots=True)
class DigestSection:
    """Stories of a digest under one topic.

    `topic` is None for the top story, and for the stories without a topic at the end.
    """

    topic: str | None
    stories: tuple[DigestStory, ...]


class DigestContent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    # The keys in queued digests:
    rename={
        "is_daily": "daily",
        "time_zone": "zone",
        "includes_other_channels": "wide",
        "omitted_count": "more",
        "outlet_count": "outlets",
        "rising_rows": "rising",
        "chart_feed_ids": "feeds",
    },
):
    """Content of a digest that is not rendered yet.

    It covers articles from `since` to `until` (Unix times in seconds). `is_daily` is False for a weekly digest,
    `time_zone` is the time zone of its dates. `includes_other_channels` says that it may have articles of feeds of
    other channels, too.
    """

    since: int
    until: int
    is_daily: bool
    time_zone: str
    includes_other_channels: bool
    omitted_count: int = 0
    """Number of stories that are not listed, because the digest has a maximum."""
    outlet_count: int = 0
    """Number of outlets of all stories, including stories that are not listed; 0 if unknown."""
    sections: tuple[DigestSection, ...] = ()
    rising_rows: tuple[TrendRow, ...] = ()
    """Rising topics that the chart of the digest shows; empty without a chart."""
    chart_feed_ids: tuple[int, ...] = ()
    """Ids of the feeds whose articles the chart of rising topics counts."""

    @property
    def article_ids(self) -> list[int]:
        """Ids of the articles of the listed stories, in order and each once."""
        stories = [story for section in self.sections for story in section.stories]
        return list(dict.fromkeys(article_id for story in stories for article_id, _feed in story.article_and_feed_ids))

    def to_json(self) -> str:
        """Serialise the content to JSON, as the outbox stores it until the digest is sent."""
        return msgspec.json.encode(self).decode()

    def with_summaries(self, summary_by_article_id: Mapping[int, str]) -> DigestContent:
        """Return a copy with the given summaries, by the id of a story's first article, instead of its own."""
        sections = tuple(
            DigestSection(
                section.topic,
                tuple(
                    msgspec.structs.replace(
                        story, summary=summary_by_article_id.get(story.article_and_feed_ids[0][0], "")
                    )
                    for story in section.stories
                ),
            )
            for section in self.sections
        )
        return msgspec.structs.replace(self, sections=sections)

    def with_chart(self, rising_rows: tuple[TrendRow, ...], feed_ids: Collection[int]) -> DigestContent:
        """Return a copy with a chart of rising topics, which counts the articles of the given feeds."""
        return msgspec.structs.replace(
            self, rising_rows=rising_rows, chart_feed_ids=tuple(sorted(feed_ids)) if rising_rows else ()
        )

    def restrict_to_feeds(self, feed_ids: Collection[int]) -> DigestContent:
        """Return a copy with only the articles of the given feeds, without stories and sections that have none.

        A story that loses articles loses its summary. The chart is kept only if it counts articles of no other feeds.
        """
        restricted_sections = []
        for section in self.sections:
            restricted_stories = []
            for story in section.stories:
                article_and_feed_ids = tuple(
                    article_and_feed_id
                    for article_and_feed_id in story.article_and_feed_ids
                    if article_and_feed_id[1] in feed_ids
                )
                if article_and_feed_ids:
                    summary = story.summary if article_and_feed_ids == story.article_and_feed_ids else ""
                    restricted_stories.append(
                        msgspec.structs.replace(story, article_and_feed_ids=article_and_feed_ids, summary=summary)
                    )
            if restricted_stories:
                restricted_sections.append(DigestSection(section.topic, tuple(restricted_stories)))
        rising_rows = self.rising_rows if set(self.chart_feed_ids) <= set(feed_ids) else ()
        return msgspec.structs.replace(self, sections=tuple(restricted_sections), rising_rows=rising_rows)


def digest_from_json(json_text: str) -> DigestContent:
    """Parse the content of a digest from the JSON that `DigestContent.to_json` writes."""
    return msgspec.json.decode(json_text, type=DigestContent)
