"""Transactions that record polls: feed, articles, statuses and dispatches are written together or not at all.

They are why no article is lost or posted twice.
"""

from collections.abc import Collection, Mapping, Sequence

from bot.core.models import Feed
from bot.store.connection import Connection, Row
from bot.store.content.article_rows import insert_articles, update_article
from bot.store.coordination import process_leases
from bot.store.outbox import (
    alerts,
    corrections,
    outbox_writes,
    page_fetch_queue,
    page_ownership,
    story_merging,
    watch_notifications,
)
from bot.store.outbox.outbox_writes import PendingArticle
from bot.store.records.content_records import NO_MATCHES, StoryMatches
from bot.store.records.outbox_records import WithheldReason
from bot.store.records.process_records import Fence
from bot.store.records.source_records import (
    Alert,
    ChangedArticle,
    IntakeResult,
    KnownArticle,
    PollWrite,
    PollWriteResult,
    UnchangedPoll,
)
from bot.store.repository import Repository, read_method, reads, writes
from bot.store.row_mapping import to_json_array
from bot.store.settings import filters
from bot.store.sources import quota_overflow
from bot.store.sources.feeds import write_feeds
from bot.text import urls

MAX_IDENTITIES_PER_ARTICLE = 20
"""Maximum number of identity hashes per article; some publishers change a guid on each request."""
_KNOWN = "article.id, key, url, title, published, fingerprint, page, changes, updated"
_SINCE = "SELECT 1 FROM article WHERE id > ? AND published >= ? LIMIT 1"
CHUNK = 10_000
"""Identity hashes per statement; SQLite accepts 32,766 parameters."""


class Polls(Repository):
    """Queries of intake, and the writes of polls. Methods raise StoreError."""

    @reads
    def known_by_identity(
        self, db: Connection, feed_id: int, hashes: Collection[bytes]
    ) -> dict[bytes, KnownArticle]:
        """Map identity hashes to the articles of a feed; unknown hashes are left out."""
        hashes = list(hashes)
        found: dict[bytes, KnownArticle] = {}
        for start in range(0, len(hashes), CHUNK):
            chunk = hashes[start : start + CHUNK]
            rows = db.execute(
                f"""
                SELECT identity.hash, {_KNOWN}
                FROM identity JOIN article ON article.id = identity.article_id
                WHERE identity.feed_id = ? AND identity.hash IN ({", ".join("?" * len(chunk))})
                """,
                (feed_id, *chunk),
            )
            for hash_, *known in rows:
                found[hash_] = KnownArticle(*known)
        return found

    @reads
    def known_pages(
        self, db: Connection, feed_id: int, pages: Mapping[str, Collection[str]]
    ) -> dict[str, list[KnownArticle]]:
        """Map page keys to the articles of a feed on those pages.

        `urls_by_page_key` maps each page key to its canonical URLs.
        """
        rows = db.execute(
            f"SELECT {_KNOWN} FROM article WHERE id IN ("
            "SELECT id FROM article WHERE page IN (SELECT atom FROM json_each(:pages)) "
            "UNION SELECT id FROM article WHERE own_page = 1 AND url IN (SELECT atom FROM json_each(:urls))) "
            "AND +feed_id = :feed ORDER BY id",
            {
                "urls": to_json_array([url for forms in pages.values() for url in forms]),
                "pages": to_json_array(pages),
                "feed": feed_id,
            },
        )
        found: dict[str, list[KnownArticle]] = {}
        for row in rows:
            known = KnownArticle(*row)
            found.setdefault(urls.page_key(known.url), []).append(known)
        return found

    async def relocation_candidates(
        self, feed_id: int, dates: Collection[int], latest: int
    ) -> list[KnownArticle]:
        """List a feed's articles published exactly at one of `dates`, and its `newest_limit` newest.

        Newest id first. Dates are in seconds of UTC.
        """
        return await self._objects(
            KnownArticle._make,
            f"""
            SELECT {_KNOWN} FROM (
                SELECT id FROM article WHERE feed_id = :feed
                    AND published IN (SELECT value FROM json_each(:dates))
                UNION
                SELECT id FROM (SELECT id FROM article WHERE feed_id = :feed
                    ORDER BY published DESC, id DESC LIMIT :latest) AS newest
            ) AS found JOIN article USING (id) ORDER BY id DESC
            """,
            {"feed": feed_id, "dates": to_json_array(dates), "latest": latest},
        )

    async def original_texts(self, article_ids: Collection[int]) -> dict[int, tuple[str, str]]:
        """Map article ids to summary and text as the feed gave them; purged texts are empty."""
        rows = await self._rows(
            "SELECT id, summary, text FROM article WHERE id IN (SELECT value FROM json_each(?))",
            (to_json_array(article_ids),),
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    retraction_candidates = read_method(corrections.retraction_candidates)

    @writes
    def record_unchanged(
        self,
        db: Connection,
        feeds: Sequence[Feed],
        unchanged: Sequence[UnchangedPoll] = (),
        told: Sequence[Alert] = (),
        *,
        owner: str | None = None,
    ) -> bool:
        """Record polls that found nothing new, and their alerts; return whether posts became due for an edit.

        `feeds` are written in full, `unchanged_polls` only reschedule. With `owner`, feeds whose lease
        another process owns are skipped.
        """
        if owner is not None:
            ids = {polled.id for polled in feeds} | {polled.feed_id for polled in unchanged}
            own = process_leases.owned_feed_ids(db, owner, ids)
            feeds = [polled for polled in feeds if polled.id in own]
            unchanged = [polled for polled in unchanged if polled.feed_id in own]
            told = [alert for alert in told if alert.feed_id in own]
        if feeds:
            write_feeds(db, feeds)
        if unchanged:
            _reschedule(db, unchanged)
        if told:
            alerts.enqueue_alerts(db, told)
        return corrections.retract_missing(db)

    @writes
    def record(
        self, db: Connection, poll: PollWrite, *, kin: StoryMatches = NO_MATCHES, fence: Fence | None = None
    ) -> PollWriteResult:
        """Record one poll in one transaction: feed, articles, statuses and dispatches.

        After the first poll, each channel that follows the feed gets a status for every page that has none: a
        post, a place in a catch-up or in a similar article's post, or withheld or filtered. `matches` are
        computed again if other articles were stored since. Raises LeaseLost if `fence` is no longer valid.
        """
        process_leases.require_lease(db, fence)
        if kin.refresh is not None and db.row(_SINCE, (kin.last_id, kin.since)) is not None:
            kin = kin.refresh()
        return _record(db, poll, kin)


def _reschedule(db: Connection, unchanged: Sequence[UnchangedPoll]) -> None:
    db.executemany(
        "UPDATE feed SET interval = ?2, next_poll = ?3, last_poll = ?4, last_success = ?4 WHERE id = ?1",
        unchanged,
    )


def _record(db: Connection, poll: PollWrite, kin: StoryMatches) -> PollWriteResult:
    feed, found = poll.feed, poll.decision
    row = db.row("SELECT last_success FROM feed WHERE id = ?", (feed.id,))
    write_feeds(db, [feed])
    new = page_ownership.resolve_ownership(db, feed.id, found.new)
    inserted, owed = insert_articles(db, feed.id, new)
    if not poll.is_first_poll:  # The backlog of a new feed notifies nobody.
        watch_notifications.queue_for_matching(db, feed.id, inserted)
    _apply_changes(db, feed.id, found)
    story_merging.store_similarities(db, owed, kin)
    channels = _enqueue_for_channels(db, poll, owed, kin, row and row["last_success"])
    if poll.read_pages:
        page_fetch_queue.enqueue_fetches(db, feed, inserted, first=poll.is_first_poll)
    if poll.alert is not None:
        alerts.enqueue_alerts(db, (poll.alert,))
    if inserted:
        db.executemany(
            "UPDATE server SET share_whole = max(coalesce(share_whole, 0), ?2) + ?3 WHERE id = ?1",
            [(server, db.now * 1_000, round(found.quota_used_seconds * 1_000)) for server in poll.servers],
        )
    if found.overflow is not None:
        quota_overflow.record(db, feed.id, found.overflow)
    return PollWriteResult(tuple(inserted), tuple(channels))


def _apply_changes(db: Connection, feed_id: int, found: IntakeResult) -> None:
    settled = page_ownership.resolve_ownership(db, feed_id, [change.new for change in found.changed])
    for change, article in zip(found.changed, settled, strict=True):
        update_article(db, feed_id, ChangedArticle(change.article_id, article))
    db.executemany(
        "INSERT INTO identity (feed_id, hash, article_id) SELECT ?1, ?2, ?3 "
        "WHERE (SELECT count(*) FROM identity WHERE article_id = ?3) < ?4 ON CONFLICT DO NOTHING",
        [(feed_id, hash_, article_id, MAX_IDENTITIES_PER_ARTICLE) for hash_, article_id in found.aliases],
    )
    if found.missing_ids:
        corrections.mark_missing(db, found.missing_ids)
    if found.reappeared_ids:
        corrections.mark_reappeared(db, found.reappeared_ids)
    corrections.retract_missing(db)


def _enqueue_for_channels(
    db: Connection,
    poll: PollWrite,
    articles: Sequence[PendingArticle],
    kin: StoryMatches,
    last_success: int | None,
) -> list[int]:
    """Enqueue new articles in every following channel; return the channels with something to send."""
    if not articles:
        return []
    subscriptions = db.rows(
        """
        SELECT subscription.id, subscription.channel_id, subscription.paused, subscription.resumed,
               subscription.resumed_from, server.left
        FROM subscription
        JOIN channel ON channel.id = subscription.channel_id
        JOIN server ON server.id = channel.server_id
        WHERE subscription.feed_id = ? ORDER BY subscription.id
        """,
        (poll.feed.id,),
    )
    rules = filters.by_feed(db, poll.feed.id)
    channels = []
    for row in subscriptions:
        channel_id, limit = row["channel_id"], poll.catch_up_after
        news = _select_deliverable(
            db, row, articles, is_first=poll.is_first_poll, last_success=last_success or 0
        )
        news, kept_out = filters.apply_filters(rules[row["id"]], news, poll.filter_matcher)
        if poll.is_first_poll:
            rest = news = news[-1:]
        else:
            outbox_writes.record_filtered(db, channel_id, kept_out)
            rest = story_merging.join_posts(db, channel_id, poll.feed.id, news, kin)
        owes = outbox_writes.enqueue(db, channel_id, rest, limit=limit)
        if len(rest) < len(news):  # A join may have released a held post.
            outbox_writes.enforce_pending_limit(db, channel_id, limit=limit)
        if owes or len(rest) < len(news):
            channels.append(channel_id)
    return channels


def _select_deliverable(
    db: Connection, followed: Row, articles: Sequence[PendingArticle], *, is_first: bool, last_success: int
) -> Sequence[PendingArticle]:
    """Return the articles that a subscription accepts; withhold the others."""
    paused, left, resumed = followed["paused"], followed["left"], followed["resumed"]
    stopped = (
        WithheldReason.BOT_ABSENT
        if left is not None
        else WithheldReason.PAUSED
        if paused is not None
        else None
    )
    if is_first:  # A subscription that was resumed, or skips the backlog, starts with later articles.
        return () if stopped or resumed is not None else articles
    if stopped:
        outbox_writes.withhold(db, followed["channel_id"], articles, reason=stopped)
        return ()
    if resumed is None or last_success >= resumed:
        return articles
    # The first poll after a pause also finds articles published during it. An undated article, which has the
    # time of discovery as its date, may be one of them.
    late = [owed for owed in articles if not resumed <= owed.published < db.now]
    outbox_writes.withhold(db, followed["channel_id"], late, reason=followed["resumed_from"])
    return [owed for owed in articles if resumed <= owed.published < db.now]
