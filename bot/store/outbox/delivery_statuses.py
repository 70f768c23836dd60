"""Repository of delivery statuses: what happened to an article in each channel."""

from collections.abc import Mapping
from functools import partial

from bot.core.models import DeliveryStatus
from bot.core.reasons import Reason, WaitReason
from bot.core.rhythm import UNPACED, Rhythm
from bot.store.connection import Connection, Row
from bot.store.outbox import channel_queues, held_posts
from bot.store.records.outbox_records import ChannelDeliveryStatus
from bot.store.repository import Repository, read_transaction
from bot.store.row_mapping import from_row


class DeliveryStatuses(Repository):
    """Repository of the delivery statuses of web pages in channels. Methods raise StoreError."""

    @read_transaction
    def list_by_page_key(self, db: Connection, page_key: str) -> list[ChannelDeliveryStatus]:
        """List the delivery statuses of a page, one for each channel that has one, oldest first."""
        now, parameters = self._clock.now(), {"page": page_key}
        rhythms = channel_queues.load_rhythms(
            db, now, "channel.id IN (SELECT channel_id FROM fate WHERE page = :page)", parameters
        )
        return db.fetch_objects(
            partial(_build_status_from_row, now, rhythms),
            f"""
            SELECT channel.server_id, fate.channel_id, fate.article_id, fate.fate, fate.reason, fate.decided,
                   dispatch.kind, dispatch.state, coalesce(dispatch.error, channel.problem) AS error,
                   dispatch.sent, dispatch.message_id, dispatch.thread_id,
                   iif(fate.joined_id IS NULL, NULL, (
                       SELECT title FROM article WHERE article.key = dispatch.what)) AS joined,
                   iif(dispatch.state = 'held', {held_posts.OUTLET_COUNT_SQL}, NULL) AS outlets,
                   channel.least_outlets, channel.best_due,
                   server.time_zone
            FROM fate
            JOIN channel ON channel.id = fate.channel_id
            LEFT JOIN server ON server.id = channel.server_id
            LEFT JOIN dispatch ON dispatch.id = coalesce(fate.dispatch_id, fate.joined_id)
            WHERE fate.page = :page
              AND fate.article_id IN (SELECT id FROM article WHERE page = :page)
            ORDER BY fate.decided, fate.channel_id
            """,
            parameters,
        )


_STATUS_BY_STATE = {
    "held": DeliveryStatus.PENDING,
    "waiting": DeliveryStatus.PENDING,
    "claimed": DeliveryStatus.PENDING,
    "sent": DeliveryStatus.POSTED,
    "uncertain": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
}
_STATUS_BY_KIND = {"digest": DeliveryStatus.IN_DIGEST, "catch-up": DeliveryStatus.IN_CATCH_UP}


def _build_status_from_row(now: int, rhythms: Mapping[int, Rhythm], row: Row) -> ChannelDeliveryStatus:
    state = row["state"] if row["fate"] is None else None
    status = DeliveryStatus(row["fate"]) if state is None else _STATUS_BY_STATE[state]
    stored_reason = row["reason"] if state is None else None if status is DeliveryStatus.POSTED else row["error"]
    reason = None if stored_reason is None else Reason.decode(stored_reason)
    if row["state"] == "held":
        reason = _find_hold_reason(row)
    elif status is DeliveryStatus.PENDING and reason is None:
        reason = rhythms.get(row["channel_id"], UNPACED).wait_reason(row["kind"], now)
    if status is DeliveryStatus.POSTED:
        status = _STATUS_BY_KIND.get(row["kind"], status)
    since = row["decided"] if row["sent"] is None else row["sent"]
    return from_row(ChannelDeliveryStatus, row, fate=status, reason=reason, since=since)


def _find_hold_reason(row: Row) -> Reason:
    """Return what a held post waits for."""
    if row["outlets"] < (row["least_outlets"] or 1):
        return Reason(WaitReason.MORE_OUTLETS, {"count": row["outlets"], "least": row["least_outlets"]})
    selection = {"until": row["best_due"], "time_zone": row["time_zone"] or "UTC"}
    return Reason(WaitReason.TOP_STORY_SELECTION, selection)
