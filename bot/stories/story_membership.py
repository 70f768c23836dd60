"""Membership of an article in a channel's post, decided within the transaction that records it."""

from collections.abc import Sequence

from bot.store.records.content_records import SINGLE_ARTICLE_SIMILARITY, PostedArticle

MAX_STORY_GAP_SECONDS = 2 * 86_400
"""Maximum time between two articles on one event; a later one reports something new."""

_MIN_MEAN_SIMILARITY = 0.25
"""Minimum mean similarity to the nearest articles of a large story."""
_MAX_COMPARED = 3
"""Maximum number of a story's articles, the most similar ones, that are compared."""


def compute_membership_margin(similarities: Sequence[float], story_size: int) -> float:
    """Return by how much an article belongs to a story of `story_size` articles; below 0 it does not.

    `similarities` are those to the story's articles, if known. Several moderate ones count as much as a
    single high one.
    """
    top_similarities = sorted(similarities, reverse=True)[:_MAX_COMPARED]
    return sum(top_similarities) / min(_MAX_COMPARED, story_size) - (
        _MIN_MEAN_SIMILARITY + (SINGLE_ARTICLE_SIMILARITY - _MIN_MEAN_SIMILARITY) / story_size
    )


def compute_membership_score(feed_id: int, published: int, posted_articles: Sequence[PostedArticle]) -> float:
    """Return by how much an article belongs to a post; below 0 it does not.

    An article never joins a post with one of the same feed: the feed would not report it twice without news.
    """
    for post_article in posted_articles:
        if post_article.feed_id == feed_id or (
            post_article.is_first and abs(post_article.published - published) > MAX_STORY_GAP_SECONDS
        ):
            return -1.0
    return compute_membership_margin(
        [
            posted_article.similarity
            for posted_article in posted_articles
            if posted_article.similarity is not None
        ],
        len(posted_articles),
    )
