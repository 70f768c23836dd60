"""Repository of the servers that the bot is in, or that were blocked or allowed, as an operator sees them."""

from collections.abc import Collection
from typing import Any

from bot.store.connection import NO_LIMIT, Connection
from bot.store.records.operating_records import POST_COUNT_DAYS, ServerOrder, ServerOverview
from bot.store.repository import Repository, read_transaction

_DAY_SECONDS = 86_400
_LISTED_SQL = (
    "WITH listed AS (SELECT id FROM server WHERE left_at IS NULL UNION SELECT server_id AS id FROM server_access) "
)
"""WITH clause for `listed`: the ids of the servers that the bot is in, or that were blocked or allowed."""
_ORDER_SQL_BY_ORDER = {
    ServerOrder.MEMBERS: "coalesce(member_count, -1) DESC",
    ServerOrder.NAME: "lower(coalesce(name, ''))",
    ServerOrder.LAST_USE: "coalesce(last_used_at, 0) DESC",
    ServerOrder.NEWEST: "coalesce(joined_at, 0) DESC",
}


class ServerDirectory(Repository):
    """Repository of the servers that the bot is in, or that were blocked or allowed. Methods raise StoreError."""

    async def count(self) -> int:
        """Count the servers that the bot is in, or that were blocked or allowed."""
        return await self._fetch_int(f"{_LISTED_SQL} SELECT count(*) FROM listed")

    @read_transaction
    def list_overviews(
        self,
        db: Connection,
        *,
        order: ServerOrder = ServerOrder.MEMBERS,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ServerOverview]:
        """List the servers in the given order; blocked or allowed ones that the bot is not in come last."""
        return _load_overviews(
            db,
            f"1 = 1 ORDER BY joined_at IS NULL, {_ORDER_SQL_BY_ORDER[order]}, id LIMIT :limit OFFSET :offset",
            {"limit": NO_LIMIT if limit is None else limit, "offset": offset},
        )

    @read_transaction
    def get_overview(self, db: Connection, server_id: int) -> ServerOverview | None:
        """Return the overview of a server, or None if the bot is not in it and it was neither blocked nor allowed."""
        overviews = _load_overviews(db, "id = :server_id", {"server_id": server_id})
        return overviews[0] if overviews else None

    async def find_servers(self, text: str, *, in_names: bool = False) -> list[tuple[int, str | None]]:
        """List the ids and names of the servers whose id or whole name is `text`, whatever its upper and lower case.

        If there are none, `in_names` lists the servers with the text in their names.
        """
        folded_text = text.strip().casefold()
        rows = await self._fetch_rows(
            f"{_LISTED_SQL} SELECT listed.id, name FROM listed LEFT JOIN server ON server.id = listed.id ORDER BY 1"
        )
        servers = [(row["id"], row["name"], (row["name"] or str(row["id"])).casefold()) for row in rows if folded_text]
        return [
            (server_id, name)
            for server_id, name, folded_name in servers
            if folded_text in (str(server_id), folded_name)
        ] or [(server_id, name) for server_id, name, folded_name in servers if in_names and folded_text in folded_name]


def _load_overviews(
    db: Connection, condition_and_order_sql: str, parameters: dict[str, int | None]
) -> list[ServerOverview]:
    """Load overviews of the servers that a condition selects, with the numbers of their feeds and posts."""
    rows = db.fetch_rows(
        f"{_LISTED_SQL} SELECT * FROM (SELECT listed.id, name, member_count, "
        "CASE WHEN left_at IS NULL THEN joined_at END AS joined_at, last_used_at, is_allowed, leave_requested_at "
        "FROM listed LEFT JOIN server ON server.id = listed.id "
        f"LEFT JOIN server_access ON server_access.server_id = listed.id) AS directory WHERE {condition_and_order_sql}",
        parameters,
    )
    feed_counts, post_counts = _count_feeds_and_posts(db, [row["id"] for row in rows])
    return [
        ServerOverview(
            row["id"],
            row["name"],
            row["member_count"],
            row["joined_at"],
            row["last_used_at"],
            None if row["is_allowed"] is None else bool(row["is_allowed"]),
            row["leave_requested_at"] is not None,
            feed_counts.get(row["id"], 0),
            post_counts.get(row["id"], 0),
        )
        for row in rows
    ]


def _count_feeds_and_posts(db: Connection, server_ids: Collection[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the number of feeds, and of messages posted in the last `POST_COUNT_DAYS` days, by server id."""
    parameters: dict[str, Any] = {"server_ids": server_ids, "since": db.now - POST_COUNT_DAYS * _DAY_SECONDS}
    feed_rows = db.fetch_rows(
        "SELECT channel.server_id, count(DISTINCT feed_id) FROM channel "
        "JOIN subscription ON subscription.channel_id = channel.id "
        "WHERE channel.server_id IN (:server_ids) GROUP BY channel.server_id",
        parameters,
    )
    post_rows = db.fetch_rows(
        "SELECT channel.server_id, count(*) FROM channel JOIN dispatch ON dispatch.channel_id = channel.id "
        "WHERE channel.server_id IN (:server_ids) AND sent_at >= :since GROUP BY channel.server_id",
        parameters,
    )
    return dict(feed_rows), dict(post_rows)
