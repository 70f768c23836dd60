"""Queries for the queues of channels and their rhythms (quiet hours and pace), which decide what is sent when.

Conditions in SQL are about a row of `channel` and its `server`.
"""

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any, NamedTuple

from bot.core.outbox.gathering import PendingDispatch
from bot.core.rhythm import HOUR_SECONDS, PACED_KINDS, UNLIMITED_RHYTHM, Rhythm
from bot.store.connection import Connection
from bot.store.outbox import outbox_writes

MAX_MEASURED_POSTS = 1_000
"""Maximum number of posts, the newest, whose delay from the article's arrival to the post is measured."""

_PACED_KINDS_SQL = "({})".format(", ".join(f"'{kind}'" for kind in sorted(PACED_KINDS)))
_IS_PACED_SQL = "(channel.quiet_hours IS NOT NULL OR channel.most_an_hour IS NOT NULL OR channel.gap IS NOT NULL)"
_FROM_CHANNEL_SQL = "FROM channel LEFT JOIN server ON server.id = channel.server_id"
_IS_OPEN_SQL = "server.left_at IS NULL AND (channel.problem IS NULL OR channel.retry_at IS NOT NULL)"
_GETS_POSTS_AT_ONCE_SQL = f"NOT {_IS_PACED_SQL} AND channel.least_outlets IS NULL AND channel.best_a_day IS NULL"
_HAS_PENDING_SQL = "channel.id IN (SELECT DISTINCT channel_id FROM dispatch WHERE state = 'waiting')"
_FIRST_PENDING_SQL_TEMPLATE = """
    (SELECT id FROM dispatch WHERE channel_id = channel.id AND state = 'waiting' {kinds} ORDER BY position, id LIMIT 1)
"""


class QueueOutlook(NamedTuple):
    """Channels with a message to send now, the longest due first, and the time when the next channel has one.

    `next_due_at` is Unix time in seconds, or None if no message waits in another channel.
    """

    ready_channel_ids: list[int]
    next_due_at: int | None


class PostDelays(NamedTuple):
    """Delays in seconds of posts in channels that get posts at once: without quiet hours, pace or held posts.

    `typical_seconds` is the median time from an article's arrival to its post during the last hour, or None without
    posts. `overdue_seconds` is how long the longest waiting message has been due, or 0; blocked channels do not count.
    """

    typical_seconds: int | None
    overdue_seconds: int


class ChannelQueue(NamedTuple):
    """Messages that wait to be sent to a channel, in order: at least the first, with a rhythm the first of each kind.

    The rhythm is the channel's quiet hours and pace.

    `retry_at` is the Unix time in seconds until which the channel is blocked, or 0.
    """

    retry_at: int
    rhythm: Rhythm
    pending_dispatches: list[PendingDispatch]

    def select_next_dispatch(self, now: int) -> tuple[PendingDispatch, int, int]:
        """Return the message to send next, when an attempt is due, and when the channel's rhythm allows it, too.

        The rhythm is the channel's quiet hours and pace. Times are Unix times in seconds.
        """
        dispatch, release_at = self.rhythm.select_next_dispatch(self.pending_dispatches, now)
        attempt_at = max(dispatch.due_at, self.retry_at)
        return dispatch, attempt_at, max(attempt_at, release_at)


def load_queue_outlook(db: Connection, now: int, condition_sql: str, parameters: Mapping[str, Any]) -> QueueOutlook:
    """Return which channels that meet a condition can be sent to at `now`, and when the next one can be.

    `now` is Unix time in seconds.
    """
    attempt_times: list[tuple[int, int, int]] = []
    has_paced_channel = False
    for channel_id, retry_at, is_paced, due_at in _list_first_pending(db, condition_sql, parameters):
        if is_paced:
            has_paced_channel = True
        else:
            attempt_at = max(due_at, retry_at or 0)
            attempt_times.append((attempt_at, attempt_at, channel_id))
    if has_paced_channel:
        for channel_id, queue in _load_paced_queues(db, now, condition_sql, parameters).items():
            _dispatch, attempt_at, claimable_at = queue.select_next_dispatch(now)
            attempt_times.append((claimable_at, attempt_at, channel_id))
    ready_channels = sorted(
        (attempt_at, channel_id) for claimable_at, attempt_at, channel_id in attempt_times if claimable_at <= now
    )
    return QueueOutlook(
        [channel_id for _attempt_at, channel_id in ready_channels],
        min((claimable_at for claimable_at, *_ in attempt_times if claimable_at > now), default=None),
    )


def load_queue(db: Connection, channel_id: int, condition_sql: str) -> ChannelQueue | None:
    """Return the messages that wait for a channel; None without any, or if it cannot be sent to or fails a condition.

    Without a rhythm (quiet hours, hourly limit or interval), only the first pending dispatch is loaded.
    """
    parameters = {"channel": channel_id}
    row = db.fetch_row(
        f"SELECT channel.retry_at, {_IS_PACED_SQL} {_FROM_CHANNEL_SQL} "
        f"WHERE channel.id = :channel AND {_IS_OPEN_SQL} AND {condition_sql}",
        parameters,
    )
    if row is None:
        return None
    retry_at, is_paced = row
    pending_rows = db.fetch_rows(
        "SELECT id, kind, position, due_at, attempts FROM dispatch WHERE channel_id = :channel AND state = 'waiting' "
        f"ORDER BY position, id {'' if is_paced else 'LIMIT 1'}",
        parameters,
    )
    if not pending_rows:
        return None
    rhythm = load_rhythms(db, db.now, "channel.id = :channel", parameters)[channel_id] if is_paced else UNLIMITED_RHYTHM
    return ChannelQueue(retry_at or 0, rhythm, [PendingDispatch(*pending_row) for pending_row in pending_rows])


def merge_excess_posts(db: Connection, channel_id: int, queue: ChannelQueue) -> bool:
    """Merge posts beyond the hourly limit into a catch-up, one message for all; return whether there were any."""
    excess_post_ids = queue.rhythm.list_post_ids_to_merge(queue.pending_dispatches, db.now)
    outbox_writes.merge_into_catch_up(db, channel_id, [], post_ids=excess_post_ids)
    return bool(excess_post_ids)


def load_rhythms(db: Connection, now: int, condition_sql: str, parameters: Mapping[str, Any]) -> dict[int, Rhythm]:
    """Return the rhythms (quiet hours, hourly limit, interval) of the channels that meet a condition and have one.

    The keys are channel ids.
    """
    settings_rows = db.fetch_rows(
        f"SELECT channel.id, channel.quiet_hours, channel.most_an_hour, channel.gap, coalesce(server.time_zone, 'UTC') "
        f"{_FROM_CHANNEL_SQL} WHERE {_IS_PACED_SQL} AND {condition_sql}",
        parameters,
    )
    sent_times_by_channel: dict[int, list[int]] = {row[0]: [] for row in settings_rows}
    if any(row[2] is not None or row[3] is not None for row in settings_rows):
        for channel_id, sent_at in _iter_sent_times(db, now, condition_sql, parameters):
            sent_times_by_channel[channel_id].append(sent_at)
    return {
        channel_id: Rhythm(
            quiet_hours, max_posts_per_hour, min_interval_seconds, time_zone, sent_times_by_channel[channel_id]
        )
        for channel_id, quiet_hours, max_posts_per_hour, min_interval_seconds, time_zone in settings_rows
    }


def has_pending_post(db: Connection, channel_id: int) -> bool:
    """Return whether a post, or a message for many articles (catch-up), waits to be sent to a channel."""
    return (
        db.fetch_row(
            f"SELECT 1 FROM dispatch WHERE channel_id = ? AND state = 'waiting' AND kind IN {_PACED_KINDS_SQL} LIMIT 1",
            (channel_id,),
        )
        is not None
    )


def measure_delays(db: Connection) -> PostDelays:
    """Return how long the last hour's posts waited, at most `MAX_MEASURED_POSTS`, and how long pending ones are due."""
    rows = db.fetch_rows(
        f"SELECT dispatch.sent_at - dispatch.created_at {_FROM_CHANNEL_SQL} "
        f"JOIN dispatch ON dispatch.channel_id = channel.id WHERE {_GETS_POSTS_AT_ONCE_SQL} AND dispatch.kind = 'post' "
        "AND dispatch.sent_at > :since ORDER BY dispatch.sent_at DESC LIMIT :limit",
        {"since": db.now - HOUR_SECONDS, "limit": MAX_MEASURED_POSTS},
    )
    due_at = db.fetch_value(
        f"SELECT min(dispatch.due_at) {_FROM_CHANNEL_SQL} JOIN dispatch ON dispatch.channel_id = channel.id "
        f"WHERE dispatch.state = 'waiting' AND {_GETS_POSTS_AT_ONCE_SQL} AND {_IS_OPEN_SQL} "
        "AND channel.retry_at IS NULL"
    )
    return PostDelays(
        typical_seconds=int(median(row[0] for row in rows)) if rows else None,
        overdue_seconds=0 if due_at is None else max(0, db.now - due_at),
    )


def _list_first_pending(db: Connection, condition_sql: str, parameters: Mapping[str, Any]) -> list[Any]:
    """Return (channel id, `retry_at`, whether it has a rhythm, when its first pending message is due) of channels.

    These are channels with pending messages that can be sent to. A rhythm is quiet hours or pace.
    """
    # A condition that a channel has no rhythm made PostgreSQL expect one such channel, and loop over loops.
    return db.fetch_rows(
        f"""
        SELECT channel.id, channel.retry_at, {_IS_PACED_SQL}, pending_dispatch.due_at
        {_FROM_CHANNEL_SQL} JOIN dispatch AS pending_dispatch
            ON pending_dispatch.id = {_FIRST_PENDING_SQL_TEMPLATE.format(kinds="")}
        WHERE {_HAS_PENDING_SQL} AND {_IS_OPEN_SQL} AND {condition_sql}
        """,
        parameters,
    )


def _load_paced_queues(
    db: Connection, now: int, condition_sql: str, parameters: Mapping[str, Any]
) -> dict[int, ChannelQueue]:
    """Return what waits in channels with a rhythm (quiet hours or pace): the first post, and all but posts.

    A catch-up (message for many articles) counts as a post.
    """
    rhythms = load_rhythms(db, now, f"{_HAS_PENDING_SQL} AND {_IS_OPEN_SQL} AND {condition_sql}", parameters)
    columns_sql = (
        "channel.id, channel.retry_at, "
        "pending_dispatch.id, pending_dispatch.kind, pending_dispatch.position, pending_dispatch.due_at"
    )
    condition_sql = f"{_IS_PACED_SQL} AND {_IS_OPEN_SQL} AND {condition_sql}"
    rows = db.fetch_rows(
        f"""
        SELECT {columns_sql} {_FROM_CHANNEL_SQL}
        JOIN dispatch AS pending_dispatch
            ON pending_dispatch.id = {_FIRST_PENDING_SQL_TEMPLATE.format(kinds=f"AND kind IN {_PACED_KINDS_SQL}")}
        WHERE {_HAS_PENDING_SQL} AND {condition_sql}
        UNION ALL
        SELECT {columns_sql} {_FROM_CHANNEL_SQL} JOIN dispatch AS pending_dispatch
            ON pending_dispatch.channel_id = channel.id
        WHERE pending_dispatch.state = 'waiting'
          AND pending_dispatch.kind NOT IN {_PACED_KINDS_SQL} AND {condition_sql}
        """,
        parameters,
    )
    queues: dict[int, ChannelQueue] = {}
    for channel_id, retry_at, *columns in rows:
        queue = queues.setdefault(channel_id, ChannelQueue(retry_at or 0, rhythms[channel_id], []))
        queue.pending_dispatches.append(PendingDispatch(*columns))
    return queues


def _iter_sent_times(
    db: Connection, now: int, condition_sql: str, parameters: Mapping[str, Any]
) -> Iterable[tuple[int, int]]:
    """Return (channel id, time) of the sent messages that hourly limits or intervals still count, newest first."""
    return db.execute(
        f"""
        SELECT channel.id, paced_dispatch.sent_at {_FROM_CHANNEL_SQL}
        JOIN dispatch AS paced_dispatch /*+ INDEXED BY dispatch_channel_sent */
            ON paced_dispatch.channel_id = channel.id
        WHERE (channel.most_an_hour IS NOT NULL OR channel.gap IS NOT NULL)
          AND paced_dispatch.kind IN {_PACED_KINDS_SQL}
          AND paced_dispatch.sent_at <= :now AND paced_dispatch.sent_at > :now - CASE
              WHEN channel.most_an_hour IS NULL OR channel.gap > {HOUR_SECONDS} THEN channel.gap
              ELSE {HOUR_SECONDS} END
          AND {condition_sql}
        ORDER BY paced_dispatch.sent_at DESC
        """,
        {**parameters, "now": now},
    )
