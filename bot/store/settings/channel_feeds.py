"""Repository of channels that are shared as web feeds: their tokens, and what they posted."""

from collections.abc import Iterable
from secrets import token_urlsafe

from bot.core.models import Article
from bot.core.preferences import SettingKind
from bot.store.connection import Connection
from bot.store.records.outbox_records import ChannelFeed, ChannelFeedItem, SentDigest
from bot.store.repository import Repository, write_transaction
from bot.store.row_mapping import ARTICLE_SQL, article_from_row
from bot.store.settings import setting_changes
from bot.store.settings.assistant_tokens import TOKEN_BYTES, hash_token
from bot.store.settings.parent_rows import ensure_channel


class ChannelFeeds(Repository):
    """Repository of channel feeds: channels published as web feeds. Methods raise StoreError.

    Only a hash of a feed's token is stored; the token is shown once, when it is created.
    """

    @write_transaction
    def create_token(self, db: Connection, *, server_id: int, channel_id: int, user_id: int) -> str:
        """Create the token in the URLs of the web feed of a channel's posts and return it; an earlier one is revoked.

        Raises StoreError if the channel belongs to another server.
        """
        token = token_urlsafe(TOKEN_BYTES)
        ensure_channel(db, channel_id, server_id=server_id)
        db.execute(
            "INSERT INTO channel_feed (channel_id, hash, created_at) VALUES (?, ?, ?) "
            "ON CONFLICT (channel_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at",
            (channel_id, hash_token(token), db.now),
        )
        setting_kind, created_at_text = SettingKind.CHANNEL_FEED, str(db.now)
        setting_changes.log_change(db, server_id, user_id, setting_kind, None, created_at_text, channel_id=channel_id)
        return token

    @write_transaction
    def revoke_token(self, db: Connection, *, server_id: int, channel_id: int, user_id: int | None) -> bool:
        """Revoke the token of the web feed of a channel's posts; return whether there was one."""
        revoked_rows = db.fetch_rows(
            "DELETE FROM channel_feed WHERE channel_id = ? "
            "AND channel_id IN (SELECT id FROM channel WHERE server_id = ?) RETURNING 1",
            (channel_id, server_id),
        )
        if revoked_rows:
            setting_kind, revoked_at_text = SettingKind.CHANNEL_FEED, str(db.now)
            setting_changes.log_change(
                db, server_id, user_id, setting_kind, revoked_at_text, None, channel_id=channel_id
            )
        return bool(revoked_rows)

    async def get_by_channel(self, channel_id: int) -> ChannelFeed | None:
        """Return the web feed of a channel's posts, or None if the channel is not published."""
        return await self._find_channel_feed("channel.id = ?", channel_id)

    async def get_by_token(self, token: str) -> ChannelFeed | None:
        """Return the web feed of a channel's posts with a token; None if it is unknown or the bot left the server."""
        return await self._find_channel_feed("hash = ? AND server.left_at IS NULL", hash_token(token))

    async def list_posted_articles(self, channel_id: int, limit: int) -> list[ChannelFeedItem]:
        """List at most `limit` articles of a channel's last posts and catch-ups, newest message first.

        The articles for which a message was sent come before articles that were added to it. Articles of feeds with
        credentials are left out. A catch-up is a message for many articles.
        """
        rows = await self._fetch_rows(
            f"""
            WITH message AS (
                SELECT id, sent_at FROM dispatch
                WHERE channel_id = :channel AND sent_at IS NOT NULL AND state = 'sent'
                  AND kind IN ('post', 'catch-up')
                ORDER BY sent_at DESC, id DESC LIMIT :limit)
            SELECT {ARTICLE_SQL}, posted_article.id, posted_article.posted_at, posted_article.is_joined
            FROM (
                SELECT message.id, message.sent_at, message.sent_at AS posted_at, 0 AS is_joined,
                       delivery_status.article_id
                FROM message JOIN delivery_status ON delivery_status.dispatch_id = message.id
                UNION ALL
                SELECT message.id, message.sent_at,
                       CASE WHEN delivery_status.decided_at > message.sent_at
                            THEN delivery_status.decided_at ELSE message.sent_at END, 1,
                       delivery_status.article_id
                FROM message JOIN delivery_status ON delivery_status.joined_dispatch_id = message.id) AS posted_article
            JOIN article ON article.id = posted_article.article_id
            JOIN feed ON feed.id = article.feed_id AND feed.server_id = 0
            ORDER BY posted_article.sent_at DESC, posted_article.id DESC, posted_article.is_joined,
                article.published DESC, article.id
            LIMIT :limit
            """,
            {"channel": channel_id, "limit": limit},
        )
        return [
            ChannelFeedItem(article_from_row(columns), dispatch_id, posted_at, is_joined=bool(is_joined))
            for *columns, dispatch_id, posted_at, is_joined in rows
        ]

    async def list_digests(self, channel_id: int, limit: int) -> list[SentDigest]:
        """List the last `limit` digests of a channel, newest first, each with its articles that still exist.

        Articles of feeds with credentials are left out.
        """
        rows = await self._fetch_rows(
            "SELECT id, sent_at, message_id, coalesce(thread_id, channel_id), payload FROM dispatch "
            "WHERE channel_id = ? AND kind = 'digest' AND state = 'sent' AND sent_at IS NOT NULL "
            "ORDER BY sent_at DESC, id DESC LIMIT ?",
            (channel_id, limit),
        )
        article_by_id_by_dispatch_id = await self._load_listed_articles([row[0] for row in rows])
        return [SentDigest._make((*row, article_by_id_by_dispatch_id.get(row[0], {}))) for row in map(tuple, rows)]

    async def _load_listed_articles(self, dispatch_ids: Iterable[int]) -> dict[int, dict[int, Article]]:
        rows = await self._fetch_rows(
            f"SELECT {ARTICLE_SQL}, digest_article.dispatch_id FROM digest_article "
            "JOIN article ON article.id = digest_article.article_id "
            "JOIN feed ON feed.id = article.feed_id AND feed.server_id = 0 "
            "WHERE digest_article.dispatch_id IN (:dispatch_ids)",
            {"dispatch_ids": list(dispatch_ids)},
        )
        article_by_id_by_dispatch_id: dict[int, dict[int, Article]] = {}
        for *columns, dispatch_id in rows:
            article = article_from_row(columns)
            article_by_id_by_dispatch_id.setdefault(dispatch_id, {})[article.id] = article
        return article_by_id_by_dispatch_id

    async def _find_channel_feed(self, condition_sql: str, parameter: object) -> ChannelFeed | None:
        return await self._fetch_object(
            ChannelFeed._make,
            "SELECT channel.server_id, channel.id, channel_feed.created_at FROM channel_feed "
            "JOIN channel ON channel.id = channel_feed.channel_id "
            f"JOIN server ON server.id = channel.server_id WHERE {condition_sql}",
            (parameter,),
        )


def revoke_all_tokens(db: Connection, server_id: int) -> None:
    """Revoke the tokens of the web feeds that publish the channels of a server."""
    db.execute(
        "DELETE FROM channel_feed WHERE channel_id IN (SELECT id FROM channel WHERE server_id = ?)",
        (server_id,),
    )
