"""Repositories of feeds, the icons of their outlets and their subscriptions at hubs."""

from collections.abc import Collection
from dataclasses import replace
from heapq import nsmallest
from operator import attrgetter

from bot.core.models import DueFeed, Feed, FeedState
from bot.store import url_encryption
from bot.store.connection import NO_LIMIT, Connection
from bot.store.meta import build_next_id_sql, reserve_ids
from bot.store.operating import blocked_sources
from bot.store.records.source_records import OutletIcon, PushSubscription
from bot.store.repository import Repository, bind_write, read_transaction, write_transaction
from bot.store.row_mapping import (
    DUE_FEED_SQL,
    FEED_COLUMN_BY_FIELD,
    FEED_SQL,
    due_feed_from_row,
    feed_from_row,
    feed_to_columns,
)
from bot.text.host_slots import get_host_slot
from bot.text.words import fold

FOLLOWING_SERVERS_SQL = """
    FROM subscription
    JOIN channel ON channel.id = subscription.channel_id
    JOIN server ON server.id = channel.server_id
    WHERE subscription.feed_id = feed.id AND subscription.paused_at IS NULL AND server.left_at IS NULL
"""
"""FROM clause for the servers that the bot is in and that have an unpaused subscription to the row of `feed`."""
IS_POLLED_SQL = "state = 'active' AND blocked_since IS NULL"
"""SQL condition that the row of `feed` may be polled: it is neither gone nor imported nor blocked."""
IS_FOLLOWED_SQL = f"EXISTS (SELECT 1 {FOLLOWING_SERVERS_SQL})"
"""SQL condition that a server that the bot is in has an unpaused subscription to the row of `feed`."""
EXCLUDE_SERVERS_SQL = "AND server.id NOT IN (:excluded_server_ids)"
"""SQL condition that leaves out the servers in `:excluded_server_ids`."""
MAX_QUOTA_SERVERS = 8
"""Maximum number of servers whose quotas of new articles share the articles of one feed."""


def add_feed(
    db: Connection,
    url: str,
    *,
    server_id: int | None = None,
    title: str = "",
    outlet: str = "",
    next_poll_at: int = 0,
    state: FeedState = FeedState.ACTIVE,
) -> Feed:
    """Return the feed of a URL, creating it if needed; one whose polling had ended (gone) is polled again.

    `server_id` is given for a URL with credentials, for which each server has a feed of its own. A
    private URL is encrypted if there is a key. `next_poll_at` is Unix time in seconds. Raises RequestRejected if
    an operator blocks the source of the feed.
    """
    blocked_sources.require_not_blocked(db, url)
    new_feed = Feed(0, url, server_id, title, outlet or title, state=state, added_at=db.now, next_poll_at=next_poll_at)
    columns = feed_to_columns(new_feed)
    del columns["id"]
    server_id = columns["server_id"]
    columns["host_slot"] = get_host_slot(new_feed.url)
    columns["url"] = url_encryption.find_stored_url(db, new_feed.url, server_id) or url_encryption.encrypt_url(
        new_feed.url, server_id
    )
    db.execute(
        f"INSERT INTO feed (id, {', '.join(columns)}) VALUES (({build_next_id_sql('feed')}), "
        f"{', '.join(f':{column_name}' for column_name in columns)}) "
        "ON CONFLICT DO NOTHING",
        columns,
    )
    row = db.fetch_row(f"SELECT {FEED_SQL} FROM feed WHERE url = :url AND server_id = :server_id", columns)
    feed = feed_from_row(row)
    if feed.state is FeedState.GONE and new_feed.state is FeedState.ACTIVE:
        feed = replace(
            feed,
            state=FeedState.ACTIVE,
            next_poll_at=new_feed.next_poll_at,
            failure_count=0,
            failing_since=None,
            error=None,
        )
        write_feeds(db, [feed])
    return feed


class Feeds(Repository):
    """Repository of feeds. Methods raise StoreError.

    A feed that nobody follows is stored with its articles but is never due to be polled.
    """

    add = bind_write(add_feed)

    async def get(self, feed_id: int) -> Feed | None:
        """Return the feed with an id, or None if there is none."""
        return await self._fetch_object(feed_from_row, f"SELECT {FEED_SQL} FROM feed WHERE id = ?", (feed_id,))

    @read_transaction
    def find(self, db: Connection, url: str, server_id: int | None = None) -> Feed | None:
        """Return the feed of a URL, or None if there is none.

        With `server_id`, only the server's own feed counts, otherwise only the feed shared by all servers.
        """
        server_id = server_id or 0
        stored_url = url_encryption.find_stored_url(db, url, server_id)
        select_sql = f"SELECT {FEED_SQL} FROM feed WHERE url = ? AND server_id = ?"
        return db.fetch_object(feed_from_row, select_sql, (stored_url, server_id))

    async def list_by_page_url(self, page_url: str) -> list[Feed]:
        """List the feeds, shared by all servers, that Telex makes from lists of articles on a web page, by id.

        `page_url` is the URL of the page without a fragment; the fragment of a feed's URL identifies the
        list.
        """
        candidate_feeds = await self._fetch_objects(
            feed_from_row,
            f"SELECT {FEED_SQL} FROM feed "
            "WHERE (url > :page_url || '#' AND url < :page_url || '$' OR url LIKE :pattern) "
            "AND server_id = 0 AND page_list IS NOT NULL ORDER BY id",
            {"page_url": page_url, "pattern": f"{url_encryption.ENCRYPTED_PREFIX}%"},
        )
        return [feed for feed in candidate_feeds if feed.url.startswith(f"{page_url}#")]

    async def list_due(self, now: int, limit: int, excluded_feed_ids: Collection[int] = ()) -> list[Feed]:
        """List at most `limit` feeds due at `now`, longest due first, without `excluded_feed_ids`.

        A due feed is active, not blocked, and has an unpaused subscription in a server that the bot is in.
        """
        return await self._fetch_objects(
            feed_from_row,
            f"""
            SELECT {FEED_SQL} FROM feed
            WHERE {IS_POLLED_SQL} AND next_poll <= :now AND id NOT IN (:excluded_feed_ids)
              AND {IS_FOLLOWED_SQL}
            ORDER BY next_poll LIMIT :limit
            """,
            {"now": now, "excluded_feed_ids": excluded_feed_ids, "limit": limit},
        )

    async def list_due_for_polling(
        self,
        now: int,
        limit: int,
        excluded_feed_ids: Collection[int] = (),
        *,
        excluded_server_ids: Collection[int] = (),
        host_slots: Collection[int] | None = None,
    ) -> list[DueFeed]:
        """List at most `limit` feeds due at `now`, longest due first, each with some of the servers that follow it.

        A due feed is active, not blocked, and has an unpaused subscription in a server that the bot is in. Left out
        are `excluded_feed_ids`, feeds that only the servers `excluded_server_ids` follow and, with `host_slots`, feeds
        in other host slots (groups of hosts). Of each feed, at most `MAX_QUOTA_SERVERS` servers are given.
        """
        return await self._fetch_objects(
            due_feed_from_row,
            f"""
            SELECT * FROM (
                SELECT {DUE_FEED_SQL}, (
                    SELECT string_agg(CAST(id AS TEXT), ',') FROM (
                        SELECT DISTINCT server.id {FOLLOWING_SERVERS_SQL} {EXCLUDE_SERVERS_SQL} LIMIT
                            {MAX_QUOTA_SERVERS}) AS following_server
                ) AS servers
                FROM feed
                WHERE {IS_POLLED_SQL} AND next_poll <= :now {_build_slot_condition_sql(host_slots)}
                  AND id NOT IN (:excluded_feed_ids)
                ORDER BY next_poll LIMIT {NO_LIMIT}
            ) AS due_feed WHERE servers IS NOT NULL LIMIT :limit
            """,
            {
                "now": now,
                "excluded_feed_ids": excluded_feed_ids,
                "excluded_server_ids": excluded_server_ids,
                "limit": limit,
                "slots": host_slots or (),
            },
        )

    @write_transaction
    def postpone(self, db: Connection, feed_ids_and_times: Collection[tuple[int, int]]) -> None:
        """Postpone feeds; a feed that is due later anyway does not change.

        `feed_ids_and_times` are pairs of a feed id and the Unix time in seconds before which the feed is not due.
        """
        db.executemany(
            "UPDATE feed SET next_poll = :due_at WHERE id = :id AND next_poll < :due_at",
            [{"id": feed_id, "due_at": due_at} for feed_id, due_at in feed_ids_and_times],
        )

    async def load_quota_full_at_by_server_id(self, feed_id: int) -> dict[int, int]:
        """Return when the quotas that a feed's new articles use are full again, of at most `MAX_QUOTA_SERVERS` servers.

        The result maps server ids to the Unix time in milliseconds at which the quota is full again, or to 0
        if it was never used.
        """
        rows = await self._fetch_rows(
            f"SELECT DISTINCT server.id, coalesce(server.quota_full_at, 0) "
            f"{FOLLOWING_SERVERS_SQL.replace('feed.id', '?')} "
            f"LIMIT {MAX_QUOTA_SERVERS}",
            (feed_id,),
        )
        return {row[0]: row[1] for row in rows}

    async def get_next_due_at(
        self, excluded_feed_ids: Collection[int] = (), *, host_slots: Collection[int] | None = None
    ) -> int | None:
        """Return the Unix time in seconds at which the next feed is due, or None if there is none.

        The time may be in the past. Considers only feeds in `host_slots` (numbers of groups of hosts)
        unless that is None, without `excluded_feed_ids`.
        """
        return await self._fetch_value(
            f"""
            SELECT next_poll FROM feed
            WHERE {IS_POLLED_SQL} AND id NOT IN (:excluded_feed_ids)
                {_build_slot_condition_sql(host_slots)}
              AND {IS_FOLLOWED_SQL}
            ORDER BY next_poll LIMIT 1
            """,
            {"excluded_feed_ids": excluded_feed_ids, "slots": host_slots or ()},
        )

    async def has_attempted_or_overdue(self, *, attempted_after: int, due_before: int) -> bool:
        """Return whether any followed, active feed was polled after `attempted_after`, or is due before `due_before`.

        Both are Unix times in seconds.
        """
        is_overdue_sql = f"{IS_POLLED_SQL} AND (last_poll > ? OR next_poll < ?)"
        exists_sql = f"SELECT EXISTS (SELECT 1 FROM feed WHERE {is_overdue_sql} AND {IS_FOLLOWED_SQL})"
        return bool(await self._fetch_value(exists_sql, (attempted_after, due_before)))

    async def get_last_success_at(self) -> int:
        """Return the Unix time in seconds of the last successful poll of any feed, or 0 if there was none."""
        return await self._fetch_int("SELECT coalesce(max(last_success), 0) FROM feed")

    async def list_all(self) -> list[Feed]:
        """List all feeds on the web and those that only hold imported articles, ordered by outlet and title."""
        return await self._fetch_objects(
            feed_from_row, f"SELECT {FEED_SQL} FROM feed WHERE id > 0 ORDER BY outlet, title, id"
        )

    async def count(self) -> int:
        """Count the feeds on the web, including those whose polling has ended (gone)."""
        return await self._fetch_int("SELECT count(*) FROM feed WHERE state <> 'imported'")

    async def count_followed(self, *, failing_since_at_latest: int) -> tuple[int, int]:
        """Count the active feeds that servers follow, and those of them that have failed since a time or longer.

        `failing_since_at_latest` is the time, in Unix seconds.
        """
        row = await self._fetch_row(
            "SELECT count(*), coalesce(sum(CASE WHEN failing_since <= ? THEN 1 ELSE 0 END), 0) FROM feed "
            f"WHERE {IS_POLLED_SQL} AND {IS_FOLLOWED_SQL}",
            (failing_since_at_latest,),
        )
        return row[0], row[1]

    @read_transaction
    def find_outlets(self, db: Connection, feed_ids: Collection[int] | None, prefix: str, limit: int) -> list[str]:
        """List names of outlets with a word that begins with `prefix`, ignoring case and accents.

        Names that begin with `prefix` themselves come first. `feed_ids` are the feeds that the user may see,
        or None for all feeds.
        """
        rows = db.fetch_sequences(
            ("outlet",),
            "SELECT outlet FROM feed WHERE outlet <> '' AND (:all_feeds AND id > 0 OR id IN (:feeds))",
            {"all_feeds": feed_ids is None, "feeds": feed_ids or ()},
        )
        outlets = {row[0] for row in rows}
        folded_prefix = fold(prefix.strip())
        ranked_outlets = [
            (not folded_outlet.startswith(folded_prefix), folded_outlet, outlet)
            for folded_outlet, outlet in zip(map(fold, outlets), outlets, strict=True)
            if f" {folded_prefix}" in f" {folded_outlet}"
        ]
        return [outlet for _, _, outlet in nsmallest(limit, ranked_outlets)]

    @write_transaction
    def remove(self, db: Connection, feed_id: int) -> None:
        """Stop polling a feed and delete its articles except bookmarked ones.

        Articles whose bookmark was removed stay, too. The row of the feed is deleted unless one of these needs it.
        """
        reserve_ids(db, "article")
        reserve_ids(db, "feed")
        db.execute(
            "DELETE FROM article WHERE feed_id = ? AND id NOT IN (SELECT article_id FROM bookmark)",
            (feed_id,),
        )
        bookmarked_article_row = db.fetch_row("SELECT 1 FROM article WHERE feed_id = ?", (feed_id,))
        db.execute(
            "UPDATE feed SET state = 'imported' WHERE id = ?"
            if bookmarked_article_row
            else "DELETE FROM feed WHERE id = ?",
            (feed_id,),
        )

    @write_transaction
    def clear_validators(self, db: Connection, feed_id: int | None = None) -> None:
        """Clear the ETag, date and hashes that tell polls that a feed is unchanged; of all feeds if `feed_id` is None.

        The next response of the feed is then parsed in full.
        """
        db.execute(
            "UPDATE feed SET etag = NULL, last_modified = NULL, body_hash = NULL, entries_hash = NULL "
            "WHERE id = coalesce(?, id)",
            (feed_id,),
        )

    @write_transaction
    def make_due(self, db: Connection, feed_id: int) -> None:
        """Make a feed due now; one whose polling had ended (gone) becomes active again."""
        db.execute(
            "UPDATE feed SET next_poll = CASE WHEN next_poll > :now THEN :now ELSE next_poll END, "
            "state = CASE WHEN state = 'gone' THEN 'active' ELSE state END WHERE id = :id",
            {"now": db.now, "id": feed_id},
        )


def _build_slot_condition_sql(host_slots: Collection[int] | None) -> str:
    return "" if host_slots is None else "AND host_slot IN (:slots)"


_ATTRIBUTE_BY_POLLED_COLUMN = {
    **dict.fromkeys(feed_to_columns(Feed(id=0, url=""))),
    **{column: field_name for field_name, column in FEED_COLUMN_BY_FIELD.items()},
    **{name: f"validators.{name}" for name in ("etag", "last_modified", "body_hash", "entries_hash")},
    "state": "state.value",
}
"""Columns of the table of feeds that polls change, each with its attribute of `Feed` if the names differ."""
for _unpolled_column in ("id", "url", "server_id", "added_at", "blocked_since"):
    del _ATTRIBUTE_BY_POLLED_COLUMN[_unpolled_column]
_SET_POLLED_COLUMNS_SQL = ", ".join(f"{name} = ?" for name in _ATTRIBUTE_BY_POLLED_COLUMN)
_get_polled_values = attrgetter(
    *(attribute_path or name for name, attribute_path in _ATTRIBUTE_BY_POLLED_COLUMN.items()), "id"
)


FEEDS_WITHOUT_SLOT_SQL = "SELECT id, url FROM feed WHERE host_slot IS NULL"
"""Query for feeds whose host slot (one of 64 groups of hosts) was not computed yet."""


def assign_host_slots(db: Connection) -> None:
    """Set the host slot (one of 64 groups of hosts) of feeds without one, which older databases have."""
    rows = db.fetch_rows(FEEDS_WITHOUT_SLOT_SQL)
    slot_rows = [(get_host_slot(url_encryption.decrypt_url(url)), feed_id) for feed_id, url in rows]
    db.executemany("UPDATE feed SET host_slot = ? WHERE id = ?", slot_rows)


def write_feeds(db: Connection, feeds: Collection[Feed]) -> None:
    """Write the columns of feeds that polls change; a new URL that another feed already has is not written."""
    db.executemany(
        f"UPDATE feed SET {_SET_POLLED_COLUMNS_SQL} WHERE id = ?",
        map(_get_polled_values, map(_encrypt_moved_to, feeds)),
    )
    # The URL has a statement of its own because setting a column updates its index even if nothing changes.
    db.executemany(
        """
        UPDATE feed SET url = :url, host_slot = :slot WHERE id = :id AND url <> :url AND NOT EXISTS (
            SELECT 1 FROM feed AS duplicate WHERE duplicate.url = :url AND duplicate.server_id = feed.server_id)
        """,
        [
            {"id": feed.id, "url": feed.url, "slot": get_host_slot(feed.url)}
            for feed in feeds
            if not url_encryption.is_private(feed.url, feed.server_id)
        ],
    )
    for feed in feeds:
        if url_encryption.is_private(feed.url, feed.server_id):
            _update_private_url(db, feed, feed.server_id or 0)


def _update_private_url(db: Connection, feed: Feed, server_id: int) -> None:
    stored_url = db.fetch_value("SELECT url FROM feed WHERE id = ?", (feed.id,))
    if (
        stored_url is not None  # None: the feed was deleted meanwhile.
        and url_encryption.decrypt_url(stored_url) != feed.url
        and url_encryption.find_stored_url(db, feed.url, server_id) is None
    ):
        stored_url = url_encryption.encrypt_url(feed.url, server_id)
        db.execute(
            "UPDATE feed SET url = ?, host_slot = ? WHERE id = ?", (stored_url, get_host_slot(feed.url), feed.id)
        )


def _encrypt_moved_to(feed: Feed) -> Feed:
    if feed.moved_to is None:
        return feed
    return replace(feed, moved_to=url_encryption.encrypt_url(feed.moved_to, feed.server_id))


class OutletIcons(Repository):
    """Repository of the icons of outlets, by the names of their emoji. Methods raise StoreError."""

    async def list_all(self) -> list[OutletIcon]:
        """List all icons of outlets, in no particular order."""
        return await self._fetch_objects(
            OutletIcon._make, "SELECT name, fetched_at, colour, last_shown_at FROM outlet_icon"
        )

    @write_transaction
    def save(self, db: Connection, icon: OutletIcon) -> None:
        """Insert an icon, or replace the icon with the same name."""
        db.execute(
            "INSERT INTO outlet_icon (name, fetched_at, colour, last_shown_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET fetched_at = excluded.fetched_at, colour = excluded.colour, "
            "last_shown_at = excluded.last_shown_at",
            icon,
        )

    @write_transaction
    def mark_shown(self, db: Connection, icon_names: Collection[str], now: int) -> None:
        """Set when icons were last shown (Unix time in seconds), except of icons that cannot be shown."""
        db.execute(
            "UPDATE outlet_icon SET last_shown_at = :now WHERE last_shown_at IS NOT NULL AND name IN (:icon_names)",
            {"now": now, "icon_names": icon_names},
        )


_COLUMN_NAMES = PushSubscription._fields
_SELECT_SQL = f"SELECT {', '.join(_COLUMN_NAMES)} FROM push_subscription"


class PushSubscriptions(Repository):
    """Repository of WebSub subscriptions. Methods raise StoreError."""

    async def list_all(self) -> list[PushSubscription]:
        """List all WebSub subscriptions."""
        return await self._fetch_objects(PushSubscription._make, _SELECT_SQL)

    async def get_by_token(self, token: str) -> PushSubscription | None:
        """Return the WebSub subscription whose callback URL contains a token, or None if there is none."""
        return await self._fetch_object(PushSubscription._make, f"{_SELECT_SQL} WHERE token = ?", (token,))

    async def list_unfollowed_feed_ids(self) -> list[int]:
        """List the ids of feeds with a WebSub subscription that are blocked or without an unpaused follower."""
        return await self._fetch_column(
            f"SELECT feed_id FROM push_subscription JOIN feed ON feed.id = feed_id "
            f"WHERE NOT {IS_FOLLOWED_SQL} OR blocked_since IS NOT NULL"
        )

    @write_transaction
    def save(self, db: Connection, subscription: PushSubscription) -> None:
        """Insert or replace the WebSub subscription of a feed; do nothing if the feed is not stored."""
        placeholders = ", ".join("?" * len(_COLUMN_NAMES))
        db.execute("DELETE FROM push_subscription WHERE feed_id = ?", (subscription.feed_id,))
        db.execute(
            f"INSERT INTO push_subscription ({', '.join(_COLUMN_NAMES)}) SELECT {placeholders} "
            "WHERE EXISTS (SELECT 1 FROM feed WHERE id = ?)",
            (*subscription, subscription.feed_id),
        )

    @write_transaction
    def remove(self, db: Connection, feed_id: int) -> None:
        """Delete the WebSub subscription of a feed."""
        db.execute("DELETE FROM push_subscription WHERE feed_id = ?", (feed_id,))
