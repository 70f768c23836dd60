"""Functions that enqueue the notifications of watches, which are saved searches.

A poll stores its new articles as arrivals in its own transaction. Matching an arrival against the watches
deletes it in the transaction that enqueues the notifications: after a crash, the matching is repeated or was
already done.
"""

from collections.abc import Collection, Iterable, Sequence

from bot.core.models import DispatchKind, DispatchState
from bot.core.reasons import SendProblem
from bot.store.connection import Connection, Row
from bot.store.outbox import muted_articles, outbox_writes, transitions
from bot.store.records.outbox_records import RecoveredNotification

NOTIFICATION_COOLDOWN_SECONDS = 600
"""Seconds after a notification within which further matches of its watch (saved search) wait for the next one."""


def queue_for_matching(db: Connection, feed_id: int, article_ids: Collection[int]) -> None:
    """Queue articles of a feed to be matched against watches (saved searches), if a server with the feed has any."""
    db.execute(
        """
        INSERT INTO arrival (article_id) SELECT id FROM article
        WHERE id IN (:article_ids) AND EXISTS (
            SELECT 1 FROM subscription
            JOIN channel ON channel.id = subscription.channel_id
            JOIN watch ON watch.server_id = channel.server_id AND watch.removed_at IS NULL
            WHERE subscription.feed_id = :feed_id)
        ON CONFLICT DO NOTHING
        """,
        {"article_ids": article_ids, "feed_id": feed_id},
    )


def enqueue_notifications(db: Connection, matches: Iterable[tuple[int, int]], article_ids: Sequence[int]) -> set[int]:
    """Enqueue notifications for (watch, article) matches, and take `article_ids` out of the queue for matching.

    Returns the ids of matched watches (saved searches) that no longer exist. A watch notifies only once of each page.
    Nothing is enqueued for a watch that is newer than the article, whose server the bot left or does not follow the
    feed, whose user left or accepts no direct messages, or whose channel muted the story.
    """
    watch_ids_by_article_id: dict[int, list[int]] = {}
    for watch_id, article_id in matches:
        watch_ids_by_article_id.setdefault(article_id, []).append(watch_id)
    matched_watch_ids = {watch_id for watch_ids in watch_ids_by_article_id.values() for watch_id in watch_ids}
    watch_by_id = _load_watches(db, matched_watch_ids)
    notification_batch = _NotificationBatch(db)
    for article_id, watch_ids in watch_ids_by_article_id.items():
        article = db.fetch_row("SELECT page_key, key, feed_id, published FROM article WHERE id = ?", (article_id,))
        if article is None:
            continue
        server_ids = _load_subscribed_server_ids(db, article["feed_id"], article["published"])
        notified_watch_ids = _load_notified_watch_ids(db, article["page_key"], watch_ids)
        muting_channel_ids = muted_articles.load_muting_channel_ids(db, article_id)
        for watch_id in watch_ids:
            watch = watch_by_id.get(watch_id)
            if (
                watch is not None
                and watch["problem"] != SendProblem.DMS_CLOSED
                and watch["absent_since"] is None
                and watch["after_article_id"] < article_id
                and watch["server_id"] in server_ids
                and watch_id not in notified_watch_ids
                and watch["channel_id"] not in muting_channel_ids
            ):
                notification_batch.add(watch, article_id, article["page_key"], article["key"])
        notification_batch.write()
    db.execute(
        "DELETE FROM arrival WHERE article_id IN (:article_ids)",
        {"article_ids": article_ids},
    )
    return matched_watch_ids - watch_by_id.keys()


class _NotificationBatch:
    """Notifications of watches (saved searches), inserted in bulk for each article: a popular article has hundreds."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._last_dispatch_id = db.fetch_value("SELECT coalesce(max(id), 0) FROM dispatch")
        self._dispatch_id_by_watch_id: dict[int, int] = {}
        self._dispatch_rows: list[tuple[int, int, str, int, int]] = []
        self._match_rows: list[tuple[int, str, int, int]] = []

    def add(self, watch: Row, article_id: int, page_key: str, article_key: str) -> None:
        """Add an article to the pending notification of a watch (saved search), or to a new notification."""
        watch_id = watch["id"]
        dispatch_id = self._dispatch_id_by_watch_id.get(watch_id, watch["pending_dispatch_id"])
        if dispatch_id is None:
            self._last_dispatch_id = dispatch_id = self._last_dispatch_id + 1
            due_at = max(self._db.now, watch["cooldown_until"])
            dedupe_key = f"watch:{watch_id}:{article_key}"
            self._dispatch_rows.append((dispatch_id, watch["channel_id"], dedupe_key, watch_id, due_at))
        self._dispatch_id_by_watch_id[watch_id] = dispatch_id
        self._match_rows.append((watch_id, page_key, article_id, dispatch_id))

    def write(self) -> None:
        """Insert the notifications and matches that were added since the last call into the database."""
        self._make_dedupe_keys_unique()
        transitions.insert_dispatches(
            self._db,
            DispatchState.PENDING,
            [
                {
                    "id": dispatch_id,
                    "channel_id": channel_id,
                    "kind": DispatchKind.WATCH_NOTIFICATION,
                    "dedupe_key": dedupe_key,
                    "watch_id": watch_id,
                    "position": due_at,
                    "due_at": due_at,
                }
                for dispatch_id, channel_id, dedupe_key, watch_id, due_at in self._dispatch_rows
            ],
        )
        self._db.executemany(
            "UPDATE watch SET cooldown_until = ? WHERE id = ?",
            [(due_at + NOTIFICATION_COOLDOWN_SECONDS, watch_id) for _, _, _, watch_id, due_at in self._dispatch_rows],
        )
        self._db.executemany(
            "INSERT INTO watch_match (watch_id, page_key, article_id, dispatch_id) VALUES (?, ?, ?, ?)",
            self._match_rows,
        )
        self._dispatch_rows, self._match_rows = [], []

    def _make_dedupe_keys_unique(self) -> None:
        if not self._dispatch_rows:
            return
        rows = self._db.execute(
            "SELECT channel_id, dedupe_key FROM dispatch WHERE channel_id IN (:channel_ids) "
            "AND dedupe_key IN (:dedupe_keys)",
            {
                "channel_ids": {channel_id for _id, channel_id, *_ in self._dispatch_rows},
                "dedupe_keys": [dedupe_key for _id, _channel_id, dedupe_key, *_ in self._dispatch_rows],
            },
        )
        existing_keys = {(channel_id, dedupe_key) for channel_id, dedupe_key in rows}
        for index, (dispatch_id, channel_id, dedupe_key, *_) in enumerate(self._dispatch_rows):
            if (channel_id, dedupe_key) in existing_keys:
                unique_key = outbox_writes.make_unique_dedupe_key(self._db, channel_id, dedupe_key, separator=".")
                self._dispatch_rows[index] = (
                    dispatch_id,
                    channel_id,
                    unique_key,
                    *self._dispatch_rows[index][3:],
                )


def _load_watches(db: Connection, watch_ids: Collection[int]) -> dict[int, Row]:
    """Map the ids of existing watches (saved searches) to their rows, each with the id of its pending notification.

    A notification that was tried already does not count as pending. `after_article_id` is the id of the last article
    before the watch, `absent_since` the time at which its user left the server.
    """
    rows = db.execute(
        """
        SELECT watch.id, watch.channel_id, watch.server_id, watch.cooldown_until, watch.after_article_id,
            watch.absent_since,
               channel.problem,
               (SELECT dispatch.id FROM dispatch
                WHERE watch_id = watch.id AND state = 'waiting' AND attempts = 0) AS pending_dispatch_id
        FROM watch JOIN channel ON channel.id = watch.channel_id
        WHERE watch.id IN (:watch_ids) AND watch.removed_at IS NULL
        """,
        {"watch_ids": watch_ids},
    )
    return {row["id"]: row for row in rows}


def _load_subscribed_server_ids(db: Connection, feed_id: int, published_at: int) -> set[int]:
    """Return the ids of the servers that may be notified of an article of a feed, published at a given time.

    Servers that the bot left, or joined again after that time, are left out.
    """
    server_ids = db.fetch_ids(
        """
        SELECT DISTINCT channel.server_id
        FROM subscription
        JOIN channel ON channel.id = subscription.channel_id
        JOIN server ON server.id = channel.server_id
        WHERE subscription.feed_id = ? AND server.left_at IS NULL
          AND (coalesce(subscription.resumed_from, '') <> 'away' OR subscription.resumed_at <= ?)
        """,
        (feed_id, published_at),
    )
    return set(server_ids)


def _load_notified_watch_ids(db: Connection, page_key: str, watch_ids: Collection[int]) -> set[int]:
    return set(
        db.fetch_ids(
            "SELECT DISTINCT watch_id FROM watch_match WHERE watch_id IN (:watch_ids) AND page_key = :page_key",
            {"watch_ids": watch_ids, "page_key": page_key},
        )
    )


def restrict_to_feeds(db: Connection, dispatch_id: int, feed_ids: Collection[int]) -> bool:
    """Restrict a notification of a watch (saved search) to web pages of the feeds that its readers may read.

    Feeds that an operator blocks are left out. Return whether any article is left. An article that is not readable is
    replaced by an article of a readable feed on the same page, if there is one. Removed pages may be notified later,
    when a readable feed brings them. If no article is left, the next notification does not wait for the cooldown.
    """
    match_rows = db.fetch_rows(
        """
        SELECT watch_match.watch_id, watch_match.page_key, watch_match.article_id,
               (SELECT coalesce(max(CASE WHEN page_article.id = watch_match.article_id THEN page_article.id END),
                                min(page_article.id))
                FROM article AS page_article
                JOIN feed ON feed.id = page_article.feed_id AND feed.blocked_since IS NULL
                WHERE page_article.page_key = watch_match.page_key
                  AND page_article.feed_id IN (:feed_ids)) AS readable_article_id
        FROM watch_match WHERE watch_match.dispatch_id = :dispatch_id
        """,
        {"dispatch_id": dispatch_id, "feed_ids": feed_ids},
    )
    for row in match_rows:
        match_key = (row["watch_id"], row["page_key"])
        if row["readable_article_id"] is None:
            db.execute("DELETE FROM watch_match WHERE watch_id = ? AND page_key = ?", match_key)
        elif row["readable_article_id"] != row["article_id"]:
            db.execute(
                "UPDATE watch_match SET article_id = ? WHERE watch_id = ? AND page_key = ?",
                (row["readable_article_id"], *match_key),
            )
    has_readable_pages = any(row["readable_article_id"] is not None for row in match_rows)
    if not has_readable_pages:  # Nothing is sent, so the next notification need not wait for the cooldown.
        db.execute(
            "UPDATE watch SET cooldown_until = 0 WHERE id = (SELECT watch_id FROM dispatch WHERE id = ?)",
            (dispatch_id,),
        )
    return has_readable_pages


def record_already_sent(db: Connection, dispatch_id: int, sent_notifications: Sequence[RecoveredNotification]) -> None:
    """Record notifications of a watch (saved search) that were sent before a backup was restored.

    Their articles are removed from the claimed notification `dispatch_id`, which returns to the queue or, if no article
    is left, is deleted.
    """
    dispatch_row = db.fetch_row("SELECT channel_id, dedupe_key FROM dispatch WHERE id = ?", (dispatch_id,))
    if dispatch_row["dedupe_key"] in {sent_notification.dedupe_key for sent_notification in sent_notifications}:
        unique_key = outbox_writes.make_unique_dedupe_key(
            db, dispatch_row["channel_id"], dispatch_row["dedupe_key"], separator="."
        )
        transitions.change_dispatches(db, [dispatch_id], dedupe_key=unique_key)
    original_row = db.fetch_row(
        "SELECT channel_id, kind, watch_id, created_at, position, due_at, attempts FROM dispatch WHERE id = :id",
        {"id": dispatch_id},
    )
    for notification in sent_notifications:
        columns = dict(zip(original_row.keys(), original_row, strict=True))
        columns |= {"dedupe_key": notification.dedupe_key, "message_id": notification.message_id}
        transitions.insert_dispatches(db, DispatchState.SENT, [columns | {"sent_at": db.now, "is_finalized": 1}])
        db.execute(
            "UPDATE watch_match "
            "SET dispatch_id = (SELECT id FROM dispatch WHERE channel_id = :channel_id AND dedupe_key = :dedupe_key) "
            "WHERE dispatch_id = :dispatch_id AND article_id IN (:article_ids)",
            {
                "channel_id": original_row["channel_id"],
                "dedupe_key": notification.dedupe_key,
                "dispatch_id": dispatch_id,
                "article_ids": notification.article_ids,
            },
        )
    transitions.move_dispatches(
        db, [dispatch_id], DispatchState.PENDING, origins={DispatchState.CLAIMED}, due_at=db.now
    )
    if db.fetch_row("SELECT 1 FROM watch_match WHERE dispatch_id = :id", {"id": dispatch_id}) is None:
        transitions.delete_dispatches(db, [dispatch_id], origins={DispatchState.PENDING})
