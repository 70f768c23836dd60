"""Which stories matter most: by their outlets, who kept them, how fresh they are, what the server likes."""

import math
from collections.abc import Sequence

from bot.core.preferences import TOP_STORY_WINDOW_SECONDS
from bot.store.records.outbox_records import HeldStory
from bot.stories.preference_model import PreferenceModel

_OUTLET_POINTS, _BOOKMARK_POINTS, _RECENCY_POINTS, _PREFERENCE_POINTS = 3.0, 2.0, 1.0, 1.5  # points


def story_score(*, outlets: int, bookmarks: int, recency: float, preference: float) -> float:
    """What a story is worth.

    `fresh` is from 0, the oldest that may be told, to 1, that of now; `taste` is a `PreferenceModel`'s of it.
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
    """The `count` stories that are worth most, the best first; of equals the newest."""

    def rank(story: HeldStory) -> tuple[float, int, int]:
        fresh = 1 - (now - story.published) / TOP_STORY_WINDOW_SECONDS
        liked = taste.score(story.articles)
        worth = story_score(
            outlets=story.outlets, bookmarks=story.bookmark_count, recency=fresh, preference=liked
        )
        return worth, story.published, story.post_id

    return sorted(stories, key=rank, reverse=True)[:count]
