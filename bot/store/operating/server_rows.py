"""What belongs to a server, table by table: for the export and the erasure of its data.

A new table must be added to `SERVER_ROWS` or to `TABLES_WITHOUT_SERVER_DATA`: a test compares both with the schema.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from bot.store import url_encryption
from bot.store.connection import Connection


class ServerParameters(TypedDict):
    """Parameters of the SQL conditions that select what belongs to a server; `server` is its id.

    `private_feeds` are the ids of the feeds that only the server may read. `private_digests` are the ids of people's
    digest messages, and `private_mutes` of people's muted stories, that contain articles of these feeds.
    """

    server: int
    private_feeds: list[int]
    private_digests: list[int]
    private_mutes: list[int]


@dataclass(frozen=True, slots=True)
class ServerRows:
    """Rows of a table that belong to a server: those that meet an SQL condition.

    An erasure deletes them; with `cleared_columns` it only sets these columns to NULL, because the rows belong to
    people or to all servers. An export contains them without `omitted_columns`; rows that are not
    `is_exported`, because they are about people or derived from other rows, are only counted. Where there may be so
    many that they are deleted in batches, `batch_key` has the columns of the primary key.
    """

    table: str
    condition_sql: str
    cleared_columns: tuple[str, ...] = ()
    omitted_columns: frozenset[str] = frozenset()
    is_exported: bool = True
    batch_key: str = ""


_CHANNELS_SQL = "SELECT id FROM channel WHERE server_id = :server"
_WATCHES_SQL = "SELECT id FROM watch WHERE server_id = :server"
_QUESTIONS_SQL = "SELECT id FROM question WHERE server_id = :server"
_PROPOSALS_SQL = "SELECT id FROM proposal WHERE server_id = :server"
_PROPOSERS_SQL = f"SELECT id FROM proposer WHERE proposal_id IN ({_PROPOSALS_SQL})"
_ARTICLES_SQL = "SELECT id FROM article WHERE feed_id IN (:private_feeds)"
_DISPATCHES_SQL = f"SELECT id FROM dispatch WHERE channel_id IN ({_CHANNELS_SQL})"

_IN_SERVER_SQL = "server_id = :server"
_IN_CHANNELS_SQL = f"channel_id IN ({_CHANNELS_SQL})"
_OF_FEEDS_SQL = "feed_id IN (:private_feeds)"
_OF_ARTICLES_SQL = f"article_id IN ({_ARTICLES_SQL})"


def _build_counted_rows(table: str, condition_sql: str, *, cleared_columns: tuple[str, ...] = ()) -> ServerRows:
    """Return the description of rows about people, or derived from other rows, which an export only counts."""
    return ServerRows(table, condition_sql, cleared_columns, is_exported=False)


SERVER_ROWS: Sequence[ServerRows] = (
    # Messages in the channels of the server, and what is known of each. They may be many.
    ServerRows("post_mention", f"dispatch_id IN ({_DISPATCHES_SQL})"),
    ServerRows("digest_article", f"dispatch_id IN ({_DISPATCHES_SQL})"),
    _build_counted_rows("watch_match", f"watch_id IN ({_WATCHES_SQL})"),
    ServerRows("blocked_article", _IN_CHANNELS_SQL),
    ServerRows("delivery_status", _IN_CHANNELS_SQL, batch_key="channel_id, page_key"),
    ServerRows("dispatch", _IN_CHANNELS_SQL, batch_key="id"),
    # What people asked, saved and reacted to in the server.
    _build_counted_rows("vote", f"question_id IN ({_QUESTIONS_SQL})"),
    _build_counted_rows("question_source", f"question_id IN ({_QUESTIONS_SQL})"),
    _build_counted_rows("question_source", _OF_ARTICLES_SQL),
    _build_counted_rows("question", _IN_SERVER_SQL),
    _build_counted_rows("opinion", _IN_SERVER_SQL),
    _build_counted_rows("opinion", _OF_ARTICLES_SQL),
    _build_counted_rows("bookmark", _OF_ARTICLES_SQL),
    _build_counted_rows("bookmark", _IN_SERVER_SQL, cleared_columns=("server_id", "channel_id", "message_id")),
    _build_counted_rows("erased_bookmark", _OF_ARTICLES_SQL),
    _build_counted_rows("personal_digest", _IN_SERVER_SQL, cleared_columns=("server_id",)),
    ServerRows("reaction_batch", _IN_SERVER_SQL),
    ServerRows("reaction_batch", _OF_FEEDS_SQL),
    # Messages to people about the server.
    _build_counted_rows("digest_article", "dispatch_id IN (:private_digests)"),
    _build_counted_rows("watch_match", _OF_ARTICLES_SQL),
    _build_counted_rows("delivery_status", _OF_ARTICLES_SQL),
    _build_counted_rows("dispatch", f"watch_id IN ({_WATCHES_SQL})"),
    _build_counted_rows("dispatch", f"proposal_id IN ({_PROPOSALS_SQL})"),
    _build_counted_rows("dispatch", f"proposer_id IN ({_PROPOSERS_SQL})"),
    _build_counted_rows("dispatch", "id IN (:private_digests)"),
    # Settings of the server, of its channels and of people in it.
    ServerRows("muted_article", f"mute_id IN (SELECT id FROM story_mute WHERE {_IN_CHANNELS_SQL})"),
    _build_counted_rows("muted_article", "mute_id IN (:private_mutes)"),
    _build_counted_rows("muted_article", _OF_ARTICLES_SQL),
    ServerRows("story_mute", _IN_CHANNELS_SQL, omitted_columns=frozenset({"user_id"})),
    _build_counted_rows("story_mute", "id IN (:private_mutes)"),
    _build_counted_rows("story_mute", _IN_SERVER_SQL, cleared_columns=("server_id",)),
    _build_counted_rows("proposer", f"proposal_id IN ({_PROPOSALS_SQL})"),
    ServerRows("proposal", _IN_SERVER_SQL, omitted_columns=frozenset({"decided_by"})),
    _build_counted_rows("blocked_proposer", _IN_SERVER_SQL),
    ServerRows("watch", f"{_IN_SERVER_SQL} AND {_IN_CHANNELS_SQL}"),
    _build_counted_rows("watch", _IN_SERVER_SQL),
    ServerRows("filter", f"subscription_id IN (SELECT id FROM subscription WHERE {_IN_CHANNELS_SQL})"),
    ServerRows("filter", _IN_CHANNELS_SQL),
    ServerRows("filter", _IN_SERVER_SQL),
    ServerRows("subscription", _IN_CHANNELS_SQL),
    ServerRows("digest", _IN_CHANNELS_SQL),
    ServerRows("forum_tag", _IN_CHANNELS_SQL),
    ServerRows("mention_rule", _IN_CHANNELS_SQL),
    ServerRows("daily_thread", _IN_CHANNELS_SQL),
    ServerRows("channel_feed", _IN_CHANNELS_SQL, omitted_columns=frozenset({"hash"})),
    ServerRows("assistant_token", _IN_SERVER_SQL, omitted_columns=frozenset({"hash"})),
    ServerRows("setting_change", _IN_SERVER_SQL, omitted_columns=frozenset({"user_id"})),
    # Texts that a model wrote for the server. A summary of a story may contain private articles; a translation is of
    # one article, and other servers may show it.
    ServerRows("generated_text", _OF_ARTICLES_SQL),
    ServerRows("generated_text", f"{_IN_SERVER_SQL} AND kind = 'summary'"),
    _build_counted_rows("generated_text", _IN_SERVER_SQL, cleared_columns=("server_id",)),
    # The server's private feeds, with their articles.
    _build_counted_rows("similar_article", _OF_ARTICLES_SQL),
    _build_counted_rows("similar_article", f"earlier_id IN ({_ARTICLES_SQL})"),
    _build_counted_rows("encoded_article", _OF_ARTICLES_SQL),
    _build_counted_rows("arrival", _OF_ARTICLES_SQL),
    _build_counted_rows("page_fetch", _OF_ARTICLES_SQL),
    _build_counted_rows("blocked_article", _OF_ARTICLES_SQL),
    _build_counted_rows("identity", _OF_FEEDS_SQL),
    ServerRows("article", _OF_FEEDS_SQL),
    ServerRows("quota_overflow", _OF_FEEDS_SQL),
    _build_counted_rows("skipped_entry", _OF_FEEDS_SQL),
    ServerRows("push_subscription", _OF_FEEDS_SQL, omitted_columns=frozenset({"topic", "token", "secret"})),
    ServerRows("feed", "id IN (:private_feeds)"),
    ServerRows("notice_recipient", _IN_SERVER_SQL),
    ServerRows("channel", _IN_SERVER_SQL),
    ServerRows("server", "id = :server"),
)
"""Rows that belong to a server, in the order of their erasure: rows that refer to other rows come first.

An erasure commits after each batch of rows with a `batch_key`: the conditions of these, and of all rows before them,
do not depend on which feeds only the server may read.
"""

TABLES_WITHOUT_SERVER_DATA = frozenset(
    {
        "article_change",
        "audit_entry",
        "blocked_source",
        "bookmark_feed",
        "lease",
        "meta",
        "notice",
        "outlet_icon",
        "process",
        "request_allocation",
        "schema_version",
        "server_access",
        "server_limit",
    }
)
"""Tables in which nothing belongs to a server: people's, the operator's, shared by all servers or by processes."""


def load_parameters(db: Connection, server_id: int) -> ServerParameters:
    """Return the parameters of the SQL conditions that select what belongs to a server: its id and private feeds.

    A feed is private to the server if its address has credentials, or has a secret part while nobody else follows it.
    """
    private_feed_ids = db.fetch_column("SELECT id FROM feed WHERE server_id = ? AND id > 0", (server_id,))
    private_feed_ids += [
        feed_id
        for feed_id, stored_url in db.fetch_rows(
            "SELECT id, url FROM feed WHERE server_id = 0 AND id > 0 "
            f"AND id IN (SELECT feed_id FROM subscription WHERE {_IN_CHANNELS_SQL}) "
            "AND NOT EXISTS (SELECT 1 FROM subscription WHERE subscription.feed_id = feed.id "
            f"AND subscription.channel_id NOT IN ({_CHANNELS_SQL}))",
            {"server": server_id},
        )
        if url_encryption.is_private(stored_url, None)
    ]
    parameters = ServerParameters(
        server=server_id, private_feeds=private_feed_ids, private_digests=[], private_mutes=[]
    )
    if private_feed_ids:
        parameters["private_digests"] = db.fetch_column(
            "SELECT DISTINCT dispatch_id FROM digest_article JOIN dispatch ON dispatch.id = dispatch_id "
            f"WHERE {_OF_ARTICLES_SQL} AND dispatch.channel_id NOT IN ({_CHANNELS_SQL})",
            parameters,
        )
        parameters["private_mutes"] = db.fetch_column(
            "SELECT DISTINCT mute_id FROM muted_article JOIN story_mute ON story_mute.id = mute_id "
            f"WHERE {_OF_ARTICLES_SQL} AND story_mute.channel_id NOT IN ({_CHANNELS_SQL})",
            parameters,
        )
    return parameters
