"""Repository of filters (queries that articles must or must not match), and their evaluation within a poll."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from bot.core.models import Article, NewArticle
from bot.core.outbox.routing import PendingArticle
from bot.core.preferences import Filter, FilterMode, FilterPlace, FilterScope, SettingKind
from bot.core.reasons import Reason, ReasonValue, WithheldReason
from bot.store.connection import Connection, Row
from bot.store.outbox import outbox_writes
from bot.store.records.source_records import FilterMatcher, match_no_filters
from bot.store.repository import Repository, bind_read, bind_write, read_transaction, write_transaction
from bot.store.row_mapping import load_articles
from bot.store.settings import setting_changes

ENDED_FILTER_RETENTION_SECONDS = 7 * 86_400
"""Seconds for which a filter that has ended is still listed."""

MakeMatcher = Callable[[Iterable[Article | NewArticle], int], FilterMatcher]
"""Function that takes articles and the Unix time in seconds, and returns one that finds the filters that block each."""

_COLUMN_BY_SCOPE = {
    FilterScope.FEED: "subscription_id",
    FilterScope.CHANNEL: "channel_id",
    FilterScope.SERVER: "server_id",
}
_PLACE_SQL_BY_SCOPE = {
    FilterScope.FEED: "SELECT subscription.id AS subscription_id, channel.id AS channel_id, channel.parent_id, "
    "channel.server_id, feed_id "
    "FROM subscription JOIN channel ON channel.id = subscription.channel_id WHERE subscription.id = :id",
    FilterScope.CHANNEL: "SELECT CAST(NULL AS BIGINT) AS subscription_id, id AS channel_id, parent_id, server_id, "
    "CAST(NULL AS BIGINT) AS feed_id FROM channel WHERE id = :id",
    FilterScope.SERVER: "SELECT CAST(NULL AS BIGINT) AS subscription_id, CAST(NULL AS BIGINT) AS channel_id, "
    "CAST(NULL AS BIGINT) AS parent_id, id AS server_id, CAST(NULL AS BIGINT) AS feed_id FROM server WHERE id = :id",
}
"""Query, by kind of place (feed in a channel, channel, server), for the ids of the place and of what it belongs to."""
_FILTER_SQL = """
    filter.id, filter.rule AS mode, query, ends_at, CASE WHEN filter.subscription_id IS NOT NULL THEN 'feed'
        WHEN filter.channel_id IS NOT NULL THEN 'channel' ELSE 'server' END AS scope
"""
_APPLYING_FILTER_SQL = _FILTER_SQL.replace(
    "WHEN filter.channel_id IS", "WHEN filter.channel_id = place.parent_id THEN 'parent' WHEN filter.channel_id IS"
)
_APPLIES_SQL = """
    (filter.subscription_id = place.subscription_id OR filter.channel_id = place.channel_id
        OR filter.channel_id = place.parent_id OR filter.server_id = place.server_id)
    AND (ends_at IS NULL OR ends_at > :now)
"""
"""SQL condition that a filter applies now in a feed, channel or server, whose ids are in the row `place`."""


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
    scopes = tuple(blocking_filter.scope for blocking_filter in blocking_filters)
    reason_values: dict[str, ReasonValue] = {"modes": modes, "queries": queries}
    if set(scopes) != {FilterScope.FEED}:
        reason_values["scopes"] = scopes
    return Reason(WithheldReason.FILTERED, reason_values)


def make_no_matcher(_articles: Iterable[Article | NewArticle], _now: int) -> FilterMatcher:
    """Return a function by which no filter blocks an article."""
    return match_no_filters


def filter_stored_articles(
    db: Connection, channel_id: int, articles: Sequence[PendingArticle], make_matcher: MakeMatcher
) -> list[PendingArticle]:
    """Return the stored articles that pass the filters of a whole channel and its server.

    The other articles get the status filtered.
    """
    filters = list_applying(db, FilterPlace(channel_id, FilterScope.CHANNEL))
    if not filters or not articles:
        return list(articles)
    matcher = make_matcher(load_articles(db, [article.article_id for article in articles]), db.now)
    passed_articles, blocked_articles = apply_filters(filters, articles, matcher)
    outbox_writes.record_filtered_articles(db, channel_id, blocked_articles)
    return passed_articles


def list_applying(db: Connection, place: FilterPlace) -> list[Filter]:
    """List the filters that apply in a feed in a channel, a channel or a server now, also wider ones, oldest first."""
    return [
        _build_filter(row)
        for row in db.execute(
            f"WITH place AS ({_PLACE_SQL_BY_SCOPE[place.scope]}) SELECT {_APPLYING_FILTER_SQL} FROM place "
            f"JOIN filter ON {_APPLIES_SQL} ORDER BY filter.id",
            {"id": place.id, "now": db.now},
        )
    ]


def list_own(db: Connection, place: FilterPlace) -> list[Filter]:
    """List the filters set for just this feed in a channel, channel or server, oldest first; ended ones for a week."""
    rows = db.execute(
        f"SELECT {_FILTER_SQL} FROM filter WHERE {_COLUMN_BY_SCOPE[place.scope]} = :place "
        "AND (ends_at IS NULL OR ends_at > :ended_since) ORDER BY filter.id",
        {"place": place.id, "ended_since": db.now - ENDED_FILTER_RETENTION_SECONDS},
    )
    return [_build_filter(row) for row in rows]


def load_by_feed(db: Connection, feed_id: int) -> defaultdict[int, list[Filter]]:
    """Map the ids of a feed's subscriptions to the filters that apply to them now, oldest first."""
    filters_by_subscription: defaultdict[int, list[Filter]] = defaultdict(list)
    for row in db.execute(
        "WITH place AS (SELECT subscription.id AS subscription_id, channel.id AS channel_id, channel.parent_id, "
        "channel.server_id FROM subscription JOIN channel ON channel.id = subscription.channel_id "
        "WHERE feed_id = :feed) "
        f"SELECT {_APPLYING_FILTER_SQL}, place.subscription_id AS place_id FROM place "
        f"JOIN filter ON {_APPLIES_SQL} ORDER BY filter.id",
        {"feed": feed_id, "now": db.now},
    ):
        filters_by_subscription[row["place_id"]].append(_build_filter(row))
    return filters_by_subscription


def add_filters(
    db: Connection,
    place: FilterPlace,
    rules: Sequence[tuple[FilterMode, str]],
    *,
    user_id: int,
    limit: int,
    ends_at: int | None = None,
) -> bool | None:
    """Add filters, each a mode with a query, to a place (feed in a channel, channel or server); None if it is gone.

    All filters end at `ends_at` (Unix time in seconds), or never if that is None; so does a filter that the place
    has already. Return False, without any change, if the place would have more than `limit` filters; otherwise
    return True.
    """
    changed_place = _load_place(db, place)
    if changed_place is None:
        return None
    filter_by_rule = {(filter_.mode, filter_.query): filter_ for filter_ in list_own(db, place)}
    applying_rules = {rule for rule, filter_ in filter_by_rule.items() if not filter_.has_ended(db.now)}
    if len(applying_rules.union(rules)) > limit:
        return False
    column = _COLUMN_BY_SCOPE[place.scope]
    for rule in dict.fromkeys(rules):
        old_filter, new_filter = filter_by_rule.get(rule), Filter(0, *rule, ends_at)
        if rule in applying_rules and old_filter is not None and old_filter.ends_at == ends_at:
            continue
        db.execute(
            f"INSERT INTO filter ({column}, rule, query, ends_at) VALUES (?, ?, ?, ?) "
            f"ON CONFLICT ({column}, rule, query) DO UPDATE SET ends_at = excluded.ends_at",
            (place.id, *rule, ends_at),
        )
        _log_change(db, changed_place, user_id, str(old_filter) if rule in applying_rules else None, str(new_filter))
    return True


def remove_filters(db: Connection, place: FilterPlace, filter_ids: Collection[int], *, user_id: int) -> int:
    """Remove filters of a place (feed in a channel, channel or server); return how many of them existed."""
    changed_place = _load_place(db, place)
    removed_rows = db.fetch_rows(
        f"DELETE FROM filter WHERE {_COLUMN_BY_SCOPE[place.scope]} = :place AND id IN (:filter_ids) "
        f"RETURNING {_FILTER_SQL}",
        {"place": place.id, "filter_ids": filter_ids},
    )
    for row in removed_rows:
        assert changed_place is not None  # Deleting a place deletes its filters.
        _log_change(db, changed_place, user_id, str(_build_filter(row)), None)
    return len(removed_rows)


class Filters(Repository):
    """Repository of filters of feeds in channels, of channels and of servers. Methods raise StoreError.

    A change of filters applies only to articles that are found later.
    """

    list_by_place = bind_read(list_own)
    list_applying = bind_read(list_applying)

    @read_transaction
    def list_queries(self, db: Connection, feed_id: int) -> list[str]:
        """List the distinct queries of the filters that apply to a feed's subscriptions now, oldest first."""
        filters_by_subscription = load_by_feed(db, feed_id)
        filters = sorted(
            filter_ for subscription_filters in filters_by_subscription.values() for filter_ in subscription_filters
        )
        return list(dict.fromkeys(filter_.query for filter_ in filters))

    add = bind_write(add_filters)
    remove = bind_write(remove_filters)

    @write_transaction
    def purge(self, db: Connection, now: int) -> None:
        """Delete the filters that ended at least a week before `now` (Unix time in seconds)."""
        db.execute("DELETE FROM filter WHERE ends_at <= ?", (now - ENDED_FILTER_RETENTION_SECONDS,))


class _ChangedPlace(NamedTuple):
    """Ids of the server, channel and feed whose filters changed; None for all channels or feeds."""

    server_id: int
    channel_id: int | None
    feed_id: int | None


def _load_place(db: Connection, place: FilterPlace) -> _ChangedPlace | None:
    return db.fetch_object(
        _ChangedPlace._make,
        f"WITH place AS ({_PLACE_SQL_BY_SCOPE[place.scope]}) SELECT server_id, channel_id, feed_id FROM place",
        {"id": place.id},
    )


def _build_filter(row: Row) -> Filter:
    return Filter(row["id"], FilterMode(row["mode"]), row["query"], row["ends_at"], FilterScope(row["scope"]))


def _log_change(db: Connection, place: _ChangedPlace, user_id: int, old_text: str | None, new_text: str | None) -> None:
    target_ids = {"channel_id": place.channel_id, "feed_id": place.feed_id}
    setting_changes.log_change(db, place.server_id, user_id, SettingKind.FILTER, old_text, new_text, **target_ids)
