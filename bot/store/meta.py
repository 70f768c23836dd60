"""Repositories of named texts (the table `meta`), and of the maintenance mode, which is one of them."""

from bot.core.audit_actions import AuditAction
from bot.store.connection import Connection
from bot.store.operating.audit_log import record_audit_entry
from bot.store.records.operating_records import MaintenancePeriod
from bot.store.repository import Repository, write_transaction

RESTORED_KEY = "restored"
"""Name of the text, in the table `meta`, that marks a database as restored from a backup."""
MOVED_AT_KEY = "moved_at"
"""Name of the text, in the table `meta`, with the Unix time in seconds at which the database was moved.

Posts sent after that time are missing from the database.
"""
NEVER_REUSED_ID_TABLES = ("watch", "digest", "story_mute", "proposal", "proposer", "notice")
"""Tables whose ids are never reused: Discord knows them as parts of buttons and of message nonces."""
RESTORED_ID_GAP = 1_000_000
"""Number of ids that are skipped after a restore in each table whose ids are never reused.

It exceeds the number of rows that are inserted between a backup and its restoration.
"""


class Meta(Repository):
    """Repository of named texts: facts about the database and the bot's own state."""

    async def get(self, name: str) -> str | None:
        """Return the text stored under a name, or None if there is none."""
        return await self._fetch_value("SELECT value FROM meta WHERE name = ?", (name,))

    @write_transaction
    def set(self, db: Connection, name: str, text: str | None) -> None:
        """Store a text under a name; if the text is None, delete the stored one."""
        if text is None:
            db.execute("DELETE FROM meta WHERE name = ?", (name,))
        else:
            set_text(db, name, text)


def set_text(db: Connection, name: str, text: str) -> None:
    """Store a text in the table `meta` under a name."""
    db.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, text),
    )


def build_next_id_sql(table: str) -> str:
    """Return a query for the next id of a table that numbers its rows itself: above all ids, also reserved ones."""
    return (
        f"SELECT max(id) + 1 FROM (SELECT max(id) AS id FROM {table} UNION ALL SELECT CAST(value AS BIGINT) FROM meta "
        f"WHERE name = 'last {table} id' UNION ALL SELECT 0) AS used_id"
    )


def reserve_ids(db: Connection, table: str) -> None:
    """Reserve the ids that a table has assigned, before rows are deleted: no other row must get one of them.

    Polls in progress, buttons in Discord and other processes may still refer to a deleted row.
    """
    set_text(db, f"last {table} id", str(db.fetch_value(build_next_id_sql(table)) - 1))


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
        set_text(db, _META_NAME, f"{since} {db.now + expected_seconds if expected_seconds else 0}")
        record_audit_entry(db, AuditAction.MAINTENANCE_ON, user_id=user_id)

    @write_transaction
    def turn_off(self, db: Connection, *, user_id: int | None) -> bool:
        """Turn the maintenance mode off, and return whether it was on; `user_id` is None in the terminal."""
        was_on = db.execute_rowcount("DELETE FROM meta WHERE name = ?", (_META_NAME,)) > 0
        if was_on:
            record_audit_entry(db, AuditAction.MAINTENANCE_OFF, user_id=user_id)
        return was_on
