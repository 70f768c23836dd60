"""Repository of channel digests: one daily or weekly message, enqueued once per due time.

A channel whose digest has `alone` set gets no single posts: its articles are reserved, with the status
`digested`, until a digest covers them. A digest that lists an article posted singly leaves its status alone.
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
    """Digests of channels, at most one per channel. Methods raise StoreError."""

    @writes
    def save(
        self, db: Connection, plan: DigestPlan, *, server_id: int, channel_id: int, person_id: int, limit: int
    ) -> Digest | None:
        """Create or change a channel's digest; return it.

        None if the server has `limit` digests in other channels or the bot left it. When single posts resume,
        reserved articles go into a catch-up. Raises StoreError for another server's channel.
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
        """Delete a channel's digest; reserved articles go into a catch-up. Return whether there was one."""
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
        """Return the digest of a channel, or None."""
        return next(iter(await self._all("digest.channel_id = ?", channel_id)), None)

    async def of_server(self, server_id: int) -> list[Digest]:
        """List the digests of a server, oldest first."""
        return await self._all("channel.server_id = ?", server_id)

    async def due(self, now: int) -> list[Digest]:
        """List the digests due at `now` in servers of this process, longest due first."""
        condition = f"digest.due <= ? AND {self._shards.sql_condition('channel.server_id')}"
        return await self._all(condition, now, order="digest.due, digest.id")

    async def next_due(self) -> int | None:
        """Return when this process's next digest is due in seconds of UTC, possibly past, or None."""
        mine = self._shards.sql_condition("channel.server_id")
        return await self._value(f"SELECT min(digest.due) {_FROM} WHERE {mine}")

    candidates = read_method(digest_articles.gather_candidates)

    async def withdraw_pending(self, digest_id: int) -> int | None:
        """Withdraw the pending dispatches of a digest; return the start of their period.

        In seconds of UTC, None if there were none. The articles that they covered are reserved for the next
        digest.
        """
        return await self._database.transact(_recall, digest_id)

    @writes
    def rebuild_pending(self, db: Connection, dispatch_id: int) -> None:
        """Withdraw a pending digest and make it due now, to be built again."""
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
        """Enqueue a due digest and schedule the next one; return whether it was enqueued.

        `payload` is None if the digest is empty. `until` ends its period, in seconds of UTC. Of the reserved
        articles it covers `reserved_article_ids`; `already_sent_ids` were sent before a backup was restored
        and are withheld. It lists `listed_article_ids`. Does nothing if the digest was enqueued, changed or
        deleted since it was loaded.
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
        """Skip an overdue digest; the next one covers the time since `since` (seconds of UTC)."""
        if _is_unchanged(db, digest):
            due = _next_due_at(db, digest)
            db.execute("UPDATE digest SET due = ?, covered = ? WHERE id = ?", (due, since, digest.id))

    async def _all(self, condition: str, value: int, *, order: str = "digest.id") -> list[Digest]:
        return await self._objects(
            _digest, f"SELECT {_COLUMNS} {_FROM} WHERE {condition} ORDER BY {order}", (value,)
        )


def reschedule(db: Connection, server_id: int) -> None:
    """Recompute when the digests of a server are due, after its time zone changed."""
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
    """Return whether a digest is stored as it was loaded, and so still due."""
    row = db.row(f"SELECT {_COLUMNS} {_FROM} WHERE digest.id = ? AND digest.due = ?", (digest.id, digest.due))
    return row is not None and _digest(row).plan == digest.plan
