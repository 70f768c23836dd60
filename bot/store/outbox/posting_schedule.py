"""Pacing of channels: quiet hours, posts per hour, and the minimum interval between posts.

The SQL fragments are about a row of `channel` and its `server` at the time `:now`. Nothing is stored: what is
due follows from the clock and from what was sent, so no restart or clock jump leaves a channel waiting. Quiet
hours apply to everything but digests, whose time somebody chose; the hourly limit and the interval apply to
posts and catch-ups (messages that combine many posts).
"""

from collections.abc import Mapping
from typing import Any

from bot.core.reasons import Reason, WaitReason
from bot.store.connection import Connection, Row
from bot.store.outbox import outbox_writes

HOUR_SECONDS = 3600
"""Number of seconds in an hour."""
PACED_KINDS_SQL = "('post', 'catch-up')"
"""SQL list of the kinds of dispatches to which the hourly limit and the minimum interval apply."""
IS_PACED_SQL = """
    (channel.quiet_hours IS NOT NULL OR channel.most_an_hour IS NOT NULL OR channel.gap IS NOT NULL)
"""
"""SQL condition that a channel has quiet hours, an hourly limit or a minimum interval."""

_RECENTLY_SENT_SQL = f"""
    FROM dispatch AS told INDEXED BY dispatch_told
    WHERE told.channel_id = channel.id AND told.sent <= :now AND told.sent > :now - {{span}}
      AND told.kind IN {PACED_KINDS_SQL}
"""
"""SQL for the paced messages that a channel got within the last `span` seconds.

A message whose time is in the future, because the clock was set back, is left out.
"""
_SENT_LAST_HOUR_SQL = _RECENTLY_SENT_SQL.format(span=HOUR_SECONDS)
"""SQL for the paced messages that a channel got within the last hour."""
INTERVAL_END_SQL = f"""
    iif(channel.gap IS NULL, 0, coalesce((SELECT max(told.sent)
        {_RECENTLY_SENT_SQL.format(span="channel.gap")})
        + channel.gap, 0))
"""
"""SQL for the Unix time in seconds at which the minimum interval since the last post ends, or 0.

It is 0 if the channel has no minimum interval.
"""
HOURLY_LIMIT_END_SQL = f"""
    iif(channel.most_an_hour IS NULL, 0, coalesce((
        SELECT sent + {HOUR_SECONDS} FROM (
            SELECT told.sent, row_number() OVER (ORDER BY told.sent DESC) AS place {_SENT_LAST_HOUR_SQL}) AS
                counted
        WHERE place = channel.most_an_hour), 0))
"""
"""SQL for the Unix time in seconds from which the hourly limit allows another post.

A time in the past, or 0, means now.
"""
PACE_END_SQL = f"max({INTERVAL_END_SQL}, {HOURLY_LIMIT_END_SQL})"
"""SQL for the Unix time in seconds from which interval and hourly limit allow another post."""


def quiet_end_sql(time_sql: str) -> str:
    """Return SQL for the end of the quiet hours in which `time_sql` lies, or 0 outside of quiet hours."""
    return (
        f"iif(channel.quiet_hours IS NULL, 0, quiet_until({time_sql}, channel.quiet_hours, "
        "coalesce(server.time_zone, 'UTC')))"
    )


def release_time_sql(alias: str) -> str:
    """Return SQL for the time from which pacing allows a dispatch, the row with this table alias.

    A time in the past, or 0, means now.
    """
    return f"""
        CASE WHEN {alias}.kind IN {PACED_KINDS_SQL} THEN max({PACE_END_SQL},
            {quiet_end_sql(f"max(:now, {PACE_END_SQL})")})
             WHEN {alias}.kind = 'digest' THEN 0
             ELSE {quiet_end_sql(":now")} END
    """


def merge_excess_posts(db: Connection, channel_id: int) -> None:
    """Merge the oldest pending posts into one catch-up if more wait than the hourly limit allows."""
    row = db.fetch_row(
        f"SELECT most_an_hour, (SELECT count(*) {_SENT_LAST_HOUR_SQL}) FROM channel WHERE id = :channel",
        {"channel": channel_id, "now": db.now},
    )
    if row is None or row[0] is None:
        return
    allowed_count = row[0] - row[1]
    pending_dispatches = db.fetch_rows(
        f"SELECT id, kind, attempts FROM dispatch WHERE channel_id = ? AND state = 'waiting' "
        f"AND kind IN {PACED_KINDS_SQL} ORDER BY position, id",
        (channel_id,),
    )
    untried_post_ids = [
        dispatch["id"] for dispatch in pending_dispatches if dispatch["kind"] == "post" and not dispatch["attempts"]
    ]
    other_count = len(pending_dispatches) - len(untried_post_ids)
    if (
        len(pending_dispatches) <= allowed_count
        or not untried_post_ids
        or (other_count == 0 and len(untried_post_ids) == 1)
    ):
        return
    retried_count = sum(1 for retried_dispatch in pending_dispatches if retried_dispatch["attempts"])
    single_count = max(allowed_count - retried_count - 1, 0)  # The catch-up takes one place.
    outbox_writes.merge_into_catch_up(
        db, channel_id, [], post_ids=untried_post_ids[: max(len(untried_post_ids) - single_count, 0)]
    )


def find_wait_reason(kind: str, row: Mapping[str, Any] | Row, now: int) -> Reason | None:
    """Return why a pending dispatch is not due and until when, or None if it is due.

    `row` needs the columns of `WAIT_COLUMNS_SQL`.
    """
    end_time_by_reason = {WaitReason.QUIET_HOURS: row["quiet_ends"] if kind != "digest" else 0}
    if kind in {"post", "catch-up"}:
        end_time_by_reason |= {
            WaitReason.HOURLY_LIMIT: row["hour_ends"],
            WaitReason.MIN_INTERVAL: row["gap_ends"],
        }
    wait_reason = max(end_time_by_reason, key=lambda candidate_reason: end_time_by_reason[candidate_reason])
    if end_time_by_reason[wait_reason] <= now:
        return None
    return Reason(wait_reason, {"until": end_time_by_reason[wait_reason], "time_zone": row["time_zone"] or "UTC"})


WAIT_COLUMNS_SQL = f"""
    {quiet_end_sql(f"max(:now, {PACE_END_SQL})")} AS quiet_ends, {INTERVAL_END_SQL} AS gap_ends,
        {HOURLY_LIMIT_END_SQL} AS hour_ends,
    server.time_zone AS time_zone
"""
"""Columns to select for `find_wait_reason`."""
