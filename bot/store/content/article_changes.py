"""The changes of articles, written in the transactions that make them: what a search index follows."""

import json
from collections.abc import Collection, Sequence

from bot.store.connection import Connection
from bot.store.records.content_records import ArticleChange, IndexedArticle
from bot.store.repository import Repository, reads, writes
from bot.store.row_mapping import query_ids, to_json_array

MAX_LOG_ENTRIES = 200_000
"""Changes that are kept: who is behind by more reads all articles anew."""


class ArticleChanges(Repository):
    """What became of articles, in order."""

    async def latest(self) -> ArticleChange:
        """The last change. A database without any has one of no article, whose mark only it has."""
        row = await self._row("SELECT id, mark, article_id FROM article_change ORDER BY id DESC LIMIT 1")
        return ArticleChange(*row)

    async def after(self, number: int, mark: int, limit: int) -> list[ArticleChange] | None:
        """The next changes after one; None where nobody knows of that one any more, or it was another's.

        It is so where too many came since, or the database was replaced by a copy or by another.
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
        """The articles with these ids; those that are not there are left out."""
        return _articles(db, sorted(ids))

    @reads
    def articles_before_id(self, db: Connection, article_id: int, limit: int) -> list[IndexedArticle]:
        """The articles with the largest ids below one, the largest first."""
        ids = query_ids(
            db, "SELECT id FROM article WHERE id < ? ORDER BY id DESC LIMIT ?", (article_id, limit)
        )
        return sorted(_articles(db, ids), reverse=True)

    async def largest_id(self) -> int:
        """The largest id of an article, 0 where there is none."""
        return await self._number("SELECT coalesce(max(id), 0) FROM article")

    @writes
    def trim(self, db: Connection) -> None:
        """Forget all but the last changes."""
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


_JSON_CHUNK_SIZE = (
    50  # articles that are read in one step, as of which nobody else has the interpreter's lock
)
_INDEXED = """
    WITH found (id, feed_id, published, title, body, language, outlet, author, tags, has_image) AS (
        SELECT id, feed_id, published, title, coalesce(nullif(coalesce(page_text, body, text), ''), summary),
               language, outlet, author, tags, coalesce(image, '') <> ''
        FROM article WHERE id IN (SELECT value FROM json_each(?)))
    SELECT json_group_array(json_array(
        id, feed_id, published, title, body, language, outlet, author, tags, has_image)) FROM found
"""
