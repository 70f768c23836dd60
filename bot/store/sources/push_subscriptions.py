"""Subscriptions at hubs, which push what feeds publish; each feed has at most one."""

from __future__ import annotations

from bot.store.connection import Connection
from bot.store.records.source_records import PushSubscription
from bot.store.repository import Repository, writes
from bot.store.sources.feeds import FOLLOWED

_COLUMNS = PushSubscription._fields


class PushSubscriptions(Repository):
    """What was agreed with hubs."""

    async def all(self) -> list[PushSubscription]:
        """All of them."""
        rows = await self._rows(f"SELECT {', '.join(_COLUMNS)} FROM push_subscription")
        return [PushSubscription._make(row) for row in rows]

    async def of_token(self, token: str) -> PushSubscription | None:
        """The one whose hub calls an address with this token, or None."""
        row = await self._row(
            f"SELECT {', '.join(_COLUMNS)} FROM push_subscription WHERE token = ?", (token,)
        )
        return None if row is None else PushSubscription._make(row)

    async def unfollowed(self) -> list[int]:
        """The feeds of those that nobody follows any more."""
        return await self._column(
            f"SELECT feed_id FROM push_subscription JOIN feed ON feed.id = feed_id WHERE NOT {FOLLOWED}"
        )

    @writes
    def write(self, connection: Connection, subscription: PushSubscription) -> None:
        """Keep one as it is now, instead of any that its feed had. Nothing where the feed is gone."""
        marks = ", ".join("?" * len(_COLUMNS))
        connection.execute("DELETE FROM push_subscription WHERE feed_id = ?", (subscription.feed_id,))
        connection.execute(
            f"INSERT INTO push_subscription ({', '.join(_COLUMNS)}) SELECT {marks} "
            "WHERE EXISTS (SELECT 1 FROM feed WHERE id = ?)",
            (*subscription, subscription.feed_id),
        )

    @writes
    def remove(self, connection: Connection, feed_id: int) -> None:
        """Forget the one of a feed."""
        connection.execute("DELETE FROM push_subscription WHERE feed_id = ?", (feed_id,))
