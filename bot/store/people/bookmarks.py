"""Repositories of bookmarks, the feeds of them, and the pages that users saved by their links."""

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import asdict
from hashlib import blake2b
from secrets import token_urlsafe

from bot.core.limits import Limit
from bot.core.models import Article, NewArticle
from bot.core.user_errors import RequestRejected
from bot.core.user_models import Bookmark, saved_pages_feed_id
from bot.store.connection import NO_LIMIT, Connection
from bot.store.content.articles import insert_articles
from bot.store.meta import reserve_ids
from bot.store.records.people_records import BookmarkFeed, BookmarkFilter
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.row_mapping import ARTICLE_SQL, IS_FEED_ARTICLE_SQL, article_from_row, bookmark_from_row
from bot.store.settings.access_tokens import TOKEN_BYTES, hash_token
from bot.text.words import fold

ACTIVE_BOOKMARK_SQL = "bookmark.user_id = :user AND bookmark.removed_at IS NULL"
"""SQL condition for the bookmarks of the user `:user` that were not removed."""
VISIBLE_BOOKMARK_SQL = "(bookmark.server_id IS NULL OR bookmark.server_id NOT IN (:hidden_server_ids))"
"""SQL condition that leaves out bookmarks made in the servers `:hidden_server_ids`."""
BOOKMARK_COLUMNS_SQL = """
    bookmark.created_at AS saved_created_at, bookmark.server_id AS saved_server_id,
    bookmark.channel_id AS saved_channel_id, bookmark.message_id AS saved_message_id,
    bookmark.note AS saved_note, bookmark.tags AS saved_tags, bookmark.read_at AS saved_read_at
"""
"""SQL list of the columns of a bookmark, with the prefix `saved_`, which keeps them apart from an article's."""
NO_FILTER = BookmarkFilter()
"""Filter that all bookmarks match."""
_SALT_BYTES = 4
"""Length in bytes of the salt of the hash that is kept of a removed bookmark."""
_HASH_BYTES = 1
"""Length in bytes, without the salt, of the hash that is kept of a removed bookmark."""


class Bookmarks(Repository):
    """Repository of bookmarks. Methods raise StoreError.

    A removed bookmark leaves its row as a trace: without it, a reaction on a post that the bot finds after an
    absence would restore the bookmark.
    """

    @write_transaction
    def add(
        self,
        db: Connection,
        user_id: int,
        article_id: int,
        *,
        server_id: int | None = None,
        channel_id: int | None = None,
        message_id: int | None = None,
        restores_removed: bool = True,
        max_bookmarks: int | None = None,
    ) -> bool:
        """Bookmark an article for a user; return whether anything changed.

        The bookmark records the message in which the user made it. `restores_removed` is False for a reaction that was
        found later: then a bookmark that the user removed, also by having all data deleted, stays removed. Nothing
        changes if the article is missing, or is a page that a user saved: such a page is bookmarked as it is saved.
        Raises RequestRejected, without any change, if the user would have more than `max_bookmarks` bookmarks.
        """
        on_conflict_sql = (
            "DO UPDATE SET created_at = excluded.created_at, removed_at = NULL, server_id = excluded.server_id, "
            "channel_id = excluded.channel_id, message_id = excluded.message_id "
            "WHERE bookmark.removed_at IS NOT NULL"
            if restores_removed
            else "DO NOTHING"
        )
        if restores_removed:
            forget_erased_bookmark(db, user_id, article_id)
        elif has_erased_bookmark(db, user_id, article_id):
            return False
        changed_count = db.execute_rowcount(
            "INSERT INTO bookmark (user_id, article_id, created_at, server_id, channel_id, message_id) "
            f"SELECT ?, id, ?, ?, ?, ? FROM article WHERE id = ? AND {IS_FEED_ARTICLE_SQL} "
            f"ON CONFLICT (user_id, article_id) {on_conflict_sql}",
            (user_id, db.now, server_id, channel_id, message_id, article_id),
        )
        if changed_count:
            _require_within_limit(db, user_id, max_bookmarks)
        return changed_count > 0

    @write_transaction
    def remove(self, db: Connection, user_id: int, article_id: int) -> Bookmark | None:
        """Remove a bookmark with its note and tags, and return it as it was, or None if there was none."""
        bookmarks = db.fetch_objects(
            bookmark_from_row,
            f"SELECT {BOOKMARK_COLUMNS_SQL}, {ARTICLE_SQL} FROM bookmark JOIN article ON article.id = "
            f"bookmark.article_id "
            f"WHERE {ACTIVE_BOOKMARK_SQL} AND bookmark.article_id = :article_id",
            {"user": user_id, "article_id": article_id},
        )
        db.execute(
            "UPDATE bookmark SET removed_at = ?, note = '', tags = '[]', read_at = NULL "
            "WHERE user_id = ? AND article_id = ? AND removed_at IS NULL",
            (db.now, user_id, article_id),
        )
        return bookmarks[0] if bookmarks else None

    @write_transaction
    def restore(self, db: Connection, user_id: int, bookmark: Bookmark, *, max_bookmarks: int | None = None) -> bool:
        """Restore a removed bookmark with its note and tags.

        Return False if nothing of the removed bookmark is stored or the bookmark exists again. Raises RequestRejected,
        without any change, if the user would have more than `max_bookmarks` bookmarks.
        """
        changed_count = db.execute_rowcount(
            "UPDATE bookmark SET removed_at = NULL, created_at = ?, server_id = ?, channel_id = ?, message_id = ?, "
            "note = ?, tags = ?, read_at = ? WHERE user_id = ? AND article_id = ? AND removed_at IS NOT NULL",
            (
                bookmark.created_at,
                bookmark.server_id,
                bookmark.channel_id,
                bookmark.message_id,
                bookmark.note,
                json.dumps(list(bookmark.tags), ensure_ascii=False),
                bookmark.read_at,
                user_id,
                bookmark.article.id,
            ),
        )
        if changed_count:
            _require_within_limit(db, user_id, max_bookmarks)
        return changed_count > 0

    @write_transaction
    def annotate(self, db: Connection, user_id: int, article_id: int, *, note: str, tags: Sequence[str]) -> bool:
        """Set the note and tags of a bookmark; return whether the bookmark exists."""
        changed_count = db.execute_rowcount(
            "UPDATE bookmark SET note = ?, tags = ? WHERE user_id = ? AND article_id = ? AND removed_at IS NULL",
            (note, json.dumps(list(tags), ensure_ascii=False), user_id, article_id),
        )
        return changed_count > 0

    @write_transaction
    def mark_read(self, db: Connection, user_id: int, article_id: int, *, is_read: bool) -> bool:
        """Mark a bookmark as read or unread; return whether the bookmark exists."""
        changed_count = db.execute_rowcount(
            "UPDATE bookmark SET read_at = ? WHERE user_id = ? AND article_id = ? AND removed_at IS NULL",
            (db.now if is_read else None, user_id, article_id),
        )
        return changed_count > 0

    async def get(self, user_id: int, article_id: int, *, hidden_server_ids: Collection[int] = ()) -> Bookmark | None:
        """Return a user's bookmark of an article, or None if there is none.

        A bookmark that was made in a server in `hidden_server_ids` is ignored.
        """
        bookmarks = await self._fetch_objects(
            bookmark_from_row,
            f"SELECT {BOOKMARK_COLUMNS_SQL}, {ARTICLE_SQL} FROM bookmark JOIN article ON article.id = "
            f"bookmark.article_id "
            f"WHERE {ACTIVE_BOOKMARK_SQL} AND {VISIBLE_BOOKMARK_SQL} AND bookmark.article_id = :article_id",
            {"user": user_id, "article_id": article_id, "hidden_server_ids": hidden_server_ids},
        )
        return bookmarks[0] if bookmarks else None

    @read_transaction
    def list_by_user(
        self,
        db: Connection,
        user_id: int,
        *,
        limit: int,
        offset: int = 0,
        bookmark_filter: BookmarkFilter = NO_FILTER,
    ) -> list[Bookmark]:
        """List at most `limit` bookmarks of a user that match a filter, newest first."""
        article_ids = _list_matching_article_ids(db, user_id, bookmark_filter)[offset : offset + limit]
        return db.fetch_objects(
            bookmark_from_row,
            f"""
            SELECT {BOOKMARK_COLUMNS_SQL}, {ARTICLE_SQL} FROM bookmark JOIN article ON article.id =
                bookmark.article_id
            WHERE {ACTIVE_BOOKMARK_SQL} AND bookmark.article_id IN (:article_ids)
            ORDER BY bookmark.created_at DESC, bookmark.article_id DESC
            """,
            {"user": user_id, "article_ids": article_ids},
        )

    @read_transaction
    def count(self, db: Connection, user_id: int, bookmark_filter: BookmarkFilter = NO_FILTER) -> int:
        """Count the bookmarks of a user that match a filter."""
        return len(_list_matching_article_ids(db, user_id, bookmark_filter))

    @read_transaction
    def count_by_tag(self, db: Connection, user_id: int, *, hidden_server_ids: Collection[int] = ()) -> dict[str, int]:
        """Map a user's tags to their numbers of bookmarks, most used first, without bookmarks made in hidden servers.

        Tags that differ only in accents or case are counted as one tag, under the alphabetically first spelling.
        """
        tags_json_arrays = db.fetch_column(
            f"SELECT tags FROM bookmark WHERE {ACTIVE_BOOKMARK_SQL} AND {VISIBLE_BOOKMARK_SQL} AND tags <> '[]'",
            {"user": user_id, "hidden_server_ids": hidden_server_ids},
        )
        tags_by_folded_tag: dict[str, list[str]] = {}
        for tags_json in tags_json_arrays:
            for tag in json.loads(tags_json):
                tags_by_folded_tag.setdefault(fold(tag), []).append(tag)
        tag_groups = sorted(tags_by_folded_tag.values(), key=lambda tags: (-len(tags), min(tags)))
        return {min(tags): len(tags) for tags in tag_groups}

    async def filter_bookmarked(
        self, user_id: int, article_ids: Collection[int], *, hidden_server_ids: Collection[int] = ()
    ) -> set[int]:
        """Return which of `article_ids` a user bookmarked, elsewhere than in the servers `hidden_server_ids`."""
        return await self._fetch_set(
            f"SELECT article_id FROM bookmark WHERE {ACTIVE_BOOKMARK_SQL} AND {VISIBLE_BOOKMARK_SQL} "
            "AND article_id IN (:article_ids)",
            {
                "user": user_id,
                "article_ids": article_ids,
                "hidden_server_ids": hidden_server_ids,
            },
        )

    async def load_article_ids(self, user_id: int) -> frozenset[int]:
        """Return the ids of all articles that a user bookmarked."""
        return frozenset(
            await self._fetch_column(f"SELECT article_id FROM bookmark WHERE {ACTIVE_BOOKMARK_SQL}", {"user": user_id})
        )

    async def load_server_ids(self, user_id: int) -> set[int]:
        """Return the ids of servers in which a user made bookmarks."""
        return await self._fetch_set(
            f"SELECT DISTINCT server_id FROM bookmark WHERE {ACTIVE_BOOKMARK_SQL} AND server_id IS NOT NULL",
            {"user": user_id},
        )

    async def load_removed_urls(self, user_id: int) -> tuple[str, ...]:
        """Return the URLs of articles whose bookmark the user removed, in the order in which articles were stored."""
        return tuple(
            await self._fetch_column(
                "SELECT article.url FROM bookmark JOIN article ON article.id = bookmark.article_id "
                "WHERE user_id = ? AND removed_at IS NOT NULL ORDER BY article.id",
                (user_id,),
            )
        )


def _require_within_limit(db: Connection, user_id: int, max_bookmarks: int | None) -> None:
    count_sql = f"SELECT count(*) FROM bookmark WHERE {ACTIVE_BOOKMARK_SQL}"
    if max_bookmarks is not None and db.fetch_value(count_sql, {"user": user_id}) > max_bookmarks:
        raise RequestRejected(Limit.BOOKMARKS_PER_USER, count=max_bookmarks)


def _list_matching_article_ids(db: Connection, user_id: int, bookmark_filter: BookmarkFilter) -> list[int]:
    """List the ids of the articles of a user's bookmarks that match a filter, newest bookmark first."""
    parameters = asdict(bookmark_filter) | {"user": user_id}
    clauses_sql = (
        f"WHERE {ACTIVE_BOOKMARK_SQL} AND {VISIBLE_BOOKMARK_SQL} AND (NOT :only_unread OR bookmark.read_at IS NULL) "
        f"ORDER BY bookmark.created_at DESC, bookmark.article_id DESC LIMIT {NO_LIMIT}"
    )
    if bookmark_filter.search_text is None and bookmark_filter.tag is None:
        return db.fetch_ids(f"SELECT bookmark.article_id FROM bookmark {clauses_sql}", parameters)
    rows = db.execute(
        "SELECT bookmark.article_id, bookmark.tags, bookmark.note, article.title, article.outlet "
        f"FROM bookmark JOIN article ON article.id = bookmark.article_id {clauses_sql}",
        parameters,
    )
    folded_text, folded_tag = fold(bookmark_filter.search_text or ""), bookmark_filter.tag and fold(bookmark_filter.tag)
    return [
        article_id
        for article_id, tags, *texts in rows
        if any(folded_text in fold(text) for text in texts)
        and (folded_tag is None or folded_tag in map(fold, json.loads(tags)))
    ]


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


_COUNT_SQL = (
    "SELECT count(*) FROM article JOIN bookmark ON bookmark.article_id = article.id "
    "WHERE feed_id = ? AND removed_at IS NULL"
)


class SavedPages(Repository):
    """Repository of saved pages. Methods raise StoreError.

    A saved page is a bookmarked article of a feed of its user alone, which has a negative id and the state 'imported':
    it is never polled, and no channel follows it.
    """

    async def count(self, user_id: int) -> int:
        """Count the pages that a user saved and did not remove."""
        return await self._fetch_int(_COUNT_SQL, (saved_pages_feed_id(user_id),))

    @write_transaction
    def add(
        self, db: Connection, user_id: int, new_article: NewArticle, *, max_pages: int
    ) -> tuple[Article, bool] | None:
        """Store a page for a user and bookmark it; return it, and whether it is new.

        A page that the user saved before, and did not remove, is returned as it was stored; what is left of one that
        they removed is replaced. Returns None if the user has `max_pages` other pages.
        """
        feed_id = saved_pages_feed_id(user_id)
        stored_row = db.fetch_row(
            f"SELECT removed_at, {ARTICLE_SQL} FROM article JOIN bookmark ON bookmark.article_id = article.id "
            "WHERE feed_id = ? AND url = ?",
            (feed_id, new_article.url),
        )
        if stored_row is not None:
            removed_at, *article_columns = stored_row
            stored_article = article_from_row(article_columns)
            if removed_at is None:
                return stored_article, False
            _delete_pages(db, [stored_article.id])
        if db.fetch_value(_COUNT_SQL, (feed_id,)) >= max_pages:
            return None
        db.execute(
            "INSERT INTO feed (id, url, state, added_at, next_poll, interval, host_slot) "
            "VALUES (?, ?, 'imported', ?, 0, 0, 0) ON CONFLICT DO NOTHING",
            (feed_id, f"saved:{user_id}", db.now),
        )
        (article_id,), _pending_articles = insert_articles(db, feed_id, [new_article])
        # Articles of feeds are looked up by URL, and must never find this one.
        db.execute("UPDATE article SET has_own_page_key = 0 WHERE id = ?", (article_id,))
        db.execute(
            "INSERT INTO bookmark (user_id, article_id, created_at) VALUES (?, ?, ?)", (user_id, article_id, db.now)
        )
        row = db.fetch_row(f"SELECT {ARTICLE_SQL} FROM article WHERE id = ?", (article_id,))
        return article_from_row(row), True

    @write_transaction
    def purge_removed(self, db: Connection, removed_before: int) -> int:
        """Delete saved pages that were removed before a Unix time in seconds, and the feeds of users without any.

        Return the number of pages.
        """
        article_ids = db.fetch_column(
            "SELECT article.id FROM article JOIN bookmark ON bookmark.article_id = article.id "
            "WHERE feed_id < 0 AND removed_at < ?",
            (removed_before,),
        )
        _delete_pages(db, article_ids)
        db.execute("DELETE FROM feed WHERE id < 0 AND NOT EXISTS (SELECT 1 FROM article WHERE feed_id = feed.id)")
        return len(article_ids)


def erase_pages(db: Connection, user_id: int) -> None:
    """Delete all pages that a user saved, with their bookmarks."""
    feed_id = saved_pages_feed_id(user_id)
    _delete_pages(db, db.fetch_column("SELECT id FROM article WHERE feed_id = ?", (feed_id,)))
    db.execute("DELETE FROM feed WHERE id = ?", (feed_id,))


def _delete_pages(db: Connection, article_ids: list[int]) -> None:
    reserve_ids(db, "article")
    db.execute("DELETE FROM bookmark WHERE article_id IN (:ids)", {"ids": article_ids})
    db.execute("DELETE FROM article WHERE id IN (:ids)", {"ids": article_ids})


def erase_bookmarks(db: Connection, user_id: int) -> None:
    """Delete the bookmarks of a user, also removed ones, and keep of each a salt and one byte of a hash.

    With it, an old reaction of the user, which the bot finds after an absence, does not bring the bookmark back. The
    hash also matches one in 256 other users: their old reactions to the article are ignored, too. A new reaction makes
    a bookmark.
    """
    article_ids = db.fetch_column("SELECT article_id FROM bookmark WHERE user_id = ?", (user_id,))
    db.executemany(
        "INSERT INTO erased_bookmark (article_id, user_hash) VALUES (?, ?)",
        [(article_id, _hash_with_salt(os.urandom(_SALT_BYTES), article_id, user_id)) for article_id in article_ids],
    )
    db.execute("DELETE FROM bookmark WHERE user_id = ?", (user_id,))


def has_erased_bookmark(db: Connection, user_id: int, article_id: int) -> bool:
    """Return whether an erased user with the same hash as this one, so probably the same, had bookmarked an article."""
    return bool(_load_matching_hashes(db, user_id, article_id))


def forget_erased_bookmark(db: Connection, user_id: int, article_id: int) -> None:
    """Delete the hash kept of an erased bookmark, because the user makes the bookmark again."""
    db.executemany(
        "DELETE FROM erased_bookmark WHERE article_id = ? AND user_hash = ?",
        [(article_id, salted_hash) for salted_hash in _load_matching_hashes(db, user_id, article_id)],
    )


def _load_matching_hashes(db: Connection, user_id: int, article_id: int) -> list[bytes]:
    rows = db.fetch_rows("SELECT user_hash FROM erased_bookmark WHERE article_id = ?", (article_id,))
    return [
        salted_hash
        for (salted_hash,) in rows
        if _hash_with_salt(salted_hash[:_SALT_BYTES], article_id, user_id) == salted_hash
    ]


def _hash_with_salt(salt: bytes, article_id: int, user_id: int) -> bytes:
    return salt + blake2b(f"{article_id} {user_id}".encode(), salt=salt, digest_size=_HASH_BYTES).digest()
