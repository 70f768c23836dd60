"""Subscriptions at hubs, which push what feeds publish; each feed has at most one."""

from bot.store.connection import Connection
from bot.store.records.source_records import PushSubscription
from bot.store.repository import Repository, writes
from bot.store.sources.feeds import FOLLOWED

_COLUMNS = PushSubscription._fields
_FIND = f"SELECT {', '.join(_COLUMNS)} FROM push_subscription"


class PushSubscriptions(Repository):
    """What was agreed with hubs."""

    async def all(self) -> list[PushSubscription]:
        """All of them."""
        return await self._objects(PushSubscription._make, _FIND)

    async def of_token(self, token: str) -> PushSubscription | None:
        """The one whose hub calls an address with this token, or None."""
        return await self._one(PushSubscription._make, f"{_FIND} WHERE token = ?", (token,))

    async def unfollowed(self) -> list[int]:
        """The feeds of those that nobody follows any more."""
        return await self._column(
            f"SELECT feed_id FROM push_subscription JOIN feed ON feed.id = feed_id WHERE NOT {FOLLOWED}"
        )

    @writes
    def write(self, db: Connection, subscription: PushSubscription) -> None:
        """Keep one as it is now, instead of any that its feed had. Nothing where the feed is gone."""
        marks = ", ".join("?" * len(_COLUMNS))
        db.execute("DELETE FROM push_subscription WHERE feed_id = ?", (subscription.feed_id,))
        db.execute(
            f"INSERT INTO push_subscription ({', '.join(_COLUMNS)}) SELECT {marks} "
            "WHERE EXISTS (SELECT 1 FROM feed WHERE id = ?)",
            (*subscription, subscription.feed_id),
        )

    @writes
    def remove(self, db: Connection, feed_id: int) -> None:
        """Forget the one of a feed."""
        db.execute("DELETE FROM push_subscription WHERE feed_id = ?", (feed_id,))
