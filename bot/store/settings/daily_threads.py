"""Repository of daily threads, each of which collects a channel's posts of one day."""

from datetime import date, timedelta

from bot.store.connection import Connection
from bot.store.repository import Repository, write_transaction

_RETENTION_PERIOD = timedelta(days=7)
"""Time for which a channel's daily threads are stored, counted back from the day of its newest thread."""


class DailyThreads(Repository):
    """Repository of daily threads, by channel and day in the server's time zone. Methods raise StoreError."""

    async def get(self, channel_id: int, day: date) -> int | None:
        """Return the id of the thread for a channel's posts of a day, or None if there is none."""
        return await self._fetch_value(
            "SELECT thread_id FROM daily_thread WHERE channel_id = ? AND day = ?",
            (channel_id, day.isoformat()),
        )

    @write_transaction
    def save(self, db: Connection, channel_id: int, day: date, thread_id: int) -> None:
        """Store the thread of a channel for a day, and forget the channel's threads of days over a week before."""
        db.execute(
            "INSERT INTO daily_thread (channel_id, day, thread_id) VALUES (?, ?, ?) "
            "ON CONFLICT (channel_id, day) DO UPDATE SET thread_id = excluded.thread_id",
            (channel_id, day.isoformat(), thread_id),
        )
        db.execute(
            "DELETE FROM daily_thread WHERE channel_id = ? AND day < ?",
            (channel_id, (day - _RETENTION_PERIOD).isoformat()),
        )
