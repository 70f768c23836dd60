"""The audit log: what operators decided for the whole bot, when, and who did so."""

import json
from collections.abc import Mapping
from typing import Any

from bot.core.audit_actions import AuditAction
from bot.core.preferences import OPERATOR_USER_ID
from bot.store.connection import NO_LIMIT, Connection
from bot.store.records.operating_records import AuditEntry
from bot.store.repository import Repository


def record_audit_entry(
    db: Connection,
    action: AuditAction,
    *,
    user_id: int | None,
    server_id: int | None = None,
    details: Mapping[str, str | int] | None = None,
) -> None:
    """Record an action of an operator, in the transaction that carries it out.

    `user_id` is None for an action in the terminal. `details` are the values of the placeholders in
    the sentence that describes the action, by name. Running bots notice the entry within
    `bot.operating.audit_follower.CHECK_SECONDS`.
    """
    db.execute(
        "INSERT INTO audit_entry (recorded_at, action, user_id, server_id, details) VALUES (?, ?, ?, ?, ?)",
        (
            db.now,
            action.value,
            OPERATOR_USER_ID if user_id is None else user_id,
            server_id,
            json.dumps(details or {}, ensure_ascii=False),
        ),
    )


class AuditLog(Repository):
    """Repository of the audit log. Methods raise StoreError."""

    async def list_entries(
        self, *, limit: int | None = None, offset: int = 0, server_id: int | None = None, user_id: int | None = None
    ) -> list[AuditEntry]:
        """List the entries, newest first; with `server_id` about one server, with `user_id` of one operator."""
        return await self._fetch_objects(
            _to_audit_entry,
            "SELECT id, recorded_at, action, user_id, server_id, details FROM audit_entry "
            "WHERE (:server_id IS NULL OR server_id = :server_id) AND (:user_id IS NULL OR user_id = :user_id) "
            "ORDER BY id DESC LIMIT :limit OFFSET :offset",
            {
                "server_id": server_id,
                "user_id": user_id,
                "limit": NO_LIMIT if limit is None else limit,
                "offset": offset,
            },
        )

    async def get_last_entry_id(self) -> int:
        """Return the id of the newest entry, or 0 if there is none."""
        return await self._fetch_int("SELECT coalesce(max(id), 0) FROM audit_entry")


def _to_audit_entry(row: Any) -> AuditEntry:  # noqa: ANN401 - of either engine
    entry_id, recorded_at, action, user_id, server_id, details_json = row
    return AuditEntry(entry_id, recorded_at, action, user_id, server_id, json.loads(details_json))
