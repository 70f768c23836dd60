"""Daily threads: which thread of a channel has the posts of a day."""

from datetime import date, timedelta

from bot.store.connection import Connection
from bot.store.repository import Repository, writes

_KEPT = timedelta(days=7)


class DailyThreads(Repository):
    """The threads that were made. Days are those of the server's time zone."""

    async def get(self, channel_id: int, day: date) -> int | None:
        """The thread of a day, or None."""
        return await self._value(
            "SELECT thread_id FROM daily_thread WHERE channel_id = ? AND day = ?",
            (channel_id, day.isoformat()),
        )

    @writes
    def set(self, db: Connection, channel_id: int, day: date, thread_id: int) -> None:
        """This is the thread of the day; those of a week ago are forgotten."""
        db.execute(
            "INSERT INTO daily_thread (channel_id, day, thread_id) VALUES (?, ?, ?) "
            "ON CONFLICT (channel_id, day) DO UPDATE SET thread_id = excluded.thread_id",
            (channel_id, day.isoformat(), thread_id),
        )
        db.execute(
            "DELETE FROM daily_thread WHERE channel_id = ? AND day < ?",
            (channel_id, (day - _KEPT).isoformat()),
        )
