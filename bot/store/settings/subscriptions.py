"""Subscriptions: which channel follows which feed."""

from collections.abc import Collection

from bot.core.choices import Look, Setting, SubscriptionState
from bot.core.models import Feed, Subscription
from bot.store.connection import Connection
from bot.store.outbox import dispatch_cancellation, dispatch_rows
from bot.store.outbox.dispatch_rows import Owed
from bot.store.records.outbox_records import WithheldFor
from bot.store.repository import Repository, reads, writes
from bot.store.rows import FEED, SUBSCRIPTION, feed, listed, subscription
from bot.store.settings import setting_changes
from bot.store.settings.place_rows import need_channel
from bot.store.store_errors import StoreError

FROM = "FROM subscription JOIN channel ON channel.id = subscription.channel_id"
_FIND = f"SELECT {SUBSCRIPTION} {FROM} WHERE"


class Subscriptions(Repository):
    """Subscriptions. Articles stay when nobody follows their feed any more.

    A change that has a `person_id` stands in the server's history of settings as theirs.
    """

    @writes
    def follow(
        self,
        db: Connection,
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
        owner = db.row("SELECT server_id, last_success FROM feed WHERE id = ?", (feed_id,))
        if owner is None or owner["server_id"] not in {0, server_id}:
            raise StoreError("This feed is not there for this server.")
        need_channel(db, channel_id, server_id=server_id)
        created = db.changed(
            "INSERT INTO subscription (channel_id, feed_id, added) VALUES (?, ?, ?) "
            "ON CONFLICT (channel_id, feed_id) DO NOTHING",
            (channel_id, feed_id, db.now),
        )
        if created and quietly and owner["last_success"] is None:  # as after a pause that ends now
            db.execute(
                "UPDATE subscription SET resumed = ?, resumed_from = 'paused' "
                "WHERE channel_id = ? AND feed_id = ?",
                (db.now, channel_id, feed_id),
            )
        followed = _one(db, "subscription.channel_id = ? AND feed_id = ?", channel_id, feed_id)
        assert followed is not None
        if created:
            _note(db, followed, person_id, None, SubscriptionState.FOLLOWED)
        article = db.row("SELECT id, key, page, published FROM article WHERE id = ?", (first_article_id,))
        if created and article is not None:
            # Unless it was posted here: what was withheld from an earlier subscription may now be.
            db.execute(
                "DELETE FROM fate WHERE channel_id = ? AND page = ? AND fate = 'withheld'",
                (channel_id, article["page"]),
            )
            dispatch_rows.owe(db, channel_id, [Owed(*article)], limit=dispatch_rows.ALL)
        return followed, created > 0

    @writes
    def unfollow(
        self, db: Connection, channel_id: int, feed_id: int, *, person_id: int | None = None
    ) -> bool:
        """End a subscription; what still waits because of it is withheld. False when there was none."""
        followed = _one(db, "subscription.channel_id = ? AND feed_id = ?", channel_id, feed_id)
        if followed is None:
            return False
        waiting = [owed for owed, _ in dispatch_cancellation.waiting(db, channel_id, feed_id)]
        dispatch_cancellation.withdraw(db, channel_id, waiting, reason=WithheldFor.UNFOLLOWED)
        db.execute("DELETE FROM subscription WHERE id = ?", (followed.id,))
        _note(db, followed, person_id, _state(followed), None)
        return True

    @writes
    def move(
        self, db: Connection, subscription_id: int, channel_id: int, *, person_id: int | None = None
    ) -> Subscription | None:
        """Let another channel of the same server follow the feed instead; what waits moves along.

        What joined a post that stays is told there, with its story.
        When that channel follows the feed already, its own subscription stays and is the one returned. None
        when there is no such subscription. Raises `StoreError` for a channel of another server.
        """
        moved = _one(db, "subscription.id = ?", subscription_id)
        if moved is None or moved.channel_id == channel_id:
            return moved
        need_channel(db, channel_id, server_id=moved.server_id)
        waiting = [
            (owed, kind)
            for owed, kind in dispatch_cancellation.waiting(db, moved.channel_id, moved.feed_id)
            if kind != dispatch_cancellation.JOINED
        ]
        followed = _one(db, "subscription.channel_id = ? AND feed_id = ?", channel_id, moved.feed_id)
        db.execute(
            "UPDATE subscription SET channel_id = ? WHERE id = ?"
            if followed is None
            else "DELETE FROM subscription WHERE channel_id <> ? AND id = ?",
            (channel_id, subscription_id),
        )
        dispatch_cancellation.withdraw(db, moved.channel_id, [owed for owed, _ in waiting], reason=None)
        if followed is not None:
            # What its own filters keep out there stays out.
            out = dispatch_rows.filtered(db, channel_id, [owed for owed, _ in waiting])
            waiting = [(owed, kind) for owed, kind in waiting if owed.page not in out]
        posts = [owed for owed, kind in waiting if kind == "post"]
        dispatch_rows.owe(db, channel_id, posts, limit=dispatch_rows.ALL)
        rest = [owed for owed, kind in waiting if kind != "post"]
        dispatch_rows.owe_together(db, channel_id, rest)
        there = _one(db, "subscription.channel_id = ? AND feed_id = ?", channel_id, moved.feed_id)
        assert there is not None
        old, new = str(moved.channel_id), str(channel_id)
        _note(db, there, person_id, old, new, setting=Setting.CHANNEL)
        return there

    @writes
    def pause(self, db: Connection, subscription_id: int, *, person_id: int | None = None) -> bool:
        """Post nothing until resumed; what waits is withheld. False when it was paused or is not there."""
        paused = _one(db, "subscription.id = ?", subscription_id)
        if paused is None or paused.paused is not None:
            return False
        waiting = [owed for owed, _ in dispatch_cancellation.waiting(db, paused.channel_id, paused.feed_id)]
        dispatch_cancellation.withdraw(db, paused.channel_id, waiting, reason=WithheldFor.PAUSED)
        db.execute("UPDATE subscription SET paused = ? WHERE id = ?", (db.now, subscription_id))
        _note(db, paused, person_id, SubscriptionState.FOLLOWED, SubscriptionState.PAUSED)
        return True

    @writes
    def resume(self, db: Connection, subscription_id: int, *, person_id: int | None = None) -> bool:
        """End a pause; what came meanwhile stays unposted. False when it was not paused or is not there."""
        paused = _one(db, "subscription.id = ?", subscription_id)
        if paused is None or paused.paused is None:
            return False
        db.execute(
            "UPDATE subscription SET paused = NULL, resumed = ?, resumed_from = 'paused' WHERE id = ?",
            (db.now, subscription_id),
        )
        _note(db, paused, person_id, SubscriptionState.PAUSED, SubscriptionState.FOLLOWED)
        return True

    @writes
    def set_look(self, db: Connection, subscription_id: int, chosen: Look | None, *, person_id: int) -> bool:
        """Choose how what is posted from now on looks (None: as the server has it); False when it is gone."""
        changed = _one(db, "subscription.id = ?", subscription_id)
        if changed is None:
            return False
        old, new = (None if one is None else str(one) for one in (changed.look, chosen))
        db.execute("UPDATE subscription SET look = ? WHERE id = ?", (new, subscription_id))
        _note(db, changed, person_id, old, new, setting=Setting.LOOK)
        return True

    async def get(self, subscription_id: int) -> Subscription | None:
        """The subscription, or None."""
        return await self._one(subscription, f"{_FIND} subscription.id = ?", (subscription_id,))

    async def find(self, channel_id: int, feed_id: int) -> Subscription | None:
        """The subscription of a channel to a feed, or None."""
        return await self._one(
            subscription, f"{_FIND} subscription.channel_id = ? AND feed_id = ?", (channel_id, feed_id)
        )

    @reads
    def in_server(self, db: Connection, server_id: int) -> list[tuple[Subscription, Feed]]:
        """A server's subscriptions with their feeds, by outlet and title."""
        subscriptions = db.rows(f"{_FIND} channel.server_id = ? ORDER BY subscription.id", (server_id,))
        feeds = {
            row["id"]: feed(row)
            for row in db.execute(
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
        return await self._set(
            "SELECT DISTINCT feed_id FROM subscription WHERE channel_id IN (SELECT value FROM json_each(?))",
            (listed(channel_ids),),
        )

    async def channels(self, server_id: int) -> set[int]:
        """The channels of a server that follow a feed."""
        return await self._set(
            f"SELECT DISTINCT subscription.channel_id {FROM} WHERE channel.server_id = ?", (server_id,)
        )

    async def servers_of_feed(self, feed_id: int) -> set[int]:
        """The servers in which a channel follows a feed, those left included."""
        return await self._set(f"SELECT DISTINCT channel.server_id {FROM} WHERE feed_id = ?", (feed_id,))

    async def count(self, server_id: int) -> int:
        """How many different feeds a server follows."""
        return await self._number(
            f"SELECT count(DISTINCT feed_id) {FROM} WHERE channel.server_id = ?", (server_id,)
        )


def _one(db: Connection, condition: str, *values: int) -> Subscription | None:
    return db.one(subscription, f"{_FIND} {condition}", values)


def _note(
    db: Connection,
    changed: Subscription,
    person_id: int | None,
    old: str | None,
    new: str | None,
    *,
    setting: Setting = Setting.SUBSCRIPTION,
) -> None:
    place = {"channel_id": changed.channel_id, "feed_id": changed.feed_id}
    setting_changes.note(db, changed.server_id, person_id, setting, old, new, **place)


def _state(followed: Subscription) -> SubscriptionState:
    return SubscriptionState.FOLLOWED if followed.paused is None else SubscriptionState.PAUSED
