"""Repair of stored times after the wall clock was set back.

Rows do not record by how much the clock was wrong when they were written. Times of past events are therefore
set to the present at the latest, and every waiting time is limited to its maximum.
"""

from bot.core.preferences import MAX_OUTLETS_WAIT_SECONDS, TOP_STORY_WINDOW_SECONDS
from bot.store.connection import Connection
from bot.store.outbox import transitions
from bot.store.outbox.watch_notifications import NOTIFICATION_COOLDOWN_SECONDS
from bot.store.records.outbox_records import MaxRetryDelays
from bot.store.records.source_records import SERVER_QUOTA_SECONDS


def shorten_waits(db: Connection, max_delays: MaxRetryDelays) -> None:
    """Move stored times that are too far in the future, after the clock was set back, closer to `db.now`.

    `max_delays` are the maximum retry delays in seconds.
    """
    parameters = {
        "now": db.now,
        "quota_limit_ms": (db.now + SERVER_QUOTA_SECONDS) * 1_000,
        "cooldown": NOTIFICATION_COOLDOWN_SECONDS,
        "selection_window": TOP_STORY_WINDOW_SECONDS,
        **max_delays._asdict(),
    }
    for statement in _SHORTEN_WAITS_SQL:
        db.execute(statement, parameters)
    _shorten_dispatch_waits(db, retry_delay=max_delays.dispatch_seconds)


def _shorten_dispatch_waits(db: Connection, *, retry_delay: int) -> None:
    """Limit how long dispatches (messages in the outbox) wait from `db.now` on, and make all their edits due now.

    `retry_delay` is the maximum delay in seconds of a dispatch that could not be sent so far.
    """
    pending_sql = "state = 'waiting' AND kind IN ('post', 'catch-up', 'notice')"
    for condition_sql, max_delay in (
        (f"{pending_sql} AND attempts > 0", retry_delay),
        (f"{pending_sql} AND attempts = 0", 0),
        ("state = 'waiting' AND kind = 'watch'", NOTIFICATION_COOLDOWN_SECONDS),
        ("state = 'held'", MAX_OUTLETS_WAIT_SECONDS),
    ):
        latest_due_at = db.now + max_delay
        dispatch_ids = db.fetch_ids(
            f"SELECT id FROM dispatch WHERE {condition_sql} AND due_at > :latest", {"latest": latest_due_at}
        )
        transitions.change_dispatches(db, dispatch_ids, due_at=latest_due_at)
    dispatch_ids = db.fetch_ids("SELECT id FROM dispatch WHERE edit_due_at > :now", {"now": db.now})
    transitions.change_dispatches(db, dispatch_ids, edit_due_at=db.now)


_SHORTEN_WAITS_SQL = (
    # A feed whose last poll lies in the future waits for its full interval from now on.
    """
    UPDATE feed SET next_poll = next_poll - (last_poll - :now), last_poll = :now,
        last_success = CASE WHEN last_success > :now THEN :now ELSE last_success END,
        last_article = CASE WHEN last_article > :now THEN :now ELSE last_article END,
        failing_since = CASE WHEN failing_since > :now THEN :now ELSE failing_since END,
        moved_since = CASE WHEN moved_since > :now THEN :now ELSE moved_since END
    WHERE last_poll > :now
    """,
    "UPDATE feed SET next_poll = :now WHERE last_poll IS NULL AND next_poll > :now AND added_at > :now",
    "UPDATE channel SET best_due_at = :now + :selection_window WHERE best_due_at > :now + :selection_window",
    "UPDATE watch SET cooldown_until = :now + :cooldown WHERE cooldown_until > :now + :cooldown",
    "UPDATE page_fetch SET due_at = :now + :page_seconds WHERE due_at > :now + :page_seconds",
    "UPDATE page_fetch SET requested_at = :now WHERE requested_at > :now",
    "UPDATE channel SET problem_since = :now WHERE problem_since > :now",
    "UPDATE channel SET retry_at = :now + :channel_seconds WHERE retry_at > :now + :channel_seconds",
    # Else a server's quota of new articles would count as used up for long, and its feeds' articles be skipped.
    "UPDATE server SET quota_full_at = 0 WHERE quota_full_at > :quota_limit_ms",
    # Only articles found after a pause or absence are posted, so its end may not lie in the future.
    "UPDATE subscription SET resumed_at = :now WHERE resumed_at > :now",
)
