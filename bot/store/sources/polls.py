"""Repository that records polls: feed, articles and the messages to send are written together or not at all.

These transactions are the reason why no article is lost or posted twice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from bot.core.models import Feed, NewArticle
from bot.core.outbox.routing import PendingArticle
from bot.core.reasons import WithheldReason
from bot.store import processes, url_encryption
from bot.store.connection import Connection, Row
from bot.store.content import page_fetches
from bot.store.content.articles import insert_articles, update_article
from bot.store.outbox import (
    alerts,
    corrections,
    held_posts,
    muted_articles,
    outbox_writes,
    transitions,
    watch_notifications,
)
from bot.store.records.content_records import NO_MATCHES, StoryMatches
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
from bot.store.repository import Repository, bind_read, read_transaction, write_transaction
from bot.store.row_mapping import IS_FEED_ARTICLE_SQL
from bot.store.settings import filters
from bot.store.sources import quota_overflow
from bot.store.sources.feeds import write_feeds
from bot.text import shared_links, urls


class _PageOwner(NamedTuple):
    """An article of another feed that has a web page's key, or had it when a channel posted or withheld the article."""

    page_key: str
    article_id: int
    key: str
    url: str
    title: str
    feed_url: str


def resolve_ownership(db: Connection, feed_id: int, articles: Sequence[NewArticle]) -> list[NewArticle]:
    """Return the articles of a feed, each with the key of a web page that feeds share, or of a page of its own.

    An article with the link of another feed's article shares its page if their titles match. If this feed is on the
    site of the link and the other one is not, the other feed's article loses the page and gets one of its own.
    """
    owners_by_page_key: dict[str, list[_PageOwner]] = {}
    for owner in _list_owners(db, feed_id, {article.page_key for article in articles}):
        owners_by_page_key.setdefault(owner.page_key, []).append(owner)
    if not owners_by_page_key:
        return list(articles)
    feed_url = db.fetch_value("SELECT url FROM feed WHERE id = ?", (feed_id,))
    feed_url = url_encryption.decrypt_url(feed_url)
    return [
        _resolve_article(db, feed_url, article, owners_by_page_key.get(article.page_key, ())) for article in articles
    ]


def _resolve_article(db: Connection, feed_url: str, article: NewArticle, owners: Sequence[_PageOwner]) -> NewArticle:
    is_on_own_site = bool(owners) and shared_links.is_same_site(feed_url, article.url)
    remaining_owners = []
    for owner in owners:
        if owner.key == article.key:
            return article
        if is_on_own_site and not shared_links.is_same_site(owner.feed_url, article.url):
            _evict_owner(db, owner)
        else:
            remaining_owners.append(owner)
    if remaining_owners and not any(
        shared_links.titles_match(article.title, remaining_owner.title) for remaining_owner in remaining_owners
    ):
        return replace(article, page_key=_make_own_page_key(article.url, article.key, article.page_key))
    return article


def _make_own_page_key(url: str, article_key: str, page_key: str) -> str:
    """Return a page key of its own for an article that may not have the key of the web page that it links to."""
    return urls.compute_page_key(url, f"{article_key} {page_key}")


def _list_owners(db: Connection, feed_id: int, page_keys: Collection[str]) -> list[_PageOwner]:
    """List articles of other feeds that have one of these web pages.

    Articles that had it when a channel that follows this feed posted or withheld them are included.
    """
    rows = db.execute(
        """
        SELECT owner.page_key, article.id, article.key, article.url, article.title, feed.url
        FROM (
            SELECT page_key, id FROM article WHERE page_key IN (:pages)
            UNION
            SELECT page_key, article_id FROM delivery_status
            WHERE channel_id IN (SELECT channel_id FROM subscription WHERE feed_id = :feed)
              AND page_key IN (:pages)
        ) AS owner
        JOIN article ON article.id = owner.id
        JOIN feed ON feed.id = article.feed_id
        WHERE article.feed_id <> :feed
        """,
        {"pages": page_keys, "feed": feed_id},
    )
    owners = (_PageOwner(*row) for row in rows)
    return [owner._replace(feed_url=url_encryption.decrypt_url(owner.feed_url)) for owner in owners]


def _evict_owner(db: Connection, owner: _PageOwner) -> None:
    own_page_key = _make_own_page_key(owner.url, owner.key, owner.page_key)
    parameters = {"id": owner.article_id, "page": owner.page_key, "own_page_key": own_page_key}
    db.execute(
        "UPDATE article SET page_key = :own_page_key, has_own_page_key = 1 WHERE id = :id AND page_key = :page",
        parameters,
    )
    transitions.rename_page(db, owner.article_id, owner.page_key, own_page_key)
    watch_ids_of_match_sql = "SELECT watch_id FROM watch_match WHERE article_id = :id AND page_key = :page"
    db.execute(
        f"DELETE FROM watch_match WHERE page_key = :own_page_key AND watch_id IN ({watch_ids_of_match_sql})", parameters
    )
    db.execute(
        "UPDATE watch_match SET page_key = :own_page_key WHERE article_id = :id AND page_key = :page", parameters
    )


MAX_IDENTITIES_PER_ARTICLE = 20
"""Maximum number of hashes (of guids and links) stored per article; some publishers change a guid on each request."""
_KNOWN_ARTICLE_COLUMNS_SQL = (
    "article.id, key, url, title, published, fingerprint, page_key, change_count, updated_at, comment_count"
)
_HAS_NEWER_SQL = (
    "SELECT 1 WHERE EXISTS "
    f"(SELECT 1 FROM article WHERE id > :article AND published >= :since AND {IS_FEED_ARTICLE_SQL}) "
    "OR EXISTS (SELECT 1 FROM story_mute WHERE id > :mute)"
)
HASHES_PER_QUERY = 10_000
"""Maximum number of hashes looked up by one SQL statement; SQLite accepts 32,766 parameters."""


class Polls(Repository):
    """Repository of polls: finds the stored articles of a document's entries, and stores the results of polls.

    Methods raise StoreError.
    """

    @read_transaction
    def load_known_by_identity(
        self, db: Connection, feed_id: int, identity_hashes: Collection[bytes]
    ) -> dict[bytes, KnownArticle]:
        """Map hashes by which entries are recognised to a feed's articles; hashes without an article are left out."""
        identity_hashes = list(identity_hashes)
        article_by_hash: dict[bytes, KnownArticle] = {}
        for offset in range(0, len(identity_hashes), HASHES_PER_QUERY):
            hash_chunk = identity_hashes[offset : offset + HASHES_PER_QUERY]
            rows = db.execute(
                f"""
                SELECT identity.hash, {_KNOWN_ARTICLE_COLUMNS_SQL}
                FROM identity JOIN article ON article.id = identity.article_id
                WHERE identity.feed_id = ? AND identity.hash IN ({", ".join("?" * len(hash_chunk))})
                """,
                (feed_id, *hash_chunk),
            )
            for identity_hash, *columns in rows:
                article_by_hash[identity_hash] = KnownArticle(*columns)
        return article_by_hash

    @read_transaction
    def load_known_by_page_key(
        self, db: Connection, feed_id: int, urls_by_page_key: Mapping[str, Collection[str]]
    ) -> dict[str, list[KnownArticle]]:
        """Map page keys (hashes of web pages' URLs) to the articles of a feed on those pages.

        `urls_by_page_key` maps each page key to its canonical URLs.
        """
        rows = db.execute(
            f"SELECT {_KNOWN_ARTICLE_COLUMNS_SQL} FROM article WHERE id IN ("
            "SELECT id FROM article WHERE page_key IN (:pages) "
            "UNION SELECT id FROM article WHERE has_own_page_key = 1 AND url IN (:urls)) "
            "AND +feed_id = :feed ORDER BY id",
            {
                "urls": [url for page_urls in urls_by_page_key.values() for url in page_urls],
                "pages": urls_by_page_key,
                "feed": feed_id,
            },
        )
        articles_by_page_key: dict[str, list[KnownArticle]] = {}
        for row in rows:
            article = KnownArticle(*row)
            articles_by_page_key.setdefault(urls.compute_page_key(article.url), []).append(article)
        return articles_by_page_key

    async def list_relocation_candidates(
        self, feed_id: int, dates: Collection[int], newest_limit: int
    ) -> list[KnownArticle]:
        """List the articles of a feed whose URL may have changed to that of an unknown entry: by date, and the newest.

        These are the articles published exactly at one of `dates` (Unix times in seconds) and the
        `newest_limit` newest, largest id first.
        """
        return await self._fetch_objects(
            KnownArticle._make,
            f"""
            SELECT {_KNOWN_ARTICLE_COLUMNS_SQL} FROM (
                SELECT id FROM article WHERE feed_id = :feed
                    AND published IN (:dates)
                UNION
                SELECT id FROM (SELECT id FROM article WHERE feed_id = :feed
                    ORDER BY published DESC, id DESC LIMIT :newest_limit) AS newest_articles
            ) AS candidate JOIN article USING (id) ORDER BY id DESC
            """,
            {"feed": feed_id, "dates": dates, "newest_limit": newest_limit},
        )

    async def load_original_texts(self, article_ids: Collection[int]) -> dict[int, tuple[str, str]]:
        """Map article ids to summary and text as the feed gave them; texts that were purged are empty."""
        rows = await self._fetch_rows(
            "SELECT id, summary, text FROM article WHERE id IN (:article_ids)",
            {"article_ids": article_ids},
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    list_retraction_candidates = bind_read(corrections.list_retraction_candidates)

    @write_transaction
    def record_unchanged(
        self,
        db: Connection,
        feeds: Sequence[Feed],
        unchanged_polls: Sequence[UnchangedPoll] = (),
        feed_alerts: Sequence[Alert] = (),
        *,
        owner_id: str | None = None,
    ) -> bool:
        """Record polls that found nothing new, and alerts on their feeds; return whether any article was retracted.

        Articles of all feeds that have been missing for long enough are retracted, and edits of their posts scheduled.
        `feeds` are written in full; for `unchanged_polls` only the next poll is scheduled. With `owner_id`,
        feeds whose lease another process owns are skipped.
        """
        if owner_id is not None:
            feed_ids = {feed.id for feed in feeds} | {poll.feed_id for poll in unchanged_polls}
            owned_feed_ids = processes.list_owned_feed_ids(db, owner_id, feed_ids)
            feeds = [feed for feed in feeds if feed.id in owned_feed_ids]
            unchanged_polls = [poll for poll in unchanged_polls if poll.feed_id in owned_feed_ids]
            feed_alerts = [alert for alert in feed_alerts if alert.feed_id in owned_feed_ids]
        if feeds:
            write_feeds(db, feeds)
        if unchanged_polls:
            _reschedule_feeds(db, unchanged_polls)
        if feed_alerts:
            alerts.enqueue_alerts(db, feed_alerts)
        return corrections.retract_missing(db)

    @write_transaction
    def record(
        self,
        db: Connection,
        poll: PollWrite,
        *,
        matches: StoryMatches = NO_MATCHES,
        fence: Fence | None = None,
    ) -> PollWriteResult:
        """Record one poll in one transaction: the feed, its articles, and what each channel does with them.

        Unless it is the first poll, every new article gets a status in each channel that follows the feed: to be
        posted, listed in a catch-up or added to a similar article's post, or withheld (not posted) or filtered.
        `matches` are computed again if other articles or mutes of stories were stored since. Nothing is recorded for a
        blocked feed, or one that was deleted. Raises LeaseLost if another process now owns the lease that `fence`
        requires.
        """
        processes.require_lease(db, fence)
        parameters = {
            "article": matches.last_article_id,
            "since": matches.published_since,
            "mute": matches.last_mute_id,
        }
        if matches.refresh is not None and db.fetch_row(_HAS_NEWER_SQL, parameters) is not None:
            matches = matches.refresh()
        return _record_poll(db, poll, matches)


def _reschedule_feeds(db: Connection, unchanged_polls: Sequence[UnchangedPoll]) -> None:
    db.executemany(
        "UPDATE feed SET interval = ?, next_poll = ?, last_poll = ?, last_success = ? WHERE id = ?",
        ((poll.interval, poll.next_poll_at, poll.polled_at, poll.polled_at, poll.feed_id) for poll in unchanged_polls),
    )


def _record_poll(db: Connection, poll: PollWrite, matches: StoryMatches) -> PollWriteResult:
    feed, intake = poll.feed, poll.intake
    feed_row = db.fetch_row("SELECT last_success, blocked_since FROM feed WHERE id = ?", (feed.id,))
    # Meanwhile it was deleted, perhaps with all data of its server, or an operator blocked its source.
    if feed_row is None or feed_row["blocked_since"] is not None:
        return PollWriteResult((), ())
    write_feeds(db, [feed])
    new_articles = resolve_ownership(db, feed.id, intake.new_articles)
    inserted_ids, pending_articles = insert_articles(db, feed.id, new_articles)
    if not poll.is_first_poll:  # The backlog of a new feed notifies nobody.
        watch_notifications.queue_for_matching(db, feed.id, inserted_ids)
    _apply_changes(db, feed.id, intake)
    if not poll.is_first_poll:
        held_posts.store_similarities(db, pending_articles, matches)
    muting_channel_ids = muted_articles.record_matches(db, feed.id, pending_articles, matches)
    channel_ids = _enqueue_for_channels(
        db, poll, pending_articles, matches, feed_row["last_success"], muting_channel_ids
    )
    if poll.fetch_pages:
        page_fetches.enqueue_fetches(db, feed, inserted_ids, is_backlog=poll.is_first_poll)
    if poll.alert is not None:
        alerts.enqueue_alerts(db, (poll.alert,))
    if inserted_ids:  # `quota_full_at` is when the whole quota is free again, in milliseconds: new articles put it off.
        db.executemany(
            "UPDATE server SET quota_full_at = :used_ms + "
            "CASE WHEN quota_full_at > :now_ms THEN quota_full_at ELSE :now_ms END WHERE id = :id",
            [
                {"id": server_id, "now_ms": db.now * 1_000, "used_ms": round(intake.quota_used_seconds * 1_000)}
                for server_id in poll.server_ids
            ],
        )
    if intake.overflow is not None:
        quota_overflow.record_overflow(db, feed.id, intake.overflow)
    return PollWriteResult(tuple(inserted_ids), tuple(channel_ids))


def _apply_changes(db: Connection, feed_id: int, intake: IntakeResult) -> None:
    resolved_articles = resolve_ownership(db, feed_id, [change.new_article for change in intake.changed_articles])
    for change, article in zip(intake.changed_articles, resolved_articles, strict=True):
        update_article(db, feed_id, ChangedArticle(change.article_id, article))
    db.executemany(
        "INSERT INTO identity (feed_id, hash, article_id) SELECT :feed_id, :hash, :article_id WHERE "
        f"(SELECT count(*) FROM identity WHERE article_id = :article_id) < {MAX_IDENTITIES_PER_ARTICLE} "
        "ON CONFLICT DO NOTHING",
        [
            {"feed_id": feed_id, "hash": identity_hash, "article_id": article_id}
            for identity_hash, article_id in intake.aliases
        ],
    )
    db.executemany(  # No post is edited for this.
        "UPDATE article SET comment_count = ? WHERE id = ?",
        [(comment_count, article_id) for article_id, comment_count in intake.comment_counts],
    )
    if intake.missing_ids:
        corrections.mark_missing(db, intake.missing_ids)
    if intake.reappeared_ids:
        corrections.mark_reappeared(db, intake.reappeared_ids)
    corrections.retract_missing(db)


def _enqueue_for_channels(
    db: Connection,
    poll: PollWrite,
    articles: Sequence[PendingArticle],
    matches: StoryMatches,
    last_success_at: int | None,
    muting_channel_ids: Collection[int],
) -> list[int]:
    """Enqueue new articles to be posted in every channel that follows their feed and has not muted their story.

    Return the ids of the channels that have something to send.
    """
    if not articles:
        return []
    subscription_rows = db.fetch_rows(
        """
        SELECT subscription.id, subscription.channel_id, subscription.paused_at, subscription.resumed_at,
               subscription.resumed_from, server.left_at
        FROM subscription
        JOIN channel ON channel.id = subscription.channel_id
        JOIN server ON server.id = channel.server_id
        WHERE subscription.feed_id = ? ORDER BY subscription.id
        """,
        (poll.feed.id,),
    )
    filters_by_subscription = filters.load_by_feed(db, poll.feed.id)
    channel_ids = []
    for subscription_row in subscription_rows:
        channel_id = subscription_row["channel_id"]
        accepted_articles = _select_deliverable(
            db, subscription_row, articles, is_first_poll=poll.is_first_poll, last_success_at=last_success_at or 0
        )
        accepted_articles, filtered_articles = filters.apply_filters(
            filters_by_subscription[subscription_row["id"]], accepted_articles, poll.filter_matcher
        )
        if poll.is_first_poll:
            accepted_articles = accepted_articles[-1:]
        if channel_id in muting_channel_ids:
            accepted_articles = muted_articles.withhold_muted_articles(db, channel_id, accepted_articles)
        if poll.is_first_poll:
            unjoined_articles = accepted_articles
        else:
            outbox_writes.record_filtered_articles(db, channel_id, filtered_articles)
            unjoined_articles = held_posts.join_posts(db, channel_id, poll.feed.id, accepted_articles, matches)
        has_enqueued = outbox_writes.enqueue_articles(
            db, channel_id, unjoined_articles, max_pending_posts=poll.max_pending_posts
        )
        if len(unjoined_articles) < len(accepted_articles):  # A join may have released a held post.
            outbox_writes.enforce_pending_limit(db, channel_id, max_pending_posts=poll.max_pending_posts)
        if has_enqueued or len(unjoined_articles) < len(accepted_articles):
            channel_ids.append(channel_id)
    return channel_ids


def _select_deliverable(
    db: Connection,
    subscription_row: Row,
    articles: Sequence[PendingArticle],
    *,
    is_first_poll: bool,
    last_success_at: int,
) -> Sequence[PendingArticle]:
    """Return the articles that a subscription posts; except at a first poll, mark the others as withheld (not posted).

    `last_success_at` is the Unix time in seconds of the feed's last successful poll before this one, or 0.
    """
    paused_at, left_at, resumed_at = (
        subscription_row["paused_at"],
        subscription_row["left_at"],
        subscription_row["resumed_at"],
    )
    withheld_reason = (
        WithheldReason.BOT_ABSENT if left_at is not None else WithheldReason.PAUSED if paused_at is not None else None
    )
    if is_first_poll:  # A subscription that was resumed, or skips the backlog, starts with later articles.
        return () if withheld_reason or resumed_at is not None else articles
    if withheld_reason:
        outbox_writes.withhold_articles(db, subscription_row["channel_id"], articles, reason=withheld_reason)
        return ()
    if resumed_at is None or last_success_at >= resumed_at:
        return articles
    # The first poll after a pause also finds articles published during it. An undated article, which has the
    # time of discovery as its date, may be one of them.
    skipped_articles = [article for article in articles if not resumed_at <= article.published_at < db.now]
    outbox_writes.withhold_articles(
        db, subscription_row["channel_id"], skipped_articles, reason=WithheldReason(subscription_row["resumed_from"])
    )
    return [article for article in articles if resumed_at <= article.published_at < db.now]
