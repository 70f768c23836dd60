"""Functions that enqueue alerts to servers about a feed: that it fails, is gone, exceeds its quota or has recovered."""

from collections.abc import Iterable

from bot.core import i18n
from bot.core.models import DispatchKind, DispatchState
from bot.store.connection import Connection, Row
from bot.store.outbox import transitions
from bot.store.records.source_records import Alert, AlertKind

_TARGET_CHANNELS_SQL = """
    SELECT DISTINCT server.id AS server_id, coalesce(alert_channel.id, channel.id) AS channel_id,
           coalesce(CASE WHEN alert_channel.id IS NULL THEN channel.language ELSE alert_channel.language END,
                    server.language, server.locale) AS language
    FROM subscription
    JOIN channel ON channel.id = subscription.channel_id
    JOIN server ON server.id = channel.server_id AND server.left_at IS NULL
    LEFT JOIN channel AS alert_channel ON alert_channel.id = server.alerts AND alert_channel.problem IS NULL
    WHERE subscription.feed_id = :feed AND subscription.paused_at IS NULL
"""
"""SQL for the channels that get an alert: the one that the server chose, else all that follow the feed.

A chosen channel (`server.alerts`, its id) that cannot be reached counts as not chosen.
"""


def enqueue_alerts(db: Connection, alerts: Iterable[Alert]) -> None:
    """Enqueue alerts about feeds; an alert that was enqueued for a server before is not repeated."""
    for alert in alerts:
        if alert.kind is AlertKind.RECOVERED:
            _enqueue_recovery(db, alert)
        else:
            _enqueue_failure(db, alert)


def _enqueue_failure(db: Connection, alert: Alert) -> None:
    channel_rows = db.fetch_rows(
        f"""
        SELECT language, channel_id FROM ({_TARGET_CHANNELS_SQL}) AS target_channel
        WHERE NOT EXISTS (
            SELECT 1 FROM dispatch JOIN channel ON channel.id = dispatch.channel_id
            WHERE channel.server_id = target_channel.server_id AND dispatch.dedupe_key = :dedupe_key)
        """,
        {"feed": alert.feed_id, "dedupe_key": _build_dedupe_key(alert.kind, alert)},
    )
    _insert_alerts(db, alert, channel_rows)


def _enqueue_recovery(db: Connection, alert: Alert) -> None:
    """Enqueue alerts that a feed has recovered where its failure was reported.

    Where the alert about the failure is still pending, delete that alert instead.
    """
    failure_dedupe_keys = [_build_dedupe_key(kind, alert) for kind in (AlertKind.FAILING, AlertKind.GONE)]
    pending_dispatch_ids = db.fetch_column(
        "SELECT id FROM dispatch WHERE state = 'waiting' AND attempts = 0 AND dedupe_key IN (:dedupe_keys) "
        "AND channel_id IN (SELECT id FROM channel)",  # By channel and key, which have an index
        {"dedupe_keys": failure_dedupe_keys},
    )
    transitions.delete_dispatches(db, pending_dispatch_ids, origins={DispatchState.PENDING})
    channel_rows = db.fetch_rows(
        """
        SELECT DISTINCT channel.id AS channel_id, coalesce(channel.language, server.language, server.locale) AS language
        FROM channel
        JOIN server ON server.id = channel.server_id AND server.left_at IS NULL
        JOIN dispatch ON dispatch.channel_id = channel.id AND dispatch.dedupe_key IN (:failing_key, :gone_key)
        WHERE EXISTS (
            SELECT 1 FROM subscription
            JOIN channel AS subscribed_channel ON subscribed_channel.id = subscription.channel_id
            WHERE subscription.feed_id = :feed AND subscribed_channel.server_id = server.id
              AND subscription.paused_at IS NULL)
        """,
        {"failing_key": failure_dedupe_keys[0], "gone_key": failure_dedupe_keys[1], "feed": alert.feed_id},
    )
    _insert_alerts(db, alert, channel_rows)


def _insert_alerts(db: Connection, alert: Alert, channel_rows: list[Row]) -> None:
    transitions.insert_dispatches(
        db,
        DispatchState.PENDING,
        [
            {
                "channel_id": channel_row["channel_id"],
                "kind": DispatchKind.FEED_ALERT,
                "dedupe_key": _build_dedupe_key(alert.kind, alert),
                "position": db.now,
                "due_at": db.now,
                "payload": alert.texts[i18n.supported_language(channel_row["language"]) or alert.default_language],
            }
            for channel_row in channel_rows
        ],
    )


def _build_dedupe_key(kind: AlertKind, alert: Alert) -> str:
    return f"{kind.value}:{alert.feed_id}:{alert.since}"
