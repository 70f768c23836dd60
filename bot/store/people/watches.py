"""Repository of watches (saved searches that notify), and of new articles not yet matched against them."""

import json
from functools import partial
from typing import NamedTuple

from bot.core.models import DispatchState
from bot.core.user_models import Watch
from bot.store.connection import Connection
from bot.store.outbox import transitions, watch_notifications
from bot.store.records.people_records import Arrival, WatchQuery
from bot.store.repository import Repository, bind_write, read_transaction, write_transaction
from bot.store.row_mapping import ARTICLE_SQL, article_from_row, build_json_ids_sql, from_row
from bot.store.settings.parent_rows import ensure_channel, ensure_server

WATCH_COLUMNS_SQL = """
    watch.id, watch.server_id, watch.channel_id, channel.user_id, watch.query, watch.language,
    watch.created_at, watch.absent_since, channel.problem
"""
"""SQL list of the columns that a `Watch` (saved search) is made of."""
WATCH_FROM_SQL = "FROM watch JOIN channel ON channel.id = watch.channel_id"
"""FROM clause that joins watches (saved searches) with their channels."""


class SentNotification(NamedTuple):
    """An article of which a user was notified; `sent_at` is Unix time in seconds."""

    url: str
    sent_at: int


def add_watch(
    db: Connection,
    *,
    server_id: int,
    channel_id: int,
    user_id: int | None,
    query: str,
    language: str | None,
    limit: int,
) -> tuple[Watch, bool] | None:
    """Add a watch (saved search) for articles stored from now on; return it and whether it is new, or None.

    With `user_id`, the watch notifies in the channel of the user's direct messages. Return None if the
    user, or all channels of the server together, have `limit` watches already.
    """
    ensure_server(db, server_id)
    ensure_channel(db, channel_id, server_id=None if user_id else server_id, dm_user_id=user_id)
    same_watch_condition_sql = (
        "watch.channel_id = ? AND watch.server_id = ? AND watch.query = ? AND watch.removed_at IS NULL"
    )
    select_sql = f"SELECT {WATCH_COLUMNS_SQL} {WATCH_FROM_SQL} WHERE {same_watch_condition_sql}"
    existing_row = db.fetch_row(select_sql, (channel_id, server_id, query))
    if existing_row is not None:
        return _watch_from_row(existing_row), False
    watch_count = db.fetch_value(
        f"SELECT count(*) {WATCH_FROM_SQL} WHERE removed_at IS NULL AND (channel.user_id = ? OR channel.server_id = ?)",
        (user_id, None if user_id else server_id),
    )
    if watch_count >= limit:
        return None
    db.execute(
        "INSERT INTO watch (server_id, channel_id, query, language, created_at, after_article_id) "
        "SELECT ?, ?, ?, ?, ?, coalesce(max(id), 0) FROM article",
        (server_id, channel_id, query, language, db.now),
    )
    return _watch_from_row(db.fetch_row(select_sql, (channel_id, server_id, query))), True


def remove_watch(db: Connection, watch_id: int) -> bool:
    """Remove a watch (saved search) with its pending notification; return whether the watch existed."""
    removed_count = db.execute_rowcount(
        "UPDATE watch SET query = '', removed_at = ? WHERE id = ? AND removed_at IS NULL", (db.now, watch_id)
    )
    waiting_dispatch_ids = db.fetch_column(
        "SELECT id FROM dispatch WHERE watch_id = :watch_id AND state = 'waiting'", {"watch_id": watch_id}
    )
    transitions.delete_dispatches(db, waiting_dispatch_ids, origins={DispatchState.PENDING})
    return removed_count > 0


class Watches(Repository):
    """Repository of saved searches (watches) and their notifications. Methods raise StoreError.

    A removed watch keeps its row, without the query, until `purge`. A watch whose user has left its server is paused
    (`absent_since`).
    """

    add = bind_write(add_watch)
    remove = bind_write(remove_watch)

    async def get(self, watch_id: int) -> Watch | None:
        """Return the watch (saved search) with an id, or None if there is none."""
        return next(iter(await self._list_watches("watch.id = ?", watch_id)), None)

    async def list_by_user(self, user_id: int) -> list[Watch]:
        """List a user's watches (saved searches), oldest first."""
        return await self._list_watches("channel.user_id = ?", user_id)

    async def count_stored(self, user_id: int) -> int:
        """Count the stored watches (saved searches) of a user, including removed watches that are not purged yet."""
        return await self._fetch_int(f"SELECT count(*) {WATCH_FROM_SQL} WHERE channel.user_id = ?", (user_id,))

    async def list_sent_notifications(self, user_id: int) -> list[SentNotification]:
        """List the articles of which a user was notified, oldest notification first."""
        return await self._fetch_objects(
            SentNotification._make,
            "SELECT article.url, dispatch.sent_at FROM channel "
            "JOIN dispatch ON dispatch.channel_id = channel.id "
            "JOIN watch_match ON watch_match.dispatch_id = dispatch.id "
            "JOIN article ON article.id = watch_match.article_id "
            "WHERE channel.user_id = ? AND dispatch.sent_at IS NOT NULL ORDER BY dispatch.sent_at, article.id",
            (user_id,),
        )

    async def list_channel_watches(self, server_id: int) -> list[Watch]:
        """List the watches (saved searches) of a server's channels, oldest first."""
        return await self._list_watches("channel.server_id = ?", server_id)

    @write_transaction
    def purge(self, db: Connection, cutoff: int) -> int:
        """Delete watches (saved searches) removed, or whose user left the server, before `cutoff`; return how many.

        `cutoff` is Unix time in seconds. Direct message channels without watch, digest, muted story and
        proposal are deleted with the record of their messages.
        """
        purged_count = db.execute_rowcount(
            "DELETE FROM watch WHERE removed_at < :cutoff OR absent_since < :cutoff", {"cutoff": cutoff}
        )
        db.execute(
            "DELETE FROM channel WHERE user_id IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM watch WHERE watch.channel_id = channel.id) "
            "AND NOT EXISTS (SELECT 1 FROM personal_digest WHERE channel_id = channel.id) "
            "AND NOT EXISTS (SELECT 1 FROM story_mute WHERE story_mute.channel_id = channel.id) "
            "AND NOT EXISTS (SELECT 1 FROM proposer WHERE proposer.user_id = channel.user_id)"
        )
        return purged_count

    async def mark_member_left(self, user_id: int, server_id: int) -> None:
        """Pause the watches (saved searches) that a user has in a server which the user left."""
        await self._set_absent_since(user_id, server_id, self._clock.now())

    async def mark_member_present(self, user_id: int, server_id: int) -> None:
        """Resume the watches (saved searches) that a user has in a server, because the user is a member."""
        await self._set_absent_since(user_id, server_id, None)

    async def load_channel_ids(self, server_id: int) -> set[int]:
        """Return the ids of a server's channels that have watches (saved searches)."""
        return {watch.channel_id for watch in await self.list_channel_watches(server_id)}

    async def list_unremoved_after_id(self, after_id: int) -> list[WatchQuery]:
        """List watches (saved searches) that were not removed, paused ones too, with ids above a given id, by id."""
        return await self._fetch_objects(
            WatchQuery._make,
            "SELECT id, server_id, query FROM watch WHERE id > ? AND removed_at IS NULL ORDER BY id",
            (after_id,),
        )

    @read_transaction
    def list_unmatched_arrivals(self, db: Connection, limit: int) -> list[Arrival]:
        """List `limit` articles to match against saved searches, by id, each with the servers that follow its feed."""
        rows = db.fetch_rows(
            f"SELECT {ARTICLE_SQL} FROM arrival JOIN article ON article.id = arrival.article_id "
            "ORDER BY arrival.article_id LIMIT ?",
            (limit,),
        )
        follower_rows = db.execute(
            f"SELECT subscription.feed_id, {build_json_ids_sql('channel.server_id')} FROM subscription "
            "JOIN channel ON channel.id = subscription.channel_id "
            "WHERE subscription.feed_id IN (:feed_ids) GROUP BY subscription.feed_id",
            {"feed_ids": {row["feed_id"] for row in rows}},
        )
        server_ids_by_feed_id = {feed_id: frozenset(json.loads(server_ids)) for feed_id, server_ids in follower_rows}
        return [Arrival(article_from_row(row), server_ids_by_feed_id.get(row["feed_id"], frozenset())) for row in rows]

    enqueue_notifications = bind_write(watch_notifications.enqueue_notifications)
    record_already_sent = bind_write(watch_notifications.record_already_sent)
    restrict_to_feeds = bind_write(watch_notifications.restrict_to_feeds)

    @write_transaction
    def _set_absent_since(self, db: Connection, user_id: int, server_id: int, absent_since: int | None) -> None:
        db.execute(
            "UPDATE watch SET absent_since = ? WHERE server_id = ? AND (absent_since IS NULL) = (? IS NOT NULL) "
            "AND channel_id IN (SELECT id FROM channel WHERE user_id = ?)",
            (absent_since, server_id, absent_since, user_id),
        )

    async def _list_watches(self, condition_sql: str, parameter: int) -> list[Watch]:
        return await self._fetch_objects(
            _watch_from_row,
            f"SELECT {WATCH_COLUMNS_SQL} {WATCH_FROM_SQL} "
            f"WHERE {condition_sql} AND removed_at IS NULL ORDER BY watch.id",
            (parameter,),
        )


_watch_from_row = partial(from_row, Watch)
