"""Which stories matter most: by their outlets, who kept them, how fresh they are, what the server likes."""

import math
from collections.abc import Sequence

from bot.core.choices import BEST_WITHIN
from bot.store.records.outbox_records import HeldStory
from bot.stories.server_taste import Taste

_OUTLET, _KEPT, _FRESH, _TASTE = 3.0, 2.0, 1.0, 1.5  # points


def points(*, outlets: int, kept: int, fresh: float, taste: float) -> float:
    """What a story is worth.

    `fresh` is from 0, the oldest that may be told, to 1, that of now; `taste` is a `Taste`'s of it.
    """
    fresh = min(max(fresh, 0.0), 1.0)
    return _OUTLET * (outlets - 1) + _KEPT * math.log1p(kept) + _FRESH * fresh + _TASTE * taste


def best(stories: Sequence[HeldStory], count: int, now: int, taste: Taste) -> list[HeldStory]:
    """The `count` stories that are worth most, the best first; of equals the newest."""

    def rank(story: HeldStory) -> tuple[float, int, int]:
        fresh = 1 - (now - story.published) / BEST_WITHIN
        liked = taste.of(story.articles)
        worth = points(outlets=story.outlets, kept=story.kept, fresh=fresh, taste=liked)
        return worth, story.published, story.post_id

    return sorted(stories, key=rank, reverse=True)[:count]
