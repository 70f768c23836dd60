"""Which post of a channel an article belongs to, decided within the transaction that records it."""

from collections.abc import Sequence

from bot.store.records.content_records import SINGLE_ARTICLE_SIMILARITY, PostedArticle

MAX_STORY_GAP_SECONDS = 2 * 86_400
"""Seconds between the dates of two articles from which on the later one tells of something new."""

_MIN_MEAN_SIMILARITY = 0.25  # how like, on average, the nearest of many
_MAX_COMPARED = 3  # articles of a story by which a new one is judged


def membership_margin(likenesses: Sequence[float], size: int) -> float:
    """By how much an article belongs to a story of `size` articles, some of which it is that like.

    Below 0 it does not. Several that are somewhat like it say as much as one that is very like it.
    """
    nearest = sorted(likenesses, reverse=True)[:_MAX_COMPARED]
    return sum(nearest) / min(_MAX_COMPARED, size) - (
        _MIN_MEAN_SIMILARITY + (SINGLE_ARTICLE_SIMILARITY - _MIN_MEAN_SIMILARITY) / size
    )


def membership_score(feed_id: int, published: int, post: Sequence[PostedArticle]) -> float:
    """How much an article of a feed belongs to a post; below 0 it does not.

    Never to a post that has an article of the same feed: who writes twice has something new to say.
    """
    for other in post:
        if other.feed_id == feed_id or (
            other.is_first and abs(other.published - published) > MAX_STORY_GAP_SECONDS
        ):
            return -1.0
    return membership_margin([other.similarity for other in post if other.similarity is not None], len(post))
