"""Repository of subscriptions: which channel follows which feed."""

from collections.abc import Collection

from bot.core.models import Feed, Subscription
from bot.core.preferences import PostLook, SettingKind, SubscriptionState
from bot.store.connection import Connection
from bot.store.outbox import dispatch_cancellation, outbox_writes
from bot.store.outbox.outbox_writes import PendingArticle
from bot.store.records.outbox_records import WithheldReason
from bot.store.repository import Repository, reads, writes
from bot.store.row_mapping import FEED, SUBSCRIPTION, feed_from_row, subscription_from_row, to_json_array
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_channel
from bot.store.store_errors import StoreError

FROM = "FROM subscription JOIN channel ON channel.id = subscription.channel_id"
"""FROM clause of subscriptions with their channels."""
_FIND = f"SELECT {SUBSCRIPTION} {FROM} WHERE"


class Subscriptions(Repository):
    """Subscriptions. Articles remain when nobody follows their feed; changes with a `user_id` are logged.

    Methods raise StoreError.
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
        skip_backlog: bool = False,
        person_id: int | None = None,
    ) -> tuple[Subscription, bool]:
        """Follow a feed in a channel; return the subscription, and whether it is new.

        A new one enqueues `first_article_id`. With `skip_backlog`, for many feeds at once, articles of the
        feed's first poll are not posted. Raises StoreError if the feed is missing or another server's.
        """
        owner = db.row("SELECT server_id, last_success FROM feed WHERE id = ?", (feed_id,))
        if owner is None or owner["server_id"] not in {0, server_id}:
            raise StoreError("This feed is not there for this server.")
        ensure_channel(db, channel_id, server_id=server_id)
        created = db.execute_rowcount(
            "INSERT INTO subscription (channel_id, feed_id, added) VALUES (?, ?, ?) "
            "ON CONFLICT (channel_id, feed_id) DO NOTHING",
            (channel_id, feed_id, db.now),
        )
        # Skipping the backlog of an unpolled feed is handled like a pause that ends now.
        if created and skip_backlog and owner["last_success"] is None:
            db.execute(
                "UPDATE subscription SET resumed = ?, resumed_from = 'paused' "
                "WHERE channel_id = ? AND feed_id = ?",
                (db.now, channel_id, feed_id),
            )
        followed = _one(db, "subscription.channel_id = ? AND feed_id = ?", channel_id, feed_id)
        assert followed is not None
        if created:
            _note(db, followed, person_id, None, SubscriptionState.ACTIVE)
        article = db.row("SELECT id, key, page, published FROM article WHERE id = ?", (first_article_id,))
        if created and article is not None:
            # An article that was withheld from an earlier subscription may be posted now.
            db.execute(
                "DELETE FROM fate WHERE channel_id = ? AND page = ? AND fate = 'withheld'",
                (channel_id, article["page"]),
            )
            outbox_writes.enqueue(db, channel_id, [PendingArticle(*article)], limit=outbox_writes.UNLIMITED)
        return followed, created > 0

    @writes
    def unfollow(
        self, db: Connection, channel_id: int, feed_id: int, *, person_id: int | None = None
    ) -> bool:
        """End a subscription and withhold what is pending through it; return whether it existed."""
        followed = _one(db, "subscription.channel_id = ? AND feed_id = ?", channel_id, feed_id)
        if followed is None:
            return False
        waiting = [owed for owed, _ in dispatch_cancellation.pending_articles(db, channel_id, feed_id)]
        dispatch_cancellation.withdraw(db, channel_id, waiting, reason=WithheldReason.UNFOLLOWED)
        db.execute("DELETE FROM subscription WHERE id = ?", (followed.id,))
        _note(db, followed, person_id, _state(followed), None)
        return True

    @writes
    def move(
        self, db: Connection, subscription_id: int, channel_id: int, *, person_id: int | None = None
    ) -> Subscription | None:
        """Move a subscription, with its pending articles, to another channel of the server; return it.

        Articles that joined a post stay with it. If the channel follows the feed already, its own
        subscription remains and is returned. None if there is no such subscription. Raises StoreError for
        another server's channel.
        """
        moved = _one(db, "subscription.id = ?", subscription_id)
        if moved is None or moved.channel_id == channel_id:
            return moved
        ensure_channel(db, channel_id, server_id=moved.server_id)
        waiting = [
            (owed, kind)
            for owed, kind in dispatch_cancellation.pending_articles(db, moved.channel_id, moved.feed_id)
            if kind != dispatch_cancellation.KIND_JOIND
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
            # Filters of the other subscription keep applying.
            out = outbox_writes.filtered_page_keys(db, channel_id, [owed for owed, _ in waiting])
            waiting = [(owed, kind) for owed, kind in waiting if owed.page not in out]
        posts = [owed for owed, kind in waiting if kind == "post"]
        outbox_writes.enqueue(db, channel_id, posts, limit=outbox_writes.UNLIMITED)
        rest = [owed for owed, kind in waiting if kind != "post"]
        outbox_writes.enqueue_as_catch_up(db, channel_id, rest)
        there = _one(db, "subscription.channel_id = ? AND feed_id = ?", channel_id, moved.feed_id)
        assert there is not None
        old, new = str(moved.channel_id), str(channel_id)
        _note(db, there, person_id, old, new, setting=SettingKind.CHANNEL)
        return there

    @writes
    def pause(self, db: Connection, subscription_id: int, *, person_id: int | None = None) -> bool:
        """Pause a subscription and withhold what is pending; return False if paused already or missing."""
        paused = _one(db, "subscription.id = ?", subscription_id)
        if paused is None or paused.paused_at is not None:
            return False
        waiting = [
            owed for owed, _ in dispatch_cancellation.pending_articles(db, paused.channel_id, paused.feed_id)
        ]
        dispatch_cancellation.withdraw(db, paused.channel_id, waiting, reason=WithheldReason.PAUSED)
        db.execute("UPDATE subscription SET paused = ? WHERE id = ?", (db.now, subscription_id))
        _note(db, paused, person_id, SubscriptionState.ACTIVE, SubscriptionState.PAUSED)
        return True

    @writes
    def resume(self, db: Connection, subscription_id: int, *, person_id: int | None = None) -> bool:
        """Resume a subscription, skipping what came meanwhile; return False if not paused or missing."""
        paused = _one(db, "subscription.id = ?", subscription_id)
        if paused is None or paused.paused_at is None:
            return False
        db.execute(
            "UPDATE subscription SET paused = NULL, resumed = ?, resumed_from = 'paused' WHERE id = ?",
            (db.now, subscription_id),
        )
        _note(db, paused, person_id, SubscriptionState.PAUSED, SubscriptionState.ACTIVE)
        return True

    @writes
    def set_look(
        self, db: Connection, subscription_id: int, chosen: PostLook | None, *, person_id: int
    ) -> bool:
        """Set how later posts look (None: as the server's); return False if the subscription is missing."""
        changed = _one(db, "subscription.id = ?", subscription_id)
        if changed is None:
            return False
        old, new = (None if one is None else str(one) for one in (changed.look, chosen))
        db.execute("UPDATE subscription SET look = ? WHERE id = ?", (new, subscription_id))
        _note(db, changed, person_id, old, new, setting=SettingKind.LOOK)
        return True

    async def get(self, subscription_id: int) -> Subscription | None:
        """Return the subscription with an id, or None."""
        return await self._one(subscription_from_row, f"{_FIND} subscription.id = ?", (subscription_id,))

    async def find(self, channel_id: int, feed_id: int) -> Subscription | None:
        """Return the subscription of a channel to a feed, or None."""
        return await self._one(
            subscription_from_row,
            f"{_FIND} subscription.channel_id = ? AND feed_id = ?",
            (channel_id, feed_id),
        )

    @reads
    def list_with_feeds(self, db: Connection, server_id: int) -> list[tuple[Subscription, Feed]]:
        """List a server's subscriptions with their feeds, by outlet and title."""
        subscriptions = db.rows(f"{_FIND} channel.server_id = ? ORDER BY subscription.id", (server_id,))
        feeds = {
            row["id"]: feed_from_row(row)
            for row in db.execute(
                f"SELECT {FEED} FROM feed WHERE id IN (SELECT value FROM json_each(?))",
                (to_json_array([row["feed_id"] for row in subscriptions]),),
            )
        }
        pairs = [(subscription_from_row(row), feeds[row["feed_id"]]) for row in subscriptions]
        return sorted(pairs, key=lambda pair: (pair[1].outlet.casefold(), pair[1].title.casefold()))

    async def of_feed(self, feed_id: int) -> list[Subscription]:
        """List the subscriptions to a feed, in servers that the bot is in."""
        return await self._objects(
            subscription_from_row,
            f"SELECT {SUBSCRIPTION} {FROM} JOIN server ON server.id = channel.server_id "
            "WHERE feed_id = ? AND server.left IS NULL ORDER BY subscription.id",
            (feed_id,),
        )

    async def feed_ids(self, channel_ids: Collection[int]) -> set[int]:
        """Return the ids of feeds that any of these channels follows."""
        return await self._set(
            "SELECT DISTINCT feed_id FROM subscription WHERE channel_id IN (SELECT value FROM json_each(?))",
            (to_json_array(channel_ids),),
        )

    async def channels(self, server_id: int) -> set[int]:
        """Return the ids of a server's channels that follow a feed."""
        return await self._set(
            f"SELECT DISTINCT subscription.channel_id {FROM} WHERE channel.server_id = ?", (server_id,)
        )

    async def servers_of_feed(self, feed_id: int) -> set[int]:
        """Return the ids of servers that follow a feed, including those the bot left."""
        return await self._set(f"SELECT DISTINCT channel.server_id {FROM} WHERE feed_id = ?", (feed_id,))

    async def count(self, server_id: int) -> int:
        """Count the distinct feeds that a server follows."""
        return await self._number(
            f"SELECT count(DISTINCT feed_id) {FROM} WHERE channel.server_id = ?", (server_id,)
        )


def _one(db: Connection, condition: str, *values: int) -> Subscription | None:
    return db.object_or_none(subscription_from_row, f"{_FIND} {condition}", values)


def _note(
    db: Connection,
    changed: Subscription,
    person_id: int | None,
    old: str | None,
    new: str | None,
    *,
    setting: SettingKind = SettingKind.SUBSCRIPTION,
) -> None:
    place = {"channel_id": changed.channel_id, "feed_id": changed.feed_id}
    setting_changes.log_change(db, changed.server_id, person_id, setting, old, new, **place)


def _state(followed: Subscription) -> SubscriptionState:
    return SubscriptionState.ACTIVE if followed.paused_at is None else SubscriptionState.PAUSED
