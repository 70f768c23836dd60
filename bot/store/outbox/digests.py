"""Digests: one message a day or a week that tells what came, owed once for each time it is due.

A channel whose digest stands `alone` gets no single posts: its articles are held, with the fate `digested`,
until a digest covers them. One that names an article posted singly leaves its fate as it is.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict

from bot.core import local_time
from bot.core.models import Digest
from bot.core.preferences import DigestPlan, SettingKind
from bot.store.connection import Connection, Row
from bot.store.coordination.served_shards import ShardedRepository
from bot.store.outbox import digest_articles, held_posts, outbox_writes
from bot.store.records.outbox_records import WithheldReason
from bot.store.repository import read_method, writes
from bot.store.row_mapping import from_row, to_json_array
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_channel

_COLUMNS = """
    digest.id, channel.server_id, digest.channel_id, digest.weekday, digest.minute, digest.alone, digest.wide,
    digest.chart, digest.summaries, digest.created, digest.due, digest.covered, server.time_zone
"""
_FROM = """
    FROM digest
    JOIN channel ON channel.id = digest.channel_id
    JOIN server ON server.id = channel.server_id AND server.left IS NULL
"""


class Digests(ShardedRepository):
    """The digests of channels, at most one each."""

    @writes
    def save(
        self, db: Connection, plan: DigestPlan, *, server_id: int, channel_id: int, person_id: int, limit: int
    ) -> Digest | None:
        """Give a channel a digest, or change it; None where the server has `limit` in other channels, or
        sent the bot away.

        Where single posts come back, what was held for the digest goes into a catch-up. Raises `StoreError`
        for another server's channel.
        """
        ensure_channel(db, channel_id, server_id=server_id)
        find = f"SELECT {_COLUMNS} {_FROM} WHERE digest.channel_id = ?"
        row = db.row(find, (channel_id,))
        before = None if row is None else _digest(row).plan
        others = db.value(
            f"SELECT count(*) {_FROM} WHERE server.id = ? AND channel.id <> ?", (server_id, channel_id)
        )
        zone, left = db.row("SELECT time_zone, left FROM server WHERE id = ?", (server_id,))
        if left is not None or (before is None and others >= limit):
            return None
        due = local_time.next_occurrence(db.now, plan.minute, plan.weekday, zone)
        if before is not None and (before.minute, before.weekday) == (plan.minute, plan.weekday):
            due = row["due"]
        db.execute(
            """
            INSERT INTO digest (channel_id, weekday, minute, alone, wide, chart, summaries, created, due)
            VALUES (:channel, :weekday, :minute, :alone, :wide, :chart, :summaries, :now, :due)
            ON CONFLICT (channel_id) DO UPDATE SET
                weekday = excluded.weekday, minute = excluded.minute, alone = excluded.alone,
                wide = excluded.wide, chart = excluded.chart, summaries = excluded.summaries,
                due = excluded.due
            """,
            asdict(plan) | {"channel": channel_id, "now": db.now, "due": due},
        )
        if before is not None and before.alone and not plan.alone:
            outbox_writes.release_digest_reserve(db, channel_id)
        if plan.alone:
            held_posts.move_to_digest(db, channel_id)
        kind, old = SettingKind.DIGEST, None if before is None else str(before)
        setting_changes.log_change(db, server_id, person_id, kind, old, str(plan), channel_id=channel_id)
        return _digest(db.row(find, (channel_id,)))

    @writes
    def delete(self, db: Connection, *, server_id: int, channel_id: int, person_id: int) -> bool:
        """End the digest of a channel; what was held for it goes into a catch-up. False if there was none."""
        row = db.row(
            f"SELECT {_COLUMNS} {_FROM} WHERE digest.channel_id = ? AND server.id = ?",
            (channel_id, server_id),
        )
        if row is None:
            return False
        _recall(db, row["id"])
        db.execute("DELETE FROM digest WHERE id = ?", (row["id"],))
        outbox_writes.release_digest_reserve(db, channel_id)
        kind, old = SettingKind.DIGEST, str(_digest(row).plan)
        setting_changes.log_change(db, server_id, person_id, kind, old, None, channel_id=channel_id)
        return True

    async def of_channel(self, channel_id: int) -> Digest | None:
        """The digest of a channel, or None."""
        return next(iter(await self._all("digest.channel_id = ?", channel_id)), None)

    async def of_server(self, server_id: int) -> list[Digest]:
        """The digests of a server, in the order in which they were begun."""
        return await self._all("channel.server_id = ?", server_id)

    async def due(self, now: int) -> list[Digest]:
        """The digests that are due, in servers of this process; the longest due first."""
        condition = f"digest.due <= ? AND {self._shards.sql_condition('channel.server_id')}"
        return await self._all(condition, now, order="digest.due, digest.id")

    async def next_due(self) -> int | None:
        """When the next digest of this process is due, which may be past; None when there is none."""
        mine = self._shards.sql_condition("channel.server_id")
        return await self._value(f"SELECT min(digest.due) {_FROM} WHERE {mine}")

    candidates = read_method(digest_articles.gather_candidates)

    async def withdraw_pending(self, digest_id: int) -> int | None:
        """Take back the digests of this id that still wait to be sent; since when the oldest of them tells.

        What they covered is held again, for the next one. None when there were none.
        """
        return await self._database.transact(_recall, digest_id)

    @writes
    def rebuild_pending(self, db: Connection, dispatch_id: int) -> None:
        """Take back a digest that waits to be sent, and let it be due now."""
        row = db.row("SELECT digest_id FROM dispatch WHERE id = ? AND state = 'waiting'", (dispatch_id,))
        if row is not None and (since := _recall(db, row["digest_id"])) is not None:
            db.execute(
                "UPDATE digest SET due = ?, covered = ? WHERE id = ?", (db.now, since, row["digest_id"])
            )

    @writes
    def enqueue_due(
        self,
        db: Connection,
        digest: Digest,
        payload: str | None,
        *,
        until: int,
        held: Sequence[int],
        named: Sequence[int],
        told: Sequence[int] = (),
    ) -> bool:
        """Owe a channel the digest that is due, and set the time of the next one; whether it is owed.

        With a `payload` of None there is nothing to tell. It covers the articles `held` for it and names the
        `named`; those `told` were held too, and were told before a backup was restored. Nothing happens where
        the digest was made, changed or ended meanwhile.
        """
        if not _is_unchanged(db, digest):
            return False
        db.execute(
            "UPDATE fate INDEXED BY fate_held SET fate = 'withheld', reason = ?, decided = ? "
            "WHERE channel_id = ? AND fate = 'digested' AND article_id IN (SELECT value FROM json_each(?))",
            (WithheldReason.ALREADY_SENT, db.now, digest.channel_id, to_json_array(told)),
        )
        db.execute(
            "UPDATE digest SET due = ?, covered = ? WHERE id = ?",
            (_next_due_at(db, digest), until, digest.id),
        )
        if payload is None:
            return False
        dispatch_id = digest_articles.enqueue_digest(
            db, digest, str(digest.id), payload, named, digest_id=digest.id
        )
        db.execute(
            "UPDATE fate INDEXED BY fate_held SET dispatch_id = ?, fate = NULL "
            "WHERE channel_id = ? AND fate = 'digested' AND article_id IN (SELECT value FROM json_each(?))",
            (dispatch_id, digest.channel_id, to_json_array(held)),
        )
        return True

    @writes
    def skip(self, db: Connection, digest: Digest, *, since: int) -> None:
        """Leave out a digest that is too late; the next one tells of what came `since` then."""
        if _is_unchanged(db, digest):
            due = _next_due_at(db, digest)
            db.execute("UPDATE digest SET due = ?, covered = ? WHERE id = ?", (due, since, digest.id))

    async def _all(self, condition: str, value: int, *, order: str = "digest.id") -> list[Digest]:
        return await self._objects(
            _digest, f"SELECT {_COLUMNS} {_FROM} WHERE {condition} ORDER BY {order}", (value,)
        )


def reschedule(db: Connection, server_id: int) -> None:
    """Find out anew when the digests of a server are due: its time zone changed."""
    rows = db.rows(f"SELECT {_COLUMNS} {_FROM} WHERE server.id = ?", (server_id,))
    db.executemany(
        "UPDATE digest SET due = ? WHERE id = ?",
        [
            (local_time.next_occurrence(db.now, row["minute"], row["weekday"], row["time_zone"]), row["id"])
            for row in rows
        ],
    )


def _digest(row: Row) -> Digest:
    return from_row(Digest, row, plan=from_row(DigestPlan, row))


def _recall(db: Connection, digest_id: int) -> int | None:
    waiting = db.rows(
        "SELECT id, created, payload FROM dispatch WHERE digest_id = ? AND state = 'waiting'", (digest_id,)
    )
    if not waiting:
        return None
    since = [json.loads(row["payload"]).get("since", row["created"]) for row in waiting]
    ids = to_json_array([row["id"] for row in waiting])
    db.execute(
        "UPDATE fate SET dispatch_id = NULL, fate = 'digested', decided = ? "
        "WHERE dispatch_id IN (SELECT value FROM json_each(?))",
        (db.now, ids),
    )
    db.execute("DELETE FROM dispatch WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    return int(min(since))


def _next_due_at(db: Connection, digest: Digest) -> int:
    return local_time.next_occurrence(db.now, digest.plan.minute, digest.plan.weekday, digest.time_zone)


def _is_unchanged(db: Connection, digest: Digest) -> bool:
    """Whether a digest is still due as it was read."""
    row = db.row(f"SELECT {_COLUMNS} {_FROM} WHERE digest.id = ? AND digest.due = ?", (digest.id, digest.due))
    return row is not None and _digest(row).plan == digest.plan
