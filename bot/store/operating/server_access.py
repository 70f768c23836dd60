"""Repositories of the servers as the operator sees them: names, access, and limits of their own."""

from collections.abc import Collection, Mapping
from typing import Any

from bot.core.audit_actions import AuditAction
from bot.core.limits import Limit
from bot.core.preferences import ServerPolicy
from bot.store import meta
from bot.store.connection import NO_LIMIT, Connection
from bot.store.operating.audit_log import record_audit_entry
from bot.store.processes import ShardedRepository
from bot.store.records.operating_records import POST_COUNT_DAYS, ServerOrder, ServerOverview
from bot.store.repository import Repository, read_transaction, write_transaction


class ServerLimits(Repository):
    """Repository of limits, such as on feeds, set for single servers, also ones that the bot is not in.

    Methods raise StoreError.
    """

    @read_transaction
    def load_by_server(self, db: Connection, server_id: int) -> dict[Limit, int]:
        """Return the limits, such as on feeds, set for one server, except limits that only a newer Telex knows."""
        rows = db.fetch_rows(
            "SELECT name, maximum FROM server_limit WHERE server_id = :server_id AND name IN (:names)",
            {"server_id": server_id, "names": [limit.value for limit in Limit]},
        )
        return {Limit(name): maximum for name, maximum in rows}

    @write_transaction
    def set_limits(
        self, db: Connection, server_id: int, max_count_by_limit: Mapping[Limit, int | None], *, user_id: int | None
    ) -> None:
        """Set limits, such as on feeds, of one server, and record that in the audit log.

        None restores the limit in the settings for all servers.

        `user_id` is None for an operator in the terminal.
        """
        for limit, max_count in max_count_by_limit.items():
            db.execute("DELETE FROM server_limit WHERE server_id = ? AND name = ?", (server_id, limit))
            if max_count is not None:
                db.execute(
                    "INSERT INTO server_limit (server_id, name, maximum) VALUES (?, ?, ?)",
                    (server_id, limit, max_count),
                )
        limits_text = " ".join(
            f"{limit.removesuffix('_per_server')}={'default' if max_count is None else max_count}"
            for limit, max_count in max_count_by_limit.items()
        )
        record_audit_entry(
            db,
            AuditAction.SERVER_LIMITS_SET,
            user_id=user_id,
            server_id=server_id,
            details={"limits": limits_text},
        )


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


_ALLOW_LIST_KEY = "allow-list"
"""Name of the row of the table `meta` that exists while only servers on the allow-list may use the bot."""


class ServerAccess(ShardedRepository):
    """Repository of the servers that are blocked or allowed. Methods raise StoreError.

    `user_id` is the operator who decides, or None in the terminal. Decisions are recorded in the audit log.
    """

    @write_transaction
    def change(self, db: Connection, server_id: int, *, is_allowed: bool, user_id: int | None) -> bool:
        """Allow or block a server, also one that the bot is not in; return False if it was so already.

        To allow a server also cancels a request to leave it, unless its data is to be erased.
        """
        changed_count = db.execute_rowcount(
            "INSERT INTO server_access (server_id, is_allowed, changed_at) VALUES (:server_id, :is_allowed, :now) "
            "ON CONFLICT (server_id) DO UPDATE SET is_allowed = :is_allowed, changed_at = :now "
            "WHERE server_access.is_allowed <> :is_allowed",
            {"server_id": server_id, "is_allowed": int(is_allowed), "now": db.now},
        )
        if is_allowed:
            changed_count += db.execute_rowcount(
                "UPDATE server SET leave_requested_at = NULL "
                "WHERE id = ? AND leave_requested_at IS NOT NULL AND erasure_requested_at IS NULL",
                (server_id,),
            )
        if changed_count:
            action = AuditAction.SERVER_ALLOWED if is_allowed else AuditAction.SERVER_BLOCKED
            record_audit_entry(db, action, user_id=user_id, server_id=server_id)
        return changed_count > 0

    @write_transaction
    def request_leave(self, db: Connection, server_id: int, *, user_id: int | None) -> bool:
        """Have the bot leave a server; return False if it is not in the server or is about to leave."""
        changed_count = db.execute_rowcount(
            "UPDATE server SET leave_requested_at = ? WHERE id = ? AND left_at IS NULL AND leave_requested_at IS NULL",
            (db.now, server_id),
        )
        if changed_count:
            record_audit_entry(db, AuditAction.SERVER_LEAVE_REQUESTED, user_id=user_id, server_id=server_id)
        return changed_count > 0

    async def load_denied_server_ids(self, policy: ServerPolicy, owner_server_id: int | None) -> set[int]:
        """Return the ids of the servers of this process's shards that the bot is in and has to leave.

        They include servers whose data is to be erased, and never the operator's own server. When the policy becomes
        `ALLOWED` (only servers on the allow-list may use the bot), the servers that the bot is in are put on that
        list, so that none is left by surprise.
        """
        is_list_in_use = await self._fetch_value("SELECT 1 FROM meta WHERE name = ?", (_ALLOW_LIST_KEY,)) is not None
        if is_list_in_use != (policy is ServerPolicy.ALLOWED):
            await self._database.transact(_end_allow_list if is_list_in_use else _start_allow_list)
        return await self._fetch_set(
            "SELECT id FROM server LEFT JOIN server_access ON server_access.server_id = server.id "
            "WHERE left_at IS NULL AND id <> :owner_server_id "
            f"AND {self._shards.build_served_condition('server.id')} AND (leave_requested_at IS NOT NULL "
            "OR erasure_requested_at IS NOT NULL OR coalesce(is_allowed, :default) = 0)",
            {"owner_server_id": owner_server_id or 0, "default": int(policy is ServerPolicy.ALL)},
        )


def _start_allow_list(db: Connection) -> None:
    """Put the servers that the bot is in on the allow-list, unless another process has just done so."""
    if db.fetch_row("SELECT 1 FROM meta WHERE name = ?", (_ALLOW_LIST_KEY,)) is not None:
        return
    meta.set_text(db, _ALLOW_LIST_KEY, str(db.now))
    allowed_count = db.execute_rowcount(
        "INSERT INTO server_access (server_id, is_allowed, changed_at) "
        "SELECT id, 1, ? FROM server WHERE left_at IS NULL ON CONFLICT (server_id) DO NOTHING",
        (db.now,),
    )
    if allowed_count:
        record_audit_entry(db, AuditAction.ALLOW_LIST_STARTED, user_id=None, details={"count": allowed_count})


def _end_allow_list(db: Connection) -> None:
    db.execute("DELETE FROM meta WHERE name = ?", (_ALLOW_LIST_KEY,))
