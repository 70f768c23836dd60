"""Functions that enqueue alerts to servers about feeds.

An alert reports that a feed fails, is gone, exceeds its quota or has recovered, or that feeds are blocked or not any
more.
"""

from collections.abc import Collection, Iterable

from bot.core import i18n
from bot.core.models import DispatchKind, DispatchState
from bot.store.connection import Connection, Row
from bot.store.outbox import transitions
from bot.store.records.source_records import Alert, AlertKind, AlertTexts

_TARGET_CHANNELS_SQL = """
    SELECT DISTINCT server.id AS server_id, coalesce(alert_channel.id, channel.id) AS channel_id,
           coalesce(CASE WHEN alert_channel.id IS NULL THEN channel.language ELSE alert_channel.language END,
                    server.language, server.locale) AS language
    FROM subscription
    JOIN channel ON channel.id = subscription.channel_id
    JOIN server ON server.id = channel.server_id AND server.left_at IS NULL
    LEFT JOIN channel AS alert_channel ON alert_channel.id = server.alerts AND alert_channel.problem IS NULL
    WHERE subscription.feed_id IN (:feeds) AND subscription.paused_at IS NULL
"""
"""SQL for the channels that get an alert: the one that the server chose, else all that follow any of the feeds.

A chosen channel (`server.alerts`, its id) that cannot be reached counts as not chosen.
"""


def enqueue_alerts(db: Connection, alerts: Iterable[Alert]) -> None:
    """Enqueue alerts about feeds; an alert that was enqueued for a server before is not repeated."""
    for alert in alerts:
        dedupe_key = _build_dedupe_key(alert.kind, alert)
        if alert.kind is AlertKind.RECOVERED:
            failure_keys = [_build_dedupe_key(kind, alert) for kind in (AlertKind.FAILING, AlertKind.GONE)]
            enqueue_recovery(db, [alert.feed_id], failure_keys, dedupe_key, alert.texts)
        else:
            enqueue_failure(db, [alert.feed_id], dedupe_key, alert.texts)


def enqueue_failure(db: Connection, feed_ids: Collection[int], dedupe_key: str, texts: AlertTexts) -> None:
    """Enqueue an alert about feeds in the servers that follow them, except where one with `dedupe_key` was enqueued.

    It goes to the channel that a server chose for alerts, or else to all its channels that follow the feeds. Paused
    subscriptions do not count.
    """
    channel_rows = db.fetch_rows(
        f"""
        SELECT language, channel_id FROM ({_TARGET_CHANNELS_SQL}) AS target_channel
        WHERE NOT EXISTS (
            SELECT 1 FROM dispatch JOIN channel ON channel.id = dispatch.channel_id
            WHERE channel.server_id = target_channel.server_id AND dispatch.dedupe_key = :dedupe_key)
        """,
        {"feeds": feed_ids, "dedupe_key": dedupe_key},
    )
    _insert_alerts(db, dedupe_key, texts, channel_rows)


def enqueue_recovery(
    db: Connection, feed_ids: Collection[int], failure_keys: Collection[str], dedupe_key: str, texts: AlertTexts
) -> None:
    """Enqueue an alert that feeds have recovered, in channels that got an alert with a dedupe key in `failure_keys`.

    Where no attempt was made yet to send the alert about the failure, delete that alert instead. Servers that follow
    the feeds no longer, or only with paused subscriptions, get no alert.
    """
    pending_dispatch_ids = db.fetch_column(
        "SELECT id FROM dispatch WHERE state = 'waiting' AND attempts = 0 AND dedupe_key IN (:dedupe_keys) "
        "AND channel_id IN (SELECT id FROM channel)",  # By channel and key, which have an index
        {"dedupe_keys": failure_keys},
    )
    transitions.delete_dispatches(db, pending_dispatch_ids, origins={DispatchState.PENDING})
    channel_rows = db.fetch_rows(
        """
        SELECT DISTINCT channel.id AS channel_id, coalesce(channel.language, server.language, server.locale) AS language
        FROM channel
        JOIN server ON server.id = channel.server_id AND server.left_at IS NULL
        JOIN dispatch ON dispatch.channel_id = channel.id AND dispatch.dedupe_key IN (:failure_keys)
        WHERE EXISTS (
            SELECT 1 FROM subscription
            JOIN channel AS subscribed_channel ON subscribed_channel.id = subscription.channel_id
            WHERE subscription.feed_id IN (:feeds) AND subscribed_channel.server_id = server.id
              AND subscription.paused_at IS NULL)
        """,
        {"failure_keys": failure_keys, "feeds": feed_ids},
    )
    _insert_alerts(db, dedupe_key, texts, channel_rows)


def _insert_alerts(db: Connection, dedupe_key: str, texts: AlertTexts, channel_rows: list[Row]) -> None:
    transitions.insert_dispatches(
        db,
        DispatchState.PENDING,
        [
            {
                "channel_id": channel_row["channel_id"],
                "kind": DispatchKind.FEED_ALERT,
                "dedupe_key": dedupe_key,
                "position": db.now,
                "due_at": db.now,
                "payload": texts.by_language[
                    i18n.supported_language(channel_row["language"]) or texts.default_language
                ],
            }
            for channel_row in channel_rows
        ],
    )


def _build_dedupe_key(kind: AlertKind, alert: Alert) -> str:
    return f"{kind.value}:{alert.feed_id}:{alert.since}"
