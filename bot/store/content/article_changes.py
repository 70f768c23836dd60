"""Repository of the change log of articles, which search indexes follow."""

import json
from collections.abc import Collection, Sequence

from bot.store.connection import Connection
from bot.store.records.content_records import ArticleChange, IndexedArticle
from bot.store.repository import Repository, reads, writes
from bot.store.row_mapping import query_ids, to_json_array

MAX_LOG_ENTRIES = 200_000
"""Maximum number of changes in the log; an index that is further behind is rebuilt."""


class ArticleChanges(Repository):
    """Inserted, changed and deleted articles, in order. Methods raise StoreError."""

    async def latest(self) -> ArticleChange:
        """Return the last change; an empty database has one of article id 0 with its own nonce."""
        row = await self._row("SELECT id, mark, article_id FROM article_change ORDER BY id DESC LIMIT 1")
        return ArticleChange(*row)

    async def after(self, number: int, mark: int, limit: int) -> list[ArticleChange] | None:
        """List at most `limit` changes after one, or None if that one is not in the log.

        It is not if too many followed it, or if the database was replaced by another or by a backup; `nonce`
        tells.
        """
        rows = await self._rows(
            "SELECT id, mark, article_id FROM article_change WHERE id >= ? ORDER BY id LIMIT ?",
            (number, limit + 1),
        )
        known, later = rows[:1], rows[1:]
        if [tuple(row)[:2] for row in known] != [(number, mark)]:
            return None
        return [ArticleChange(*row) for row in later]

    @reads
    def articles(self, db: Connection, ids: Collection[int]) -> list[IndexedArticle]:
        """Load the articles with these ids, ordered by id; missing ones are left out."""
        return _articles(db, sorted(ids))

    @reads
    def articles_before_id(self, db: Connection, article_id: int, limit: int) -> list[IndexedArticle]:
        """Load at most `limit` articles with ids below one, largest id first."""
        ids = query_ids(
            db, "SELECT id FROM article WHERE id < ? ORDER BY id DESC LIMIT ?", (article_id, limit)
        )
        return sorted(_articles(db, ids), reverse=True)

    async def largest_id(self) -> int:
        """Return the largest article id, 0 if there are no articles."""
        return await self._number("SELECT coalesce(max(id), 0) FROM article")

    @writes
    def trim(self, db: Connection) -> None:
        """Delete all but the last `MAX_LOG_ENTRIES` changes."""
        db.execute(
            "DELETE FROM article_change WHERE id <= (SELECT max(id) FROM article_change) - ?",
            (MAX_LOG_ENTRIES,),
        )


def _articles(db: Connection, ids: Sequence[int]) -> list[IndexedArticle]:
    found: list[IndexedArticle] = []
    for first in range(0, len(ids), _JSON_CHUNK_SIZE):
        some = db.value(_INDEXED, (to_json_array(ids[first : first + _JSON_CHUNK_SIZE]),))
        found += [
            IndexedArticle._make((*values, () if tags == "[]" else tuple(json.loads(tags)), bool(has_image)))
            for *values, tags, has_image in json.loads(some)
        ]
    return found


_JSON_CHUNK_SIZE = 50
"""Articles per query: decoding the rows of one query holds the interpreter's lock."""
_INDEXED = """
    WITH found (id, feed_id, published, title, body, language, outlet, author, tags, has_image) AS (
        SELECT id, feed_id, published, title, coalesce(nullif(coalesce(page_text, body, text), ''), summary),
               language, outlet, author, tags, coalesce(image, '') <> ''
        FROM article WHERE id IN (SELECT value FROM json_each(?)))
    SELECT json_group_array(json_array(
        id, feed_id, published, title, body, language, outlet, author, tags, has_image)) FROM found
"""
