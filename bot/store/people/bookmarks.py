"""Repository of bookmarks."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict

from bot.core.user_models import Bookmark
from bot.store.connection import Connection
from bot.store.people import erasure
from bot.store.records.people_records import BookmarkFilter
from bot.store.repository import Repository, writes
from bot.store.row_mapping import ARTICLE, bookmark_from_row, to_json_array

ACTIVE_BOOKMARK_SQL = "bookmark.person_id = :person AND bookmark.removed IS NULL"
"""Condition for the bookmarks of `:person` that were not removed."""
FILTER_SQL = """
    (:match IS NULL OR instr(fold(article.title), fold(:match)) > 0
     OR instr(fold(article.outlet), fold(:match)) > 0 OR instr(fold(bookmark.note), fold(:match)) > 0)
    AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(bookmark.tags) WHERE fold(atom) = fold(:tag)))
    AND (NOT :unread OR bookmark.read IS NULL)
"""
"""Condition for the fields of a `BookmarkFilter`, except `hidden`."""
VISIBLE_SQL = (
    "(bookmark.server_id IS NULL OR bookmark.server_id NOT IN (SELECT value FROM json_each(:hidden)))"
)
"""Condition that leaves out bookmarks made in the servers `:hidden`."""
BOOKMARK_COLUMNS_SQL = """
    bookmark.created AS saved_created, bookmark.server_id AS saved_server_id,
    bookmark.channel_id AS saved_channel_id, bookmark.message_id AS saved_message_id,
    bookmark.note AS saved_note, bookmark.tags AS saved_tags, bookmark.read AS saved_read
"""
"""Columns of a bookmark, prefixed for `bookmark_from_row`."""
NO_FILTER = BookmarkFilter()
"""Filter that every bookmark passes."""


class Bookmarks(Repository):
    """Bookmarks. A removed one leaves its row as a trace.

    Without it, a reaction found after an absence would restore the bookmark. Methods raise StoreError.
    """

    @writes
    def add(
        self,
        db: Connection,
        person_id: int,
        article_id: int,
        *,
        server_id: int | None = None,
        channel_id: int | None = None,
        message_id: int | None = None,
        is_live_reaction: bool = True,
    ) -> bool:
        """Bookmark an article for a user, with the message it was done on; return whether anything changed.

        `is_live_reaction` is False for reactions found later: a bookmark that the user removed stays removed.
        A missing article changes nothing.
        """
        on_conflict = (
            "DO UPDATE SET created = excluded.created, removed = NULL, server_id = excluded.server_id, "
            "channel_id = excluded.channel_id, message_id = excluded.message_id "
            "WHERE bookmark.removed IS NOT NULL"
            if is_live_reaction
            else "DO NOTHING"
        )
        if is_live_reaction:
            erasure.forget_removal(db, person_id, article_id)
        elif erasure.was_removed_before_erasure(db, person_id, article_id):
            return False
        changed = db.execute_rowcount(
            "INSERT INTO bookmark (person_id, article_id, created, server_id, channel_id, message_id) "
            "SELECT ?, id, ?, ?, ?, ? FROM article WHERE id = ? "
            f"ON CONFLICT (person_id, article_id) {on_conflict}",
            (person_id, db.now, server_id, channel_id, message_id, article_id),
        )
        return changed > 0

    @writes
    def remove(self, db: Connection, person_id: int, article_id: int) -> Bookmark | None:
        """Remove a bookmark with its note and tags; return it as it was, or None if there was none."""
        removed = db.objects(
            bookmark_from_row,
            f"SELECT {BOOKMARK_COLUMNS_SQL}, {ARTICLE} FROM bookmark JOIN article ON article.id = "
            f"bookmark.article_id "
            f"WHERE {ACTIVE_BOOKMARK_SQL} AND bookmark.article_id = :article",
            {"person": person_id, "article": article_id},
        )
        db.execute(
            "UPDATE bookmark SET removed = ?, note = '', tags = '[]', read = NULL "
            "WHERE person_id = ? AND article_id = ? AND removed IS NULL",
            (db.now, person_id, article_id),
        )
        return removed[0] if removed else None

    @writes
    def restore(self, db: Connection, person_id: int, removed: Bookmark) -> bool:
        """Restore a bookmark that `remove` returned; return False if its trace is gone or it exists again."""
        changed = db.execute_rowcount(
            "UPDATE bookmark SET removed = NULL, created = ?, server_id = ?, channel_id = ?, message_id = ?, "
            "note = ?, tags = ?, read = ? WHERE person_id = ? AND article_id = ? AND removed IS NOT NULL",
            (
                removed.created,
                removed.server_id,
                removed.channel_id,
                removed.message_id,
                removed.note,
                json.dumps(list(removed.tags), ensure_ascii=False),
                removed.read,
                person_id,
                removed.article.id,
            ),
        )
        return changed > 0

    @writes
    def annotate(
        self, db: Connection, person_id: int, article_id: int, *, note: str, tags: Sequence[str]
    ) -> bool:
        """Set the note and tags of a bookmark; return whether it exists."""
        changed = db.execute_rowcount(
            "UPDATE bookmark SET note = ?, tags = ? "
            "WHERE person_id = ? AND article_id = ? AND removed IS NULL",
            (note, json.dumps(list(tags), ensure_ascii=False), person_id, article_id),
        )
        return changed > 0

    @writes
    def mark_read(self, db: Connection, person_id: int, article_id: int, *, read: bool) -> bool:
        """Mark a bookmark as read or unread; return whether it exists."""
        changed = db.execute_rowcount(
            "UPDATE bookmark SET read = ? WHERE person_id = ? AND article_id = ? AND removed IS NULL",
            (db.now if read else None, person_id, article_id),
        )
        return changed > 0

    async def get(self, person_id: int, article_id: int, *, hidden: Collection[int] = ()) -> Bookmark | None:
        """Return a user's bookmark of an article, or None; one made in a server in `hidden` is left out."""
        found = await self._objects(
            bookmark_from_row,
            f"SELECT {BOOKMARK_COLUMNS_SQL}, {ARTICLE} FROM bookmark JOIN article ON article.id = "
            f"bookmark.article_id "
            f"WHERE {ACTIVE_BOOKMARK_SQL} AND {VISIBLE_SQL} AND bookmark.article_id = :article",
            {"person": person_id, "article": article_id, "hidden": to_json_array(hidden)},
        )
        return found[0] if found else None

    async def list(
        self, person_id: int, *, limit: int, offset: int = 0, wanted: BookmarkFilter = NO_FILTER
    ) -> list[Bookmark]:
        """List at most `limit` bookmarks of a user, newest first."""
        return await self._objects(
            bookmark_from_row,
            f"""
            SELECT {BOOKMARK_COLUMNS_SQL}, {ARTICLE} FROM bookmark JOIN article ON article.id =
                bookmark.article_id
            WHERE {ACTIVE_BOOKMARK_SQL} AND {FILTER_SQL} AND {VISIBLE_SQL}
            ORDER BY bookmark.created DESC, bookmark.article_id DESC LIMIT :limit OFFSET :offset
            """,
            _values(person_id, wanted) | {"limit": limit, "offset": offset},
        )

    async def count(self, person_id: int, wanted: BookmarkFilter = NO_FILTER) -> int:
        """Count the bookmarks of a user that pass a filter."""
        return await self._number(
            f"""
            SELECT count(*) FROM bookmark JOIN article ON article.id = bookmark.article_id
            WHERE {ACTIVE_BOOKMARK_SQL} AND {FILTER_SQL} AND {VISIBLE_SQL}
            """,
            _values(person_id, wanted),
        )

    async def tags(self, person_id: int, *, hidden: Collection[int] = ()) -> dict[str, int]:
        """Map a user's tags to their number of bookmarks, most used first, without servers in `hidden`."""
        rows = await self._rows(
            "SELECT min(atom) AS tag, count(*) AS count FROM bookmark, json_each(bookmark.tags) "
            f"WHERE {ACTIVE_BOOKMARK_SQL} AND {VISIBLE_SQL} GROUP BY fold(atom) ORDER BY count(*) DESC, tag",
            {"person": person_id, "hidden": to_json_array(hidden)},
        )
        return {row["tag"]: row["count"] for row in rows}

    async def bookmarked_among(
        self, person_id: int, article_ids: Collection[int], *, hidden: Collection[int] = ()
    ) -> set[int]:
        """Return which of these articles a user bookmarked, without servers in `hidden`."""
        return await self._set(
            f"SELECT article_id FROM bookmark WHERE {ACTIVE_BOOKMARK_SQL} AND {VISIBLE_SQL} "
            "AND article_id IN (SELECT value FROM json_each(:articles))",
            {"person": person_id, "articles": to_json_array(article_ids), "hidden": to_json_array(hidden)},
        )

    async def article_ids(self, person_id: int) -> frozenset[int]:
        """Return the ids of all articles that a user bookmarked."""
        return frozenset(
            await self._column(
                f"SELECT article_id FROM bookmark WHERE {ACTIVE_BOOKMARK_SQL}", {"person": person_id}
            )
        )

    async def servers(self, person_id: int) -> set[int]:
        """Return the ids of servers in which a user made bookmarks."""
        return await self._set(
            f"SELECT DISTINCT server_id FROM bookmark WHERE {ACTIVE_BOOKMARK_SQL} AND server_id IS NOT NULL",
            {"person": person_id},
        )

    async def removed_urls(self, person_id: int) -> tuple[str, ...]:
        """Return the URLs of articles whose bookmark a user removed."""
        return tuple(
            await self._column(
                "SELECT article.url FROM bookmark JOIN article ON article.id = bookmark.article_id "
                "WHERE person_id = ? AND removed IS NOT NULL ORDER BY article.id",
                (person_id,),
            )
        )


def _values(person_id: int, wanted: BookmarkFilter) -> dict[str, object]:
    return asdict(wanted) | {"person": person_id, "hidden": to_json_array(wanted.hidden)}
