"""Membership of an article in a channel's post, decided within the transaction that records it."""

from collections.abc import Sequence

from bot.store.records.content_records import SINGLE_ARTICLE_SIMILARITY, PostedArticle

MAX_STORY_GAP_SECONDS = 2 * 86_400
"""Maximum time between two articles on one event; a later one reports something new."""

_MIN_MEAN_SIMILARITY = 0.25
"""Minimum mean similarity to the nearest articles of a large story."""
_MAX_COMPARED = 3
"""Maximum number of a story's articles, the most similar ones, that are compared."""


def membership_margin(likenesses: Sequence[float], size: int) -> float:
    """Return by how much an article belongs to a story of `story_size` articles; below 0 it does not.

    `similarities` are those to the story's articles, if known. Several moderate ones count as much as a
    single high one.
    """
    nearest = sorted(likenesses, reverse=True)[:_MAX_COMPARED]
    return sum(nearest) / min(_MAX_COMPARED, size) - (
        _MIN_MEAN_SIMILARITY + (SINGLE_ARTICLE_SIMILARITY - _MIN_MEAN_SIMILARITY) / size
    )


def membership_score(feed_id: int, published: int, post: Sequence[PostedArticle]) -> float:
    """Return by how much an article belongs to a post; below 0 it does not.

    An article never joins a post with one of the same feed: the feed would not report it twice without news.
    """
    for other in post:
        if other.feed_id == feed_id or (
            other.is_first and abs(other.published - published) > MAX_STORY_GAP_SECONDS
        ):
            return -1.0
    return membership_margin([other.similarity for other in post if other.similarity is not None], len(post))
