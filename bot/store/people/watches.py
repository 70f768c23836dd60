"""Watches: what people want to be told of, and the articles that were not held against them yet."""

import json
from functools import partial
from typing import NamedTuple

from bot.core.user_models import Watch
from bot.store.connection import Connection
from bot.store.outbox import watch_notifications
from bot.store.records.people_records import ActiveWatch, Arrival
from bot.store.repository import Repository, reads, write_method, writes
from bot.store.row_mapping import ARTICLE, article_from_row, from_row, to_json_array
from bot.store.settings.parent_rows import ensure_channel, ensure_server

WATCH = """
    watch.id, watch.server_id, watch.channel_id, channel.person_id, watch.query, watch.language,
    watch.created, watch.absent, channel.problem
"""
FROM = "FROM watch JOIN channel ON channel.id = watch.channel_id"


class SentNotification(NamedTuple):
    """An article that a person was told of: its address, and when."""

    url: str
    sent: int


class Watches(Repository):
    """Watches. A removed one leaves a trace without its words for as long as `purge` lets it."""

    @writes
    def add(
        self,
        db: Connection,
        *,
        server_id: int,
        channel_id: int,
        person_id: int | None,
        query: str,
        language: str | None,
        limit: int,
    ) -> tuple[Watch, bool] | None:
        """Watch for what matches a query from now on; False beside it when that was watched already.

        With `person_id` the channel is that of their direct messages. None where the person, or the channels
        of the server together, have `limit` watches.
        """
        ensure_server(db, server_id)
        ensure_channel(db, channel_id, server_id=None if person_id else server_id, person_id=person_id)
        same = "watch.channel_id = ? AND watch.server_id = ? AND watch.query = ? AND watch.removed IS NULL"
        find = f"SELECT {WATCH} {FROM} WHERE {same}"
        known = db.row(find, (channel_id, server_id, query))
        if known is not None:
            return _watch(known), False
        count = db.value(
            f"SELECT count(*) {FROM} "
            "WHERE removed IS NULL AND (channel.person_id = ? OR channel.server_id = ?)",
            (person_id, None if person_id else server_id),
        )
        if count >= limit:
            return None
        db.execute(
            "INSERT INTO watch (server_id, channel_id, query, language, created, after) "
            "SELECT ?, ?, ?, ?, ?, coalesce(max(id), 0) FROM article",
            (server_id, channel_id, query, language, db.now),
        )
        return _watch(db.row(find, (channel_id, server_id, query))), True

    async def get(self, watch_id: int) -> Watch | None:
        """The watch, or None."""
        return next(iter(await self._all("watch.id = ?", watch_id)), None)

    async def of_person(self, person_id: int) -> list[Watch]:
        """A person's watches, oldest first."""
        return await self._all("channel.person_id = ?", person_id)

    async def count(self, person_id: int) -> int:
        """How many watches are kept of a person, those that ended and are not deleted yet among them."""
        return await self._number(f"SELECT count(*) {FROM} WHERE channel.person_id = ?", (person_id,))

    async def sent_notifications(self, person_id: int) -> list[SentNotification]:
        """What a person's watches told them, oldest first."""
        return await self._objects(
            SentNotification._make,
            "SELECT article.url, dispatch.sent FROM channel "
            "JOIN dispatch ON dispatch.channel_id = channel.id "
            "JOIN watch_match ON watch_match.dispatch_id = dispatch.id "
            "JOIN article ON article.id = watch_match.article_id "
            "WHERE channel.person_id = ? AND dispatch.sent IS NOT NULL ORDER BY dispatch.sent, article.id",
            (person_id,),
        )

    async def list_channel_watches(self, server_id: int) -> list[Watch]:
        """The watches of a server's channels, oldest first."""
        return await self._all("channel.server_id = ?", server_id)

    @writes
    def remove(self, db: Connection, watch_id: int) -> bool:
        """End a watch, and what waits because of it; False when it was not there."""
        removed = db.execute_rowcount(
            "UPDATE watch SET query = '', removed = ? WHERE id = ? AND removed IS NULL", (db.now, watch_id)
        )
        db.execute("DELETE FROM dispatch WHERE watch_id = ? AND state = 'waiting'", (watch_id,))
        return removed > 0

    @writes
    def purge(self, db: Connection, before: int) -> int:
        """Delete watches that ended, or whose person left, before a time; how many.

        Nothing is kept of the messages to a person who has none any more, and no digest.
        """
        purged = db.execute_rowcount(
            "DELETE FROM watch WHERE removed < :before OR absent < :before", {"before": before}
        )
        db.execute(
            "DELETE FROM channel WHERE person_id IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM watch WHERE watch.channel_id = channel.id) "
            "AND NOT EXISTS (SELECT 1 FROM personal_digest WHERE channel_id = channel.id)"
        )
        return purged

    async def mark_member_left(self, person_id: int, server_id: int) -> None:
        """A person left a server: their watches there rest."""
        await self._set_absent(person_id, server_id, self._clock.now())

    async def mark_member_present(self, person_id: int, server_id: int) -> None:
        """A person is in a server."""
        await self._set_absent(person_id, server_id, None)

    async def channels(self, server_id: int) -> set[int]:
        """The channels of a server that have watches."""
        return {watch.channel_id for watch in await self.list_channel_watches(server_id)}

    async def active_after_id(self, after: int) -> list[ActiveWatch]:
        """The watches made after the one with this id."""
        return await self._objects(
            ActiveWatch._make,
            "SELECT id, server_id, query FROM watch WHERE id > ? AND removed IS NULL ORDER BY id",
            (after,),
        )

    @reads
    def unmatched_arrivals(self, db: Connection, limit: int) -> list[Arrival]:
        """The next articles that watches were not held against, in the order in which they came."""
        rows = db.rows(
            f"SELECT {ARTICLE} FROM arrival JOIN article ON article.id = arrival.article_id "
            "ORDER BY arrival.article_id LIMIT ?",
            (limit,),
        )
        followers = db.execute(
            "SELECT subscription.feed_id, json_group_array(channel.server_id) FROM subscription "
            "JOIN channel ON channel.id = subscription.channel_id "
            "WHERE subscription.feed_id IN (SELECT value FROM json_each(?)) GROUP BY subscription.feed_id",
            (to_json_array({row["feed_id"] for row in rows}),),
        )
        servers = {feed_id: frozenset(json.loads(server_ids)) for feed_id, server_ids in followers}
        return [Arrival(article_from_row(row), servers.get(row["feed_id"], frozenset())) for row in rows]

    enqueue_notifications = write_method(watch_notifications.enqueue_notifications)
    record_already_sent = write_method(watch_notifications.record_already_sent)
    restrict_to_feeds = write_method(watch_notifications.restrict_to_feeds)

    @writes
    def _set_absent(self, db: Connection, person_id: int, server_id: int, since: int | None) -> None:
        db.execute(
            "UPDATE watch SET absent = ? WHERE server_id = ? AND (absent IS NULL) = (? IS NOT NULL) "
            "AND channel_id IN (SELECT id FROM channel WHERE person_id = ?)",
            (since, server_id, since, person_id),
        )

    async def _all(self, condition: str, value: int) -> list[Watch]:
        return await self._objects(
            _watch, f"SELECT {WATCH} {FROM} WHERE {condition} AND removed IS NULL ORDER BY watch.id", (value,)
        )


_watch = partial(from_row, Watch)
