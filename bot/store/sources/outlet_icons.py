"""Repository of the records of outlet icons, whose images Discord stores as application emoji."""

from collections.abc import Collection

from bot.store.connection import Connection
from bot.store.records.source_records import OutletIcon
from bot.store.repository import Repository, write_transaction


class OutletIcons(Repository):
    """Repository of the icons of outlets, by the names of their emoji. Methods raise StoreError."""

    async def list_all(self) -> list[OutletIcon]:
        """List all icons of outlets, in no particular order."""
        return await self._fetch_objects(
            OutletIcon._make, "SELECT name, fetched_at, colour, last_shown_at FROM outlet_icon"
        )

    @write_transaction
    def save(self, db: Connection, icon: OutletIcon) -> None:
        """Insert an icon, or replace the icon with the same name."""
        db.execute(
            "INSERT INTO outlet_icon (name, fetched_at, colour, last_shown_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET fetched_at = excluded.fetched_at, colour = excluded.colour, "
            "last_shown_at = excluded.last_shown_at",
            icon,
        )

    @write_transaction
    def mark_shown(self, db: Connection, icon_names: Collection[str], now: int) -> None:
        """Set when icons were last shown (Unix time in seconds), except of icons that cannot be shown."""
        db.execute(
            "UPDATE outlet_icon SET last_shown_at = :now WHERE last_shown_at IS NOT NULL AND name IN (:icon_names)",
            {"now": now, "icon_names": icon_names},
        )
