"""The story so far: the developments of a story in order of time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from bot.answers.timeline.developments import Development, build_developments
from bot.answers.timeline.story_search import find_story_articles
from bot.answers.timeline.story_terms import name_topic
from bot.core.models import Article
from bot.search.searching import Searcher
from bot.text.words import fold

MAX_DEVELOPMENTS = 7
"""Maximum number of developments of a story that are shown: the first and the last ones."""

_MIN_CONFIRMING_OUTLETS = 2
"""Minimum number of outlets of a confirmed development; a long story shows only these if there are enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryTimeline:
    """A story with its developments, earliest first.

    Attributes:
        seed: The article from which the story was found.
        query_text: The query by which a person names the story, or "".
        topic: Words that name the story, as its articles write them.
        shown_developments: The developments that are shown, at most `MAX_DEVELOPMENTS`.
        omitted_count: Number of developments that are left out.
        article_count: Number of articles of the story.
        outlet_count: Number of outlets that report the story.
        zone: Time zone in which days begin.
    """

    seed: Article
    query_text: str
    topic: str
    shown_developments: tuple[Development, ...]
    omitted_count: int
    article_count: int
    outlet_count: int
    zone: tzinfo

    @property
    def shown_day_count(self) -> int:
        """Return the number of days from the first development shown to the last, both included."""
        return (
            self.get_day(self.shown_developments[-1].published) - self.get_day(self.shown_developments[0].published)
        ).days + 1

    def get_day(self, timestamp: int) -> date:
        """Return the day of a Unix time in seconds in `zone`."""
        return datetime.fromtimestamp(timestamp, self.zone).date()

    @property
    def development_count(self) -> int:
        """Return the number of developments, including those left out."""
        return len(self.shown_developments) + self.omitted_count


async def build_timeline(
    searcher: Searcher,
    seed: Article,
    feed_ids: Collection[int],
    language: str,
    *,
    query_text: str = "",
    zone: tzinfo = UTC,
) -> StoryTimeline:
    """Return the story of the article `seed`, from the articles in these feeds.

    A development is told in `language` (ISO 639-1 code) if an outlet reports it in that. `query_text` is the query by
    which a person names the story, or "". Raises StoreError.
    """
    story = await find_story_articles(searcher, seed, feed_ids, query_text)
    developments = await searcher.run_in_worker(build_developments, story.articles, story.similar_pairs, language)
    shown_developments = select_developments(developments)
    return StoryTimeline(
        seed=seed,
        query_text=query_text,
        topic=name_topic(
            sorted(story.articles, key=lambda article: (article.language != language, article.id != seed.id))
        ),
        shown_developments=tuple(shown_developments),
        omitted_count=len(developments) - len(shown_developments),
        article_count=len(story.articles),
        outlet_count=len({fold(article.outlet) for article in story.articles}),
        zone=zone,
    )


def select_developments(developments: list[Development]) -> list[Development]:
    """Return the first development and the last ones, up to `MAX_DEVELOPMENTS` of them.

    Of more, those that a single outlet reports are left out if enough others are left.
    """
    if len(developments) <= MAX_DEVELOPMENTS:
        return developments
    confirmed_developments = [
        development for development in developments if len(development.outlets) >= _MIN_CONFIRMING_OUTLETS
    ]
    if len(confirmed_developments) >= MAX_DEVELOPMENTS:
        developments = confirmed_developments
    return [developments[0], *developments[1 - MAX_DEVELOPMENTS :]]
