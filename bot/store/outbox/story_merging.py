"""Functions that join articles to posts of other articles about the same event.

A story is local to a channel: only articles with a status there count, so feeds of other servers, or feeds
with credentials of another server, have no influence.
"""

from collections.abc import Sequence

from bot.core.outbox.routing import PendingArticle
from bot.core.outbox.states import PageStatus
from bot.store.connection import Connection
from bot.store.outbox import held_posts, outbox_writes, transitions
from bot.store.records.content_records import PostedArticle, StoryMatches

JOIN_WINDOW_SECONDS = 86_400
"""Seconds after a post was sent within which articles about the same event can be added to it (join it)."""
JOIN_EDIT_INTERVAL_SECONDS = 180
"""Minimum number of seconds between two edits of a message because articles were added to it."""


def store_similarities(db: Connection, articles: Sequence[PendingArticle], matches: StoryMatches) -> None:
    """Store the similarities between new articles and earlier articles.

    Each is stored with the id of the new article first.
    """
    db.executemany(
        "INSERT INTO similar_article (article_id, earlier_id, similarity) "
        "SELECT CAST(:article AS BIGINT), id, CAST(:similarity AS DOUBLE PRECISION) FROM article WHERE id = :earlier "
        "ON CONFLICT DO NOTHING",
        [
            {
                "article": article.article_id,
                "earlier": similar_article.article_id,
                "similarity": similar_article.similarity,
            }
            for article in articles
            for similar_article in matches.similar_articles_by_key.get(article.key, ())
        ],
    )


def join_posts(
    db: Connection, channel_id: int, feed_id: int, articles: Sequence[PendingArticle], matches: StoryMatches
) -> list[PendingArticle]:
    """Add (join) articles of a feed to posts of the channel about the same event; return those that joined none.

    No article joins if the channel does not merge stories. A held post is released, or admitted to the
    selection of top stories, once enough outlets report its story; an edit of a sent post is scheduled.
    """
    if not any(matches.similar_articles_by_key.get(candidate.key) for candidate in articles) or not _is_merging_enabled(
        db, channel_id
    ):
        return list(articles)
    joined_page_keys: set[str] = set()
    for article in outbox_writes.select_articles_without_status(db, channel_id, articles):
        post_id = _find_best_post(db, channel_id, feed_id, article, matches)
        if post_id is not None:
            _join_post(db, channel_id, article, post_id)
            joined_page_keys.add(article.page_key)
    return [article for article in articles if article.page_key not in joined_page_keys]


def _is_merging_enabled(db: Connection, channel_id: int) -> bool:
    row = db.fetch_row(
        "SELECT join_stories = 1 OR least_outlets IS NOT NULL FROM channel WHERE id = :id", {"id": channel_id}
    )
    return row is not None and bool(row[0])


def _find_best_post(
    db: Connection, channel_id: int, feed_id: int, article: PendingArticle, matches: StoryMatches
) -> int | None:
    similarity_by_article_id = {
        similar_article.article_id: similar_article.similarity
        for similar_article in matches.similar_articles_by_key.get(article.key, ())
    }
    post_rows = db.fetch_rows(
        """
        SELECT DISTINCT dispatch.id FROM delivery_status
        JOIN dispatch ON dispatch.id = coalesce(delivery_status.dispatch_id, delivery_status.joined_dispatch_id)
        WHERE delivery_status.article_id IN (:similar_ids) AND delivery_status.channel_id = :channel
          AND dispatch.kind = 'post'
          AND (dispatch.state IN ('held', 'waiting', 'claimed')
               OR dispatch.state = 'sent' AND dispatch.sent_at >= :since)
        """,
        {"similar_ids": similarity_by_article_id.keys(), "channel": channel_id, "since": db.now - JOIN_WINDOW_SECONDS},
    )
    scored_posts: list[tuple[float, int]] = []
    for (post_id,) in post_rows:
        member_rows = db.fetch_rows(
            """
            SELECT DISTINCT article.id, article.feed_id, article.published,
                delivery_status.joined_dispatch_id IS NULL AS is_first
            FROM delivery_status JOIN article ON article.id = delivery_status.article_id
            WHERE delivery_status.dispatch_id = :post OR delivery_status.joined_dispatch_id = :post
            """,
            {"post": post_id},
        )
        posted_articles = [
            PostedArticle(member_feed_id, published_at, bool(is_first), similarity_by_article_id.get(member_id))
            for member_id, member_feed_id, published_at, is_first in member_rows
        ]
        scored_posts.append((matches.score_join(feed_id, article.published_at, posted_articles), -post_id))
    # Ids are negated, so that of posts with the same score the oldest is the best.
    best_score, negated_post_id = max(scored_posts, default=(-1.0, 0))
    return -negated_post_id if best_score >= 0 else None


def _join_post(db: Connection, channel_id: int, article: PendingArticle, post_id: int) -> None:
    transitions.add_pages(db, channel_id, [article], PageStatus.JOINED, joined_dispatch_id=post_id)
    # A pending post needs no edit, because it loads its articles when it is claimed. The edit must be due later
    # than an edit that is in progress.
    last_change_at = db.fetch_value(
        "SELECT coalesce(edited_at, sent_at, claimed_at) FROM dispatch WHERE id = :id", {"id": post_id}
    )
    if last_change_at is not None:
        earliest_at = max(db.now, last_change_at + JOIN_EDIT_INTERVAL_SECONDS)
        transitions.schedule_edits(db, [post_id], earliest_at=earliest_at)
    held_posts.release_if_enough_outlets(db, post_id)
