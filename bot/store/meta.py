"""Named texts about the database and the bot's own state."""

from bot.store.connection import Connection
from bot.store.repository import Repository, write_transaction

RESTORED_KEY = "restored"
"""Name of the text that marks a database restored from a backup."""
MOVED_AT_KEY = "moved_at"
"""Name of the time at which a database was moved, in seconds of UTC; later posts are unknown to it."""
RESTORED_ID_GAP = 1_000_000
"""Ids of watches and digests skipped after a restore: more than are created between backup and restore."""


class Meta(Repository):
    """Repository of named texts."""

    async def get(self, name: str) -> str | None:
        """Return the text of a name, or None if there is none."""
        return await self._fetch_value("SELECT value FROM meta WHERE name = ?", (name,))

    @write_transaction
    def set(self, db: Connection, name: str, text: str | None) -> None:
        """Store a text under a name; None deletes it."""
        if text is None:
            db.execute("DELETE FROM meta WHERE name = ?", (name,))
        else:
            set_text(db, name, text)


def set_text(db: Connection, name: str, text: str) -> None:
    """Store a text under a name."""
    db.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, text),
    )
