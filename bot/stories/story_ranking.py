"""Ranking of stories by outlets, bookmarks, recency and the server's preferences."""

import math
from collections.abc import Sequence

from bot.core.preferences import TOP_STORY_WINDOW_SECONDS
from bot.store.records.outbox_records import HeldStory
from bot.stories.preference_model import PreferenceModel

_OUTLET_POINTS, _BOOKMARK_POINTS, _RECENCY_POINTS, _PREFERENCE_POINTS = 3.0, 2.0, 1.0, 1.5


def story_score(*, outlets: int, bookmarks: int, recency: float, preference: float) -> float:
    """Return the score of a story; higher is better.

    `recency` is 0 for the oldest story in the window and 1 for one published now, `preference` a score of the
    `PreferenceModel`.
    """
    recency = min(max(recency, 0.0), 1.0)
    return (
        _OUTLET_POINTS * (outlets - 1)
        + _BOOKMARK_POINTS * math.log1p(bookmarks)
        + _RECENCY_POINTS * recency
        + _PREFERENCE_POINTS * preference
    )


def best_stories(
    stories: Sequence[HeldStory], count: int, now: int, taste: PreferenceModel
) -> list[HeldStory]:
    """Return the `count` stories with the highest scores, best first; ties go to the newest."""

    def rank(story: HeldStory) -> tuple[float, int, int]:
        fresh = 1 - (now - story.published) / TOP_STORY_WINDOW_SECONDS
        liked = taste.score(story.articles)
        worth = story_score(
            outlets=story.outlets, bookmarks=story.bookmark_count, recency=fresh, preference=liked
        )
        return worth, story.published, story.post_id

    return sorted(stories, key=rank, reverse=True)[:count]
