"""The servers that the bot is in, or was."""

from collections.abc import Collection, Mapping

from bot.store.connection import Connection
from bot.store.coordination.served_shards import ShardedRepository
from bot.store.records.outbox_records import WithheldReason
from bot.store.repository import writes
from bot.store.row_mapping import to_json_array
from bot.store.settings import channel_feeds


class Servers(ShardedRepository):
    """Servers come and go; an outage of one (`unavailable`) is neither and changes nothing here."""

    async def mark_joined(self, server_id: int, locale: str | None = None) -> None:
        """The bot is in a server, with the locale that Discord gives it. After a leave, a return.

        Nothing of the time away is posted: subscriptions begin again now.
        """
        await self._database.transact(_joined, server_id, locale)

    @writes
    def claim_welcome(self, db: Connection, server_id: int, *, again_before: int | None = None) -> bool:
        """Whether the people of a server are to be told now how to begin; True only once.

        With `again_before`, of a server that invited the bot just now: once more where nothing is followed or
        where they were last told before that time.
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
        """The server's people sent the bot away: what waits there is withheld, its channels' feeds end."""
        await self._database.transact(_left, server_id)

    @writes
    def sync(self, db: Connection, present: Mapping[int, str | None], shard: int = 0) -> None:
        """Learn what happened while nobody had a shard, which has each server that is said to be gone.

        `present` are all servers of the bot on it with their locales, those in an outage without.
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
        """Servers that the bot is in: all of them where they are no more than `most`, else of those known."""
        found = await self._column(
            "SELECT id FROM server WHERE left IS NULL "
            "ORDER BY id IN (SELECT value FROM json_each(?)) DESC, id LIMIT ?",
            (to_json_array(known), most + 1),
        )
        return found if len(found) <= most else [each for each in found if each in known][:most]

    async def count(self) -> int:
        """How many servers the bot is in."""
        return await self._number("SELECT count(*) FROM server WHERE left IS NULL")

    @writes
    def purge(self, db: Connection, before: int) -> int:
        """Delete servers left before a time with all that was theirs; how many.

        Articles stay, since others may have bookmarked them; addresses that hold their secrets do not.
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
        """The channel where a server is told of feeds in trouble; None: in those that follow them."""
        return await self._value("SELECT alerts FROM server WHERE id = ?", (server_id,))


def _joined(db: Connection, server_id: int, locale: str | None) -> None:
    returned = db.row("SELECT 1 FROM server WHERE id = ? AND left IS NOT NULL", (server_id,))
    if returned:
        _withhold_pending(db, server_id)  # what was being sent while the bot was sent away
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
