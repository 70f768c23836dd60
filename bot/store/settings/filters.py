"""Repository of filters, and their evaluation within a poll's transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from bot.core.models import Subscription
from bot.core.outbox.routing import PendingArticle
from bot.core.preferences import Filter, FilterMode, SettingKind
from bot.core.reasons import Reason, WithheldReason
from bot.store.connection import Connection, Row
from bot.store.records.source_records import FilterMatcher
from bot.store.repository import Repository, write_transaction
from bot.store.row_mapping import SUBSCRIPTION_SQL, subscription_from_row
from bot.store.settings import setting_changes


def apply_filters(
    filters: Sequence[Filter], articles: Sequence[PendingArticle], matcher: FilterMatcher
) -> tuple[list[PendingArticle], list[tuple[PendingArticle, Reason]]]:
    """Split articles into those that pass the filters and those that are blocked, each with a reason.

    `matcher` returns the filters that block the article with a key.
    """
    if not filters:
        return list(articles), []
    blocking_filters_by_article = {article: matcher(article.key, filters) for article in articles}
    passed_articles = [article for article in articles if not blocking_filters_by_article[article]]
    blocked_articles = [
        (article, _build_reason(blocking_filters))
        for article, blocking_filters in blocking_filters_by_article.items()
        if blocking_filters
    ]
    return passed_articles, blocked_articles


def _build_reason(blocking_filters: Collection[Filter]) -> Reason:
    modes = tuple(blocking_filter.mode for blocking_filter in blocking_filters)
    queries = tuple(blocking_filter.query for blocking_filter in blocking_filters)
    return Reason(WithheldReason.FILTERED, {"modes": modes, "queries": queries})


def load_by_feed(db: Connection, feed_id: int) -> defaultdict[int, list[Filter]]:
    """Map the ids of a feed's subscriptions to their filters."""
    return _group_by_subscription(
        db.execute(
            "SELECT subscription.id, filter.id, rule, query FROM filter "
            "JOIN subscription ON subscription.id = filter.subscription_id "
            "WHERE subscription.feed_id = ? ORDER BY filter.id",
            (feed_id,),
        )
    )


class Filters(Repository):
    """Repository of filters of subscriptions. Methods raise StoreError.

    A change of filters applies only to articles that are found later.
    """

    async def list_by_subscription(self, subscription_id: int) -> list[Filter]:
        """List the filters of a subscription, oldest first."""
        return (await self.load_by_subscription([subscription_id]))[subscription_id]

    async def load_by_subscription(self, subscription_ids: Collection[int]) -> defaultdict[int, list[Filter]]:
        """Map subscription ids to their filters, oldest first; without filters, to an empty list."""
        return _group_by_subscription(
            await self._fetch_rows(
                "SELECT subscription_id, id, rule, query FROM filter "
                "WHERE subscription_id IN (:subscription_ids) ORDER BY id",
                {"subscription_ids": subscription_ids},
            )
        )

    async def list_queries(self, feed_id: int) -> list[str]:
        """List the distinct queries of the filters on a feed's subscriptions, oldest first."""
        return await self._fetch_column(
            "SELECT query FROM filter JOIN subscription ON subscription.id = filter.subscription_id "
            "WHERE subscription.feed_id = ? GROUP BY query ORDER BY min(filter.id)",
            (feed_id,),
        )

    @write_transaction
    def add(
        self,
        db: Connection,
        subscription_id: int,
        rules: Sequence[tuple[FilterMode, str]],
        *,
        user_id: int,
        limit: int,
    ) -> bool | None:
        """Add those of the filters that a subscription lacks; return None if the subscription is gone.

        Return False, without any change, if the subscription would have more than `limit` filters; otherwise
        return True.
        """
        subscription = _load_subscription(db, subscription_id)
        if subscription is None:
            return None
        rows = db.execute("SELECT rule, query FROM filter WHERE subscription_id = ?", (subscription_id,))
        existing_filters = {(FilterMode(rule), query) for rule, query in rows}
        new_rules = [rule for rule in dict.fromkeys(rules) if rule not in existing_filters]
        if len(existing_filters) + len(new_rules) > limit:
            return False
        db.executemany(
            "INSERT INTO filter (subscription_id, rule, query) VALUES (?, ?, ?)",
            [(subscription_id, *rule) for rule in new_rules],
        )
        for rule, query in new_rules:
            _log_change(db, subscription, user_id, None, f"{rule} {query}")
        return True

    @write_transaction
    def remove(self, db: Connection, subscription_id: int, filter_ids: Collection[int], *, user_id: int) -> int:
        """Remove filters of a subscription; return how many of them existed."""
        subscription = _load_subscription(db, subscription_id)
        removed_rows = db.fetch_rows(
            "DELETE FROM filter WHERE subscription_id = :subscription_id AND id IN (:filter_ids) RETURNING rule, query",
            {"subscription_id": subscription_id, "filter_ids": filter_ids},
        )
        for rule, query in removed_rows:
            assert subscription is not None  # Deleting a subscription deletes its filters.
            _log_change(db, subscription, user_id, f"{rule} {query}", None)
        return len(removed_rows)


def _group_by_subscription(filter_rows: Iterable[Row]) -> defaultdict[int, list[Filter]]:
    filters_by_subscription: defaultdict[int, list[Filter]] = defaultdict(list)
    for subscription_id, filter_id, rule, query in filter_rows:
        filters_by_subscription[subscription_id].append(Filter(filter_id, FilterMode(rule), query))
    return filters_by_subscription


def _load_subscription(db: Connection, subscription_id: int) -> Subscription | None:
    return db.fetch_object(
        subscription_from_row,
        f"SELECT {SUBSCRIPTION_SQL} FROM subscription JOIN channel ON channel.id = subscription.channel_id "
        "WHERE subscription.id = ?",
        (subscription_id,),
    )


def _log_change(
    db: Connection, subscription: Subscription, user_id: int, old_text: str | None, new_text: str | None
) -> None:
    target_ids = {"channel_id": subscription.channel_id, "feed_id": subscription.feed_id}
    setting_changes.log_change(
        db, subscription.server_id, user_id, SettingKind.FILTER, old_text, new_text, **target_ids
    )
