"""Repository of servers' monthly reports on their feeds (scorecards), each enqueued once for the channel for alerts."""

from bot.core import local_time
from bot.core.models import DispatchKind, DispatchState
from bot.core.preferences import SettingKind
from bot.store.connection import Connection
from bot.store.coordination.served_shards import ShardedRepository
from bot.store.outbox import transitions
from bot.store.records.outbox_records import REPORT_KEY_PREFIX, DueReport
from bot.store.repository import bind_write, write_transaction
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_server

REPORT_MINUTE = 9 * 60
"""Minute of the first day of a month, in the server's time zone, at which the server's monthly report is due."""


def set_report_enabled(db: Connection, server_id: int, *, is_enabled: bool, user_id: int) -> None:
    """Have a server get monthly reports on its feeds (scorecards) from the next month on, or no more."""
    ensure_server(db, server_id)
    old_due_at = db.fetch_value("SELECT report_due_at FROM server WHERE id = ?", (server_id,))
    if (old_due_at is not None) == is_enabled:
        return
    new_due_at = _compute_next_due_at(db, server_id) if is_enabled else None
    db.execute("UPDATE server SET report_due_at = ? WHERE id = ?", (new_due_at, server_id))
    old_text, new_text = (None if due_at is None else str(due_at) for due_at in (old_due_at, new_due_at))
    setting_changes.log_change(db, server_id, user_id, SettingKind.MONTHLY_REPORT, old_text, new_text)


class MonthlyReports(ShardedRepository):
    """Repository of when servers get their monthly reports on feeds (scorecards). Methods raise StoreError."""

    set_enabled = bind_write(set_report_enabled)

    async def get_next_due_at(self) -> int | None:
        """Return when the next monthly report of a server of this process is due (Unix time in seconds), or None."""
        return await self._fetch_value(
            "SELECT min(report_due_at) FROM server WHERE report_due_at IS NOT NULL AND left_at IS NULL "
            f"AND {self._shards.build_served_condition('id')}"
        )

    async def list_due(self, now: int) -> list[DueReport]:
        """List the monthly reports of this process's servers due at a Unix time in seconds, longest due first."""
        return await self._fetch_objects(
            DueReport._make,
            "SELECT server.id, report_due_at, channel.id FROM server "
            "LEFT JOIN channel ON channel.id = server.alerts AND channel.problem IS NULL "
            f"WHERE report_due_at <= ? AND left_at IS NULL AND {self._shards.build_served_condition('server.id')} "
            "ORDER BY report_due_at",
            (now,),
        )

    @write_transaction
    def enqueue_due(self, db: Connection, report: DueReport, payload: str | None) -> None:
        """Enqueue a due monthly report, unless `payload` (its content) is None, and schedule the next one.

        It is not enqueued, either, if the report has no channel. Does nothing if the report was enqueued or stopped
        since it was loaded.
        """
        updated_count = db.execute_rowcount(
            "UPDATE server SET report_due_at = ? WHERE id = ? AND report_due_at = ?",
            (_compute_next_due_at(db, report.server_id), report.server_id, report.due_at),
        )
        if updated_count and payload is not None and report.channel_id is not None:
            transitions.insert_dispatches(
                db,
                DispatchState.PENDING,
                [
                    {
                        "channel_id": report.channel_id,
                        "kind": DispatchKind.FEED_ALERT,
                        "dedupe_key": f"{REPORT_KEY_PREFIX}{report.due_at}",
                        "created_at": report.due_at,  # After a restored backup it is looked up from then on.
                        "position": db.now,
                        "due_at": db.now,
                        "payload": payload,
                    }
                ],
            )


def reschedule_report(db: Connection, server_id: int) -> None:
    """Recompute the time at which the monthly report of a server is due, after its time zone changed."""
    db.execute(
        "UPDATE server SET report_due_at = ? WHERE id = ? AND report_due_at IS NOT NULL",
        (_compute_next_due_at(db, server_id), server_id),
    )


def _compute_next_due_at(db: Connection, server_id: int) -> int:
    zone_name = db.fetch_value("SELECT time_zone FROM server WHERE id = ?", (server_id,))
    return local_time.find_next_month_start(db.now, REPORT_MINUTE, zone_name)
