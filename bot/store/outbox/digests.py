"""Repository of channel digests: one daily or weekly message per channel, enqueued once per due time.

A channel that gets only a digest has no single posts: its articles are reserved, with the status
`digested`, until a digest covers them. If a digest lists an article that was posted singly, the status of the
article does not change.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict

from bot.core import local_time
from bot.core.models import Digest, DispatchState
from bot.core.outbox.states import PageStatus
from bot.core.preferences import DigestPlan, SettingKind
from bot.core.reasons import Reason, WithheldReason
from bot.store.connection import Connection, Row
from bot.store.outbox import digest_articles, held_posts, outbox_writes, transitions
from bot.store.processes import ShardedRepository
from bot.store.repository import bind_read, bind_write, write_transaction
from bot.store.row_mapping import from_row
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_channel

_COLUMNS_SQL = """
    digest.id, channel.server_id, digest.channel_id, digest.weekday, digest.minute,
    digest.alone AS is_digest_only, digest.wide AS includes_other_channels, digest.chart AS has_chart,
    digest.summaries AS has_summaries, digest.created_at, digest.due_at, digest.covered_until, server.time_zone
"""
_FROM_SQL = """
    FROM digest
    JOIN channel ON channel.id = digest.channel_id
    JOIN server ON server.id = channel.server_id AND server.left_at IS NULL
"""
_RESERVED_SQL = "channel_id = :channel AND status = 'digested' AND article_id IN (:articles)"
"""SQL condition for the delivery statuses of the articles `:articles` that are reserved for a channel's digest."""


def save_digest(
    db: Connection, plan: DigestPlan, *, server_id: int, channel_id: int, user_id: int, limit: int
) -> Digest | None:
    """Create or change a channel's digest and return it, or None if that is not allowed.

    A new digest is not allowed if the server has `limit` digests, and none if the bot left the server. Unless the day
    or time changes, the next digest stays due when it was. If the channel now gets only its digest, articles of its
    held posts are reserved for it. If the channel gets single posts again, its reserved articles are sent in a
    catch-up, one message with many articles. The change is recorded in the change history. Raises StoreError if the
    channel belongs to another server.
    """
    ensure_channel(db, channel_id, server_id=server_id)
    select_sql = f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE digest.channel_id = ?"
    row = db.fetch_row(select_sql, (channel_id,))
    old_plan = None if row is None else _digest_from_row(row).plan
    other_digest_count = db.fetch_value(
        f"SELECT count(*) {_FROM_SQL} WHERE server.id = ? AND channel.id <> ?", (server_id, channel_id)
    )
    time_zone, left_at = db.fetch_row("SELECT time_zone, left_at FROM server WHERE id = ?", (server_id,))
    if left_at is not None or (old_plan is None and other_digest_count >= limit):
        return None
    due_at = local_time.find_next_occurrence(db.now, plan.minute, plan.weekday, time_zone)
    if old_plan is not None and (old_plan.minute, old_plan.weekday) == (plan.minute, plan.weekday):
        due_at = row["due_at"]
    db.execute(
        """
        INSERT INTO digest (channel_id, weekday, minute, alone, wide, chart, summaries, created_at, due_at)
        VALUES (:channel, :weekday, :minute, :is_digest_only, :includes_other_channels, :has_chart, :has_summaries,
                :now, :due)
        ON CONFLICT (channel_id) DO UPDATE SET
            weekday = excluded.weekday, minute = excluded.minute, alone = excluded.alone,
            wide = excluded.wide, chart = excluded.chart, summaries = excluded.summaries,
            due_at = excluded.due_at
        """,
        asdict(plan) | {"channel": channel_id, "now": db.now, "due": due_at},
    )
    if old_plan is not None and old_plan.is_digest_only and not plan.is_digest_only:
        outbox_writes.release_digest_reserve(db, channel_id)
    if plan.is_digest_only:
        held_posts.move_to_digest(db, channel_id)
    setting_kind, old_plan_text = SettingKind.DIGEST, None if old_plan is None else str(old_plan)
    setting_changes.log_change(db, server_id, user_id, setting_kind, old_plan_text, str(plan), channel_id=channel_id)
    return _digest_from_row(db.fetch_row(select_sql, (channel_id,)))


def delete_digest(db: Connection, *, server_id: int, channel_id: int, user_id: int) -> bool:
    """Delete a channel's digest with its pending messages, and enqueue its reserved articles as one catch-up message.

    Return whether there was a digest. The change is recorded in the change history.
    """
    row = db.fetch_row(
        f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE digest.channel_id = ? AND server.id = ?",
        (channel_id, server_id),
    )
    if row is None:
        return False
    _withdraw_pending_dispatches(db, row["id"])
    db.execute("DELETE FROM digest WHERE id = ?", (row["id"],))
    outbox_writes.release_digest_reserve(db, channel_id)
    setting_kind, old_plan_text = SettingKind.DIGEST, str(_digest_from_row(row).plan)
    setting_changes.log_change(db, server_id, user_id, setting_kind, old_plan_text, None, channel_id=channel_id)
    return True


class Digests(ShardedRepository):
    """Repository of the digests of channels, at most one per channel. Methods raise StoreError.

    Digests in servers that the bot has left are stored, but not found.
    """

    save = bind_write(save_digest)
    delete = bind_write(delete_digest)

    async def get_by_channel(self, channel_id: int) -> Digest | None:
        """Return the digest of a channel, or None if there is none."""
        return next(iter(await self._list_digests("digest.channel_id = ?", channel_id)), None)

    async def list_by_server(self, server_id: int) -> list[Digest]:
        """List the digests of a server, oldest first."""
        return await self._list_digests("channel.server_id = ?", server_id)

    async def list_due(self, now: int) -> list[Digest]:
        """List the digests that are due at `now` in servers of this process; the longest due come first."""
        condition_sql = f"digest.due_at <= ? AND {self._shards.build_served_condition('channel.server_id')}"
        return await self._list_digests(condition_sql, now, order_sql="digest.due_at, digest.id")

    async def get_next_due_at(self) -> int | None:
        """Return the Unix time in seconds at which the next digest in the servers of this process is due.

        Return None if there is none. The time may be in the past.
        """
        is_served_sql = self._shards.build_served_condition("channel.server_id")
        return await self._fetch_value(f"SELECT min(digest.due_at) {_FROM_SQL} WHERE {is_served_sql}")

    gather_candidates = bind_read(digest_articles.gather_candidates)

    async def select_without_status(self, channel_id: int, article_ids: Collection[int]) -> list[int]:
        """Return the ids of the articles on whose web page nothing was decided in a channel (no delivery status)."""
        return await self._fetch_column(
            "SELECT id FROM article WHERE id IN (:articles) AND NOT EXISTS (SELECT 1 FROM delivery_status "
            "WHERE channel_id = :channel AND delivery_status.page_key = article.page_key)",
            {"channel": channel_id, "articles": article_ids},
        )

    async def withdraw_pending_dispatches(self, digest_id: int) -> int | None:
        """Withdraw the pending messages of a digest, and return the start of the period that they cover.

        The start is Unix time in seconds, or None if no message was pending. The articles that the
        messages covered are reserved for the next digest.
        """
        return await self._database.transact(_withdraw_pending_dispatches, digest_id)

    @write_transaction
    def rebuild_pending_dispatch(self, db: Connection, dispatch_id: int) -> None:
        """Withdraw a digest's message, if it is pending, and make the digest due now, so that it is built again."""
        row = db.fetch_row("SELECT digest_id FROM dispatch WHERE id = ? AND state = 'waiting'", (dispatch_id,))
        if row is not None:
            _rebuild_digest(db, row["digest_id"])

    @write_transaction
    def enqueue_due(
        self,
        db: Connection,
        digest: Digest,
        payload: str | None,
        *,
        until: int,
        reserved_article_ids: Sequence[int],
        listed_article_ids: Sequence[int],
        already_sent_article_ids: Sequence[int] = (),
    ) -> bool:
        """Enqueue a due digest and schedule the next one; return whether the digest was enqueued.

        `payload` is the content, or None if the digest is empty. `until` is the Unix time in seconds at which
        its period ends. `reserved_article_ids` are the articles kept for the digest (reserved) that it covers,
        `listed_article_ids` the articles that it lists. `already_sent_article_ids` were sent before a backup was
        restored and are withheld. Does nothing if the digest was enqueued, changed or deleted since it was
        loaded.
        """
        if not _is_unchanged(db, digest):
            return False
        transitions.withhold_pages(
            db,
            _RESERVED_SQL,
            {"channel": digest.channel_id, "articles": already_sent_article_ids},
            Reason(WithheldReason.ALREADY_SENT),
            origins={PageStatus.RESERVED},
        )
        db.execute(
            "UPDATE digest SET due_at = ?, covered_until = ? WHERE id = ?",
            (_compute_next_due_at(db, digest), until, digest.id),
        )
        if payload is None:
            return False
        dispatch_id = digest_articles.enqueue_digest(
            db, digest, str(digest.id), payload, listed_article_ids, digest_id=digest.id
        )
        transitions.move_pages(
            db,
            _RESERVED_SQL,
            {"channel": digest.channel_id, "articles": reserved_article_ids},
            PageStatus.ENQUEUED,
            origins={PageStatus.RESERVED},
            dispatch_id=dispatch_id,
        )
        return True

    @write_transaction
    def skip(self, db: Connection, digest: Digest, *, since: int) -> None:
        """Skip an overdue digest; the next one covers the time from `since` (Unix time in seconds) on.

        Does nothing if the digest was enqueued, changed or deleted since it was loaded.
        """
        if _is_unchanged(db, digest):
            due_at = _compute_next_due_at(db, digest)
            db.execute("UPDATE digest SET due_at = ?, covered_until = ? WHERE id = ?", (due_at, since, digest.id))

    async def _list_digests(self, condition_sql: str, parameter: int, *, order_sql: str = "digest.id") -> list[Digest]:
        return await self._fetch_objects(
            _digest_from_row,
            f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE {condition_sql} ORDER BY {order_sql}",
            (parameter,),
        )


def rebuild_pending_digests(db: Connection, channel_id: int, article_ids: Collection[int]) -> None:
    """Withdraw a channel's pending digests if they list one of the articles, and have them built again without it.

    The channel must have muted the articles.
    """
    digest_ids = db.fetch_column(
        "SELECT DISTINCT dispatch.digest_id FROM dispatch "
        "JOIN digest_article ON digest_article.dispatch_id = dispatch.id WHERE dispatch.channel_id = :channel "
        "AND dispatch.digest_id IS NOT NULL AND dispatch.state = 'waiting' "
        "AND digest_article.article_id IN (:articles)",
        {"channel": channel_id, "articles": article_ids},
    )
    for digest_id in digest_ids:
        _rebuild_digest(db, digest_id)


def reschedule_digests(db: Connection, server_id: int) -> None:
    """Recompute the times at which the digests of a server are due, after its time zone changed."""
    rows = db.fetch_rows(f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE server.id = ?", (server_id,))
    db.executemany(
        "UPDATE digest SET due_at = ? WHERE id = ?",
        [
            (local_time.find_next_occurrence(db.now, row["minute"], row["weekday"], row["time_zone"]), row["id"])
            for row in rows
        ],
    )


def _digest_from_row(row: Row) -> Digest:
    return from_row(Digest, row, plan=from_row(DigestPlan, row))


def _rebuild_digest(db: Connection, digest_id: int) -> None:
    """Withdraw the pending messages of a digest, if any, and make it due now, for their period and what follows."""
    since = _withdraw_pending_dispatches(db, digest_id)
    if since is not None:
        db.execute("UPDATE digest SET due_at = ?, covered_until = ? WHERE id = ?", (db.now, since, digest_id))


def _withdraw_pending_dispatches(db: Connection, digest_id: int) -> int | None:
    pending_rows = db.fetch_rows(
        "SELECT id, created_at, payload FROM dispatch WHERE digest_id = ? AND state = 'waiting'", (digest_id,)
    )
    if not pending_rows:
        return None
    period_starts = [json.loads(row["payload"]).get("since", row["created_at"]) for row in pending_rows]
    dispatch_ids = [row["id"] for row in pending_rows]
    transitions.move_pages(
        db,
        "dispatch_id IN (:dispatch_ids)",
        {"dispatch_ids": dispatch_ids},
        PageStatus.RESERVED,
        origins={PageStatus.ENQUEUED},
        decided_at=db.now,
    )
    transitions.delete_dispatches(db, dispatch_ids, origins={DispatchState.PENDING})
    return int(min(period_starts))


def _compute_next_due_at(db: Connection, digest: Digest) -> int:
    return local_time.find_next_occurrence(db.now, digest.plan.minute, digest.plan.weekday, digest.time_zone)


def _is_unchanged(db: Connection, digest: Digest) -> bool:
    """Return whether a digest has not changed in the database since it was loaded, and so is still due."""
    row = db.fetch_row(
        f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE digest.id = ? AND digest.due_at = ?", (digest.id, digest.due_at)
    )
    return row is not None and _digest_from_row(row).plan == digest.plan
