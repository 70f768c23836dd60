"""Repository of limits, such as on feeds, that an operator sets for single servers in place of the settings."""

from collections.abc import Mapping

from bot.core.audit_actions import AuditAction
from bot.core.limits import Limit
from bot.store.connection import Connection
from bot.store.operating.audit_log import record_audit_entry
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
