"""Repository of the web feeds of users' bookmarks, each at a secret address."""

from collections.abc import Collection
from secrets import token_urlsafe

from bot.core.user_models import Bookmark
from bot.store.connection import Connection
from bot.store.people.bookmarks import ACTIVE_BOOKMARK_SQL, BOOKMARK_COLUMNS_SQL, VISIBLE_BOOKMARK_SQL
from bot.store.records.people_records import BookmarkFeed
from bot.store.repository import Repository, write_transaction
from bot.store.row_mapping import ARTICLE_SQL, bookmark_from_row
from bot.store.settings.assistant_tokens import TOKEN_BYTES, hash_token


class BookmarkFeeds(Repository):
    """Repository of bookmark feeds, at most one per user. Methods raise StoreError.

    Only a hash of a feed's token is stored; the token is shown once, when it is created.
    """

    @write_transaction
    def create_token(self, db: Connection, user_id: int, *, language: str) -> str:
        """Create the token in the URLs of a user's bookmark feed and return it; an earlier one stops working."""
        token = token_urlsafe(TOKEN_BYTES)
        db.execute(
            "INSERT INTO bookmark_feed (user_id, hash, language, created_at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, language = excluded.language, "
            "created_at = excluded.created_at",
            (user_id, hash_token(token), language, db.now),
        )
        return token

    @write_transaction
    def revoke(self, db: Connection, user_id: int) -> None:
        """Revoke the token of a user's bookmark feed, if there is one."""
        db.execute("DELETE FROM bookmark_feed WHERE user_id = ?", (user_id,))

    async def get_by_user(self, user_id: int) -> BookmarkFeed | None:
        """Return the bookmark feed of a user, or None if there is none."""
        return await self._fetch_object(
            BookmarkFeed._make, "SELECT user_id, language, created_at FROM bookmark_feed WHERE user_id = ?", (user_id,)
        )

    async def get_by_token(self, token: str) -> BookmarkFeed | None:
        """Return the bookmark feed with a token, or None if the token is unknown."""
        return await self._fetch_object(
            BookmarkFeed._make,
            "SELECT user_id, language, created_at FROM bookmark_feed WHERE hash = ?",
            (hash_token(token),),
        )

    async def list_bookmarks(self, user_id: int, hidden_server_ids: Collection[int], limit: int) -> list[Bookmark]:
        """List at most `limit` bookmarks of a user, newest first, without those made in hidden servers.

        Articles of feeds with credentials, which are private to a server (`feed.server_id`, otherwise 0), are left out.
        """
        return await self._fetch_objects(
            bookmark_from_row,
            f"""
            SELECT {BOOKMARK_COLUMNS_SQL}, {ARTICLE_SQL} FROM bookmark
            JOIN article ON article.id = bookmark.article_id
            JOIN feed ON feed.id = article.feed_id AND feed.server_id = 0
            WHERE {ACTIVE_BOOKMARK_SQL} AND {VISIBLE_BOOKMARK_SQL}
            ORDER BY bookmark.created_at DESC, bookmark.article_id DESC LIMIT :limit
            """,
            {"user": user_id, "hidden_server_ids": hidden_server_ids, "limit": limit},
        )
