"""Repositories of secrets that give access: addresses of channels as feeds, and tokens of assistants."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from hashlib import blake2b
from secrets import token_urlsafe

from bot.core.models import Article
from bot.core.preferences import SettingKind
from bot.store.connection import Connection
from bot.store.database import Database
from bot.store.meta import Meta
from bot.store.records.outbox_records import ChannelFeed, ChannelFeedItem, SentDigest
from bot.store.records.people_records import AssistantToken
from bot.store.repository import Repository, write_transaction
from bot.store.row_mapping import ARTICLE_SQL, article_from_row
from bot.store.settings import setting_changes
from bot.store.settings.parent_rows import ensure_channel
from bot.store.store_errors import DatabaseFault

TOKEN_BYTES = 32
"""Number of random bytes in an AI assistant's token, before encoding."""
LAST_USED_RESOLUTION_SECONDS = 3_600
"""Seconds after a recorded use of an AI assistant's token within which further uses are not recorded."""
_PUBLIC_URL_META_NAME = "assistants"
"""Name of the row of the table `meta` with the public URL to which AI assistants connect."""


class AssistantTokens(Repository):
    """Repository of tokens with which AI assistants read a server's public channels. Methods raise StoreError.

    A token is shown once, when it is created.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._meta = Meta(database)

    async def get_public_url(self) -> str | None:
        """Return the public URL to which AI assistants connect, or None if it is unknown or not served."""
        return await self._meta.get(_PUBLIC_URL_META_NAME)

    async def set_public_url(self, url: str | None) -> None:
        """Store the public URL to which AI assistants connect, or None if they cannot connect any more."""
        await self._meta.set(_PUBLIC_URL_META_NAME, url)

    @write_transaction
    def create(
        self, db: Connection, server_id: int, *, user_id: int | None = None, limit: int | None = None
    ) -> str | None:
        """Create a token with which AI assistants read a server's public channels, and return it.

        The change history records who created it, unless `user_id` is None.
        Return None if the bot is not in the server, or if the server has `limit` tokens already.
        """
        token = token_urlsafe(TOKEN_BYTES)
        token_hash = hash_token(token)
        token_count = db.fetch_value("SELECT count(*) FROM assistant_token WHERE server_id = ?", (server_id,))
        server_row = db.fetch_row("SELECT 1 FROM server WHERE id = ? AND left_at IS NULL", (server_id,))
        if server_row is None or (limit is not None and token_count >= limit):
            return None
        db.execute(
            "INSERT INTO assistant_token (hash, server_id, created_at) VALUES (?, ?, ?)",
            (token_hash, server_id, db.now),
        )
        setting_changes.log_change(
            db, server_id, user_id, SettingKind.ASSISTANT_TOKEN, None, _format_short_name(token_hash)
        )
        return token

    async def list_by_server(self, server_id: int) -> list[AssistantToken]:
        """List a server's tokens for AI assistants, oldest first."""
        rows = await self._fetch_rows(
            "SELECT hash, created_at, last_used_at FROM assistant_token WHERE server_id = ? ORDER BY created_at, hash",
            (server_id,),
        )
        return [AssistantToken(bytes(row["hash"]).hex(), row["created_at"], row["last_used_at"]) for row in rows]

    @write_transaction
    def revoke(
        self,
        db: Connection,
        server_id: int,
        token_hashes: Collection[str] | None = None,
        *,
        user_id: int | None = None,
    ) -> int:
        """Revoke a server's tokens for AI assistants, or only those with one of `token_hashes` (as hexadecimal text).

        The change history records who did so, unless `user_id` is None. Return the number of tokens that were revoked.
        """
        rows = db.fetch_rows("SELECT hash FROM assistant_token WHERE server_id = ?", (server_id,))
        revoked_hashes = [bytes(row[0]) for row in rows if token_hashes is None or bytes(row[0]).hex() in token_hashes]
        for token_hash in revoked_hashes:
            db.execute("DELETE FROM assistant_token WHERE hash = ?", (token_hash,))
            setting_changes.log_change(
                db, server_id, user_id, SettingKind.ASSISTANT_TOKEN, _format_short_name(token_hash), None
            )
        return len(revoked_hashes)

    async def find_server_id_by_token(self, token: str) -> int | None:
        """Return the id of the server of an AI assistant's token; None if it is unknown or the bot left the server.

        The use of the token is recorded, unless one was within `LAST_USED_RESOLUTION_SECONDS` or the write fails.
        """
        now = self._clock.now()
        row = await self._fetch_row(
            "SELECT server_id, assistant_token.last_used_at FROM assistant_token JOIN server ON server.id = server_id "
            "WHERE hash = ? AND server.left_at IS NULL",
            (hash_token(token),),
        )
        if row is None:
            return None
        if row["last_used_at"] is None or now - row["last_used_at"] >= LAST_USED_RESOLUTION_SECONDS:
            with suppress(DatabaseFault):  # Reading must work on a full disk.
                await self._record_use(hash_token(token))
        return int(row["server_id"])

    @write_transaction
    def _record_use(self, db: Connection, token_hash: bytes) -> None:
        db.execute("UPDATE assistant_token SET last_used_at = ? WHERE hash = ?", (db.now, token_hash))


def hash_token(token: str) -> bytes:
    """Return the hash of a token, 32 bytes, which is stored in place of the token."""
    return blake2b(token.encode(), digest_size=32).digest()


def _format_short_name(token_hash: bytes) -> str:
    return AssistantToken(token_hash.hex(), 0, None).short_name


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
