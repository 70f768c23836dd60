"""Ranking of stories by number of outlets and bookmarks, recency, and what the server's users like."""

import math
from bisect import bisect_right
from collections.abc import Sequence

from bot.core import local_time
from bot.core.preferences import TOP_STORY_WINDOW_SECONDS
from bot.store.records.outbox_records import HeldStory
from bot.store.records.people_records import ChannelPost
from bot.stories.preference_model import NO_PREFERENCES, PreferenceModel

_OUTLET_POINTS = 3.0
"""Points for each further outlet that reports a story."""
_BOOKMARK_POINTS = 2.0
"""Factor on the logarithm of the number of bookmarks of a story plus 1."""
_RECENCY_POINTS = 1.0
"""Points for a story published now; an older one gets fewer."""
_PREFERENCE_POINTS = 1.5
"""Points for a preference score (how much the server's users like a story) of 1."""


def compute_story_score(*, outlet_count: int, bookmark_count: int, recency: float, preference: float) -> float:
    """Return the score of a story; higher is better.

    `recency` is 0 for the oldest story in the period and 1 for one published now. `preference` is the score
    of the story in the server's `PreferenceModel`.
    """
    recency = min(max(recency, 0.0), 1.0)
    return (
        _OUTLET_POINTS * (outlet_count - 1)
        + _BOOKMARK_POINTS * math.log1p(bookmark_count)
        + _RECENCY_POINTS * recency
        + _PREFERENCE_POINTS * preference
    )


def select_best_stories(
    stories: Sequence[HeldStory], count: int, now: int, preferences: PreferenceModel
) -> list[HeldStory]:
    """Return the `count` stories with the highest scores, best first.

    Of stories with equal scores, the newest comes first.
    """

    def build_sort_key(story: HeldStory) -> tuple[float, int, int]:
        recency = 1 - (now - story.published) / TOP_STORY_WINDOW_SECONDS
        preference = preferences.compute_score(story.articles)
        score = compute_story_score(
            outlet_count=story.outlet_count,
            bookmark_count=story.bookmark_count,
            recency=recency,
            preference=preference,
        )
        return score, story.published, story.post_id

    return sorted(stories, key=build_sort_key, reverse=True)[:count]


def replay_daily_selections(
    posts: Sequence[ChannelPost], stories_per_day: int, *, since: int, until: int, zone_name: str
) -> list[ChannelPost]:
    """Return the posts that a channel would have had if only each day's best stories were posted, oldest first.

    `since` and `until` are Unix times in seconds. An estimate: what the server's users like and their bookmarks
    are left out, and all outlets count that a story has by now.
    """
    sorted_posts = sorted(posts, key=lambda post: post.sent_at)
    sent_times = [post.sent_at for post in sorted_posts]
    minutes_of_day = local_time.spread_over_waking_hours(stories_per_day)
    selected_indexes: set[int] = set()
    due_at = since
    while (due_at := local_time.find_next_occurrence_of_any(due_at, minutes_of_day, zone_name)) <= until:
        first_index, end_index = (
            bisect_right(sent_times, sent_at) for sent_at in (due_at - TOP_STORY_WINDOW_SECONDS, due_at)
        )
        stories = [  # The index of a post stands for its id.
            HeldStory(index, sorted_posts[index].published, sorted_posts[index].outlet_count, 0, ())
            for index in range(first_index, end_index)
            if index not in selected_indexes
        ]
        selected_indexes |= {story.post_id for story in select_best_stories(stories, 1, due_at, NO_PREFERENCES)}
    return [sorted_posts[index] for index in sorted(selected_indexes)]
