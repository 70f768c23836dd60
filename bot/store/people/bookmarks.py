"""Repository of the articles that users bookmarked."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict

from bot.core.limits import Limit
from bot.core.user_errors import RequestRejected
from bot.core.user_models import Bookmark
from bot.store.connection import NO_LIMIT, Connection
from bot.store.people import erasure
from bot.store.records.people_records import BookmarkFilter
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.row_mapping import ARTICLE_SQL, IS_FEED_ARTICLE_SQL, bookmark_from_row
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
            erasure.forget_erased_bookmark(db, user_id, article_id)
        elif erasure.has_erased_bookmark(db, user_id, article_id):
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
