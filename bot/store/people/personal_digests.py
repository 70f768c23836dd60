"""Repository of users' digests: one direct message per day or week, enqueued once per due time.

Like watches (saved searches), a digest is paused while the user does not accept direct messages.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict

from bot.core import local_time
from bot.core.preferences import DIGEST_FLAG_BY_WORD, PersonalDigestPlan
from bot.core.reasons import SendProblem
from bot.core.user_models import PersonalDigest
from bot.store.connection import Connection, Row
from bot.store.outbox import digest_articles
from bot.store.repository import Repository, bind_read, write_transaction
from bot.store.row_mapping import from_row
from bot.store.settings.parent_rows import ensure_channel, ensure_server

_COLUMNS_SQL = """
    personal_digest.channel_id, channel.user_id, personal_digest.server_id, weekday, minute, time_zone,
    feed_ids, topic_queries, include_watches, channel.language,
    channel.problem, paused_at, created_at, due_at, covered_until
"""
_FROM_SQL = "FROM personal_digest JOIN channel ON channel.id = personal_digest.channel_id"
_SELECT_PENDING_SQL = (
    "SELECT payload FROM dispatch WHERE channel_id = :channel AND kind = 'digest' AND state = 'waiting'"
)
_DIGEST_KEY = "me"
"""Part of the dedupe key of a user's digest, in place of the id that tells the digests of channels apart."""
_DELETE_PENDING_SQL = _SELECT_PENDING_SQL.replace("SELECT payload", "DELETE")


class PersonalDigests(Repository):
    """Repository of the digests of users, at most one per user. Methods raise StoreError."""

    @write_transaction
    def save(
        self,
        db: Connection,
        plan: PersonalDigestPlan,
        *,
        user_id: int,
        channel_id: int,
        server_id: int | None,
        language: str,
    ) -> PersonalDigest:
        """Create or change a user's digest in their direct message channel, and return it, unpaused.

        The channel gets the language, and counts as open to direct messages again. The pending message of a digest that
        was paused, or could not be sent because of closed direct messages, is deleted. If `server_id` is None, a stored
        digest keeps its server.
        """
        if server_id is not None:
            ensure_server(db, server_id)
        ensure_channel(db, channel_id, dm_user_id=user_id)
        old_digest = _find_digest(db, channel_id)
        is_restarted = old_digest is None or old_digest.paused_at is not None or old_digest.problem is not None
        db.execute(
            "UPDATE channel SET language = ?, problem = NULL, problem_since = NULL, retry_at = NULL WHERE id = ?",
            (language, channel_id),
        )
        if is_restarted:
            db.execute(_DELETE_PENDING_SQL, {"channel": channel_id})  # Its period is long past.
        db.execute(
            """
            INSERT INTO personal_digest (channel_id, server_id, weekday, minute, time_zone, feed_ids, topic_queries,
                                         include_watches, created_at, due_at, covered_until)
            VALUES (:channel, :server, :weekday, :minute, :time_zone, :feed_ids, :topic_queries, :include_watches,
                    :now, :due, :covered)
            ON CONFLICT (channel_id) DO UPDATE SET
                server_id = coalesce(excluded.server_id, personal_digest.server_id),
                weekday = excluded.weekday, minute = excluded.minute, time_zone = excluded.time_zone,
                feed_ids = excluded.feed_ids, topic_queries = excluded.topic_queries,
                    include_watches = excluded.include_watches,
                due_at = excluded.due_at, paused_at = NULL, covered_until = excluded.covered_until
            """,
            asdict(plan)
            | {
                "channel": channel_id,
                "server": server_id,
                "feed_ids": json.dumps(plan.feed_ids),
                "topic_queries": json.dumps(plan.topic_queries, ensure_ascii=False),
                "now": db.now,
                "due": _compute_next_due_at(plan, db.now),
                "covered": None if old_digest is None or is_restarted else old_digest.covered_until,
            },
        )
        digest = _find_digest(db, channel_id)
        assert digest is not None
        return digest

    @write_transaction
    def delete(self, db: Connection, user_id: int) -> bool:
        """Delete a user's digest with its pending message; return whether the user had a digest."""
        deleted_rows = db.fetch_rows(
            "DELETE FROM personal_digest WHERE channel_id IN (SELECT id FROM channel WHERE user_id = ?) "
            "RETURNING channel_id",
            (user_id,),
        )
        for (channel_id,) in deleted_rows:
            db.execute(_DELETE_PENDING_SQL, {"channel": channel_id})
        return bool(deleted_rows)

    @write_transaction
    def pause(self, db: Connection, user_id: int) -> None:
        """Pause a user's digest until it is saved again, and delete its pending message."""
        for (channel_id,) in db.fetch_rows(
            "UPDATE personal_digest SET paused_at = ? "
            "WHERE channel_id IN (SELECT id FROM channel WHERE user_id = ?) RETURNING channel_id",
            (db.now, user_id),
        ):
            db.execute(_DELETE_PENDING_SQL, {"channel": channel_id})

    async def get_by_user(self, user_id: int) -> PersonalDigest | None:
        """Return the digest of a user, or None if there is none."""
        return next(iter(await self._list_digests("channel.user_id = ?", user_id)), None)

    async def list_due(self, now: int) -> list[PersonalDigest]:
        """List the digests that are due at `now`, except paused ones and those of users who accept no direct messages.

        The longest due come first.
        """
        condition_sql = "paused_at IS NULL AND due_at <= ? AND coalesce(channel.problem, '') <> ? ORDER BY due_at"
        return await self._list_digests(condition_sql, now, SendProblem.DMS_CLOSED)

    async def get_next_due_at(self) -> int | None:
        """Return the Unix time in seconds at which the next digest is due, or None if there is none.

        Paused digests, and those of users who accept no direct messages, are never due. The time may be in the past.
        """
        return await self._fetch_value(
            f"SELECT min(due_at) {_FROM_SQL} WHERE paused_at IS NULL AND coalesce(channel.problem, '') <> ?",
            (SendProblem.DMS_CLOSED,),
        )

    async def find_pending_period_start(self, channel_id: int) -> int | None:
        """Return the start of the period of a channel's pending digest (Unix time in seconds), or None without one."""
        payload = await self._fetch_value(_SELECT_PENDING_SQL, {"channel": channel_id})
        return None if payload is None else int(json.loads(payload)["since"])

    gather_candidates = bind_read(digest_articles.gather_for_user)

    @write_transaction
    def enqueue_due(
        self,
        db: Connection,
        digest: PersonalDigest,
        payload: str | None,
        *,
        until: int,
        listed_article_ids: Sequence[int] = (),
    ) -> bool:
        """Enqueue a due digest in place of a pending one and schedule the next one.

        Return whether the digest was enqueued. `payload` is the content, or None if the digest is empty.
        `until` is the Unix time in seconds at which its period ends. Does nothing if the digest was enqueued,
        changed, paused or deleted since it was loaded.
        """
        stored_digest = _find_digest(db, digest.channel_id)
        if stored_digest is None or stored_digest.paused_at is not None:
            return False
        if (stored_digest.due_at, stored_digest.plan) != (digest.due_at, digest.plan):
            return False
        db.execute(
            "UPDATE personal_digest SET due_at = ?, covered_until = ? WHERE channel_id = ?",
            (_compute_next_due_at(digest.plan, db.now), until, digest.channel_id),
        )
        if payload is None:
            return False
        db.execute(_DELETE_PENDING_SQL, {"channel": digest.channel_id})
        digest_articles.enqueue_digest(db, digest, _DIGEST_KEY, payload, listed_article_ids)
        return True

    async def _list_digests(self, condition_sql: str, *parameters: object) -> list[PersonalDigest]:
        return await self._fetch_objects(
            _digest_from_row, f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE {condition_sql}", parameters
        )


def rebuild_pending_digest(db: Connection, channel_id: int, article_ids: Collection[int]) -> None:
    """Delete a user's pending digest if it lists one of the articles, and have it built again without it.

    The user must have muted the articles; `channel_id` is the channel of their direct messages.
    """
    row = db.fetch_row(
        f"{_SELECT_PENDING_SQL} AND EXISTS (SELECT 1 FROM digest_article "
        "WHERE digest_article.dispatch_id = dispatch.id AND digest_article.article_id IN (:articles))",
        {"channel": channel_id, "articles": article_ids},
    )
    if row is None:
        return
    db.execute(
        "UPDATE personal_digest SET due_at = ?, covered_until = ? WHERE channel_id = ?",
        (db.now, json.loads(row["payload"])["since"], channel_id),
    )
    db.execute(_DELETE_PENDING_SQL, {"channel": channel_id})


def _digest_from_row(row: Row) -> PersonalDigest:
    """Build a user's digest from its row, which has no flags of the plan, because only digests of channels use them."""
    return from_row(
        PersonalDigest,
        row,
        plan=from_row(PersonalDigestPlan, row, **dict.fromkeys(DIGEST_FLAG_BY_WORD.values(), False)),
    )


def _find_digest(db: Connection, channel_id: int) -> PersonalDigest | None:
    return db.fetch_object(
        _digest_from_row,
        f"SELECT {_COLUMNS_SQL} {_FROM_SQL} WHERE personal_digest.channel_id = ?",
        (channel_id,),
    )


def _compute_next_due_at(plan: PersonalDigestPlan, now: int) -> int:
    return local_time.find_next_occurrence(now, plan.minute, plan.weekday, plan.time_zone)
