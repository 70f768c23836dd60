"""Icons of outlets that were fetched; their pictures are emoji of the application, which Discord keeps."""

from collections.abc import Collection

from bot.store.connection import Connection
from bot.store.records.source_records import OutletIcon
from bot.store.repository import Repository, writes
from bot.store.row_mapping import to_json_array


class OutletIcons(Repository):
    """What is known of them."""

    async def all(self) -> list[OutletIcon]:
        """All of them."""
        return await self._objects(OutletIcon._make, "SELECT name, looked, colour, shown FROM outlet_icon")

    @writes
    def write(self, db: Connection, icon: OutletIcon) -> None:
        """Keep what is known of one now."""
        db.execute(
            "INSERT INTO outlet_icon (name, looked, colour, shown) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET looked = excluded.looked, colour = excluded.colour, "
            "shown = excluded.shown",
            icon,
        )

    @writes
    def mark_shown(self, db: Connection, names: Collection[str], now: int) -> None:
        """These were shown."""
        db.execute(
            "UPDATE outlet_icon SET shown = ? "
            "WHERE shown IS NOT NULL AND name IN (SELECT atom FROM json_each(?))",
            (now, to_json_array(names)),
        )
