"""Repository of the decisions which servers may use the bot, and of the servers that it is to leave."""

from bot.core.audit_actions import AuditAction
from bot.core.preferences import ServerPolicy
from bot.store import meta
from bot.store.connection import Connection
from bot.store.coordination.served_shards import ShardedRepository
from bot.store.operating.audit_log import record_audit_entry
from bot.store.repository import write_transaction

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
