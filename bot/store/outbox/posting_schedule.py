"""When a channel takes what waits for it: quiet hours, so many messages an hour, a gap between two.

Fragments of SQL about a row of `channel` and its `server`, at the time `:now`. Nothing is remembered: what is
due follows from the clock and from what was sent, so that neither a restart nor a clock that jumps leaves a
channel waiting. Quiet hours hold for all that comes by itself, alerts and notices of watches included, but
not for a digest, whose hour somebody chose; number and gap count posts and catch-ups and hold for them.
"""

from collections.abc import Mapping
from typing import Any

from bot.core import local_time
from bot.store.connection import Connection, Row
from bot.store.outbox import outbox_writes
from bot.store.records.outbox_records import WaitReason

HOUR = 3600

PACED_KINDS_SQL = "('post', 'catch-up')"
IS_PACED_SQL = """
    (channel.quiet_hours IS NOT NULL OR channel.most_an_hour IS NOT NULL OR channel.gap IS NOT NULL)
"""

# A message that a clock set back makes one of the future is left out.
_RECENTLY_SENT_SQL = f"""
    FROM dispatch AS told INDEXED BY dispatch_told
    WHERE told.channel_id = channel.id AND told.sent <= :now AND told.sent > :now - {{span}}
      AND told.kind IN {PACED_KINDS_SQL}
"""
_COUNTED = _RECENTLY_SENT_SQL.format(span=HOUR)
INTERVAL_END_SQL = f"""
    iif(channel.gap IS NULL, 0, coalesce((SELECT max(told.sent)
        {_RECENTLY_SENT_SQL.format(span="channel.gap")})
        + channel.gap, 0))
"""
HOURLY_LIMIT_END_SQL = f"""
    iif(channel.most_an_hour IS NULL, 0, coalesce((
        SELECT sent + {HOUR} FROM (
            SELECT told.sent, row_number() OVER (ORDER BY told.sent DESC) AS place {_COUNTED}) AS counted
        WHERE place = channel.most_an_hour), 0))
"""
PACE_END_SQL = f"max({INTERVAL_END_SQL}, {HOURLY_LIMIT_END_SQL})"


def quiet_end_sql(time: str) -> str:
    """When the quiet hours end that a time lies in; 0 where it lies in none."""
    return (
        f"iif(channel.quiet_hours IS NULL, 0, quiet_until({time}, channel.quiet_hours, "
        "coalesce(server.time_zone, 'UTC')))"
    )


def release_time_sql(dispatch: str) -> str:
    """When a channel takes a waiting dispatch of this name in the statement; 0 or past: now."""
    return f"""
        CASE WHEN {dispatch}.kind IN {PACED_KINDS_SQL} THEN max({PACE_END_SQL},
            {quiet_end_sql(f"max(:now, {PACE_END_SQL})")})
             WHEN {dispatch}.kind = 'digest' THEN 0
             ELSE {quiet_end_sql(":now")} END
    """


def join_excess_posts(db: Connection, channel_id: int) -> None:
    """Where more posts wait than the channel takes this hour, let the oldest share one catch-up."""
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
    single = max(allowed - retried - 1, 0)  # beside the catch-up
    outbox_writes.merge_into_catch_up(db, channel_id, [], posts=posts[: max(len(posts) - single, 0)])


def reason(kind: str, row: Mapping[str, Any] | Row, now: int) -> str | None:
    """Why a waiting dispatch of a kind is not due, and until when, as a text for people's words; or None.

    `row` has `quiet_end_sql`, `gap_ends`, `hour_ends` and the `time_zone`.
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
"""The columns that `reason` needs."""
