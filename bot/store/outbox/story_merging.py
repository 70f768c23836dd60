"""Joining of articles to posts that report the same event.

A story is local to a channel: only articles with a status there count, so feeds of other servers, or with
credentials of theirs, have no influence.
"""

from collections.abc import Sequence

from bot.store.connection import Connection
from bot.store.outbox import held_posts, outbox_writes
from bot.store.outbox.outbox_writes import PendingArticle
from bot.store.records.content_records import PostedArticle, StoryMatches
from bot.store.row_mapping import to_json_array

JOIN_WINDOW_SECONDS = 86_400
"""Seconds after a post was sent in which articles can join it."""
JOIN_EDIT_INTERVAL_SECONDS = 180
"""Minimum seconds between two edits of a message that articles join."""


def store_similarities(db: Connection, articles: Sequence[PendingArticle], kin: StoryMatches) -> None:
    """Store which new articles are similar to earlier ones, by the id of the later article."""
    db.executemany(
        "INSERT INTO kinship (article_id, other_id, likeness) SELECT ?1, id, ?3 FROM article WHERE id = ?2 "
        "ON CONFLICT DO NOTHING",
        [(owed.article_id, *other) for owed in articles for other in kin.by_key.get(owed.key, ())],
    )


def join_posts(
    db: Connection, channel_id: int, feed_id: int, articles: Sequence[PendingArticle], kin: StoryMatches
) -> list[PendingArticle]:
    """Join articles of a feed to similar posts of the channel; return the articles that joined none.

    Nothing joins if the channel does not merge stories. A held post is released, or admitted to the
    selection, once enough outlets report it.
    """
    if not any(kin.by_key.get(owed.key) for owed in articles) or not _is_merging_enabled(db, channel_id):
        return list(articles)
    joined: set[str] = set()
    for owed in outbox_writes.without_status(db, channel_id, articles):
        post_id = _find_best_post(db, channel_id, feed_id, owed, kin)
        if post_id is not None:
            _join(db, channel_id, owed, post_id)
            joined.add(owed.page)
    return [owed for owed in articles if owed.page not in joined]


def _is_merging_enabled(db: Connection, channel_id: int) -> bool:
    row = db.row(
        "SELECT join_stories = 1 OR least_outlets IS NOT NULL FROM channel WHERE id = ?", (channel_id,)
    )
    return row is not None and bool(row[0])


def _find_best_post(
    db: Connection, channel_id: int, feed_id: int, owed: PendingArticle, kin: StoryMatches
) -> int | None:
    likeness = {other.article_id: other.similarity for other in kin.by_key.get(owed.key, ())}
    posts = db.rows(
        """
        SELECT DISTINCT dispatch.id FROM fate
        JOIN dispatch ON dispatch.id = coalesce(fate.dispatch_id, fate.joined_id)
        WHERE fate.article_id IN (SELECT value FROM json_each(?)) AND fate.channel_id = ?
          AND dispatch.kind = 'post'
          AND (dispatch.state IN ('held', 'waiting', 'claimed')
               OR dispatch.state = 'sent' AND dispatch.sent >= ?)
        """,
        (to_json_array(likeness), channel_id, db.now - JOIN_WINDOW_SECONDS),
    )
    found: list[tuple[float, int]] = []
    for (post_id,) in posts:
        members = db.rows(
            """
            SELECT DISTINCT article.id, article.feed_id, article.published, fate.joined_id IS NULL AS is_first
            FROM fate JOIN article ON article.id = fate.article_id
            WHERE fate.dispatch_id = ?1 OR fate.joined_id = ?1
            """,
            (post_id,),
        )
        post = [
            PostedArticle(feed, published, bool(is_first), likeness.get(id_))
            for id_, feed, published, is_first in members
        ]
        found.append((kin.join_score(feed_id, owed.published, post), -post_id))
    best, post_id = max(found, default=(-1.0, 0))
    return -post_id if best >= 0 else None


def _join(db: Connection, channel_id: int, owed: PendingArticle, post_id: int) -> None:
    outbox_writes.set_status(db, channel_id, [owed], fate="joined", joined_id=post_id)
    # A pending post loads its articles when it is claimed. Later than an edit in progress.
    db.execute(
        "UPDATE dispatch SET edit_due = "
        "max(:now, coalesce(edited, sent, claimed) + :pause, coalesce(edit_due + 1, 0)) "
        "WHERE id = :id AND state IN ('claimed', 'sent')",
        {"id": post_id, "now": db.now, "pause": JOIN_EDIT_INTERVAL_SECONDS},
    )
    held_posts.release_if_enough_outlets(db, post_id)
