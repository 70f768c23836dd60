"""Repository of delivery statuses: what happened to an article in each channel."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core.models import DeliveryStatus
from bot.core.reasons import Reason, WaitReason, WithheldReason
from bot.core.rhythm import UNLIMITED_RHYTHM, Rhythm
from bot.store.connection import Connection, Row
from bot.store.outbox import channel_queues, held_posts, post_mentions
from bot.store.records.outbox_records import ChannelDeliveryStatus
from bot.store.repository import Repository, read_transaction
from bot.store.row_mapping import from_row


class DeliveryStatuses(Repository):
    """Repository of what became of web pages in channels (delivery statuses). Methods raise StoreError."""

    @read_transaction
    def list_by_page_key(self, db: Connection, page_key: str) -> list[ChannelDeliveryStatus]:
        """List what became of a web page, one delivery status for each channel that has one, oldest first."""
        now, parameters = self._clock.now(), {"page": page_key}
        rhythms = channel_queues.load_rhythms(
            db, now, "channel.id IN (SELECT channel_id FROM delivery_status WHERE page_key = :page)", parameters
        )
        rows = db.fetch_rows(
            """
            SELECT channel.server_id, delivery_status.channel_id, delivery_status.article_id, delivery_status.status,
                delivery_status.reason, delivery_status.decided_at,
                   dispatch.kind, dispatch.state, coalesce(dispatch.last_error, channel.problem) AS last_error,
                   dispatch.sent_at, dispatch.message_id, dispatch.thread_id,
                   CASE WHEN delivery_status.joined_dispatch_id IS NOT NULL THEN (
                       SELECT title FROM article WHERE article.key = dispatch.dedupe_key) END AS joined_title,
                   dispatch.id AS dispatch_id,
                   channel.least_outlets, channel.best_due_at,
                   server.time_zone
            FROM delivery_status
            JOIN channel ON channel.id = delivery_status.channel_id
            LEFT JOIN server ON server.id = channel.server_id
            LEFT JOIN dispatch ON dispatch.id = coalesce(delivery_status.dispatch_id,
                delivery_status.joined_dispatch_id)
            WHERE delivery_status.page_key = :page
              AND delivery_status.article_id IN (SELECT id FROM article WHERE page_key = :page)
            ORDER BY delivery_status.decided_at, delivery_status.channel_id
            """,
            parameters,
        )
        outlet_counts = held_posts.count_outlets(db, {row["dispatch_id"] for row in rows if row["state"] == "held"})
        statuses = [_build_status_from_row(now, rhythms, outlet_counts, row) for row in rows]
        mentions = post_mentions.load_by_dispatch(db, {row["dispatch_id"] for row in rows if row["kind"] == "post"})
        statuses = [
            replace(status, mentions=tuple(mentions[row["dispatch_id"]])) if row["status"] is None else status
            for status, row in zip(statuses, rows, strict=True)
        ]
        return _look_up_mutes(db, statuses)


_STATUS_BY_STATE = {
    "held": DeliveryStatus.PENDING,
    "waiting": DeliveryStatus.PENDING,
    "claimed": DeliveryStatus.PENDING,
    "sent": DeliveryStatus.POSTED,
    "uncertain": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
}
_STATUS_BY_KIND = {"digest": DeliveryStatus.IN_DIGEST, "catch-up": DeliveryStatus.IN_CATCH_UP}


def _build_status_from_row(
    now: int, rhythms: Mapping[int, Rhythm], outlet_counts: Mapping[int, int], row: Row
) -> ChannelDeliveryStatus:
    # A stored status is final; without one, the state of the dispatch is the status.
    state = row["state"] if row["status"] is None else None
    status = DeliveryStatus(row["status"]) if state is None else _STATUS_BY_STATE[state]
    stored_reason = row["reason"] if state is None else None if status is DeliveryStatus.POSTED else row["last_error"]
    reason = None if stored_reason is None else Reason.decode(stored_reason)
    if row["state"] == "held":
        reason = _find_hold_reason(row, outlet_counts[row["dispatch_id"]])
    elif status is DeliveryStatus.PENDING and reason is None:
        reason = rhythms.get(row["channel_id"], UNLIMITED_RHYTHM).find_wait_reason(row["kind"], now)
    if status is DeliveryStatus.POSTED:
        status = _STATUS_BY_KIND.get(row["kind"], status)
    since = row["decided_at"] if row["sent_at"] is None else row["sent_at"]
    return from_row(ChannelDeliveryStatus, row, status=status, reason=reason, since=since, mentions=())


def _find_hold_reason(row: Row, outlet_count: int) -> Reason:
    """Return why a post is held: too few outlets report its story, or the next selection of top stories is awaited."""
    if outlet_count < (row["least_outlets"] or 1):
        return Reason(WaitReason.MORE_OUTLETS, {"count": outlet_count, "least": row["least_outlets"]})
    selection_values = {"until": row["best_due_at"], "time_zone": row["time_zone"] or "UTC"}
    return Reason(WaitReason.TOP_STORY_SELECTION, selection_values)


def _look_up_mutes(db: Connection, statuses: Sequence[ChannelDeliveryStatus]) -> list[ChannelDeliveryStatus]:
    """Return the statuses, with who muted the story until when, if known, in those whose reason is a muted story."""
    mute_id_by_status = {
        status: status.reason.values.get("mute")
        for status in statuses
        if status.reason is not None and status.reason.code is WithheldReason.MUTED
    }
    mute_by_id = {
        row["id"]: row
        for row in db.fetch_rows(
            "SELECT id, user_id, muted_until FROM story_mute WHERE id IN (:ids)", {"ids": [*mute_id_by_status.values()]}
        )
    }
    return [
        replace(status, reason=_build_mute_reason(mute_by_id.get(mute_id_by_status[status])))
        if status in mute_id_by_status
        else status
        for status in statuses
    ]


def _build_mute_reason(mute: Row | None) -> Reason:
    reason_values = {} if mute is None else {"user": mute["user_id"], "until": mute["muted_until"]}
    return Reason(
        WithheldReason.MUTED,
        {name: reason_value for name, reason_value in reason_values.items() if reason_value is not None},
    )
