"""Repository of the servers that the bot is or was in."""

from collections.abc import Collection, Mapping, Sequence

from bot.core.reasons import Reason, WithheldReason
from bot.store.connection import Connection
from bot.store.outbox import transitions
from bot.store.processes import ShardedRepository
from bot.store.records.operating_records import ServerProfile
from bot.store.repository import write_transaction
from bot.store.settings import access_tokens
from bot.store.settings.parent_rows import ensure_channel

_DAY_SECONDS = 86_400


class Servers(ShardedRepository):
    """Repository of the servers that the bot is or was in. Methods raise StoreError.

    An outage of a server (`unavailable` in Discord's events) is neither a leave nor a join.
    """

    async def mark_joined(self, server_id: int, locale: str | None = None) -> None:
        """Record that the bot is in a server, with the locale that Discord reports for the server.

        If the bot was absent before, subscriptions resume now: no article from before is posted.
        """
        await self._database.transact(_mark_joined, server_id, locale)

    @write_transaction
    def claim_welcome(self, db: Connection, server_id: int, *, repeat_before: int | None = None) -> bool:
        """Return whether a server is to get the welcome message now, and record the message as sent.

        That is True once per server, while the bot is in it. With `repeat_before` (Unix time in seconds), for a new
        invitation, it is also True if no feed is followed or the last welcome was sent before that time.
        """
        updated_count = db.execute_rowcount(
            """
            UPDATE server SET welcomed_at = :now
            WHERE id = :id AND left_at IS NULL AND (welcomed_at IS NULL OR :before IS NOT NULL AND (
                welcomed_at < :before OR NOT EXISTS (
                    SELECT 1 FROM subscription JOIN channel ON channel.id = subscription.channel_id
                    WHERE channel.server_id = :id)))
            """,
            {"id": server_id, "now": db.now, "before": repeat_before},
        )
        return updated_count > 0

    async def mark_left(self, server_id: int) -> None:
        """Record that the bot was removed from a server.

        The server's pending messages are deleted and their articles withheld, and its channels are no longer published
        as web feeds. A request to leave the server is fulfilled.
        """
        await self._database.transact(_mark_left, server_id)

    @write_transaction
    def sync(self, db: Connection, locale_by_server_id: Mapping[int, str | None], shard_id: int = 0) -> None:
        """Record the joins and leaves of servers, and changes of locales, while no process served their shard.

        `locale_by_server_id` maps the ids of all servers that the bot is in on the shard to their locales,
        or to None during an outage. A server that is not in it was left.
        """
        on_shard_sql = self._shards.build_served_condition("id", shard_id)
        left_rows = db.fetch_rows(
            f"SELECT id FROM server WHERE left_at IS NULL AND {on_shard_sql} AND id NOT IN (:server_ids)",
            {"server_ids": locale_by_server_id.keys()},
        )
        for (server_id,) in left_rows:
            _mark_left(db, server_id)
        rows = db.fetch_rows(
            "SELECT id, locale FROM server WHERE left_at IS NULL AND id IN (:server_ids)",
            {"server_ids": locale_by_server_id.keys()},
        )
        stored_locale_by_server_id = {row["id"]: row["locale"] for row in rows}
        for server_id, locale in locale_by_server_id.items():
            if server_id not in stored_locale_by_server_id or (
                locale is not None and locale != stored_locale_by_server_id[server_id]
            ):
                _mark_joined(db, server_id, locale)

    async def record_profiles(self, profile_by_server_id: Mapping[int, ServerProfile]) -> None:
        """Record the names and numbers of members of servers, as Discord reports them, where they changed."""
        rows = await self._fetch_rows(
            "SELECT id, name, member_count FROM server WHERE id IN (:server_ids)",
            {"server_ids": profile_by_server_id.keys()},
        )
        changed_profiles = [
            (*profile_by_server_id[server_id], server_id)
            for server_id, name, member_count in rows
            if profile_by_server_id[server_id] != (name, member_count)
        ]
        if changed_profiles:
            await self._database.transact(_update_profiles, changed_profiles)

    @write_transaction
    def record_use(self, db: Connection, server_id: int) -> None:
        """Record that a member of a server used a command, button or menu today."""
        db.execute("UPDATE server SET last_used_at = ? WHERE id = ?", (db.now - db.now % _DAY_SECONDS, server_id))

    @write_transaction
    def record_threads(self, db: Connection, server_id: int, parent_id_by_thread_id: Mapping[int, int]) -> None:
        """Record to which channels threads of a server belong, for the filters of these channels."""
        for thread_id, parent_id in parent_id_by_thread_id.items():
            ensure_channel(db, parent_id, server_id=server_id)
            ensure_channel(db, thread_id, server_id=server_id)
            db.execute("UPDATE channel SET parent_id = ? WHERE id = ?", (parent_id, thread_id))

    async def list_thread_ids(self, channel_id: int) -> list[int]:
        """List the ids of the threads of a channel that have or had a feed or a setting of their own."""
        return await self._fetch_column(
            "SELECT thread.id FROM channel JOIN channel AS thread ON thread.server_id = channel.server_id "
            "AND thread.parent_id = channel.id WHERE channel.id = ?",
            (channel_id,),
        )

    async def sample_server_ids(self, known_ids: Collection[int], limit: int) -> list[int]:
        """List the ids of at most `limit` servers that the bot is in.

        If the bot is in more, only servers in `known_ids` are listed.
        """
        server_ids = await self._fetch_column(
            "SELECT id FROM server WHERE left_at IS NULL ORDER BY id IN (:known_ids) DESC, id LIMIT :limit",
            {"known_ids": known_ids, "limit": limit + 1},
        )
        return (
            server_ids
            if len(server_ids) <= limit
            else [server_id for server_id in server_ids if server_id in known_ids][:limit]
        )

    async def count(self) -> int:
        """Count the servers that the bot is in."""
        return await self._fetch_int("SELECT count(*) FROM server WHERE left_at IS NULL")

    @write_transaction
    def purge(self, db: Connection, left_before: int) -> int:
        """Delete servers that the bot left before a Unix time in seconds, with all their data; return how many.

        Articles remain, because users of other servers may have bookmarked them; private URLs of the servers'
        feeds do not.
        """
        purged_server_ids = db.fetch_column("DELETE FROM server WHERE left_at < ? RETURNING id", (left_before,))
        db.execute(
            """
            UPDATE feed SET url = 'purged:' || id, site_url = NULL, state = 'gone', error_detail = '',
                moved_to = NULL, etag = NULL, last_modified = NULL
            WHERE server_id IN (:purged_server_ids)
            """,
            {"purged_server_ids": purged_server_ids},
        )
        return len(purged_server_ids)

    async def get_locale(self, server_id: int) -> str | None:
        """Return the locale that Discord reports for a server (such as `fr`); None if unknown or if the bot left."""
        return await self._fetch_value("SELECT locale FROM server WHERE id = ? AND left_at IS NULL", (server_id,))

    async def get_alert_channel_id(self, server_id: int) -> int | None:
        """Return the id of the channel that a server chose for alerts about feeds, or None if it chose none.

        Without a choice, alerts go to all channels that follow the feed.
        """
        return await self._fetch_value("SELECT alerts AS alert_channel_id FROM server WHERE id = ?", (server_id,))

    async def load_server_id_by_special_channel_id(self, server_ids: Collection[int]) -> dict[int, int]:
        """Map the ids of channels that are published, get alerts or mention roles by rules to those of their servers.

        Only channels of the given servers are returned. What makes them special ends when they are deleted.
        """
        rows = await self._fetch_rows(
            """
            SELECT channel.id, channel.server_id FROM channel
            WHERE channel.server_id IN (:server_ids) AND (
                EXISTS (SELECT 1 FROM channel_feed WHERE channel_feed.channel_id = channel.id)
                OR EXISTS (SELECT 1 FROM mention_rule WHERE mention_rule.channel_id = channel.id))
            UNION
            SELECT alerts, id FROM server WHERE id IN (:server_ids) AND alerts IS NOT NULL
            """,
            {"server_ids": server_ids},
        )
        return dict(rows)


def _update_profiles(db: Connection, changed_profiles: Sequence[tuple[str, int | None, int]]) -> None:
    """Store profiles of servers, given as name, number of members (None: unchanged) and server id."""
    db.executemany(
        "UPDATE server SET name = ?, member_count = coalesce(?, member_count) WHERE id = ?", changed_profiles
    )


def _mark_joined(db: Connection, server_id: int, locale: str | None) -> None:
    returned_row = db.fetch_row("SELECT 1 FROM server WHERE id = ? AND left_at IS NOT NULL", (server_id,))
    if returned_row:
        # Sends that were in progress when the bot left may be pending again.
        _withhold_pending(db, server_id)
        db.execute(
            "UPDATE subscription SET resumed_at = ?, resumed_from = 'away' "
            "WHERE channel_id IN (SELECT id FROM channel WHERE server_id = ?)",
            (db.now, server_id),
        )
    db.execute(
        "INSERT INTO server (id, locale, joined_at) VALUES (:id, :locale, :now) ON CONFLICT (id) DO UPDATE "
        "SET locale = coalesce(:locale, server.locale), "
        "joined_at = CASE WHEN server.left_at IS NULL THEN server.joined_at ELSE :now END, left_at = NULL",
        {"id": server_id, "locale": locale, "now": db.now},
    )


def _mark_left(db: Connection, server_id: int) -> None:
    db.execute(
        "UPDATE server SET left_at = ?, leave_requested_at = NULL WHERE id = ? AND left_at IS NULL", (db.now, server_id)
    )
    access_tokens.revoke_all_tokens(db, server_id)
    _withhold_pending(db, server_id)


def _withhold_pending(db: Connection, server_id: int) -> None:
    dispatch_ids = db.fetch_column(
        "SELECT id FROM dispatch WHERE state IN ('waiting', 'held') AND "
        "(channel_id IN (SELECT id FROM channel WHERE server_id = :server)"
        " OR watch_id IN (SELECT id FROM watch WHERE server_id = :server))",
        {"server": server_id},
    )
    transitions.withhold_pages(
        db,
        "dispatch_id IN (:dispatches) OR joined_dispatch_id IN (:dispatches) "
        "OR status = 'digested' AND channel_id IN (SELECT id FROM channel WHERE server_id = :server)",
        {"dispatches": dispatch_ids, "server": server_id},
        Reason(WithheldReason.BOT_ABSENT),
        origins=transitions.PENDING_STATUSES,
    )
    transitions.delete_dispatches(db, dispatch_ids)
