"""Functions that withdraw what is pending of a story when it is muted, and restore it when that is undone."""

from collections.abc import Collection

from bot.core.models import DispatchState
from bot.core.outbox.routing import PendingArticle
from bot.core.outbox.states import PageStatus
from bot.store.connection import Connection
from bot.store.outbox import digests, dispatch_cancellation, outbox_writes, transitions
from bot.store.outbox.muted_articles import make_mute_reason


def withdraw_muted_story(db: Connection, channel_id: int, article_ids: Collection[int], mute_id: int) -> None:
    """Withdraw the pending posts, reserved articles and notifications of a story that a channel mutes.

    A pending digest that lists the story is built again without it.
    """
    digests.rebuild_pending_digests(db, channel_id, article_ids)
    rows = db.fetch_rows(
        "SELECT article.id, article.key, delivery_status.page_key, article.published FROM delivery_status "
        "JOIN article ON article.id = delivery_status.article_id "
        "WHERE delivery_status.channel_id = :channel AND delivery_status.article_id IN (:articles)",
        {"channel": channel_id, "articles": article_ids},
    )
    dispatch_cancellation.withdraw_articles(
        db, channel_id, [PendingArticle(*row) for row in rows], reason=make_mute_reason(mute_id)
    )
    notification_ids = db.fetch_column(
        "SELECT DISTINCT dispatch.id FROM dispatch JOIN watch_match ON watch_match.dispatch_id = dispatch.id "
        "WHERE dispatch.channel_id = :channel AND dispatch.state = 'waiting' AND watch_match.article_id IN (:articles)",
        {"channel": channel_id, "articles": article_ids},
    )
    db.execute(
        "DELETE FROM watch_match WHERE dispatch_id IN (:dispatches) AND article_id IN (:articles)",
        {"dispatches": notification_ids, "articles": article_ids},
    )
    remaining_notification_ids = db.fetch_column(
        "SELECT dispatch_id FROM watch_match WHERE dispatch_id IN (:dispatches)", {"dispatches": notification_ids}
    )
    transitions.delete_dispatches(
        db, set(notification_ids) - set(remaining_notification_ids), origins={DispatchState.PENDING}
    )


def restore_withdrawn_articles(db: Connection, channel_id: int, mute_id: int, muted_at: int) -> None:
    """Enqueue again the articles that were withdrawn when a story was muted at `muted_at` (Unix time in seconds).

    Articles of feeds that the channel no longer follows, or that are paused, stay withdrawn, as do articles that
    were withheld later.
    """
    rows = db.fetch_rows(
        "SELECT article.id, article.key, delivery_status.page_key, article.published FROM delivery_status "
        "JOIN article ON article.id = delivery_status.article_id "
        "JOIN subscription ON subscription.channel_id = delivery_status.channel_id "
        "AND subscription.feed_id = article.feed_id AND subscription.paused_at IS NULL "
        "WHERE delivery_status.channel_id = :channel AND delivery_status.status = 'withheld' "
        "AND delivery_status.decided_at = :muted_at AND delivery_status.reason = :reason "
        "ORDER BY article.published, article.id",
        {"channel": channel_id, "muted_at": muted_at, "reason": make_mute_reason(mute_id).encode()},
    )
    articles = [PendingArticle(*row) for row in rows]
    transitions.delete_pages(
        db,
        "channel_id = :channel AND page_key IN (:pages)",
        {"channel": channel_id, "pages": [article.page_key for article in articles]},
        origins={PageStatus.WITHHELD},
    )
    outbox_writes.enqueue_articles(db, channel_id, articles, max_pending_posts=outbox_writes.UNLIMITED_POSTS)
