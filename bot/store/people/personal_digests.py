"""Digests of people: one direct message a day or a week, owed once for each time it is due.

Where direct messages are closed to the bot it rests, as the person's watches do.
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
    """The digests of people, at most one each."""

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
        """Give a person a digest in the channel of their direct messages, or change it.

        One that rested goes on.
        """
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
            db.execute(_DELETE_PENDING_SQL, (channel_id,))  # it would tell of long ago
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
        """End a person's digest, and what waits of it; False if there was none."""
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
        """Send a person none until it is saved again."""
        for (channel_id,) in db.rows(
            "UPDATE personal_digest SET paused = ? "
            "WHERE channel_id IN (SELECT id FROM channel WHERE person_id = ?) RETURNING channel_id",
            (db.now, person_id),
        ):
            db.execute(_DELETE_PENDING_SQL, (channel_id,))

    async def of_person(self, person_id: int) -> PersonalDigest | None:
        """A person's digest, or None."""
        return next(iter(await self._all("channel.person_id = ?", person_id)), None)

    async def due(self, now: int, closed: str) -> list[PersonalDigest]:
        """Those that are due, the longest due first; not where `closed` is the problem of direct messages."""
        condition = "paused IS NULL AND due <= ? AND coalesce(channel.problem, '') <> ? ORDER BY due"
        return await self._all(condition, now, closed)

    async def next_due(self, closed: str) -> int | None:
        """When the next one is due, which may be past; None when there is none."""
        return await self._value(
            f"SELECT min(due) {_FROM} WHERE paused IS NULL AND coalesce(channel.problem, '') <> ?", (closed,)
        )

    async def pending_since(self, channel_id: int) -> int | None:
        """Since when the digest tells that waits to be sent there; None where none does."""
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
        """Owe a person the digest that is due, in place of one that waits; set the time of the next one.

        With a `payload` of None there is nothing to tell. Nothing happens where it was made, changed or ended
        meanwhile. Whether it is owed.
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
