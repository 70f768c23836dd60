"""Repository of the servers that the bot is or was in."""

from collections.abc import Collection, Mapping

from bot.store.connection import Connection
from bot.store.coordination.served_shards import ShardedRepository
from bot.store.records.outbox_records import WithheldReason
from bot.store.repository import write_transaction
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
        await self._database.transact(_mark_joined, server_id, locale)

    @write_transaction
    def claim_welcome(self, db: Connection, server_id: int, *, repeat_before: int | None = None) -> bool:
        """Return whether to send a server the welcome message now, and record it as sent.

        True once per server. With `repeat_before` (seconds of UTC), for a new invitation, also if nothing is
        followed or the last one was sent before that time.
        """
        updated_count = db.execute_rowcount(
            """
            UPDATE server SET welcomed = :now
            WHERE id = :id AND left IS NULL AND (welcomed IS NULL OR :before IS NOT NULL AND (
                welcomed < :before OR NOT EXISTS (
                    SELECT 1 FROM subscription JOIN channel ON channel.id = subscription.channel_id
                    WHERE channel.server_id = :id)))
            """,
            {"id": server_id, "now": db.now, "before": repeat_before},
        )
        return updated_count > 0

    async def mark_left(self, server_id: int) -> None:
        """Record that the bot was removed from a server: withhold pending articles, revoke channel feeds."""
        await self._database.transact(_mark_left, server_id)

    @write_transaction
    def sync(self, db: Connection, locales_by_server_id: Mapping[int, str | None], shard: int = 0) -> None:
        """Record joins and leaves that happened while no process served a shard.

        `locales_by_server_id` maps the ids of all servers of the bot on it to their locales, None during an
        outage. A server that is not in it was left.
        """
        on_shard_sql = self._shards.build_served_condition("id", shard)
        left_rows = db.fetch_rows(
            f"SELECT id FROM server WHERE left IS NULL AND {on_shard_sql} "
            "AND id NOT IN (SELECT value FROM json_each(?))",
            (to_json_array(locales_by_server_id),),
        )
        for (server_id,) in left_rows:
            _mark_left(db, server_id)
        rows = db.fetch_rows(
            "SELECT id, locale FROM server WHERE left IS NULL AND id IN (SELECT value FROM json_each(?))",
            (to_json_array(locales_by_server_id),),
        )
        known_locales = {row["id"]: row["locale"] for row in rows}
        for server_id, locale in locales_by_server_id.items():
            if server_id not in known_locales or (locale is not None and locale != known_locales[server_id]):
                _mark_joined(db, server_id, locale)

    async def sample_joined(self, known_ids: Collection[int], limit: int) -> list[int]:
        """List at most `limit` servers that the bot is in.

        All of them if that is enough, else only those in `known_ids`.
        """
        server_ids = await self._fetch_column(
            "SELECT id FROM server WHERE left IS NULL "
            "ORDER BY id IN (SELECT value FROM json_each(?)) DESC, id LIMIT ?",
            (to_json_array(known_ids), limit + 1),
        )
        return (
            server_ids
            if len(server_ids) <= limit
            else [server_id for server_id in server_ids if server_id in known_ids][:limit]
        )

    async def count(self) -> int:
        """Count the servers that the bot is in."""
        return await self._fetch_int("SELECT count(*) FROM server WHERE left IS NULL")

    @write_transaction
    def purge(self, db: Connection, before: int) -> int:
        """Delete servers left before a time (seconds of UTC) with all their data; return how many.

        Articles remain, because others may have bookmarked them; private URLs of the servers' feeds do not.
        """
        purged_ids = db.fetch_column("DELETE FROM server WHERE left < ? RETURNING id", (before,))
        db.execute(
            """
            UPDATE feed SET url = 'purged:' || id, site_url = NULL, state = 'gone', error_detail = '',
                moved_to = NULL, etag = NULL, last_modified = NULL
            WHERE server_id IN (SELECT value FROM json_each(?))
            """,
            (to_json_array(purged_ids),),
        )
        return len(purged_ids)

    async def get_locale(self, server_id: int) -> str | None:
        """Return the locale that Discord gives a server of the bot (such as `fr`), or None."""
        return await self._fetch_value(
            "SELECT locale FROM server WHERE id = ? AND left IS NULL", (server_id,)
        )

    async def get_alert_channel_id(self, server_id: int) -> int | None:
        """Return the channel chosen for alerts about feeds; None for all that follow the feed."""
        return await self._fetch_value("SELECT alerts FROM server WHERE id = ?", (server_id,))


def _mark_joined(db: Connection, server_id: int, locale: str | None) -> None:
    returned_row = db.fetch_row("SELECT 1 FROM server WHERE id = ? AND left IS NOT NULL", (server_id,))
    if returned_row:
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


def _mark_left(db: Connection, server_id: int) -> None:
    db.execute("UPDATE server SET left = ? WHERE id = ? AND left IS NULL", (db.now, server_id))
    channel_feeds.revoke_all(db, server_id)
    _withhold_pending(db, server_id)


def _withhold_pending(db: Connection, server_id: int) -> None:
    pending_sql = (
        "SELECT id FROM dispatch WHERE state IN ('waiting', 'held') AND "
        "(channel_id IN (SELECT id FROM channel WHERE server_id = :server)"
        " OR watch_id IN (SELECT id FROM watch WHERE server_id = :server))"
    )
    parameters = {"server": server_id, "reason": WithheldReason.BOT_ABSENT, "now": db.now}
    db.execute(
        "UPDATE fate SET dispatch_id = NULL, joined_id = NULL, fate = 'withheld', reason = :reason, "
        f"decided = :now WHERE dispatch_id IN ({pending_sql}) OR joined_id IN ({pending_sql}) "
        "OR fate = 'digested' AND channel_id IN (SELECT id FROM channel WHERE server_id = :server)",
        parameters,
    )
    db.execute(f"DELETE FROM dispatch WHERE id IN ({pending_sql})", parameters)
