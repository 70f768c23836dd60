"""Repository of WebSub subscriptions, by which hubs push new documents of feeds; at most one per feed."""

from bot.store.connection import Connection
from bot.store.records.source_records import PushSubscription
from bot.store.repository import Repository, write_transaction
from bot.store.sources.feeds import IS_FOLLOWED_SQL

_COLUMN_NAMES = PushSubscription._fields
_SELECT_SQL = f"SELECT {', '.join(_COLUMN_NAMES)} FROM push_subscription"


class PushSubscriptions(Repository):
    """Repository of WebSub subscriptions. Methods raise StoreError."""

    async def list_all(self) -> list[PushSubscription]:
        """List all WebSub subscriptions."""
        return await self._fetch_objects(PushSubscription._make, _SELECT_SQL)

    async def get_by_token(self, token: str) -> PushSubscription | None:
        """Return the WebSub subscription whose callback URL contains a token, or None if there is none."""
        return await self._fetch_object(PushSubscription._make, f"{_SELECT_SQL} WHERE token = ?", (token,))

    async def list_unfollowed_feed_ids(self) -> list[int]:
        """List the ids of feeds with a WebSub subscription that are blocked or without an unpaused follower."""
        return await self._fetch_column(
            f"SELECT feed_id FROM push_subscription JOIN feed ON feed.id = feed_id "
            f"WHERE NOT {IS_FOLLOWED_SQL} OR blocked_since IS NOT NULL"
        )

    @write_transaction
    def save(self, db: Connection, subscription: PushSubscription) -> None:
        """Insert or replace the WebSub subscription of a feed; do nothing if the feed is not stored."""
        placeholders = ", ".join("?" * len(_COLUMN_NAMES))
        db.execute("DELETE FROM push_subscription WHERE feed_id = ?", (subscription.feed_id,))
        db.execute(
            f"INSERT INTO push_subscription ({', '.join(_COLUMN_NAMES)}) SELECT {placeholders} "
            "WHERE EXISTS (SELECT 1 FROM feed WHERE id = ?)",
            (*subscription, subscription.feed_id),
        )

    @write_transaction
    def remove(self, db: Connection, feed_id: int) -> None:
        """Delete the WebSub subscription of a feed."""
        db.execute("DELETE FROM push_subscription WHERE feed_id = ?", (feed_id,))
