"""Subscriptions at hubs, which push what feeds publish; each feed has at most one."""

from __future__ import annotations

from bot.store.ports import Database
from bot.store.records.source_records import PushSubscription
from bot.store.sources.feeds import FOLLOWED

_COLUMNS = PushSubscription._fields


class PushSubscriptions:
    """What was agreed with hubs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[PushSubscription]:
        """All of them."""
        rows = await self._database.fetchall(f"SELECT {', '.join(_COLUMNS)} FROM push_subscription")
        return [PushSubscription._make(row) for row in rows]

    async def of_token(self, token: str) -> PushSubscription | None:
        """The one whose hub calls an address with this token, or None."""
        row = await self._database.fetchone(
            f"SELECT {', '.join(_COLUMNS)} FROM push_subscription WHERE token = ?", (token,)
        )
        return None if row is None else PushSubscription._make(row)

    async def unfollowed(self) -> list[int]:
        """The feeds of those that nobody follows any more."""
        rows = await self._database.fetchall(
            f"SELECT feed_id FROM push_subscription JOIN feed ON feed.id = feed_id WHERE NOT {FOLLOWED}"
        )
        return [row["feed_id"] for row in rows]

    async def write(self, subscription: PushSubscription) -> None:
        """Keep one as it is now, instead of any that its feed had. Nothing where the feed is gone."""
        marks = ", ".join("?" * len(_COLUMNS))
        async with self._database.write() as transaction:
            await transaction.execute(
                "DELETE FROM push_subscription WHERE feed_id = ?", (subscription.feed_id,)
            )
            await transaction.execute(
                f"INSERT INTO push_subscription ({', '.join(_COLUMNS)}) SELECT {marks} "
                "WHERE EXISTS (SELECT 1 FROM feed WHERE id = ?)",
                (*subscription, subscription.feed_id),
            )

    async def remove(self, feed_id: int) -> None:
        """Forget the one of a feed."""
        async with self._database.write() as transaction:
            await transaction.execute("DELETE FROM push_subscription WHERE feed_id = ?", (feed_id,))
