"""What tests read and change in a database past the store, on either engine, whoever has it open.

This is the only place of tests outside `tests/store` that knows tables and columns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.core.configuration.database_url import DatabaseUrl
from bot.store import Store
from bot.store.sqlite.sqlite_connection import SqliteConnection

DatabaseLocation = Path | DatabaseUrl


class Column(StrEnum):
    """Columns that tests set, each as `table.column`."""

    SUBSCRIPTION_ADDED_AT = "subscription.added_at"
    ARTICLE_TITLE = "article.title"
    ARTICLE_UPDATED_AT = "article.updated_at"
    ARTICLE_MISSING_SINCE = "article.missing_since"
    BOOKMARK_CREATED_AT = "bookmark.created_at"
    BEST_OF_DAY_DUE_AT = "channel.best_due_at"
    CHANNEL_MAX_POSTS_PER_HOUR = "channel.most_an_hour"
    CHANNEL_PROBLEM = "channel.problem"
    CHANNEL_PROBLEM_SINCE = "channel.problem_since"
    CHANNEL_QUIET_HOURS = "channel.quiet_hours"
    CHANNEL_RETRY_AT = "channel.retry_at"
    CLAIMED_AT = "dispatch.claimed_at"
    DIGEST_DUE_AT = "digest.due_at"
    DISPATCH_LOOK = "dispatch.look"
    EDIT_DUE_AT = "dispatch.edit_due_at"
    FEED_LAST_POLL_AT = "feed.last_poll"
    FEED_LAST_SUCCESS_AT = "feed.last_success"
    FEED_LAST_ARTICLE_AT = "feed.last_article"
    FEED_NEXT_POLL_AT = "feed.next_poll"
    FEED_SERVER_ID = "feed.server_id"
    PERSONAL_DIGEST_DUE_AT = "personal_digest.due_at"
    PROCESS_EXPIRES_AT = "process.expires_at"
    REPORT_DUE_AT = "server.report_due_at"
    SENT_AT = "dispatch.sent_at"
    MUTE_CREATED_AT = "story_mute.created_at"
    SERVER_JOINED_AT = "server.joined_at"
    WATCH_COOLDOWN_UNTIL = "watch.cooldown_until"


class OutboxRow(NamedTuple):
    """A dispatch."""

    id: int
    channel_id: int
    kind: str
    dedupe_key: str
    state: str
    attempts: int
    last_error: str | None
    message_id: int | None
    is_finalized: bool
    edit_due_at: int | None

    @property
    def is_open(self) -> bool:
        """Whether it is to be sent, or to be finished after it was sent."""
        return self.state in {"waiting", "claimed"} or (self.state == "sent" and not self.is_finalized)


class Delivery(NamedTuple):
    """What became of an article in a channel: the state of its dispatch, or else its delivery status."""

    url: str
    channel_id: int | None
    state: str | None
    reason: str | None
    message_id: int | None
    last_error: str | None


def locate_database(store: Store) -> DatabaseLocation:
    """Where the database of an open store is."""
    return store._database.location  # noqa: SLF001 - for tests alone


def format_database_address(place: DatabaseLocation) -> str:
    """What TELEX_DATABASE is to be."""
    return place.address if isinstance(place, DatabaseUrl) else str(place)


def require_database_file(place: DatabaseLocation) -> Path:
    """The file of a database; a test that is about SQLite's file is skipped where there is none."""
    if isinstance(place, DatabaseUrl):
        pytest.skip("about SQLite's file")
    return place


@contextmanager
def open_connection(place: DatabaseLocation) -> Iterator[Any]:
    """Open a connection of the test's own, whose changes are kept; a file has to be there."""
    if isinstance(place, DatabaseUrl):
        from bot.store.postgres.postgres_connection import PostgresConnection  # noqa: PLC0415 - an extra

        connection = PostgresConnection(place)
        with closing(connection.raw_connection):
            yield connection
    else:
        uri = f"{place.resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=10, factory=SqliteConnection)) as file, file:
            file.execute("PRAGMA foreign_keys = ON")
            file.row_factory = sqlite3.Row
            yield file


def load_rows(place: DatabaseLocation, table: str) -> list[dict[str, Any]]:
    """All rows of a table, by its first column."""
    with open_connection(place) as connection:
        return [
            dict(zip(row.keys(), row, strict=True)) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")
        ]


def list_tables(path: Path) -> list[str]:
    """The tables of a SQLite file."""
    with open_connection(path) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]


def load_outbox(place: DatabaseLocation) -> list[OutboxRow]:
    """All dispatches, oldest first."""
    with open_connection(place) as connection:
        rows = connection.execute(
            """
            SELECT id, channel_id, kind, dedupe_key, state, attempts, last_error, message_id, is_finalized, edit_due_at
            FROM dispatch ORDER BY id
            """
        )
        return [OutboxRow(*row) for row in rows]


def count_open_dispatches(place: DatabaseLocation) -> int:
    """How many dispatches are to be sent or to be finished."""
    return sum(dispatch.is_open for dispatch in load_outbox(place))


def load_deliveries(place: DatabaseLocation) -> list[Delivery]:
    """What became of each article in each channel, of those in notices of watches, and of those in personal digests.

    An article that has no delivery status yet has neither channel nor state.
    """
    with open_connection(place) as connection:
        rows = connection.execute(
            """
            SELECT article.url, delivery_status.channel_id, coalesce(dispatch.state, delivery_status.status),
                delivery_status.reason, dispatch.message_id, dispatch.last_error
            FROM article LEFT JOIN delivery_status ON delivery_status.page_key = article.page_key
            LEFT JOIN dispatch ON dispatch.id = coalesce(
                delivery_status.dispatch_id, delivery_status.joined_dispatch_id)
            UNION ALL
            SELECT article.url, dispatch.channel_id, dispatch.state, NULL, dispatch.message_id, dispatch.last_error
            FROM watch_match JOIN article ON article.id = watch_match.article_id
            JOIN dispatch ON dispatch.id = watch_match.dispatch_id
            UNION ALL
            SELECT article.url, dispatch.channel_id, dispatch.state, NULL, dispatch.message_id, dispatch.last_error
            FROM personal_digest JOIN dispatch ON dispatch.channel_id = personal_digest.channel_id
            JOIN digest_article ON digest_article.dispatch_id = dispatch.id
            JOIN article ON article.id = digest_article.article_id
            """
        )
        return [Delivery(*row) for row in rows]


def set_column(
    place: DatabaseLocation, column: Column, cell: object, *, row_ids: Iterable[int | str] | None = None
) -> None:
    """Write a value into a column of some rows, or without `row_ids` wherever it isn't NULL."""
    table, name = column.split(".")
    with open_connection(place) as connection:
        if row_ids is None:
            connection.execute(f"UPDATE {table} SET {name} = ? WHERE {name} IS NOT NULL", (cell,))
        else:
            statement = f"UPDATE {table} SET {name} = ? WHERE id = ?"
            connection.executemany(statement, [(cell, row_id) for row_id in row_ids])


def shift_column(place: DatabaseLocation, column: Column, seconds: int) -> None:
    """Add seconds to all times of a column."""
    table, name = column.split(".")
    with open_connection(place) as connection:
        connection.execute(f"UPDATE {table} SET {name} = {name} + ?", (seconds,))


def insert_rows(place: DatabaseLocation, table: str, rows: Iterable[Mapping[str, object]]) -> int:
    """Insert rows, all with the columns of the first, except those that are there. Return the number of new rows."""
    new_rows = list(rows)
    names = list(new_rows[0])
    marks = ", ".join("?" * len(names))
    with open_connection(place) as connection:
        return connection.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT DO NOTHING",
            [tuple(row[name] for name in names) for row in new_rows],
        ).rowcount


def delete_row(place: DatabaseLocation, table: str, row_id: int) -> None:
    """Delete a row, and with it whatever belongs to it."""
    with open_connection(place) as connection:
        connection.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))


def follow_in_channels(
    place: DatabaseLocation, feed_id: int, server_ids_by_channel: Mapping[int, int], now: int
) -> None:
    """Let channels follow a feed at once: there may be thousands."""
    servers = [{"id": server_id, "locale": "en-US", "joined_at": now} for server_id in server_ids_by_channel.values()]
    channels = [{"id": channel_id, "server_id": server_id} for channel_id, server_id in server_ids_by_channel.items()]
    subscription = {"feed_id": feed_id, "added_at": now}
    insert_rows(place, "server", servers)
    insert_rows(place, "channel", channels)
    insert_rows(
        place, "subscription", [{"channel_id": channel_id} | subscription for channel_id in server_ids_by_channel]
    )


def hold_back_posts(place: DatabaseLocation, channel_ids: Sequence[int], now: int) -> None:
    """Let quiet hours keep posts from every other channel, and an hourly limit from the rest."""
    set_column(place, Column.CHANNEL_QUIET_HOURS, "00:00-23:59", row_ids=channel_ids[::2])
    set_column(place, Column.CHANNEL_MAX_POSTS_PER_HOUR, 1, row_ids=channel_ids[1::2])
    post = {"kind": "post", "dedupe_key": "an earlier post", "state": "sent", "is_finalized": 1}
    post |= dict.fromkeys(("created_at", "position", "due_at", "sent_at"), now)
    insert_rows(place, "dispatch", [{"channel_id": channel_id} | post for channel_id in channel_ids[1::2]])


def insert_setting_change(place: DatabaseLocation, server_id: int, user_id: int, setting: str, new_value: str) -> None:
    """Put a change into the history of a server."""
    change = {"server_id": server_id, "user_id": user_id, "changed_at": 5, "setting": setting, "new_value": new_value}
    insert_rows(place, "setting_change", [change])


def count_due_digests(place: DatabaseLocation, now: int) -> int:
    """How many digests of channels and people are due and not made."""
    digests = [*load_rows(place, "digest"), *load_rows(place, "personal_digest")]
    return sum(digest["due_at"] <= now for digest in digests)


def list_joined_server_ids(place: DatabaseLocation) -> list[int]:
    """The servers that the bot takes itself for a member of."""
    return [server["id"] for server in load_rows(place, "server") if server["left_at"] is None]


def list_overdue_feeds(place: DatabaseLocation, latest: int) -> list[str]:
    """The followed feeds that should have been polled before `latest`."""
    followed_ids = {subscription["feed_id"] for subscription in load_rows(place, "subscription")}
    feeds = [feed for feed in load_rows(place, "feed") if feed["state"] == "active" and feed["id"] in followed_ids]
    return [str(feed) for feed in feeds if feed["next_poll"] < latest]


def enqueue_notice(store: Store, channel_id: int, dedupe_key: str, payload: str) -> bool:
    """Owe a channel a message of its own, as an alert does. Return False if one of this key was owed before."""
    now, place = store.clock.now(), locate_database(store)
    notice = {"channel_id": channel_id, "kind": "notice", "dedupe_key": dedupe_key, "payload": payload}
    notice |= dict.fromkeys(("created_at", "position", "due_at"), now)
    is_known = any(channel["id"] == channel_id for channel in load_rows(place, "channel"))
    return is_known and insert_rows(place, "dispatch", [notice]) == 1
