"""Repository of filters, and their evaluation within a poll's transaction."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from bot.core.models import Subscription
from bot.core.preferences import Filter, FilterMode, SettingKind
from bot.store.connection import Connection, Row
from bot.store.outbox.outbox_writes import PendingArticle
from bot.store.records.source_records import FilterMatcher
from bot.store.repository import Repository, writes
from bot.store.row_mapping import SUBSCRIPTION, subscription_from_row, to_json_array
from bot.store.settings import setting_changes


def apply_filters(
    filters: Sequence[Filter], articles: Sequence[PendingArticle], kept_out_by: FilterMatcher
) -> tuple[list[PendingArticle], list[tuple[PendingArticle, str]]]:
    """Split articles into those that pass and those that are filtered, each with its reason.

    The reason is one filter per line. `matcher` returns the filters that block an article key.
    """
    if not filters:
        return list(articles), []
    reasons = {owed: "\n".join(map(str, kept_out_by(owed.key, filters))) for owed in articles}
    return [owed for owed in articles if not reasons[owed]], [pair for pair in reasons.items() if pair[1]]


def by_feed(db: Connection, feed_id: int) -> defaultdict[int, list[Filter]]:
    """Map subscriptions of a feed to their filters."""
    return _by_subscription(
        db.execute(
            "SELECT subscription.id, filter.id, rule, query FROM filter "
            "JOIN subscription ON subscription.id = filter.subscription_id "
            "WHERE subscription.feed_id = ? ORDER BY filter.id",
            (feed_id,),
        )
    )


class Filters(Repository):
    """Filters of subscriptions. A change applies to articles that come later. Methods raise StoreError."""

    async def by_subscription_id(self, subscription_id: int) -> list[Filter]:
        """List the filters of a subscription, oldest first."""
        return (await self.by_subscription([subscription_id]))[subscription_id]

    async def by_subscription(self, subscription_ids: Collection[int]) -> defaultdict[int, list[Filter]]:
        """Map subscriptions to their filters, oldest first; those without any map to an empty list."""
        return _by_subscription(
            await self._rows(
                "SELECT subscription_id, id, rule, query FROM filter "
                "WHERE subscription_id IN (SELECT value FROM json_each(?)) ORDER BY id",
                (to_json_array(subscription_ids),),
            )
        )

    async def queries(self, feed_id: int) -> list[str]:
        """List the distinct queries of a feed's filters, oldest first."""
        return await self._column(
            "SELECT query FROM filter JOIN subscription ON subscription.id = filter.subscription_id "
            "WHERE subscription.feed_id = ? GROUP BY query ORDER BY min(filter.id)",
            (feed_id,),
        )

    @writes
    def add(
        self,
        db: Connection,
        subscription_id: int,
        rules: Sequence[tuple[FilterMode, str]],
        *,
        person_id: int,
        limit: int,
    ) -> bool | None:
        """Add filters that the subscription lacks; return None if the subscription is gone.

        Return False, without any change, if it would have more than `limit`.
        """
        followed = _subscription(db, subscription_id)
        if followed is None:
            return None
        rows = db.execute("SELECT rule, query FROM filter WHERE subscription_id = ?", (subscription_id,))
        known = {(FilterMode(rule), query) for rule, query in rows}
        new = [rule for rule in dict.fromkeys(rules) if rule not in known]
        if len(known) + len(new) > limit:
            return False
        db.executemany(
            "INSERT INTO filter (subscription_id, rule, query) VALUES (?, ?, ?)",
            [(subscription_id, *rule) for rule in new],
        )
        for rule, query in new:
            _log_change(db, followed, person_id, None, f"{rule} {query}")
        return True

    @writes
    def remove(
        self, db: Connection, subscription_id: int, filter_ids: Collection[int], *, person_id: int
    ) -> int:
        """Remove filters of a subscription; return how many existed."""
        followed = _subscription(db, subscription_id)
        rows = db.rows(
            "DELETE FROM filter WHERE subscription_id = ? AND id IN (SELECT value FROM json_each(?)) "
            "RETURNING rule, query",
            (subscription_id, to_json_array(filter_ids)),
        )
        for rule, query in rows:
            assert followed is not None  # Deleting a subscription deletes its filters.
            _log_change(db, followed, person_id, f"{rule} {query}", None)
        return len(rows)


def _by_subscription(rows: Iterable[Row]) -> defaultdict[int, list[Filter]]:
    found: defaultdict[int, list[Filter]] = defaultdict(list)
    for subscription_id, id_, rule, query in rows:
        found[subscription_id].append(Filter(id_, FilterMode(rule), query))
    return found


def _subscription(db: Connection, subscription_id: int) -> Subscription | None:
    return db.object_or_none(
        subscription_from_row,
        f"SELECT {SUBSCRIPTION} FROM subscription JOIN channel ON channel.id = subscription.channel_id "
        "WHERE subscription.id = ?",
        (subscription_id,),
    )


def _log_change(
    db: Connection, changed: Subscription, person_id: int, old: str | None, new: str | None
) -> None:
    place = {"channel_id": changed.channel_id, "feed_id": changed.feed_id}
    setting_changes.log_change(db, changed.server_id, person_id, SettingKind.FILTER, old, new, **place)
