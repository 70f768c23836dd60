"""Decision whether an article is added to a similar article's post (joins it), in the transaction that records it."""

from collections.abc import Sequence

from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY, PostedArticle

MAX_STORY_GAP_SECONDS = 2 * 86_400
"""Maximum time in seconds between similar articles, and between a post's first article and one added to the post."""

_MIN_MEAN_SIMILARITY = 0.25
"""Minimum mean similarity of an article to a very large story's most similar articles for it to be added there.

The minimum is higher for smaller stories, up to `MIN_SINGLE_ARTICLE_SIMILARITY` for a story of one article.
"""
_MAX_COMPARED_SIMILARITIES = 3
"""Maximum number of a new article's similarities to a story's articles, the highest ones, that count."""


def compute_story_membership_score(similarities: Sequence[float], story_size: int) -> float:
    """Return how clearly an article belongs to a story of `story_size` articles; below 0 it does not belong.

    `similarities` are the known similarities to the story's articles. Several moderate similarities count as
    much as a single high one.
    """
    top_similarities = sorted(similarities, reverse=True)[:_MAX_COMPARED_SIMILARITIES]
    return sum(top_similarities) / min(_MAX_COMPARED_SIMILARITIES, story_size) - (
        _MIN_MEAN_SIMILARITY + (MIN_SINGLE_ARTICLE_SIMILARITY - _MIN_MEAN_SIMILARITY) / story_size
    )


def compute_post_membership_score(feed_id: int, published: int, posted_articles: Sequence[PostedArticle]) -> float:
    """Return how clearly an article belongs to the post of a story; below 0 it does not belong.

    An article is never added to a post that has an article of the same feed: a feed does not report an event twice
    without news.
    """
    for posted_article in posted_articles:
        if posted_article.feed_id == feed_id or (
            posted_article.is_first and abs(posted_article.published - published) > MAX_STORY_GAP_SECONDS
        ):
            return -1.0
    return compute_story_membership_score(
        [posted_article.similarity for posted_article in posted_articles if posted_article.similarity is not None],
        len(posted_articles),
    )
