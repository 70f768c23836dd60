"""Icons of outlets that were fetched; their pictures are emoji of the application, which Discord keeps."""

from __future__ import annotations

from collections.abc import Collection

from bot.store.connection import Connection
from bot.store.records.source_records import OutletIcon
from bot.store.repository import Repository, writes
from bot.store.rows import listed


class OutletIcons(Repository):
    """What is known of them."""

    async def all(self) -> list[OutletIcon]:
        """All of them."""
        rows = await self._rows("SELECT name, looked, colour, shown FROM outlet_icon")
        return [OutletIcon._make(row) for row in rows]

    @writes
    def write(self, connection: Connection, icon: OutletIcon) -> None:
        """Keep what is known of one now."""
        connection.execute(
            "INSERT INTO outlet_icon (name, looked, colour, shown) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET looked = excluded.looked, colour = excluded.colour, "
            "shown = excluded.shown",
            icon,
        )

    @writes
    def shown(self, connection: Connection, names: Collection[str], now: int) -> None:
        """These were shown."""
        connection.execute(
            "UPDATE outlet_icon SET shown = ? "
            "WHERE shown IS NOT NULL AND name IN (SELECT atom FROM json_each(?))",
            (now, listed(names)),
        )
