"""Repository of the servers as an operator sees them, and of the decisions which of them may use the bot."""

from collections.abc import Collection
from typing import Any

from bot.store.connection import NO_LIMIT, Connection
from bot.store.records.operating_records import POST_COUNT_DAYS, ServerOrder, ServerOverview
from bot.store.repository import Repository, read_transaction

_DAY_SECONDS = 86_400


_ORDER_SQL_BY_ORDER = {
    ServerOrder.MEMBERS: "coalesce(server.member_count, 0) DESC",
    ServerOrder.NAME: "lower(coalesce(server.name, ''))",
    ServerOrder.LAST_USE: "coalesce(server.last_used_at, 0) DESC",
    ServerOrder.NEWEST: "server.joined_at DESC",
}


class ServerDirectory(Repository):
    """Repository of the servers that the bot is in, for an operator. Methods raise StoreError."""

    @read_transaction
    def list_overviews(
        self,
        db: Connection,
        *,
        order: ServerOrder = ServerOrder.MEMBERS,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[ServerOverview]:
        """List the servers that the bot is in, in the given order."""
        rows = db.fetch_rows(
            "SELECT server.id, name, member_count, joined_at, last_used_at, is_allowed, "
            "leave_requested_at IS NOT NULL AS is_leaving FROM server "
            "LEFT JOIN server_access ON server_access.server_id = server.id WHERE left_at IS NULL "
            f"ORDER BY {_ORDER_SQL_BY_ORDER[order]}, server.id LIMIT :limit OFFSET :offset",
            {"limit": NO_LIMIT if limit is None else limit, "offset": offset},
        )
        return _add_counts(db, rows)


def _add_counts(db: Connection, server_rows: Collection[Any]) -> list[ServerOverview]:
    """Return overviews of servers with the numbers of their feeds and posts."""
    parameters = {
        "server_ids": [row["id"] for row in server_rows],
        "since": db.now - POST_COUNT_DAYS * _DAY_SECONDS,
    }
    feed_count_by_server_id = dict(
        db.fetch_rows(
            "SELECT channel.server_id, count(DISTINCT feed_id) FROM channel "
            "JOIN subscription ON subscription.channel_id = channel.id "
            "WHERE channel.server_id IN (:server_ids) GROUP BY channel.server_id",
            parameters,
        )
    )
    post_count_by_server_id = dict(
        db.fetch_rows(
            "SELECT channel.server_id, count(*) FROM channel JOIN dispatch ON dispatch.channel_id = channel.id "
            "WHERE channel.server_id IN (:server_ids) AND sent_at >= :since GROUP BY channel.server_id",
            parameters,
        )
    )
    return [
        ServerOverview(
            row["id"],
            row["name"],
            row["member_count"],
            row["joined_at"],
            row["last_used_at"],
            None if row["is_allowed"] is None else bool(row["is_allowed"]),
            bool(row["is_leaving"]),
            feed_count_by_server_id.get(row["id"], 0),
            post_count_by_server_id.get(row["id"], 0),
        )
        for row in server_rows
    ]
