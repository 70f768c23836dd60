"""Repository of the servers that the bot is or was in."""

from collections.abc import Collection, Mapping

from bot.store.connection import Connection
from bot.store.coordination.served_shards import ShardedRepository
from bot.store.records.outbox_records import WithheldReason
from bot.store.repository import writes
from bot.store.row_mapping import to_json_array
from bot.store.settings import channel_feeds


class Servers(ShardedRepository):
    """Servers. An outage (`unavailable` in Discord's events) is neither a leave nor a join.

    Methods raise StoreError.
    """

    async def mark_joined(self, server_id: int, locale: str | None = None) -> None:
        """Record that the bot is in a server, with Discord's locale for it.

        After an absence, subscriptions resume now: nothing from before is posted.
        """
        await self._database.transact(_joined, server_id, locale)

    @writes
    def claim_welcome(self, db: Connection, server_id: int, *, again_before: int | None = None) -> bool:
        """Return whether to send a server the welcome message now, and record it as sent.

        True once per server. With `repeat_before` (seconds of UTC), for a new invitation, also if nothing is
        followed or the last one was sent before that time.
        """
        told = db.execute_rowcount(
            """
            UPDATE server SET welcomed = :now
            WHERE id = :id AND left IS NULL AND (welcomed IS NULL OR :before IS NOT NULL AND (
                welcomed < :before OR NOT EXISTS (
                    SELECT 1 FROM subscription JOIN channel ON channel.id = subscription.channel_id
                    WHERE channel.server_id = :id)))
            """,
            {"id": server_id, "now": db.now, "before": again_before},
        )
        return told > 0

    async def mark_left(self, server_id: int) -> None:
        """Record that the bot was removed from a server: withhold pending articles, revoke channel feeds."""
        await self._database.transact(_left, server_id)

    @writes
    def sync(self, db: Connection, present: Mapping[int, str | None], shard: int = 0) -> None:
        """Record joins and leaves that happened while no process served a shard.

        `locales_by_server_id` maps the ids of all servers of the bot on it to their locales, None during an
        outage. A server that is not in it was left.
        """
        on_shard = self._shards.sql_condition("id", shard)
        gone = db.rows(
            f"SELECT id FROM server WHERE left IS NULL AND {on_shard} "
            "AND id NOT IN (SELECT value FROM json_each(?))",
            (to_json_array(present),),
        )
        for (server_id,) in gone:
            _left(db, server_id)
        rows = db.rows(
            "SELECT id, locale FROM server WHERE left IS NULL AND id IN (SELECT value FROM json_each(?))",
            (to_json_array(present),),
        )
        known = {row["id"]: row["locale"] for row in rows}
        for server_id, locale in present.items():
            if server_id not in known or (locale is not None and locale != known[server_id]):
                _joined(db, server_id, locale)

    async def sample_joined(self, known: Collection[int], most: int) -> list[int]:
        """List at most `limit` servers that the bot is in.

        All of them if that is enough, else only those in `known_ids`.
        """
        found = await self._column(
            "SELECT id FROM server WHERE left IS NULL "
            "ORDER BY id IN (SELECT value FROM json_each(?)) DESC, id LIMIT ?",
            (to_json_array(known), most + 1),
        )
        return found if len(found) <= most else [each for each in found if each in known][:most]

    async def count(self) -> int:
        """Count the servers that the bot is in."""
        return await self._number("SELECT count(*) FROM server WHERE left IS NULL")

    @writes
    def purge(self, db: Connection, before: int) -> int:
        """Delete servers left before a time (seconds of UTC) with all their data; return how many.

        Articles remain, because others may have bookmarked them; private URLs of the servers' feeds do not.
        """
        purged = db.column("DELETE FROM server WHERE left < ? RETURNING id", (before,))
        db.execute(
            """
            UPDATE feed SET url = 'purged:' || id, site_url = NULL, state = 'gone', error_detail = '',
                moved_to = NULL, etag = NULL, last_modified = NULL
            WHERE server_id IN (SELECT value FROM json_each(?))
            """,
            (to_json_array(purged),),
        )
        return len(purged)

    async def locale(self, server_id: int) -> str | None:
        """Return the locale that Discord gives a server of the bot (such as `fr`), or None."""
        return await self._value("SELECT locale FROM server WHERE id = ? AND left IS NULL", (server_id,))

    async def alerts(self, server_id: int) -> int | None:
        """Return the channel chosen for alerts about feeds; None for all that follow the feed."""
        return await self._value("SELECT alerts FROM server WHERE id = ?", (server_id,))


def _joined(db: Connection, server_id: int, locale: str | None) -> None:
    returned = db.row("SELECT 1 FROM server WHERE id = ? AND left IS NOT NULL", (server_id,))
    if returned:
        # Sends that were in progress when the bot left may be pending again.
        _withhold_pending(db, server_id)
        db.execute(
            "UPDATE subscription SET resumed = ?, resumed_from = 'away' "
            "WHERE channel_id IN (SELECT id FROM channel WHERE server_id = ?)",
            (db.now, server_id),
        )
    db.execute(
        "INSERT INTO server (id, locale, joined) VALUES (:id, :locale, :now) ON CONFLICT (id) DO UPDATE "
        "SET locale = coalesce(:locale, server.locale), "
        "joined = iif(server.left IS NULL, server.joined, :now), left = NULL",
        {"id": server_id, "locale": locale, "now": db.now},
    )


def _left(db: Connection, server_id: int) -> None:
    db.execute("UPDATE server SET left = ? WHERE id = ? AND left IS NULL", (db.now, server_id))
    channel_feeds.revoke_all(db, server_id)
    _withhold_pending(db, server_id)


def _withhold_pending(db: Connection, server_id: int) -> None:
    waiting = (
        "SELECT id FROM dispatch WHERE state IN ('waiting', 'held') AND "
        "(channel_id IN (SELECT id FROM channel WHERE server_id = :server)"
        " OR watch_id IN (SELECT id FROM watch WHERE server_id = :server))"
    )
    values = {"server": server_id, "reason": WithheldReason.BOT_ABSENT, "now": db.now}
    db.execute(
        "UPDATE fate SET dispatch_id = NULL, joined_id = NULL, fate = 'withheld', reason = :reason, "
        f"decided = :now WHERE dispatch_id IN ({waiting}) OR joined_id IN ({waiting}) "
        "OR fate = 'digested' AND channel_id IN (SELECT id FROM channel WHERE server_id = :server)",
        values,
    )
    db.execute(f"DELETE FROM dispatch WHERE id IN ({waiting})", values)
