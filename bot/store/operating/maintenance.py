"""Repository of the maintenance mode, in which nothing is polled or posted until the operator turns it off."""

from bot.core.audit_actions import AuditAction
from bot.store import meta
from bot.store.connection import Connection
from bot.store.operating.audit_log import record_audit_entry
from bot.store.records.operating_records import MaintenancePeriod
from bot.store.repository import Repository, write_transaction

_META_NAME = "maintenance"
"""Name in the table `meta` for the start and expected end (Unix times in seconds, 0: none) of the maintenance."""


class Maintenance(Repository):
    """Repository of the maintenance mode. Methods raise StoreError; changes are recorded in the audit log."""

    async def get(self) -> MaintenancePeriod | None:
        """Return the current maintenance, or None if there is none."""
        text = await self._fetch_value("SELECT value FROM meta WHERE name = ?", (_META_NAME,))
        if text is None:
            return None
        since, expected_end = map(int, text.split())
        return MaintenancePeriod(since, expected_end or None)

    @write_transaction
    def turn_on(self, db: Connection, *, expected_seconds: int | None, user_id: int | None) -> None:
        """Turn the maintenance mode on, or change how long it is expected to take from now on.

        `expected_seconds` is None if that is unknown, `user_id` is None in the terminal.
        """
        old_text = db.fetch_value("SELECT value FROM meta WHERE name = ?", (_META_NAME,))
        since = db.now if old_text is None else int(old_text.split()[0])
        meta.set_text(db, _META_NAME, f"{since} {db.now + expected_seconds if expected_seconds else 0}")
        record_audit_entry(db, AuditAction.MAINTENANCE_ON, user_id=user_id)

    @write_transaction
    def turn_off(self, db: Connection, *, user_id: int | None) -> bool:
        """Turn the maintenance mode off, and return whether it was on; `user_id` is None in the terminal."""
        was_on = db.execute_rowcount("DELETE FROM meta WHERE name = ?", (_META_NAME,)) > 0
        if was_on:
            record_audit_entry(db, AuditAction.MAINTENANCE_OFF, user_id=user_id)
        return was_on
