"""When a channel takes what waits for it: quiet hours, so many messages an hour, a gap between two.

Fragments of SQL about a row of `channel` and its `server`, at the time `:now`. Nothing is remembered: what is
due follows from the clock and from what was sent, so that neither a restart nor a clock that jumps leaves a
channel waiting. Quiet hours hold for all that comes by itself, alerts and notices of watches included, but
not for a digest, whose hour somebody chose; number and gap count posts and catch-ups and hold for them.
"""

from collections.abc import Mapping
from typing import Any

from bot.core import hours
from bot.store.connection import Connection, Row
from bot.store.outbox import dispatch_rows
from bot.store.records.outbox_records import WaitsFor

HOUR = 3600

PACED = "('post', 'catch-up')"
HAS_ONE = """
    (channel.quiet_hours IS NOT NULL OR channel.most_an_hour IS NOT NULL OR channel.gap IS NOT NULL)
"""

# A message that a clock set back makes one of the future is left out.
_TOLD = f"""
    FROM dispatch AS told INDEXED BY dispatch_told
    WHERE told.channel_id = channel.id AND told.sent <= :now AND told.sent > :now - {{span}}
      AND told.kind IN {PACED}
"""
_COUNTED = _TOLD.format(span=HOUR)
GAP_ENDS = f"""
    iif(channel.gap IS NULL, 0, coalesce((SELECT max(told.sent) {_TOLD.format(span="channel.gap")})
        + channel.gap, 0))
"""
HOUR_ENDS = f"""
    iif(channel.most_an_hour IS NULL, 0, coalesce((
        SELECT sent + {HOUR} FROM (
            SELECT told.sent, row_number() OVER (ORDER BY told.sent DESC) AS place {_COUNTED}) AS counted
        WHERE place = channel.most_an_hour), 0))
"""
PACE = f"max({GAP_ENDS}, {HOUR_ENDS})"


def quiet_ends(time: str) -> str:
    """When the quiet hours end that a time lies in; 0 where it lies in none."""
    return (
        f"iif(channel.quiet_hours IS NULL, 0, quiet_until({time}, channel.quiet_hours, "
        "coalesce(server.time_zone, 'UTC')))"
    )


def released(dispatch: str) -> str:
    """When a channel takes a waiting dispatch of this name in the statement; 0 or past: now."""
    return f"""
        CASE WHEN {dispatch}.kind IN {PACED} THEN max({PACE}, {quiet_ends(f"max(:now, {PACE})")})
             WHEN {dispatch}.kind = 'digest' THEN 0
             ELSE {quiet_ends(":now")} END
    """


def gather(db: Connection, channel_id: int) -> None:
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
        f"AND kind IN {PACED} ORDER BY position, id",
        (channel_id,),
    )
    posts = [one["id"] for one in waiting if one["kind"] == "post" and not one["attempts"]]
    others = len(waiting) - len(posts)
    if len(waiting) <= allowed or not posts or (others == 0 and len(posts) == 1):
        return
    retried = sum(1 for one in waiting if one["attempts"])
    single = max(allowed - retried - 1, 0)  # beside the catch-up
    dispatch_rows.catch_up(db, channel_id, [], posts=posts[: max(len(posts) - single, 0)])


def reason(kind: str, row: Mapping[str, Any] | Row, now: int) -> str | None:
    """Why a waiting dispatch of a kind is not due, and until when, as a text for people's words; or None.

    `row` has `quiet_ends`, `gap_ends`, `hour_ends` and the `time_zone`.
    """
    ends = {WaitsFor.QUIET_HOURS: row["quiet_ends"] if kind != "digest" else 0}
    if kind in {"post", "catch-up"}:
        ends |= {WaitsFor.MOST_AN_HOUR: row["hour_ends"], WaitsFor.GAP: row["gap_ends"]}
    name = max(ends, key=lambda one: ends[one])
    return f"{name} {hours.told(ends[name], row['time_zone'] or 'UTC')}" if ends[name] > now else None


FIGURES = f"""
    {quiet_ends(f"max(:now, {PACE})")} AS quiet_ends, {GAP_ENDS} AS gap_ends, {HOUR_ENDS} AS hour_ends,
    server.time_zone AS time_zone
"""
"""The columns that `reason` needs."""
