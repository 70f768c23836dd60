"""Pacing of channels: quiet hours, posts per hour, and the minimum interval between posts.

SQL fragments about a row of `channel` and its `server` at the time `:now`. Nothing is stored: what is due
follows from the clock and from what was sent, so no restart or clock jump leaves a channel waiting. Quiet
hours apply to everything but digests, whose time somebody chose; hourly limit and interval apply to posts and
catch-ups.
"""

from collections.abc import Mapping
from typing import Any

from bot.core import local_time
from bot.store.connection import Connection, Row
from bot.store.outbox import outbox_writes
from bot.store.records.outbox_records import WaitReason

HOUR = 3600
"""Seconds in an hour."""
PACED_KINDS_SQL = "('post', 'catch-up')"
"""Kinds of dispatches that hourly limit and interval apply to."""
IS_PACED_SQL = """
    (channel.quiet_hours IS NOT NULL OR channel.most_an_hour IS NOT NULL OR channel.gap IS NOT NULL)
"""
"""Whether a channel has any pacing."""

_RECENTLY_SENT_SQL = f"""
    FROM dispatch AS told INDEXED BY dispatch_told
    WHERE told.channel_id = channel.id AND told.sent <= :now AND told.sent > :now - {{span}}
      AND told.kind IN {PACED_KINDS_SQL}
"""
"""Paced messages sent within `span` seconds; one that a clock set back puts into the future is left out."""
_COUNTED = _RECENTLY_SENT_SQL.format(span=HOUR)
"""Paced messages sent within the last hour."""
INTERVAL_END_SQL = f"""
    iif(channel.gap IS NULL, 0, coalesce((SELECT max(told.sent)
        {_RECENTLY_SENT_SQL.format(span="channel.gap")})
        + channel.gap, 0))
"""
"""When the minimum interval since the last post ends, in seconds of UTC; 0 without one."""
HOURLY_LIMIT_END_SQL = f"""
    iif(channel.most_an_hour IS NULL, 0, coalesce((
        SELECT sent + {HOUR} FROM (
            SELECT told.sent, row_number() OVER (ORDER BY told.sent DESC) AS place {_COUNTED}) AS counted
        WHERE place = channel.most_an_hour), 0))
"""
"""When the hourly limit allows another post, in seconds of UTC; 0 or past: now."""
PACE_END_SQL = f"max({INTERVAL_END_SQL}, {HOURLY_LIMIT_END_SQL})"
"""When interval and hourly limit allow another post, in seconds of UTC."""


def quiet_end_sql(time: str) -> str:
    """Return SQL for the end of the quiet hours that `time_sql` lies in, 0 if it lies in none."""
    return (
        f"iif(channel.quiet_hours IS NULL, 0, quiet_until({time}, channel.quiet_hours, "
        "coalesce(server.time_zone, 'UTC')))"
    )


def release_time_sql(dispatch: str) -> str:
    """Return SQL for when pacing allows the dispatch with this table alias; 0 or past: now."""
    return f"""
        CASE WHEN {dispatch}.kind IN {PACED_KINDS_SQL} THEN max({PACE_END_SQL},
            {quiet_end_sql(f"max(:now, {PACE_END_SQL})")})
             WHEN {dispatch}.kind = 'digest' THEN 0
             ELSE {quiet_end_sql(":now")} END
    """


def join_excess_posts(db: Connection, channel_id: int) -> None:
    """Merge the oldest pending posts into a catch-up if more wait than the channel accepts this hour."""
    row = db.row(
        f"SELECT most_an_hour, (SELECT count(*) {_COUNTED}) FROM channel WHERE id = :channel",
        {"channel": channel_id, "now": db.now},
    )
    if row is None or row[0] is None:
        return
    allowed = row[0] - row[1]
    waiting = db.rows(
        f"SELECT id, kind, attempts FROM dispatch WHERE channel_id = ? AND state = 'waiting' "
        f"AND kind IN {PACED_KINDS_SQL} ORDER BY position, id",
        (channel_id,),
    )
    posts = [one["id"] for one in waiting if one["kind"] == "post" and not one["attempts"]]
    others = len(waiting) - len(posts)
    if len(waiting) <= allowed or not posts or (others == 0 and len(posts) == 1):
        return
    retried = sum(1 for one in waiting if one["attempts"])
    single = max(allowed - retried - 1, 0)  # The catch-up takes one place.
    outbox_writes.merge_into_catch_up(db, channel_id, [], posts=posts[: max(len(posts) - single, 0)])


def reason(kind: str, row: Mapping[str, Any] | Row, now: int) -> str | None:
    """Return why a pending dispatch is not due and until when, as "reason HH:MM", or None if it is due.

    `row` needs the columns of `WAIT_COLUMNS_SQL`; the time is local to the server.
    """
    ends = {WaitReason.QUIET_HOURS: row["quiet_ends"] if kind != "digest" else 0}
    if kind in {"post", "catch-up"}:
        ends |= {WaitReason.HOURLY_LIMIT: row["hour_ends"], WaitReason.MIN_INTERVAL: row["gap_ends"]}
    name = max(ends, key=lambda one: ends[one])
    return (
        f"{name} {local_time.format_local_time(ends[name], row['time_zone'] or 'UTC')}"
        if ends[name] > now
        else None
    )


WAIT_COLUMNS_SQL = f"""
    {quiet_end_sql(f"max(:now, {PACE_END_SQL})")} AS quiet_ends, {INTERVAL_END_SQL} AS gap_ends,
        {HOURLY_LIMIT_END_SQL} AS hour_ends,
    server.time_zone AS time_zone
"""
"""Columns that `format_wait_reason` needs."""
