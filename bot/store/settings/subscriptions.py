"""Subscriptions: which channel follows which feed."""

from __future__ import annotations

from collections.abc import Collection

from bot.core.choices import Look, Setting, SettingChange, SubscriptionState
from bot.core.models import Feed, Subscription
from bot.store.connection import Connection
from bot.store.outbox import dispatch_cancellation, dispatch_rows
from bot.store.outbox.dispatch_rows import Owed
from bot.store.outbox.place_rows import need_channel, need_server
from bot.store.records.outbox_records import WithheldFor
from bot.store.repository import Repository, reads, writes
from bot.store.rows import FEED, SUBSCRIPTION, feed, listed, subscription
from bot.store.settings import setting_changes
from bot.store.store_errors import StoreError

FROM = "FROM subscription JOIN channel ON channel.id = subscription.channel_id"


class Subscriptions(Repository):
    """Subscriptions. Articles stay when nobody follows their feed any more.

    A change that has a `person_id` stands in the server's history of settings as theirs.
    """

    @writes
    def follow(
        self,
        connection: Connection,
        *,
        server_id: int,
        channel_id: int,
        feed_id: int,
        first_article_id: int | None,
        quietly: bool = False,
        person_id: int | None = None,
    ) -> tuple[Subscription, bool]:
        """Let a channel follow a feed, and owe it the newest article; False beside it when it did already.

        `quietly` is for many feeds at once: what the first read of a feed brings is not posted.

        Raises `StoreError` when the feed belongs to another server.
        """
        now = self._clock.now()
        owner = connection.row("SELECT server_id, last_success FROM feed WHERE id = ?", (feed_id,))
        if owner is None or owner["server_id"] not in {0, server_id}:
            raise StoreError("This feed is not there for this server.")
        need_server(connection, server_id, now)
        need_channel(connection, channel_id, server_id)
        created = connection.execute(
            "INSERT INTO subscription (channel_id, feed_id, added) VALUES (?, ?, ?) "
            "ON CONFLICT (channel_id, feed_id) DO NOTHING",
            (channel_id, feed_id, now),
        ).rowcount
        if created and quietly and owner["last_success"] is None:  # as after a pause that ends now
            connection.execute(
                "UPDATE subscription SET resumed = ?, resumed_from = 'paused' "
                "WHERE channel_id = ? AND feed_id = ?",
                (now, channel_id, feed_id),
            )
        followed = _one(connection, "subscription.channel_id = ? AND feed_id = ?", channel_id, feed_id)
        assert followed is not None
        if created:
            _note(connection, followed, person_id, None, SubscriptionState.FOLLOWED, now)
        article = connection.row(
            "SELECT id, key, page, published FROM article WHERE id = ?", (first_article_id,)
        )
        if created and article is not None:
            # Unless it was posted here: what was withheld from an earlier subscription may now be.
            connection.execute(
                "DELETE FROM fate WHERE channel_id = ? AND page = ? AND fate = 'withheld'",
                (channel_id, article["page"]),
            )
            dispatch_rows.owe(connection, channel_id, [Owed(*article)], limit=dispatch_rows.ALL, now=now)
        return followed, created > 0

    @writes
    def unfollow(
        self, connection: Connection, channel_id: int, feed_id: int, *, person_id: int | None = None
    ) -> bool:
        """End a subscription; what still waits because of it is withheld. False when there was none."""
        now = self._clock.now()
        followed = _one(connection, "subscription.channel_id = ? AND feed_id = ?", channel_id, feed_id)
        if followed is None:
            return False
        waiting = [owed for owed, _ in dispatch_cancellation.waiting(connection, channel_id, feed_id)]
        dispatch_cancellation.withdraw(
            connection, channel_id, waiting, reason=WithheldFor.UNFOLLOWED, now=now
        )
        connection.execute("DELETE FROM subscription WHERE id = ?", (followed.id,))
        _note(connection, followed, person_id, _state(followed), None, now)
        return True

    @writes
    def move(
        self, connection: Connection, subscription_id: int, channel_id: int, *, person_id: int | None = None
    ) -> Subscription | None:
        """Let another channel of the same server follow the feed instead; what waits moves along.

        What joined a post that stays is told there, with its story.
        When that channel follows the feed already, its own subscription stays and is the one returned. None
        when there is no such subscription. Raises `StoreError` for a channel of another server.
        """
        now = self._clock.now()
        moved = _one(connection, "subscription.id = ?", subscription_id)
        if moved is None or moved.channel_id == channel_id:
            return moved
        need_channel(connection, channel_id, moved.server_id)
        waiting = [
            (owed, kind)
            for owed, kind in dispatch_cancellation.waiting(connection, moved.channel_id, moved.feed_id)
            if kind != dispatch_cancellation.JOINED
        ]
        followed = _one(connection, "subscription.channel_id = ? AND feed_id = ?", channel_id, moved.feed_id)
        connection.execute(
            "UPDATE subscription SET channel_id = ? WHERE id = ?"
            if followed is None
            else "DELETE FROM subscription WHERE channel_id <> ? AND id = ?",
            (channel_id, subscription_id),
        )
        dispatch_cancellation.withdraw(
            connection, moved.channel_id, [owed for owed, _ in waiting], reason=None, now=now
        )
        if followed is not None:
            # What its own filters keep out there stays out.
            out = dispatch_rows.filtered(connection, channel_id, [owed for owed, _ in waiting])
            waiting = [(owed, kind) for owed, kind in waiting if owed.page not in out]
        posts = [owed for owed, kind in waiting if kind == "post"]
        dispatch_rows.owe(connection, channel_id, posts, limit=dispatch_rows.ALL, now=now)
        rest = [owed for owed, kind in waiting if kind != "post"]
        dispatch_rows.owe_together(connection, channel_id, rest, now=now)
        there = _one(connection, "subscription.channel_id = ? AND feed_id = ?", channel_id, moved.feed_id)
        assert there is not None
        old, new = str(moved.channel_id), str(channel_id)
        _note(connection, there, person_id, old, new, now, setting=Setting.CHANNEL)
        return there

    @writes
    def pause(self, connection: Connection, subscription_id: int, *, person_id: int | None = None) -> bool:
        """Post nothing until resumed; what waits is withheld. False when it was paused or is not there."""
        now = self._clock.now()
        paused = _one(connection, "subscription.id = ?", subscription_id)
        if paused is None or paused.paused is not None:
            return False
        waiting = [
            owed for owed, _ in dispatch_cancellation.waiting(connection, paused.channel_id, paused.feed_id)
        ]
        dispatch_cancellation.withdraw(
            connection, paused.channel_id, waiting, reason=WithheldFor.PAUSED, now=now
        )
        connection.execute("UPDATE subscription SET paused = ? WHERE id = ?", (now, subscription_id))
        _note(connection, paused, person_id, SubscriptionState.FOLLOWED, SubscriptionState.PAUSED, now)
        return True

    @writes
    def resume(self, connection: Connection, subscription_id: int, *, person_id: int | None = None) -> bool:
        """End a pause; what came meanwhile stays unposted. False when it was not paused or is not there."""
        now = self._clock.now()
        paused = _one(connection, "subscription.id = ?", subscription_id)
        if paused is None or paused.paused is None:
            return False
        connection.execute(
            "UPDATE subscription SET paused = NULL, resumed = ?, resumed_from = 'paused' WHERE id = ?",
            (now, subscription_id),
        )
        _note(connection, paused, person_id, SubscriptionState.PAUSED, SubscriptionState.FOLLOWED, now)
        return True

    @writes
    def set_look(
        self, connection: Connection, subscription_id: int, chosen: Look | None, *, person_id: int
    ) -> bool:
        """Choose how what is posted from now on looks (None: as the server has it); False when it is gone."""
        changed = _one(connection, "subscription.id = ?", subscription_id)
        if changed is None:
            return False
        old, new = (None if one is None else str(one) for one in (changed.look, chosen))
        connection.execute("UPDATE subscription SET look = ? WHERE id = ?", (new, subscription_id))
        setting_changes.note(
            connection,
            changed.server_id,
            SettingChange(
                self._clock.now(), person_id, Setting.LOOK, changed.channel_id, changed.feed_id, old, new
            ),
        )
        return True

    async def get(self, subscription_id: int) -> Subscription | None:
        """The subscription, or None."""
        row = await self._row(f"SELECT {SUBSCRIPTION} {FROM} WHERE subscription.id = ?", (subscription_id,))
        return None if row is None else subscription(row)

    async def find(self, channel_id: int, feed_id: int) -> Subscription | None:
        """The subscription of a channel to a feed, or None."""
        row = await self._row(
            f"SELECT {SUBSCRIPTION} {FROM} WHERE subscription.channel_id = ? AND feed_id = ?",
            (channel_id, feed_id),
        )
        return None if row is None else subscription(row)

    @reads
    def in_server(self, connection: Connection, server_id: int) -> list[tuple[Subscription, Feed]]:
        """A server's subscriptions with their feeds, by outlet and title."""
        subscriptions = connection.rows(
            f"SELECT {SUBSCRIPTION} {FROM} WHERE channel.server_id = ? ORDER BY subscription.id", (server_id,)
        )
        feeds = {
            row["id"]: feed(row)
            for row in connection.execute(
                f"SELECT {FEED} FROM feed WHERE id IN (SELECT value FROM json_each(?))",
                (listed([row["feed_id"] for row in subscriptions]),),
            )
        }
        pairs = [(subscription(row), feeds[row["feed_id"]]) for row in subscriptions]
        return sorted(pairs, key=lambda pair: (pair[1].outlet.casefold(), pair[1].title.casefold()))

    async def of_feed(self, feed_id: int) -> list[Subscription]:
        """The subscriptions to a feed, in servers that the bot is in."""
        return await self._objects(
            subscription,
            f"SELECT {SUBSCRIPTION} {FROM} JOIN server ON server.id = channel.server_id "
            "WHERE feed_id = ? AND server.left IS NULL ORDER BY subscription.id",
            (feed_id,),
        )

    async def feed_ids(self, channel_ids: Collection[int]) -> set[int]:
        """The feeds that any of these channels follows."""
        return set(
            await self._column(
                "SELECT DISTINCT feed_id FROM subscription WHERE channel_id IN (SELECT value FROM json_each(?))",
                (listed(channel_ids),),
            )
        )

    async def channels(self, server_id: int) -> set[int]:
        """The channels of a server that follow a feed."""
        return set(
            await self._column(
                f"SELECT DISTINCT subscription.channel_id {FROM} WHERE channel.server_id = ?", (server_id,)
            )
        )

    async def servers_of_feed(self, feed_id: int) -> set[int]:
        """The servers in which a channel follows a feed, those left included."""
        return set(
            await self._column(f"SELECT DISTINCT channel.server_id {FROM} WHERE feed_id = ?", (feed_id,))
        )

    async def count(self, server_id: int) -> int:
        """How many different feeds a server follows."""
        return await self._number(
            f"SELECT count(DISTINCT feed_id) {FROM} WHERE channel.server_id = ?", (server_id,)
        )


def _one(connection: Connection, condition: str, *values: int) -> Subscription | None:
    row = connection.row(f"SELECT {SUBSCRIPTION} {FROM} WHERE {condition}", values)
    return None if row is None else subscription(row)


def _note(
    connection: Connection,
    changed: Subscription,
    person_id: int | None,
    old: str | None,
    new: str | None,
    now: int,
    *,
    setting: Setting = Setting.SUBSCRIPTION,
) -> None:
    if person_id is not None:
        change = SettingChange(now, person_id, setting, changed.channel_id, changed.feed_id, old, new)
        setting_changes.note(connection, changed.server_id, change)


def _state(followed: Subscription) -> SubscriptionState:
    return SubscriptionState.FOLLOWED if followed.paused is None else SubscriptionState.PAUSED
