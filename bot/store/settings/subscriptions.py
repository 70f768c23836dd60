"""Repository of subscriptions: which channel follows which feed."""

from collections.abc import Collection

from bot.core.limits import Limit
from bot.core.models import Feed, Subscription
from bot.core.outbox.routing import PendingArticle
from bot.core.outbox.states import PageStatus
from bot.core.preferences import PostLook, SettingKind, SubscriptionState
from bot.core.reasons import Reason, WithheldReason
from bot.core.user_errors import RequestRejected
from bot.store.connection import Connection
from bot.store.operating import blocked_sources
from bot.store.outbox import dispatch_cancellation, muted_articles, outbox_writes, transitions
from bot.store.repository import Repository, bind_write, read_transaction, write_transaction
from bot.store.row_mapping import (
    FEED_SQL,
    SUBSCRIPTION_SQL,
    feed_from_row,
    subscription_from_row,
)
from bot.store.settings import filters, setting_changes
from bot.store.settings.filters import MakeMatcher, make_no_matcher
from bot.store.settings.parent_rows import ensure_channel
from bot.store.store_errors import StoreError
from bot.store.url_encryption import decrypt_url

FROM_SQL = "FROM subscription JOIN channel ON channel.id = subscription.channel_id"
"""FROM clause that joins subscriptions with their channels."""
_SELECT_SQL = f"SELECT {SUBSCRIPTION_SQL} {FROM_SQL} WHERE"
_COUNT_SQL = f"SELECT count(DISTINCT feed_id) {FROM_SQL}"


def follow_feed(
    db: Connection,
    *,
    server_id: int,
    channel_id: int,
    feed_id: int,
    first_article_id: int | None,
    skip_backlog: bool = False,
    user_id: int | None = None,
    max_feeds: int | None = None,
    make_matcher: MakeMatcher = make_no_matcher,
) -> tuple[Subscription, bool]:
    """Subscribe a channel to a feed; return the subscription, and whether it is new.

    For a new subscription, the article `first_article_id` is enqueued to be posted, also if it was withheld before,
    unless a filter of the channel or the server blocks it or the channel has muted its story; `make_matcher` makes the
    function that tests filters. With `skip_backlog`, for many feeds at once, articles of the feed's first poll are not
    posted. Raises StoreError if the feed is missing or belongs to another server, and RequestRejected if the server
    would follow more than `max_feeds` feeds or an operator blocks the source of the feed.
    """
    feed_row = db.fetch_row("SELECT server_id, url, last_success, blocked_since FROM feed WHERE id = ?", (feed_id,))
    if feed_row is None or feed_row["server_id"] not in {0, server_id}:
        raise StoreError("This feed is not there for this server.")
    if feed_row["blocked_since"] is not None:
        blocked_sources.require_not_blocked(db, decrypt_url(feed_row["url"]))
    ensure_channel(db, channel_id, server_id=server_id)
    if max_feeds is not None:
        _require_below_limit(db, server_id, feed_id, max_feeds)
    created_count = db.execute_rowcount(
        "INSERT INTO subscription (channel_id, feed_id, added_at) VALUES (?, ?, ?) "
        "ON CONFLICT (channel_id, feed_id) DO NOTHING",
        (channel_id, feed_id, db.now),
    )
    # Skipping the backlog of an unpolled feed is handled like a pause that ends now.
    if created_count and skip_backlog and feed_row["last_success"] is None:
        db.execute(
            "UPDATE subscription SET resumed_at = ?, resumed_from = 'paused' WHERE channel_id = ? AND feed_id = ?",
            (db.now, channel_id, feed_id),
        )
    subscription = _find_subscription(db, "subscription.channel_id = ? AND feed_id = ?", channel_id, feed_id)
    assert subscription is not None
    if created_count:
        _log_change(db, subscription, user_id, None, SubscriptionState.ACTIVE)
    article_row = db.fetch_row("SELECT id, key, page_key, published FROM article WHERE id = ?", (first_article_id,))
    if created_count and article_row is not None:
        # An article that was withheld from an earlier subscription may be posted now.
        transitions.delete_pages(
            db,
            "channel_id = :channel AND page_key = :page",
            {"channel": channel_id, "page": article_row["page_key"]},
            origins={PageStatus.WITHHELD},
        )
        first_articles = filters.filter_stored_articles(db, channel_id, [PendingArticle(*article_row)], make_matcher)
        first_articles = muted_articles.withhold_muted_articles(db, channel_id, first_articles)
        outbox_writes.enqueue_articles(db, channel_id, first_articles, max_pending_posts=outbox_writes.UNLIMITED_POSTS)
    return subscription, created_count > 0


def unfollow_feed(db: Connection, channel_id: int, feed_id: int, *, user_id: int | None = None) -> bool:
    """End a subscription and withhold its articles that are still to be posted; return whether it existed."""
    subscription = _find_subscription(db, "subscription.channel_id = ? AND feed_id = ?", channel_id, feed_id)
    if subscription is None:
        return False
    pending_articles = [
        article for article, _ in dispatch_cancellation.list_pending_articles(db, channel_id, [feed_id])
    ]
    dispatch_cancellation.withdraw_articles(db, channel_id, pending_articles, reason=Reason(WithheldReason.UNFOLLOWED))
    db.execute("DELETE FROM subscription WHERE id = ?", (subscription.id,))
    _log_change(db, subscription, user_id, _get_subscription_state(subscription), None)
    return True


def pause_subscription(db: Connection, subscription_id: int, *, user_id: int | None = None) -> bool:
    """Pause a subscription and withhold its articles that are still to be posted.

    Return False if the subscription is missing or paused already.
    """
    subscription = _find_subscription(db, "subscription.id = ?", subscription_id)
    if subscription is None or subscription.paused_at is not None:
        return False
    pending_articles = [
        article
        for article, _ in dispatch_cancellation.list_pending_articles(
            db, subscription.channel_id, [subscription.feed_id]
        )
    ]
    dispatch_cancellation.withdraw_articles(
        db, subscription.channel_id, pending_articles, reason=Reason(WithheldReason.PAUSED)
    )
    db.execute("UPDATE subscription SET paused_at = ? WHERE id = ?", (db.now, subscription_id))
    _log_change(db, subscription, user_id, SubscriptionState.ACTIVE, SubscriptionState.PAUSED)
    return True


def resume_subscription(db: Connection, subscription_id: int, *, user_id: int | None = None) -> bool:
    """Resume a paused subscription, skipping the articles that were found meanwhile.

    Return False if the subscription is missing or not paused.
    """
    subscription = _find_subscription(db, "subscription.id = ?", subscription_id)
    if subscription is None or subscription.paused_at is None:
        return False
    db.execute(
        "UPDATE subscription SET paused_at = NULL, resumed_at = ?, resumed_from = 'paused' WHERE id = ?",
        (db.now, subscription_id),
    )
    _log_change(db, subscription, user_id, SubscriptionState.PAUSED, SubscriptionState.ACTIVE)
    return True


def set_subscription_look(db: Connection, subscription_id: int, new_look: PostLook | None, *, user_id: int) -> bool:
    """Set the look (style, image…) of a subscription's later posts; return False if the subscription is missing.

    If the look is None, the server's look applies.
    """
    subscription = _find_subscription(db, "subscription.id = ?", subscription_id)
    if subscription is None:
        return False
    old_look_json, new_look_json = (None if look is None else str(look) for look in (subscription.look, new_look))
    db.execute("UPDATE subscription SET look = ? WHERE id = ?", (new_look_json, subscription_id))
    _log_change(db, subscription, user_id, old_look_json, new_look_json, setting_kind=SettingKind.LOOK)
    return True


class Subscriptions(Repository):
    """Repository of subscriptions of channels to feeds. Methods raise StoreError.

    Articles remain stored when no channel follows their feed any more. Changes with a `user_id` are logged.
    """

    follow = bind_write(follow_feed)
    unfollow = bind_write(unfollow_feed)
    pause = bind_write(pause_subscription)
    resume = bind_write(resume_subscription)
    set_look = bind_write(set_subscription_look)

    @write_transaction
    def move(
        self,
        db: Connection,
        subscription_id: int,
        channel_id: int,
        *,
        user_id: int | None = None,
        make_matcher: MakeMatcher = make_no_matcher,
    ) -> Subscription | None:
        """Move a subscription, with its articles still to be posted, to another channel of the server; return it.

        Filters and muted stories of the other channel apply to the articles; `make_matcher` makes the function that
        tests filters. Articles that were added to a post of the same story stay with that post. If the other channel
        follows the feed already, its own subscription remains and is returned. Return None if there is no such
        subscription. Raises StoreError if the other channel belongs to another server.
        """
        subscription = _find_subscription(db, "subscription.id = ?", subscription_id)
        if subscription is None or subscription.channel_id == channel_id:
            return subscription
        ensure_channel(db, channel_id, server_id=subscription.server_id)
        articles_with_kinds = [
            (pending_article, kind)
            for pending_article, kind in dispatch_cancellation.list_pending_articles(
                db, subscription.channel_id, [subscription.feed_id]
            )
            if kind != dispatch_cancellation.KIND_JOINED
        ]
        existing_subscription = _find_subscription(
            db, "subscription.channel_id = ? AND feed_id = ?", channel_id, subscription.feed_id
        )
        db.execute(
            "UPDATE subscription SET channel_id = ? WHERE id = ?"
            if existing_subscription is None
            else "DELETE FROM subscription WHERE channel_id <> ? AND id = ?",
            (channel_id, subscription_id),
        )
        dispatch_cancellation.withdraw_articles(
            db,
            subscription.channel_id,
            [withdrawn_article for withdrawn_article, _ in articles_with_kinds],
            reason=None,
        )
        if existing_subscription is not None:
            # Filters of the other subscription keep applying.
            filtered_page_keys = outbox_writes.load_filtered_page_keys(
                db, channel_id, [moved_article for moved_article, _ in articles_with_kinds]
            )
            articles_with_kinds = [
                (unfiltered_article, kind)
                for unfiltered_article, kind in articles_with_kinds
                if unfiltered_article.page_key not in filtered_page_keys
            ]
        unblocked_articles = filters.filter_stored_articles(
            db, channel_id, [moved_article for moved_article, _ in articles_with_kinds], make_matcher
        )
        articles_with_kinds = [pair for pair in articles_with_kinds if pair[0] in unblocked_articles]
        post_articles = [post_article for post_article, kind in articles_with_kinds if kind == "post"]
        post_articles = muted_articles.withhold_muted_articles(db, channel_id, post_articles)
        outbox_writes.enqueue_articles(db, channel_id, post_articles, max_pending_posts=outbox_writes.UNLIMITED_POSTS)
        other_articles = [other_article for other_article, kind in articles_with_kinds if kind != "post"]
        other_articles = muted_articles.withhold_muted_articles(db, channel_id, other_articles)
        outbox_writes.enqueue_as_catch_up(db, channel_id, other_articles)
        target_subscription = _find_subscription(
            db, "subscription.channel_id = ? AND feed_id = ?", channel_id, subscription.feed_id
        )
        assert target_subscription is not None
        old_channel_text, new_channel_text = str(subscription.channel_id), str(channel_id)
        _log_change(
            db,
            target_subscription,
            user_id,
            old_channel_text,
            new_channel_text,
            setting_kind=SettingKind.FEED_CHANNEL,
        )
        return target_subscription

    async def get(self, subscription_id: int) -> Subscription | None:
        """Return the subscription with an id, or None if there is none."""
        return await self._fetch_object(subscription_from_row, f"{_SELECT_SQL} subscription.id = ?", (subscription_id,))

    async def find(self, channel_id: int, feed_id: int) -> Subscription | None:
        """Return the subscription of a channel to a feed, or None if there is none."""
        return await self._fetch_object(
            subscription_from_row,
            f"{_SELECT_SQL} subscription.channel_id = ? AND feed_id = ?",
            (channel_id, feed_id),
        )

    @read_transaction
    def list_with_feeds(self, db: Connection, server_id: int) -> list[tuple[Subscription, Feed]]:
        """List a server's subscriptions with their feeds, ordered by outlet and title."""
        subscription_rows = db.fetch_rows(f"{_SELECT_SQL} channel.server_id = ? ORDER BY subscription.id", (server_id,))
        feed_by_id = {
            row["id"]: feed_from_row(row)
            for row in db.execute(
                f"SELECT {FEED_SQL} FROM feed WHERE id IN (:ids)",
                {"ids": [row["feed_id"] for row in subscription_rows]},
            )
        }
        subscriptions_with_feeds = [
            (subscription_from_row(row), feed_by_id[row["feed_id"]]) for row in subscription_rows
        ]
        return sorted(subscriptions_with_feeds, key=lambda pair: (pair[1].outlet.casefold(), pair[1].title.casefold()))

    async def list_by_feed(self, feed_id: int) -> list[Subscription]:
        """List the subscriptions to a feed, in servers that the bot is in."""
        return await self._fetch_objects(
            subscription_from_row,
            f"SELECT {SUBSCRIPTION_SQL} {FROM_SQL} JOIN server ON server.id = channel.server_id "
            "WHERE feed_id = ? AND server.left_at IS NULL ORDER BY subscription.id",
            (feed_id,),
        )

    async def load_feed_ids(self, channel_ids: Collection[int]) -> set[int]:
        """Return the ids of feeds that any of the given channels follows."""
        return await self._fetch_set(
            "SELECT DISTINCT feed_id FROM subscription WHERE channel_id IN (:channel_ids)",
            {"channel_ids": channel_ids},
        )

    async def load_channel_ids(self, server_id: int) -> set[int]:
        """Return the ids of those channels of a server that follow any feed."""
        return await self._fetch_set(
            f"SELECT DISTINCT subscription.channel_id {FROM_SQL} WHERE channel.server_id = ?", (server_id,)
        )

    async def load_server_ids_of_feed(self, feed_id: int) -> set[int]:
        """Return the ids of servers that follow a feed, including servers that the bot left."""
        return await self._fetch_set(f"SELECT DISTINCT channel.server_id {FROM_SQL} WHERE feed_id = ?", (feed_id,))

    async def count(self, server_id: int) -> int:
        """Count the distinct feeds that a server follows."""
        return await self._fetch_int(f"{_COUNT_SQL} WHERE channel.server_id = ?", (server_id,))


def _require_below_limit(db: Connection, server_id: int, feed_id: int, max_feeds: int) -> None:
    parameters = {"server": server_id, "feed": feed_id}
    if (
        db.fetch_row(f"SELECT 1 {FROM_SQL} WHERE channel.server_id = :server AND feed_id = :feed", parameters) is None
        and db.fetch_value(f"{_COUNT_SQL} WHERE channel.server_id = :server", parameters) >= max_feeds
    ):
        raise RequestRejected(Limit.FEEDS_PER_SERVER, count=max_feeds)


def _find_subscription(db: Connection, condition_sql: str, *parameters: int) -> Subscription | None:
    return db.fetch_object(subscription_from_row, f"{_SELECT_SQL} {condition_sql}", parameters)


def _log_change(
    db: Connection,
    subscription: Subscription,
    user_id: int | None,
    old_text: str | None,
    new_text: str | None,
    *,
    setting_kind: SettingKind = SettingKind.SUBSCRIPTION,
) -> None:
    target_ids = {"channel_id": subscription.channel_id, "feed_id": subscription.feed_id}
    setting_changes.log_change(db, subscription.server_id, user_id, setting_kind, old_text, new_text, **target_ids)


def _get_subscription_state(subscription: Subscription) -> SubscriptionState:
    return SubscriptionState.ACTIVE if subscription.paused_at is None else SubscriptionState.PAUSED
