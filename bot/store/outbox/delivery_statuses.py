"""Repository of delivery statuses: what happened to an article in each channel."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bot.core.models import DeliveryStatus, MentionOutcome, PostMention
from bot.core.preferences import MENTION_LIMIT_SECONDS, MentionRule
from bot.core.reasons import Reason, WaitReason, WithheldReason
from bot.core.rhythm import UNLIMITED_RHYTHM, Rhythm
from bot.store.connection import Connection, Row
from bot.store.outbox import channel_queues, held_posts
from bot.store.processes import ShardedRepository
from bot.store.records.outbox_records import ChannelDeliveryStatus, RoleMentionCounts, SentPost
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.row_mapping import from_row

_COUNT_SQL = """
    SELECT role_id, sum(CASE WHEN outcome = 'mentioned' THEN 1 ELSE 0 END) AS mention_count,
        sum(CASE WHEN outcome = 'over-limit' THEN 1 ELSE 0 END) AS over_limit_count
    FROM post_mention JOIN dispatch ON dispatch.id = post_mention.dispatch_id
    WHERE role_id IN (:roles) AND decided_at > :since AND dispatch.state IN ('claimed', 'sent', 'uncertain')
    GROUP BY role_id
"""
"""Query for how often posts mentioned roles since `:since` (Unix time), and how often a limit prevented it."""


class PostMentions(ShardedRepository):
    """Repository of the mentions of roles in posts. Methods raise StoreError."""

    @write_transaction
    def decide(
        self, db: Connection, dispatch_id: int, rules: Sequence[MentionRule], *, mentionable_role_ids: Collection[int]
    ) -> tuple[int, ...]:
        """Decide which roles a post mentions that is about to be sent, and return their ids.

        `rules` are the rules that the post matches; of several for one role, the one with the highest limit counts.
        A decision of an earlier attempt to send the post is replaced. Raises LeaseLost if another process serves the
        post's server.
        """
        self._shards.require_served(db, dispatch_id)
        db.execute("DELETE FROM post_mention WHERE dispatch_id = ?", (dispatch_id,))
        rule_by_role_id = {rule.role_id: rule for rule in sorted(rules, key=lambda rule: rule.daily_limit)}
        count_by_role_id = {counts.role_id: counts.mention_count for counts in _count_recent(db, rule_by_role_id)}
        mentioned_role_ids: list[int] = []
        for role_id, rule in sorted(rule_by_role_id.items()):
            outcome = MentionOutcome.MENTIONED
            if role_id not in mentionable_role_ids:
                outcome = MentionOutcome.NOT_ALLOWED
            elif count_by_role_id.get(role_id, 0) >= rule.daily_limit:
                outcome = MentionOutcome.OVER_LIMIT
            else:
                mentioned_role_ids.append(role_id)
            db.execute(
                "INSERT INTO post_mention (dispatch_id, role_id, query, outcome, decided_at) VALUES (?, ?, ?, ?, ?)",
                (dispatch_id, role_id, rule.query, outcome, db.now),
            )
        return tuple(mentioned_role_ids)

    @read_transaction
    def count_recent(self, db: Connection, role_ids: Collection[int]) -> list[RoleMentionCounts]:
        """Return how often posts mentioned these roles in the last 24 hours, and how often a limit prevented it.

        Roles that no rule asked to mention in that time are left out.
        """
        return _count_recent(db, role_ids)

    async def list_sent_posts(self, channel_id: int, since: int, limit: int) -> list[SentPost]:
        """List at most `limit` single posts of a channel since a Unix time in seconds, newest first."""
        return await self._fetch_objects(
            SentPost._make,
            "SELECT article.id, dispatch.sent_at FROM dispatch /*+ INDEXED BY dispatch_channel_sent */ "
            "JOIN article ON article.key = dispatch.dedupe_key "
            "WHERE dispatch.channel_id = ? AND dispatch.sent_at >= ? AND dispatch.kind = 'post' "
            "ORDER BY dispatch.sent_at DESC, dispatch.id DESC LIMIT ?",
            (channel_id, since, limit),
        )


def load_by_dispatch(db: Connection, dispatch_ids: Collection[int]) -> defaultdict[int, list[PostMention]]:
    """Map the ids of posts to the roles that rules asked them to mention, with the outcomes."""
    mentions_by_dispatch_id: defaultdict[int, list[PostMention]] = defaultdict(list)
    for row in db.execute(
        "SELECT dispatch_id, role_id, query, outcome FROM post_mention WHERE dispatch_id IN (:ids) ORDER BY role_id",
        {"ids": dispatch_ids},
    ):
        mention = PostMention(row["role_id"], row["query"], MentionOutcome(row["outcome"]))
        mentions_by_dispatch_id[row["dispatch_id"]].append(mention)
    return mentions_by_dispatch_id


def _count_recent(db: Connection, role_ids: Collection[int]) -> list[RoleMentionCounts]:
    parameters = {"roles": list(role_ids), "since": db.now - MENTION_LIMIT_SECONDS}
    return [RoleMentionCounts(*map(int, row)) for row in db.execute(_COUNT_SQL, parameters)]


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
        mentions = load_by_dispatch(db, {row["dispatch_id"] for row in rows if row["kind"] == "post"})
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
