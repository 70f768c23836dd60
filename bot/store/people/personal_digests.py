"""Repository of users' digests: one direct message per day or week, enqueued once per due time.

A digest is paused, as watches are, while the user does not accept direct messages.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from bot.core import local_time
from bot.core.preferences import PersonalDigestPlan
from bot.core.user_models import PersonalDigest
from bot.store.connection import Connection, Row
from bot.store.outbox import digest_articles
from bot.store.repository import Repository, read_method, writes
from bot.store.row_mapping import from_row
from bot.store.settings.parent_rows import ensure_channel, ensure_server

_COLUMNS = """
    personal_digest.channel_id, channel.person_id, personal_digest.server_id, weekday, minute, time_zone,
    feeds AS feed_ids, topics AS topic_queries, watches AS include_watches, channel.language,
    channel.problem, paused, created, due, covered
"""
_FROM = "FROM personal_digest JOIN channel ON channel.id = personal_digest.channel_id"
_SELECT_PENDING_SQL = (
    "SELECT payload FROM dispatch WHERE channel_id = ? AND kind = 'digest' AND state = 'waiting'"
)
_DELETE_PENDING_SQL = _SELECT_PENDING_SQL.replace("SELECT payload", "DELETE")


class PersonalDigests(Repository):
    """Digests of users, at most one per user. Methods raise StoreError."""

    @writes
    def save(
        self,
        db: Connection,
        plan: PersonalDigestPlan,
        *,
        person_id: int,
        channel_id: int,
        server_id: int | None,
        language: str,
    ) -> PersonalDigest:
        """Create or change a user's digest in their direct message channel; return it, no longer paused."""
        if server_id is not None:
            ensure_server(db, server_id)
        ensure_channel(db, channel_id, person_id=person_id)
        before = _find(db, channel_id)
        rested = before is None or before.paused is not None or before.problem is not None
        db.execute(
            "UPDATE channel SET language = ?, problem = NULL, problem_since = NULL, retry_at = NULL "
            "WHERE id = ?",
            (language, channel_id),
        )
        if rested:
            db.execute(_DELETE_PENDING_SQL, (channel_id,))  # Its period is long past.
        db.execute(
            """
            INSERT INTO personal_digest (channel_id, server_id, weekday, minute, time_zone, feeds, topics,
                                         watches, created, due, covered)
            VALUES (:channel, :server, :weekday, :minute, :time_zone, :feeds, :topics, :watches, :now, :due,
                    :covered)
            ON CONFLICT (channel_id) DO UPDATE SET
                server_id = coalesce(excluded.server_id, personal_digest.server_id),
                weekday = excluded.weekday, minute = excluded.minute, time_zone = excluded.time_zone,
                feeds = excluded.feeds, topics = excluded.topics, watches = excluded.watches,
                due = excluded.due, paused = NULL, covered = excluded.covered
            """,
            asdict(plan)
            | {
                "channel": channel_id,
                "server": server_id,
                "feeds": json.dumps(plan.feed_ids),
                "topics": json.dumps(plan.topic_queries, ensure_ascii=False),
                "watches": plan.include_watches,
                "now": db.now,
                "due": _next(plan, db.now),
                "covered": None if before is None or rested else before.covered,
            },
        )
        saved = _find(db, channel_id)
        assert saved is not None
        return saved

    @writes
    def delete(self, db: Connection, person_id: int) -> bool:
        """Delete a user's digest with its pending message; return whether there was one."""
        ended = db.rows(
            "DELETE FROM personal_digest WHERE channel_id IN (SELECT id FROM channel WHERE person_id = ?) "
            "RETURNING channel_id",
            (person_id,),
        )
        for (channel_id,) in ended:
            db.execute(_DELETE_PENDING_SQL, (channel_id,))
        return bool(ended)

    @writes
    def pause(self, db: Connection, person_id: int) -> None:
        """Pause a user's digest until it is saved again, and delete its pending message."""
        for (channel_id,) in db.rows(
            "UPDATE personal_digest SET paused = ? "
            "WHERE channel_id IN (SELECT id FROM channel WHERE person_id = ?) RETURNING channel_id",
            (db.now, person_id),
        ):
            db.execute(_DELETE_PENDING_SQL, (channel_id,))

    async def of_person(self, person_id: int) -> PersonalDigest | None:
        """Return a user's digest, or None."""
        return next(iter(await self._all("channel.person_id = ?", person_id)), None)

    async def due(self, now: int, closed: str) -> list[PersonalDigest]:
        """List the digests due at `now`, longest due first.

        Channels whose problem is `closed_problem`, that of direct messages, are left out.
        """
        condition = "paused IS NULL AND due <= ? AND coalesce(channel.problem, '') <> ? ORDER BY due"
        return await self._all(condition, now, closed)

    async def next_due(self, closed: str) -> int | None:
        """Return when the next digest is due in seconds of UTC, possibly past, or None."""
        return await self._value(
            f"SELECT min(due) {_FROM} WHERE paused IS NULL AND coalesce(channel.problem, '') <> ?", (closed,)
        )

    async def pending_since(self, channel_id: int) -> int | None:
        """Return the start of a pending digest's period in seconds of UTC, or None if none is pending."""
        payload = await self._value(_SELECT_PENDING_SQL, (channel_id,))
        return None if payload is None else int(json.loads(payload)["since"])

    candidates = read_method(digest_articles.gather_for_person)

    @writes
    def enqueue_due(
        self,
        db: Connection,
        digest: PersonalDigest,
        payload: str | None,
        *,
        until: int,
        named: Sequence[int] = (),
    ) -> bool:
        """Enqueue a due digest in place of a pending one, and schedule the next; return whether it did.

        `payload` is None if the digest is empty. `until` ends its period, in seconds of UTC. Does nothing if
        the digest was enqueued, changed or deleted since it was loaded.
        """
        current = _find(db, digest.channel_id)
        if current is None or current.paused is not None:
            return False
        if (current.due, current.plan) != (digest.due, digest.plan):
            return False
        db.execute(
            "UPDATE personal_digest SET due = ?, covered = ? WHERE channel_id = ?",
            (_next(digest.plan, db.now), until, digest.channel_id),
        )
        if payload is None:
            return False
        db.execute(_DELETE_PENDING_SQL, (digest.channel_id,))
        digest_articles.enqueue_digest(db, digest, "me", payload, named)
        return True

    async def _all(self, condition: str, *values: object) -> list[PersonalDigest]:
        return await self._objects(_digest, f"SELECT {_COLUMNS} {_FROM} WHERE {condition}", values)


def _digest(row: Row) -> PersonalDigest:
    return from_row(
        PersonalDigest,
        row,
        plan=from_row(PersonalDigestPlan, row, alone=False, wide=False, chart=False, summaries=False),
    )


def _find(db: Connection, channel_id: int) -> PersonalDigest | None:
    return db.object_or_none(
        _digest, f"SELECT {_COLUMNS} {_FROM} WHERE personal_digest.channel_id = ?", (channel_id,)
    )


def _next(plan: PersonalDigestPlan, now: int) -> int:
    return local_time.next_occurrence(now, plan.minute, plan.weekday, plan.time_zone)
