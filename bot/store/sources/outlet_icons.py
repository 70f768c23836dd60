"""Icons of outlets that were fetched; their pictures are emoji of the application, which Discord keeps."""

from __future__ import annotations

from collections.abc import Collection

from bot.store.ports import Database
from bot.store.records.source_records import OutletIcon
from bot.store.rows import listed


class OutletIcons:
    """What is known of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[OutletIcon]:
        """All of them."""
        rows = await self._database.fetchall("SELECT name, looked, colour, shown FROM outlet_icon")
        return [OutletIcon._make(row) for row in rows]

    async def write(self, icon: OutletIcon) -> None:
        """Keep what is known of one now."""
        async with self._database.write() as transaction:
            await transaction.execute(
                "INSERT INTO outlet_icon (name, looked, colour, shown) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET looked = excluded.looked, colour = excluded.colour, "
                "shown = excluded.shown",
                icon,
            )

    async def shown(self, names: Collection[str], now: int) -> None:
        """These were shown."""
        async with self._database.write() as transaction:
            await transaction.execute(
                "UPDATE outlet_icon SET shown = ? "
                "WHERE shown IS NOT NULL AND name IN (SELECT atom FROM json_each(?))",
                (now, listed(names)),
            )
