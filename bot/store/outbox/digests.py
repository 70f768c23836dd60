"""Digests: one message a day or a week that tells what came, owed once for each time it is due.

A channel whose digest stands `alone` gets no single posts: its articles are held, with the fate `digested`,
until a digest covers them. One that names an article posted singly leaves its fate as it is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from bot.core import hours
from bot.core.choices import DigestPlan, Setting, SettingChange
from bot.core.clock import Clock
from bot.core.models import Digest
from bot.store.connection import Connection, Row
from bot.store.outbox import digest_articles, dispatch_rows, held_posts
from bot.store.outbox.place_rows import need_channel, need_server
from bot.store.ports import Database
from bot.store.records.outbox_records import Gathered, WithheldFor
from bot.store.repository import Repository, writes
from bot.store.rows import listed
from bot.store.served_shards import ServedShards
from bot.store.settings import setting_changes

_COLUMNS = """
    digest.id, channel.server_id, digest.channel_id, digest.weekday, digest.minute, digest.alone, digest.wide,
    digest.chart, digest.summaries, digest.created, digest.due, digest.covered, server.time_zone
"""
_FROM = """
    FROM digest
    JOIN channel ON channel.id = digest.channel_id
    JOIN server ON server.id = channel.server_id AND server.left IS NULL
"""


class Digests(Repository):
    """The digests of channels, at most one each."""

    def __init__(self, database: Database, clock: Clock, shards: ServedShards) -> None:
        super().__init__(database, clock)
        self._shards = shards

    @writes
    def save(
        self,
        connection: Connection,
        plan: DigestPlan,
        *,
        server_id: int,
        channel_id: int,
        person_id: int,
        limit: int,
    ) -> Digest | None:
        """Give a channel a digest, or change it; None where the server has `limit` in other channels, or
        sent the bot away.

        Where single posts come back, what was held for the digest goes into a catch-up. Raises `StoreError`
        for another server's channel.
        """
        now = self._clock.now()
        need_server(connection, server_id, now)
        need_channel(connection, channel_id, server_id)
        find = f"SELECT {_COLUMNS} {_FROM} WHERE digest.channel_id = ?"
        row = connection.row(find, (channel_id,))
        before = None if row is None else _digest(row).plan
        others = connection.value(
            f"SELECT count(*) {_FROM} WHERE server.id = ? AND channel.id <> ?", (server_id, channel_id)
        )
        zone, left = connection.row("SELECT time_zone, left FROM server WHERE id = ?", (server_id,))
        if left is not None or (before is None and others >= limit):
            return None
        due = _next(plan.minute, plan.weekday, zone, now)
        if before is not None and (before.minute, before.weekday) == (plan.minute, plan.weekday):
            due = row["due"]
        connection.execute(
            """
            INSERT INTO digest (channel_id, weekday, minute, alone, wide, chart, summaries, created, due)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (channel_id) DO UPDATE SET
                weekday = excluded.weekday, minute = excluded.minute, alone = excluded.alone,
                wide = excluded.wide, chart = excluded.chart, summaries = excluded.summaries,
                due = excluded.due
            """,
            (
                channel_id,
                plan.weekday,
                plan.minute,
                plan.alone,
                plan.wide,
                plan.chart,
                plan.summaries,
                now,
                due,
            ),
        )
        if before is not None and before.alone and not plan.alone:
            dispatch_rows.let_go(connection, channel_id, now)
        if plan.alone:
            held_posts.hand_over(connection, channel_id, now)
        _note(connection, server_id, channel_id, person_id, before, plan, now)
        return _digest(connection.row(find, (channel_id,)))

    @writes
    def stop(self, connection: Connection, *, server_id: int, channel_id: int, person_id: int) -> bool:
        """End the digest of a channel; what was held for it goes into a catch-up. False if there was none."""
        now = self._clock.now()
        row = connection.row(
            f"SELECT {_COLUMNS} {_FROM} WHERE digest.channel_id = ? AND server.id = ?",
            (channel_id, server_id),
        )
        if row is None:
            return False
        _recall(connection, row["id"], now)
        connection.execute("DELETE FROM digest WHERE id = ?", (row["id"],))
        dispatch_rows.let_go(connection, channel_id, now)
        _note(connection, server_id, channel_id, person_id, _digest(row).plan, None, now)
        return True

    async def of_channel(self, channel_id: int) -> Digest | None:
        """The digest of a channel, or None."""
        return next(iter(await self._all("digest.channel_id = ?", channel_id)), None)

    async def of_server(self, server_id: int) -> list[Digest]:
        """The digests of a server, in the order in which they were begun."""
        return await self._all("channel.server_id = ?", server_id)

    async def due(self, now: int) -> list[Digest]:
        """The digests that are due, in servers of this process; the longest due first."""
        condition = f"digest.due <= ? AND {self._shards.where('channel.server_id')}"
        return await self._all(condition, now, order="digest.due, digest.id")

    async def next_due(self) -> int | None:
        """When the next digest of this process is due, which may be past; None when there is none."""
        mine = self._shards.where("channel.server_id")
        return await self._value(f"SELECT min(digest.due) {_FROM} WHERE {mine}")

    async def candidates(
        self, digest: Digest, feed_ids: Collection[int], *, since: int, until: int
    ) -> Gathered:
        """What a digest of what came between two times may tell.

        That is what was posted in the channel then and what is held for it; of a wide one also what the feeds
        with `feed_ids` brought that has no fate in the channel. Only articles of the channel itself and of
        these feeds are named beside them.
        """
        return await self._database.read(digest_articles.gather, digest, feed_ids, since, until)

    async def recall(self, digest_id: int) -> int | None:
        """Take back the digests of this id that still wait to be sent; since when the oldest of them tells.

        What they covered is held again, for the next one. None when there were none.
        """
        return await self._database.transact(_recall, digest_id, self._clock.now())

    @writes
    def make_again(self, connection: Connection, dispatch_id: int) -> None:
        """Take back a digest that waits to be sent, and let it be due now."""
        now = self._clock.now()
        row = connection.row(
            "SELECT digest_id FROM dispatch WHERE id = ? AND state = 'waiting'", (dispatch_id,)
        )
        if row is not None and (since := _recall(connection, row["digest_id"], now)) is not None:
            connection.execute(
                "UPDATE digest SET due = ?, covered = ? WHERE id = ?", (now, since, row["digest_id"])
            )

    @writes
    def make(
        self,
        connection: Connection,
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
        now = self._clock.now()
        if not _current(connection, digest):
            return False
        connection.execute(
            "UPDATE fate INDEXED BY fate_held SET fate = 'withheld', reason = ?, decided = ? "
            "WHERE channel_id = ? AND fate = 'digested' AND article_id IN (SELECT value FROM json_each(?))",
            (WithheldFor.TOLD, now, digest.channel_id, listed(told)),
        )
        connection.execute(
            "UPDATE digest SET due = ?, covered = ? WHERE id = ?",
            (_next(digest.plan.minute, digest.plan.weekday, digest.time_zone, now), until, digest.id),
        )
        if payload is None:
            return False
        dispatch_id = connection.value(
            "INSERT INTO dispatch (channel_id, kind, what, digest_id, created, position, due, payload) "
            "VALUES (?1, 'digest', ?2, ?3, ?4, ?5, ?4, ?6) RETURNING id",
            (
                digest.channel_id,
                f"digest:{digest.id}:{digest.due}:{now}",
                digest.id,
                now,
                digest.due,
                payload,
            ),
        )
        connection.execute(
            "UPDATE fate INDEXED BY fate_held SET dispatch_id = ?, fate = NULL "
            "WHERE channel_id = ? AND fate = 'digested' AND article_id IN (SELECT value FROM json_each(?))",
            (dispatch_id, digest.channel_id, listed(held)),
        )
        connection.executemany(
            "INSERT INTO digest_article (dispatch_id, article_id) SELECT ?1, id FROM article WHERE id = ?2 "
            "ON CONFLICT DO NOTHING",
            [(dispatch_id, article_id) for article_id in named],
        )
        return True

    @writes
    def skip(self, connection: Connection, digest: Digest, *, since: int) -> None:
        """Leave out a digest that is too late; the next one tells of what came `since` then."""
        if _current(connection, digest):
            due = _next(digest.plan.minute, digest.plan.weekday, digest.time_zone, self._clock.now())
            connection.execute("UPDATE digest SET due = ?, covered = ? WHERE id = ?", (due, since, digest.id))

    async def _all(self, condition: str, value: int, *, order: str = "digest.id") -> list[Digest]:
        return await self._objects(
            _digest, f"SELECT {_COLUMNS} {_FROM} WHERE {condition} ORDER BY {order}", (value,)
        )


def reschedule(connection: Connection, server_id: int, now: int) -> None:
    """Find out anew when the digests of a server are due: its time zone changed."""
    rows = connection.rows(f"SELECT {_COLUMNS} {_FROM} WHERE server.id = ?", (server_id,))
    connection.executemany(
        "UPDATE digest SET due = ? WHERE id = ?",
        [(_next(row["minute"], row["weekday"], row["time_zone"], now), row["id"]) for row in rows],
    )


def _next(minute: int, weekday: int | None, zone: str, now: int) -> int:
    return hours.next_due(now, minute, weekday, zone)


def _digest(row: Row) -> Digest:
    plan = DigestPlan(
        weekday=row["weekday"],
        minute=row["minute"],
        alone=bool(row["alone"]),
        wide=bool(row["wide"]),
        chart=bool(row["chart"]),
        summaries=bool(row["summaries"]),
    )
    return Digest(
        id=row["id"],
        server_id=row["server_id"],
        channel_id=row["channel_id"],
        plan=plan,
        created=row["created"],
        due=row["due"],
        covered=row["covered"],
        time_zone=row["time_zone"],
    )


def _note(
    connection: Connection,
    server_id: int,
    channel_id: int,
    person_id: int,
    before: DigestPlan | None,
    after: DigestPlan | None,
    now: int,
) -> None:
    old, new = (None if plan is None else str(plan) for plan in (before, after))
    setting_changes.note(
        connection, server_id, SettingChange(now, person_id, Setting.DIGEST, channel_id, None, old, new)
    )


def _recall(connection: Connection, digest_id: int, now: int) -> int | None:
    waiting = connection.rows(
        "SELECT id, created, payload FROM dispatch WHERE digest_id = ? AND state = 'waiting'", (digest_id,)
    )
    if not waiting:
        return None
    since = [json.loads(row["payload"]).get("since", row["created"]) for row in waiting]
    ids = listed([row["id"] for row in waiting])
    connection.execute(
        "UPDATE fate SET dispatch_id = NULL, fate = 'digested', decided = ? "
        "WHERE dispatch_id IN (SELECT value FROM json_each(?))",
        (now, ids),
    )
    connection.execute("DELETE FROM dispatch WHERE id IN (SELECT value FROM json_each(?))", (ids,))
    return int(min(since))


def _current(connection: Connection, digest: Digest) -> bool:
    """Whether a digest is still due as it was read."""
    row = connection.row(
        f"SELECT {_COLUMNS} {_FROM} WHERE digest.id = ? AND digest.due = ?", (digest.id, digest.due)
    )
    return row is not None and _digest(row).plan == digest.plan
