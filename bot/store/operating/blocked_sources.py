"""Repository of the sources that an operator blocks: domains with their subdomains, or parts of sites.

A feed of a blocked source has the time since when (`blocked_since`): it is neither polled nor followed anew.
"""

from collections.abc import Collection

from bot.core.audit_actions import AuditAction
from bot.core.reasons import Reason, WithheldReason
from bot.core.user_errors import RequestRejected
from bot.store.connection import Connection
from bot.store.operating.audit_log import record_audit_entry
from bot.store.outbox import alerts, dispatch_cancellation
from bot.store.records.operating_records import BlockedSource, FollowedFeedCounts
from bot.store.records.source_records import AlertTexts, SourceRejection
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.url_encryption import ENCRYPTED_PREFIX, decrypt_url
from bot.text.source_patterns import NO_PATTERNS, SourcePattern, SourcePatterns, list_domains


def require_not_blocked(db: Connection, url: str) -> None:
    """Raise RequestRejected if an operator blocks the website of a URL, or the part of it with the URL."""
    sources = db.fetch_column(
        "SELECT source FROM blocked_source WHERE domain IN (:domains)", {"domains": list_domains(url)}
    )
    pattern = SourcePatterns(map(SourcePattern.parse, sources)).find_covering(url)
    if pattern is not None:
        raise RequestRejected(SourceRejection.BLOCKED, source=str(pattern))


_PENDING_SQL = """
    SELECT DISTINCT delivery_status.channel_id, article.feed_id
    FROM dispatch
    JOIN delivery_status ON delivery_status.dispatch_id = dispatch.id
    JOIN article ON article.id = delivery_status.article_id
    WHERE dispatch.state IN ('waiting', 'held') AND article.feed_id IN (:feeds)
    UNION
    SELECT delivery_status.channel_id, article.feed_id
    FROM dispatch
    JOIN delivery_status ON delivery_status.joined_dispatch_id = dispatch.id
    JOIN article ON article.id = delivery_status.article_id
    WHERE dispatch.state IN ('waiting', 'held') AND article.feed_id IN (:feeds)
    UNION
    SELECT delivery_status.channel_id, article.feed_id
    FROM delivery_status JOIN article ON article.id = delivery_status.article_id
    WHERE delivery_status.status = 'digested' AND article.feed_id IN (:feeds)
"""
"""SQL for the channels and feeds with articles that are pending or reserved for a digest."""


class BlockedSources(Repository):
    """Repository of blocked sources. Methods raise StoreError; changes are recorded in the audit log."""

    @read_transaction
    def list_all(self, db: Connection) -> list[BlockedSource]:
        """List the blocked sources, the last one blocked first."""
        return _list_blocked(db)

    @read_transaction
    def count_followed(self, db: Connection, pattern: SourcePattern) -> FollowedFeedCounts:
        """Count the feeds of a source (domain or part of a site) that servers follow, and these servers.

        Feeds that are blocked already do not count.
        """
        return _count_followed(db, _list_feed_ids(db, pattern, is_blocked=False))

    @write_transaction
    def block(
        self, db: Connection, pattern: SourcePattern, alert_texts: AlertTexts, *, user_id: int | None
    ) -> FollowedFeedCounts | None:
        """Block a source and its feeds, withhold their pending articles and alert the servers that follow them.

        Return how many feeds and servers that concerns, or None if the source was blocked before. A server gets one
        alert for all its feeds. `user_id` is None for an operator in the terminal.
        """
        if _find_same(_list_blocked(db), pattern) is not None:
            return None
        source = str(pattern)
        db.execute(
            "INSERT INTO blocked_source (source, domain, blocked_at) VALUES (?, ?, ?)", (source, pattern.domain, db.now)
        )
        feed_ids = _list_feed_ids(db, pattern, is_blocked=False)
        counts = _count_followed(db, feed_ids)
        db.execute("UPDATE feed SET blocked_since = :now WHERE id IN (:feeds)", {"now": db.now, "feeds": feed_ids})
        feed_ids_by_channel_id: dict[int, list[int]] = {}
        for channel_id, feed_id in db.fetch_rows(_PENDING_SQL, {"feeds": feed_ids}):
            feed_ids_by_channel_id.setdefault(channel_id, []).append(feed_id)
        for channel_id, channel_feed_ids in feed_ids_by_channel_id.items():
            pending_articles = [
                article for article, _ in dispatch_cancellation.list_pending_articles(db, channel_id, channel_feed_ids)
            ]
            dispatch_cancellation.withdraw_articles(
                db, channel_id, pending_articles, reason=Reason(WithheldReason.SOURCE_BLOCKED)
            )
        alerts.enqueue_failure(db, feed_ids, _build_alert_key("blocked", source, db.now), alert_texts)
        _record_audit_entry(db, AuditAction.SOURCE_BLOCKED, source, counts, user_id)
        return counts

    @write_transaction
    def unblock(
        self, db: Connection, pattern: SourcePattern, alert_texts: AlertTexts, *, user_id: int | None
    ) -> FollowedFeedCounts | None:
        """Unblock a source and those of its feeds that no other blocked source covers, and tell the alerted servers.

        Return how many followed feeds go on, and in how many servers, or None if the source isn't blocked itself.
        """
        blocked_source = _find_same(_list_blocked(db), pattern)
        if blocked_source is None:
            return None
        source = str(blocked_source.pattern)
        db.execute("DELETE FROM blocked_source WHERE source = ?", (source,))
        feed_ids = _list_feed_ids(db, blocked_source.pattern, is_blocked=True)
        counts = _count_followed(db, feed_ids)
        db.execute("UPDATE feed SET blocked_since = NULL WHERE id IN (:feeds)", {"feeds": feed_ids})
        alerts.enqueue_recovery(
            db,
            feed_ids,
            [_build_alert_key("blocked", source, blocked_source.blocked_at)],
            _build_alert_key("unblocked", source, db.now),
            alert_texts,
        )
        _record_audit_entry(db, AuditAction.SOURCE_UNBLOCKED, source, counts, user_id)
        return counts


def _list_blocked(db: Connection) -> list[BlockedSource]:
    rows = db.fetch_rows("SELECT source, blocked_at FROM blocked_source ORDER BY blocked_at DESC, source")
    return [BlockedSource(SourcePattern.parse(source), blocked_at) for source, blocked_at in rows]


def _find_same(blocked_sources: Collection[BlockedSource], pattern: SourcePattern) -> BlockedSource | None:
    return next((source for source in blocked_sources if source.pattern.is_same(pattern)), None)


def _list_feed_ids(db: Connection, pattern: SourcePattern, *, is_blocked: bool) -> list[int]:
    """Return the ids of a source's feeds: those not blocked, or, if `is_blocked`, those that no other blocks."""
    rows = db.fetch_sequences(
        ("id", "url"),
        f"SELECT id, url FROM feed WHERE id > 0 AND blocked_since IS {'NOT NULL' if is_blocked else 'NULL'} "
        # An IPv6 address, in brackets, may be written in several ways.
        "AND (url LIKE '%' || :domain || '%' OR url LIKE '%[%' OR url LIKE :encrypted)",
        {"domain": pattern.domain, "encrypted": f"{ENCRYPTED_PREFIX}%"},
    )
    urls = {feed_id: decrypt_url(stored_url) for feed_id, stored_url in rows}
    other_patterns = SourcePatterns(source.pattern for source in _list_blocked(db)) if is_blocked else NO_PATTERNS
    return [
        feed_id for feed_id, url in urls.items() if pattern.covers(url) and other_patterns.find_covering(url) is None
    ]


def _count_followed(db: Connection, feed_ids: Collection[int]) -> FollowedFeedCounts:
    rows = db.fetch_rows(
        "SELECT DISTINCT feed_id, channel.server_id FROM subscription "
        "JOIN channel ON channel.id = subscription.channel_id "
        "JOIN server ON server.id = channel.server_id AND server.left_at IS NULL WHERE feed_id IN (:feeds)",
        {"feeds": feed_ids},
    )
    return FollowedFeedCounts(len({row[0] for row in rows}), frozenset(row[1] for row in rows))


def _record_audit_entry(
    db: Connection, action: AuditAction, source: str, counts: FollowedFeedCounts, user_id: int | None
) -> None:
    record_audit_entry(db, action, user_id=user_id, details={"source": source, "feeds": counts.feed_count})


def _build_alert_key(event: str, source: str, since: int) -> str:
    return f"{event}:{source}:{since}"
