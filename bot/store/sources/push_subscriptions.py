"""Repository of WebSub subscriptions, at most one per feed."""

from bot.store.connection import Connection
from bot.store.records.source_records import PushSubscription
from bot.store.repository import Repository, writes
from bot.store.sources.feeds import FOLLOWED

_COLUMNS = PushSubscription._fields
_FIND = f"SELECT {', '.join(_COLUMNS)} FROM push_subscription"


class PushSubscriptions(Repository):
    """WebSub subscriptions. Methods raise StoreError."""

    async def all(self) -> list[PushSubscription]:
        """List all subscriptions."""
        return await self._objects(PushSubscription._make, _FIND)

    async def of_token(self, token: str) -> PushSubscription | None:
        """Return the subscription whose callback URL contains a token, or None."""
        return await self._one(PushSubscription._make, f"{_FIND} WHERE token = ?", (token,))

    async def unfollowed(self) -> list[int]:
        """List the ids of subscribed feeds that nobody follows any more."""
        return await self._column(
            f"SELECT feed_id FROM push_subscription JOIN feed ON feed.id = feed_id WHERE NOT {FOLLOWED}"
        )

    @writes
    def write(self, db: Connection, subscription: PushSubscription) -> None:
        """Insert or replace the subscription of a feed; does nothing if the feed is gone."""
        marks = ", ".join("?" * len(_COLUMNS))
        db.execute("DELETE FROM push_subscription WHERE feed_id = ?", (subscription.feed_id,))
        db.execute(
            f"INSERT INTO push_subscription ({', '.join(_COLUMNS)}) SELECT {marks} "
            "WHERE EXISTS (SELECT 1 FROM feed WHERE id = ?)",
            (*subscription, subscription.feed_id),
        )

    @writes
    def remove(self, db: Connection, feed_id: int) -> None:
        """Delete the subscription of a feed."""
        db.execute("DELETE FROM push_subscription WHERE feed_id = ?", (feed_id,))
