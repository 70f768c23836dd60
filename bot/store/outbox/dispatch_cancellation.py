"""Functions that withdraw pending articles when a feed ends, pauses, moves or is blocked, and requeue joined articles.

A joined article has no post of its own: it is named in the post of a similar article. An article with the status
`digested` is reserved for the channel's next digest.
"""

from collections.abc import Collection, Sequence
from typing import Any

from bot.core.models import DispatchState
from bot.core.outbox.releasing import JoinedArticle, plan_release
from bot.core.outbox.routing import PendingArticle
from bot.core.outbox.states import PageStatus
from bot.core.reasons import Reason, WithheldReason
from bot.store.connection import Connection
from bot.store.outbox import muted_articles, outbox_writes, transitions

KIND_HELD = "held"
"""Kind of a pending article that is held, or reserved for a digest."""
KIND_JOINED = "joined"
"""Kind of a pending article that was added to (joined) the post of a similar article."""

_STILL_SUBSCRIBED_SQL = """
    SELECT 1 FROM subscription JOIN article ON article.feed_id = subscription.feed_id
    JOIN feed ON feed.id = subscription.feed_id AND feed.blocked_since IS NULL
    WHERE subscription.channel_id = delivery_status.channel_id
      AND article.id IN (SELECT id FROM article WHERE page_key = delivery_status.page_key UNION
          SELECT delivery_status.article_id)
      AND paused_at IS NULL AND coalesce(resumed_at, 0) <= delivery_status.decided_at
      AND NOT EXISTS (SELECT 1 FROM blocked_article
                      WHERE blocked_article.channel_id = delivery_status.channel_id
                          AND blocked_article.article_id = article.id)
"""
"""Query for a subscription by which the channel of the row `delivery_status` still gets the row's article."""


def list_pending_articles(
    db: Connection, channel_id: int, feed_ids: Collection[int]
) -> list[tuple[PendingArticle, str]]:
    """List the articles that are pending in a channel only through these feeds, with their kinds, oldest first.

    The kind is that of the article's message, or `KIND_HELD` for articles that are held or reserved for a digest, or
    `KIND_JOINED` for articles that were added to a pending or held post. Articles in a pending digest are left out,
    because the digest is sent in any case.
    """
    rows = db.fetch_rows(
        """
        SELECT article.id, article.key, pending_page.page_key, article.published, pending_page.kind
        FROM (
            SELECT page_key, article_id, CASE WHEN state = 'held' THEN :held ELSE kind END AS kind FROM dispatch
            /*+ CROSS */ JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id
            WHERE dispatch.channel_id = :channel AND state IN ('waiting', 'held') AND kind <> 'digest'
            UNION ALL
            SELECT page_key, article_id, :joined FROM dispatch
            /*+ CROSS */ JOIN delivery_status ON delivery_status.joined_dispatch_id = dispatch.id
            WHERE dispatch.channel_id = :channel AND state IN ('waiting', 'held')
            UNION ALL
            SELECT page_key, article_id, :held FROM delivery_status /*+ INDEXED BY delivery_status_reserved */
            WHERE channel_id = :channel AND status = 'digested'
        ) AS pending_page
        /*+ CROSS */ JOIN article ON article.id = pending_page.article_id
        WHERE article.feed_id IN (:feeds)
          AND NOT EXISTS (
            SELECT 1 FROM article AS duplicate
            JOIN subscription ON subscription.feed_id = duplicate.feed_id AND subscription.channel_id = :channel
            JOIN feed ON feed.id = duplicate.feed_id
            WHERE duplicate.page_key = pending_page.page_key AND duplicate.feed_id NOT IN (:feeds)
                AND subscription.paused_at IS NULL AND feed.blocked_since IS NULL
              AND NOT EXISTS (SELECT 1 FROM blocked_article WHERE channel_id = :channel AND article_id = duplicate.id))
        ORDER BY article.published, article.id
        """,
        {"channel": channel_id, "feeds": feed_ids, "held": KIND_HELD, "joined": KIND_JOINED},
    )
    return [(PendingArticle(*row[:4]), row["kind"]) for row in rows]


def withdraw_articles(
    db: Connection, channel_id: int, articles: Sequence[PendingArticle], *, reason: Reason | None
) -> None:
    """Withdraw pending articles from a channel, and delete the messages that become empty.

    The articles get the status withheld with `reason`; if that is None, their statuses are deleted. Other articles that
    were added to a deleted post are enqueued again.
    """
    selection_sql = """
        channel_id = :channel AND page_key IN (:pages) AND (
            status = 'digested' OR coalesce(dispatch_id, joined_dispatch_id) IN (
                SELECT id FROM dispatch WHERE channel_id = :channel AND state IN ('waiting', 'held')))
    """
    parameters = {"channel": channel_id, "pages": [article.page_key for article in articles]}
    if reason is None:
        transitions.delete_pages(db, selection_sql, parameters, origins=transitions.PENDING_STATUSES)
    else:
        transitions.withhold_pages(db, selection_sql, parameters, reason, origins=transitions.PENDING_STATUSES)
    empty_dispatch_ids = db.fetch_column(
        "SELECT id FROM dispatch WHERE channel_id = :channel AND state IN ('waiting', 'held') "
        "AND kind IN ('post', 'catch-up') "
        "AND NOT EXISTS (SELECT 1 FROM delivery_status WHERE delivery_status.dispatch_id = dispatch.id)",
        {"channel": channel_id},
    )
    for dispatch_id in db.fetch_column(
        "SELECT DISTINCT joined_dispatch_id FROM delivery_status WHERE joined_dispatch_id IN (:ids) ORDER BY 1",
        {"ids": empty_dispatch_ids},
    ):
        requeue_joined(db, dispatch_id)
    transitions.delete_dispatches(db, empty_dispatch_ids)


def requeue_joined(db: Connection, dispatch_id: int) -> bool:
    """Enqueue again articles added to (joined) a post that will never name them; return whether any was enqueued.

    The oldest article gets a post of its own, held as long as the first post was, and the rest join that
    post. Articles of feeds that the channel no longer follows are withheld, or enqueued in the channel to
    which the feed was moved. A channel that gets only digests reserves the articles for its digest.
    """
    was_enqueued_elsewhere = _enqueue_in_new_channel(db, dispatch_id)
    joined_articles = _list_joined(db, dispatch_id)
    if not joined_articles:
        return was_enqueued_elsewhere
    channel_id, due_at, state = db.fetch_row(
        "SELECT channel_id, due_at, state FROM dispatch WHERE id = :id", {"id": dispatch_id}
    )
    release = plan_release(joined_articles, outbox_writes.load_route(db, channel_id))

    def move_joined_pages(page_keys: Sequence[str], status: PageStatus, **columns: Any) -> None:  # noqa: ANN401 - values of columns
        transitions.move_pages(
            db,
            "joined_dispatch_id = :dispatch AND page_key IN (:pages)",
            {"dispatch": dispatch_id, "pages": page_keys},
            status,
            origins={PageStatus.JOINED},
            decided_at=db.now,
            **columns,
        )

    for reason, page_keys in release.withheld_page_keys.items():
        move_joined_pages(page_keys, PageStatus.WITHHELD, reason=Reason(reason).encode())
    move_joined_pages(release.digest_page_keys, PageStatus.RESERVED)
    if release.first_article is None:
        return was_enqueued_elsewhere
    held_until = due_at if state == DispatchState.HELD else None
    post_id = outbox_writes.add_post(db, channel_id, release.first_article, held_until=held_until)
    move_joined_pages([release.first_article.page_key], PageStatus.ENQUEUED, dispatch_id=post_id)
    move_joined_pages(release.remaining_page_keys, PageStatus.JOINED, joined_dispatch_id=post_id)
    return True


def _list_joined(db: Connection, dispatch_id: int) -> list[JoinedArticle]:
    """List the articles that were added to (joined) a post and that its message does not name."""
    rows = db.fetch_rows(
        f"""
        SELECT article.id, article.key, delivery_status.page_key, article.published,
            EXISTS ({_STILL_SUBSCRIBED_SQL}) AS is_subscribed,
            (SELECT CASE WHEN feed.blocked_since IS NOT NULL THEN '{WithheldReason.SOURCE_BLOCKED}'
                         WHEN paused_at IS NULL THEN resumed_from ELSE 'paused' END
             FROM subscription JOIN feed ON feed.id = subscription.feed_id
             WHERE subscription.channel_id = delivery_status.channel_id
               AND subscription.feed_id = article.feed_id) AS withheld_reason
        FROM delivery_status JOIN article ON article.id = delivery_status.article_id
        WHERE delivery_status.joined_dispatch_id = :dispatch AND delivery_status.shown_at IS NULL
        """,
        {"dispatch": dispatch_id},
    )
    return [
        JoinedArticle(
            PendingArticle(*list(row)[:4]),
            None if row["is_subscribed"] else WithheldReason(row["withheld_reason"] or WithheldReason.UNFOLLOWED),
        )
        for row in rows
    ]


def _enqueue_in_new_channel(db: Connection, dispatch_id: int) -> bool:
    """Enqueue articles added to (joined) a post in the channels of the server to which their feed was moved.

    Return whether any was enqueued.
    """
    rows = db.fetch_rows(
        f"""
        SELECT new_channel.id, article.id, article.key, delivery_status.page_key, article.published
        FROM delivery_status
        JOIN article ON article.id = delivery_status.article_id
        JOIN feed ON feed.id = article.feed_id AND feed.blocked_since IS NULL
        JOIN channel AS old_channel ON old_channel.id = delivery_status.channel_id
        JOIN subscription AS new_subscription ON new_subscription.feed_id = article.feed_id
        JOIN channel AS new_channel ON new_channel.id = new_subscription.channel_id
        WHERE delivery_status.joined_dispatch_id = :dispatch AND delivery_status.shown_at IS NULL
          AND new_channel.server_id = old_channel.server_id AND new_channel.id <> old_channel.id
          AND new_subscription.paused_at IS NULL AND new_subscription.added_at <= article.found_at
          AND coalesce(new_subscription.resumed_at, 0) <= article.found_at
          AND NOT EXISTS ({_STILL_SUBSCRIBED_SQL})
        ORDER BY article.published, article.id
        """,
        {"dispatch": dispatch_id},
    )
    has_enqueued = False
    for channel_id, *columns in rows:
        article = PendingArticle(*columns)
        if not outbox_writes.load_filtered_page_keys(db, channel_id, [article]):
            articles = muted_articles.withhold_muted_articles(db, channel_id, [article])
            has_enqueued |= outbox_writes.enqueue_articles(
                db, channel_id, articles, max_pending_posts=outbox_writes.UNLIMITED_POSTS
            )
    return has_enqueued
