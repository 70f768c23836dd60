"""Facts about the database itself and what the bot has to remember of itself, by name."""

from __future__ import annotations

from bot.store.ports import Database

RESTORED = "restored"
"""The name of what is set in a database that came out of a backup."""
FREE_NUMBERS = 1_000_000
"""More watches and digests than are ever begun between a backup and the day it is needed."""


class Meta:
    """Texts by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> str | None:
        """The text, or None."""
        row = await self._database.fetchone("SELECT value FROM meta WHERE name = ?", (name,))
        return None if row is None else str(row["value"])

    async def set(self, name: str, value: str | None) -> None:
        """Keep a text; None forgets it."""
        async with self._database.write() as transaction:
            if value is None:
                await transaction.execute("DELETE FROM meta WHERE name = ?", (name,))
            else:
                await transaction.execute(
                    "INSERT INTO meta (name, value) VALUES (?, ?) "
                    "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (name, value),
                )
