"""Which post of a channel an article belongs to, decided within the transaction that records it."""

from collections.abc import Sequence

from bot.store.records.content_records import ALONE, PostedArticle

APART = 2 * 86_400
"""Seconds between the dates of two articles from which on the later one tells of something new."""

_TOGETHER = 0.25  # how like, on average, the nearest of many
_NEAREST = 3  # articles of a story by which a new one is judged


def margin(likenesses: Sequence[float], size: int) -> float:
    """By how much an article belongs to a story of `size` articles, some of which it is that like.

    Below 0 it does not. Several that are somewhat like it say as much as one that is very like it.
    """
    nearest = sorted(likenesses, reverse=True)[:_NEAREST]
    return sum(nearest) / min(_NEAREST, size) - (_TOGETHER + (ALONE - _TOGETHER) / size)


def belonging(feed_id: int, published: int, post: Sequence[PostedArticle]) -> float:
    """How much an article of a feed belongs to a post; below 0 it does not.

    Never to a post that has an article of the same feed: who writes twice has something new to say.
    """
    for other in post:
        if other.feed_id == feed_id or (other.is_first and abs(other.published - published) > APART):
            return -1.0
    return margin([other.likeness for other in post if other.likeness is not None], len(post))
