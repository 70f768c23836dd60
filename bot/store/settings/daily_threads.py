"""Daily threads: which thread of a channel has the posts of a day."""

from __future__ import annotations

from datetime import date, timedelta

from bot.store.ports import Database

_KEPT = timedelta(days=7)


class DailyThreads:
    """The threads that were made. Days are those of the server's time zone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, channel_id: int, day: date) -> int | None:
        """The thread of a day, or None."""
        row = await self._database.fetchone(
            "SELECT thread_id FROM daily_thread WHERE channel_id = ? AND day = ?",
            (channel_id, day.isoformat()),
        )
        return None if row is None else row["thread_id"]

    async def set(self, channel_id: int, day: date, thread_id: int) -> None:
        """This is the thread of the day; those of a week ago are forgotten."""
        async with self._database.write() as transaction:
            await transaction.execute(
                "INSERT INTO daily_thread (channel_id, day, thread_id) VALUES (?, ?, ?) "
                "ON CONFLICT (channel_id, day) DO UPDATE SET thread_id = excluded.thread_id",
                (channel_id, day.isoformat(), thread_id),
            )
            await transaction.execute(
                "DELETE FROM daily_thread WHERE channel_id = ? AND day < ?",
                (channel_id, (day - _KEPT).isoformat()),
            )
