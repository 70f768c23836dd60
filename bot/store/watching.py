"""What watches are told of: functions of a connection, called within the transaction that makes it so.

An article that a poll brings is written down as an arrival, with it. Holding the watches against it ends the
arrival in the transaction that writes the notices: a crash before leaves it there, one after finds it done.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence

from bot.store.rows import listed

QUIET = 600
"""Seconds after a notice in which further matches of its watch wait for the next one."""


def arrived(connection: sqlite3.Connection, feed_id: int, article_ids: Collection[int]) -> None:
    """Remember that watches are to be held against new articles of a feed, where there can be any."""
    connection.execute(
        """
        INSERT INTO arrival (article_id) SELECT value FROM json_each(:articles)
        WHERE EXISTS (
            SELECT 1 FROM subscription
            JOIN channel ON channel.id = subscription.channel_id
            JOIN watch ON watch.server_id = channel.server_id AND watch.removed IS NULL
            WHERE subscription.feed_id = :feed)
        """,
        {"articles": listed(article_ids), "feed": feed_id},
    )


def tell(
    connection: sqlite3.Connection,
    matches: Iterable[tuple[int, int]],
    article_ids: Sequence[int],
    closed: str,
    now: int,
) -> set[int]:
    """Owe notices for matches (watch, article), and end these arrivals; the watches that are gone.

    A page is told once. Nothing is owed to a watch that rests: its server or its person left, or `closed` is
    the problem of its place.
    """
    gone: set[int] = set()
    for watch_id, article_id in matches:
        watch = connection.execute(
            """
            SELECT watch.channel_id, watch.server_id, watch.quiet, watch.after, watch.removed,
                   server.left IS NOT NULL OR watch.absent IS NOT NULL
                   OR channel.problem IS :closed AS rests
            FROM watch
            JOIN server ON server.id = watch.server_id
            JOIN channel ON channel.id = watch.channel_id
            WHERE watch.id = :watch
            """,
            {"watch": watch_id, "closed": closed},
        ).fetchone()
        if watch is None or watch["removed"] is not None:
            gone.add(watch_id)
        elif not watch["rests"] and watch["after"] < article_id:
            _match(connection, watch_id, watch, article_id, now)
    connection.execute(
        "DELETE FROM arrival WHERE article_id IN (SELECT value FROM json_each(?))", (listed(article_ids),)
    )
    return gone


def _match(
    connection: sqlite3.Connection, watch_id: int, watch: sqlite3.Row, article_id: int, now: int
) -> None:
    article = connection.execute(
        """
        SELECT page, key FROM article WHERE id = :article
        AND EXISTS (
            SELECT 1 FROM subscription JOIN channel ON channel.id = subscription.channel_id
            WHERE subscription.feed_id = article.feed_id AND channel.server_id = :server
            AND (subscription.resumed_from IS NOT 'away' OR article.published >= subscription.resumed))
        AND NOT EXISTS (SELECT 1 FROM watch_match WHERE watch_id = :watch AND page = article.page)
        """,
        {"article": article_id, "server": watch["server_id"], "watch": watch_id},
    ).fetchone()
    if article is None:
        return
    waiting = connection.execute(
        "SELECT id FROM dispatch WHERE watch_id = ? AND state = 'waiting' AND attempts = 0", (watch_id,)
    ).fetchone()
    if waiting is not None:
        dispatch_id = waiting["id"]
    else:
        # Read anew: the notice before may be of this very transaction.
        (quiet,) = connection.execute("SELECT quiet FROM watch WHERE id = ?", (watch_id,)).fetchone()
        due = max(now, quiet)
        dispatch_id = connection.execute(
            "INSERT INTO dispatch (channel_id, kind, what, watch_id, created, position, due) "
            "VALUES (?, 'watch', ?, ?, ?, ?, ?)",
            (watch["channel_id"], f"watch:{watch_id}:{article['key']}", watch_id, now, due, due),
        ).lastrowid
        connection.execute("UPDATE watch SET quiet = ? WHERE id = ?", (due + QUIET, watch_id))
    connection.execute(
        "INSERT INTO watch_match (watch_id, page, article_id, dispatch_id) VALUES (?, ?, ?, ?)",
        (watch_id, article["page"], article_id, dispatch_id),
    )


def narrow(connection: sqlite3.Connection, dispatch_id: int, feed_ids: Collection[int]) -> bool:
    """Leave in a notice what these feeds carry, by another feed's article of the page where need be.

    Whether anything is left. What is taken out may be told later, when a feed that may be read brings it.
    """
    rows = connection.execute(
        """
        SELECT watch_match.watch_id, watch_match.page, watch_match.article_id,
               (SELECT coalesce(max(iif(other.id = watch_match.article_id, other.id, NULL)), min(other.id))
                FROM article AS other
                WHERE other.page = watch_match.page
                  AND other.feed_id IN (SELECT value FROM json_each(:feeds))) AS readable
        FROM watch_match WHERE watch_match.dispatch_id = :dispatch
        """,
        {"dispatch": dispatch_id, "feeds": listed(feed_ids)},
    ).fetchall()
    for row in rows:
        key = (row["watch_id"], row["page"])
        if row["readable"] is None:
            connection.execute("DELETE FROM watch_match WHERE watch_id = ? AND page = ?", key)
        elif row["readable"] != row["article_id"]:
            connection.execute(
                "UPDATE watch_match SET article_id = ? WHERE watch_id = ? AND page = ?",
                (row["readable"], *key),
            )
    left = any(row["readable"] is not None for row in rows)
    if not left:  # then there is no notice that the next would have to wait after
        connection.execute(
            "UPDATE watch SET quiet = 0 WHERE id = (SELECT watch_id FROM dispatch WHERE id = ?)",
            (dispatch_id,),
        )
    return left
