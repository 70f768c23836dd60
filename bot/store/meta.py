"""Facts about the database itself and what the bot has to remember of itself, by name."""

from bot.store.connection import Connection
from bot.store.repository import Repository, writes

RESTORED_KEY = "restored"
"""The name of what is set in a database that came out of a backup."""
MOVED_AT = "moved_at"
"""The name of when a database was moved to another, in seconds: it knows nothing that was posted later."""
RESTORED_ID_GAP = 1_000_000
"""More watches and digests than are ever begun between a backup and the day it is needed."""


class Meta(Repository):
    """Texts by name."""

    async def get(self, name: str) -> str | None:
        """The text, or None."""
        return await self._value("SELECT value FROM meta WHERE name = ?", (name,))

    @writes
    def set(self, db: Connection, name: str, value: str | None) -> None:
        """Keep a text; None forgets it."""
        if value is None:
            db.execute("DELETE FROM meta WHERE name = ?", (name,))
        else:
            set_value(db, name, value)


def set_value(db: Connection, name: str, value: str) -> None:
    """Keep a text."""
    db.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
