"""Functions that withdraw pending articles when a feed ends, pauses or moves, and requeue joined articles.

A joined article has no post of its own: it is named in the post of a similar article.
"""

from collections.abc import Sequence

from bot.core.reasons import WithheldReason
from bot.store.connection import Connection
from bot.store.outbox import outbox_writes
from bot.store.outbox.outbox_writes import PendingArticle
from bot.store.row_mapping import to_json_array

KIND_HELD = "held"
"""Kind that `list_pending_articles` returns for held and reserved articles."""
KIND_JOINED = "joined"
"""Kind that `list_pending_articles` returns for articles that joined the post of a similar article."""

_STILL_SUBSCRIBED_SQL = """
    SELECT 1 FROM subscription JOIN article ON article.feed_id = subscription.feed_id
    WHERE subscription.channel_id = fate.channel_id
      AND article.id IN (SELECT id FROM article WHERE page = fate.page UNION SELECT fate.article_id)
      AND paused IS NULL AND coalesce(resumed, 0) <= fate.decided
      AND NOT EXISTS (SELECT 1 FROM kept_out
                      WHERE kept_out.channel_id = fate.channel_id AND kept_out.article_id = article.id)
"""
"""Query for a subscription that still brings an article with a status (the row `fate`) to the channel."""


def list_pending_articles(db: Connection, channel_id: int, feed_id: int) -> list[tuple[PendingArticle, str]]:
    """List the articles that are pending in a channel only through this feed, with their kinds, oldest first.

    The kind is that of the dispatch, or `KIND_HELD` for held and reserved articles, or `KIND_JOINED` for
    articles that joined a pending or held post. Articles in a pending digest are left out, because the digest
    is sent in any case.
    """
    rows = db.fetch_rows(
        """
        SELECT article.id, article.key, fate.page, article.published, fate.kind
        FROM (
            SELECT page, article_id, iif(state = 'held', :held, kind) AS kind FROM dispatch
            CROSS JOIN fate ON fate.dispatch_id = dispatch.id
            WHERE dispatch.channel_id = :channel AND state IN ('waiting', 'held') AND kind <> 'digest'
            UNION ALL
            SELECT page, article_id, :joined FROM dispatch
            CROSS JOIN fate ON fate.joined_id = dispatch.id
            WHERE dispatch.channel_id = :channel AND state IN ('waiting', 'held')
            UNION ALL
            SELECT page, article_id, :held FROM fate INDEXED BY fate_held
            WHERE channel_id = :channel AND fate = 'digested'
        ) AS fate
        CROSS JOIN article ON article.id = fate.article_id
        WHERE article.feed_id = :feed
          AND NOT EXISTS (
            SELECT 1 FROM article AS other
            JOIN subscription ON subscription.feed_id = other.feed_id AND subscription.channel_id = :channel
            WHERE other.page = fate.page AND other.feed_id <> :feed AND subscription.paused IS NULL
              AND NOT EXISTS (SELECT 1 FROM kept_out WHERE channel_id = :channel AND article_id = other.id))
        ORDER BY article.published, article.id
        """,
        {"channel": channel_id, "feed": feed_id, "held": KIND_HELD, "joined": KIND_JOINED},
    )
    return [(PendingArticle(*row[:4]), row["kind"]) for row in rows]


def withdraw_articles(
    db: Connection, channel_id: int, articles: Sequence[PendingArticle], *, reason: WithheldReason | None
) -> None:
    """Withdraw pending articles from a channel, and delete the dispatches that become empty.

    The articles get the status withheld with `reason`; if that is None, their statuses are deleted.
    """
    page_keys = to_json_array([article.page_key for article in articles])
    selection_sql = """
        WHERE channel_id = :channel AND page IN (SELECT atom FROM json_each(:pages)) AND (
            fate = 'digested' OR coalesce(dispatch_id, joined_id) IN (
                SELECT id FROM dispatch WHERE channel_id = :channel AND state IN ('waiting', 'held')))
    """
    parameters = {"channel": channel_id, "pages": page_keys, "reason": reason, "now": db.now}
    if reason is None:
        db.execute(f"DELETE FROM fate {selection_sql}", parameters)
    else:
        db.execute(
            "UPDATE fate SET dispatch_id = NULL, joined_id = NULL, fate = 'withheld', reason = :reason, "
            "decided = :now " + selection_sql,
            parameters,
        )
    empty_dispatch_rows = db.fetch_rows(
        "SELECT id FROM dispatch WHERE channel_id = ? AND state IN ('waiting', 'held') "
        "AND kind IN ('post', 'catch-up') "
        "AND NOT EXISTS (SELECT 1 FROM fate WHERE fate.dispatch_id = dispatch.id)",
        (channel_id,),
    )
    for (dispatch_id,) in empty_dispatch_rows:
        requeue_joined(db, dispatch_id)
        db.execute("DELETE FROM dispatch WHERE id = ?", (dispatch_id,))


def requeue_joined(db: Connection, dispatch_id: int) -> bool:
    """Requeue the articles that joined a post which will never name them; return whether any was enqueued.

    The oldest article gets a post of its own, held as long as the first post was, and the rest join that
    post. Articles of feeds that the channel no longer follows are withheld, or enqueued in the channel to
    which the feed was moved. A channel that gets only digests reserves the articles for its digest.
    """
    was_enqueued_elsewhere = _enqueue_in_new_channel(db, dispatch_id)
    _withhold_unfollowed(db, dispatch_id)
    joined_rows = db.fetch_rows(
        """
        SELECT fate.channel_id, article.id, article.key, fate.page, article.published
        FROM fate JOIN article ON article.id = fate.article_id
        WHERE fate.joined_id = ? AND fate.shown IS NULL ORDER BY article.published, article.id
        """,
        (dispatch_id,),
    )
    if not joined_rows:
        return was_enqueued_elsewhere
    channel_id, oldest_article = joined_rows[0][0], PendingArticle(*joined_rows[0][1:])
    if outbox_writes.is_digest_only(db, channel_id):
        db.execute(
            "UPDATE fate SET fate = 'digested', joined_id = NULL, decided = ? WHERE joined_id = ? AND shown IS NULL",
            (db.now, dispatch_id),
        )
        return was_enqueued_elsewhere
    held_row = db.fetch_row("SELECT due FROM dispatch WHERE id = ? AND state = 'held'", (dispatch_id,))
    post_id = outbox_writes.add_dispatch(
        db,
        channel_id,
        "post",
        oldest_article.key,
        oldest_article.published_at,
        held_until=None if held_row is None else held_row["due"],
    )
    db.execute(
        "UPDATE fate SET fate = NULL, joined_id = NULL, dispatch_id = ?, decided = ? "
        "WHERE joined_id = ? AND shown IS NULL AND article_id = ?",
        (post_id, db.now, dispatch_id, oldest_article.article_id),
    )
    db.execute(
        "UPDATE fate SET joined_id = ?, decided = ? WHERE joined_id = ? AND shown IS NULL",
        (post_id, db.now, dispatch_id),
    )
    return True


def _enqueue_in_new_channel(db: Connection, dispatch_id: int) -> bool:
    """Enqueue joined articles in the channels of the server to which their feed was moved."""
    rows = db.fetch_rows(
        f"""
        SELECT there.id, joined.id, joined.key, fate.page, joined.published
        FROM fate
        JOIN article AS joined ON joined.id = fate.article_id
        JOIN channel AS here ON here.id = fate.channel_id
        JOIN subscription AS followed ON followed.feed_id = joined.feed_id
        JOIN channel AS there ON there.id = followed.channel_id
        WHERE fate.joined_id = ? AND fate.shown IS NULL
          AND there.server_id = here.server_id AND there.id <> here.id
          AND followed.paused IS NULL AND max(followed.added, coalesce(followed.resumed, 0)) <= joined.found
          AND NOT EXISTS ({_STILL_SUBSCRIBED_SQL})
        ORDER BY joined.published, joined.id
        """,
        (dispatch_id,),
    )
    has_enqueued = False
    for channel_id, *columns in rows:
        article = PendingArticle(*columns)
        if not outbox_writes.load_filtered_page_keys(db, channel_id, [article]):
            has_enqueued |= outbox_writes.enqueue(db, channel_id, [article], limit=outbox_writes.UNLIMITED_POSTS)
    return has_enqueued


def _withhold_unfollowed(db: Connection, dispatch_id: int) -> None:
    """Withhold joined articles whose feeds were paused or unfollowed after the articles had joined."""
    db.execute(
        f"""
        UPDATE fate SET fate = 'withheld', joined_id = NULL, decided = :now,
            reason = coalesce((
                SELECT iif(paused IS NULL, resumed_from, 'paused') FROM subscription
                JOIN article ON article.feed_id = subscription.feed_id
                WHERE subscription.channel_id = fate.channel_id AND article.id = fate.article_id), :ended)
        WHERE joined_id = :dispatch AND shown IS NULL AND NOT EXISTS ({_STILL_SUBSCRIBED_SQL})
        """,
        {"dispatch": dispatch_id, "now": db.now, "ended": WithheldReason.UNFOLLOWED},
    )
