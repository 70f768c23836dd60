"""Channels that can be read as feeds: the secret of their addresses, and what they posted."""

from __future__ import annotations

from collections.abc import Iterable
from secrets import token_urlsafe

from bot.core.choices import Setting, SettingChange
from bot.core.models import Article
from bot.store.connection import Connection
from bot.store.outbox.place_rows import need_channel, need_server
from bot.store.records.outbox_records import ChannelFeed, PostedIn, SentDigest
from bot.store.repository import Repository, writes
from bot.store.rows import ARTICLE, article, listed
from bot.store.settings import setting_changes
from bot.store.settings.assistant_tokens import BYTES, hashed

_WIDTH = len(Article._fields)


class ChannelFeeds(Repository):
    """The feeds of channels. Of the secret only a hash is kept: it is shown once, when it is made."""

    async def share(self, *, server_id: int, channel_id: int, person_id: int) -> str:
        """A new secret for the addresses of a channel's feeds; an earlier one stops working.

        Raises `StoreError` for another server's channel.
        """
        token = token_urlsafe(BYTES)
        await self._database.transact(
            _share, hashed(token), server_id, channel_id, person_id, self._clock.now()
        )
        return token

    @writes
    def stop(self, connection: Connection, *, server_id: int, channel_id: int, person_id: int | None) -> bool:
        """Let the addresses of a channel work no more; False where there were none."""
        stopped = connection.rows(
            "DELETE FROM channel_feed WHERE channel_id = ? "
            "AND channel_id IN (SELECT id FROM channel WHERE server_id = ?) RETURNING 1",
            (channel_id, server_id),
        )
        if stopped and person_id is not None:
            _note(connection, server_id, channel_id, person_id, self._clock.now(), is_shared=False)
        return bool(stopped)

    async def of_channel(self, channel_id: int) -> ChannelFeed | None:
        """Since when a channel is shared, or None."""
        return await self._one("channel.id = ?", channel_id)

    async def of_token(self, token: str) -> ChannelFeed | None:
        """The channel that a secret stands for, of a server that the bot is in; None for any other text."""
        return await self._one("hash = ? AND server.left IS NULL", hashed(token))

    async def posted(self, channel_id: int, limit: int) -> list[PostedIn]:
        """The articles of the last messages of a channel, newest message first; what it links before others.

        Those of feeds with a password are left out.
        """
        rows = await self._rows(
            f"""
            WITH told AS (
                SELECT id, sent FROM dispatch
                WHERE channel_id = :channel AND sent IS NOT NULL AND state = 'sent'
                  AND kind IN ('post', 'catch-up')
                ORDER BY sent DESC, id DESC LIMIT :limit)
            SELECT {ARTICLE}, covered.id, covered.told, covered.joined
            FROM (
                SELECT told.id, told.sent, told.sent AS told, 0 AS joined, fate.article_id
                FROM told JOIN fate ON fate.dispatch_id = told.id
                UNION ALL
                SELECT told.id, told.sent, iif(fate.decided > told.sent, fate.decided, told.sent), 1,
                       fate.article_id
                FROM told JOIN fate ON fate.joined_id = told.id) AS covered
            JOIN article ON article.id = covered.article_id
            JOIN feed ON feed.id = article.feed_id AND feed.server_id = 0
            ORDER BY covered.sent DESC, covered.id DESC, covered.joined, article.published DESC, article.id
            LIMIT :limit
            """,
            {"channel": channel_id, "limit": limit},
        )
        found = [tuple(row) for row in rows]
        return [
            PostedIn(article(row[:_WIDTH]), row[_WIDTH], row[_WIDTH + 1], joined=bool(row[_WIDTH + 2]))
            for row in found
        ]

    async def digests(self, channel_id: int, limit: int) -> list[SentDigest]:
        """The last digests of a channel, newest first, with their articles that are still kept.

        Those of feeds with a password are left out.
        """
        rows = await self._rows(
            "SELECT id, sent, message_id, coalesce(thread_id, channel_id), payload FROM dispatch "
            "WHERE channel_id = ? AND kind = 'digest' AND state = 'sent' AND sent IS NOT NULL "
            "ORDER BY sent DESC, id DESC LIMIT ?",
            (channel_id, limit),
        )
        named = await self._named([row[0] for row in rows])
        return [SentDigest._make((*row, named.get(row[0], {}))) for row in map(tuple, rows)]

    async def _named(self, dispatch_ids: Iterable[int]) -> dict[int, dict[int, Article]]:
        rows = await self._rows(
            f"SELECT {ARTICLE}, digest_article.dispatch_id FROM digest_article "
            "JOIN article ON article.id = digest_article.article_id "
            "JOIN feed ON feed.id = article.feed_id AND feed.server_id = 0 "
            "WHERE digest_article.dispatch_id IN (SELECT value FROM json_each(?))",
            (listed(list(dispatch_ids)),),
        )
        named: dict[int, dict[int, Article]] = {}
        for row in rows:
            values = tuple(row)
            one = article(values[:_WIDTH])
            named.setdefault(values[_WIDTH], {})[one.id] = one
        return named

    async def _one(self, condition: str, value: object) -> ChannelFeed | None:
        row = await self._row(
            "SELECT channel.server_id, channel.id, channel_feed.created FROM channel_feed "
            "JOIN channel ON channel.id = channel_feed.channel_id "
            f"JOIN server ON server.id = channel.server_id WHERE {condition}",
            (value,),
        )
        return None if row is None else ChannelFeed(*row)


def stop_all(connection: Connection, server_id: int) -> None:
    """Share no channel of a server any more."""
    connection.execute(
        "DELETE FROM channel_feed WHERE channel_id IN (SELECT id FROM channel WHERE server_id = ?)",
        (server_id,),
    )


def _share(
    connection: Connection, secret: bytes, server_id: int, channel_id: int, person_id: int, now: int
) -> None:
    need_server(connection, server_id, now)
    need_channel(connection, channel_id, server_id)
    connection.execute(
        "INSERT INTO channel_feed (channel_id, hash, created) VALUES (?, ?, ?) "
        "ON CONFLICT (channel_id) DO UPDATE SET hash = excluded.hash, created = excluded.created",
        (channel_id, secret, now),
    )
    _note(connection, server_id, channel_id, person_id, now, is_shared=True)


def _note(
    connection: Connection, server_id: int, channel_id: int, person_id: int, now: int, *, is_shared: bool
) -> None:
    old, new = (None, str(now)) if is_shared else (str(now), None)
    setting_changes.note(
        connection, server_id, SettingChange(now, person_id, Setting.SHARED, channel_id, None, old, new)
    )
