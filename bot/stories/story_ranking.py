"""Which stories matter most: by how many outlets tell them, how many people kept them, how fresh they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.store.outbox.dispatch_rows import CHANCE
from bot.store.records import HeldStory

_OUTLET, _KEPT, _FRESH = 3.0, 2.0, 1.0  # points


def points(*, outlets: int, kept: int, fresh: float) -> float:
    """What a story is worth; `fresh` is from 0, the oldest that may be told, to 1, that of now."""
    return _OUTLET * (outlets - 1) + _KEPT * math.log1p(kept) + _FRESH * min(max(fresh, 0.0), 1.0)


def best(stories: Sequence[HeldStory], count: int, now: int) -> list[HeldStory]:
    """The `count` stories that are worth most, the best first; of equals the newest."""

    def worth(story: HeldStory) -> tuple[float, int, int]:
        fresh = 1 - (now - story.published) / CHANCE
        return points(outlets=story.outlets, kept=story.kept, fresh=fresh), story.published, story.post_id

    return sorted(stories, key=worth, reverse=True)[:count]
