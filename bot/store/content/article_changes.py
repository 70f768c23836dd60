"""The changes of articles, written in the transactions that make them: what a search index follows."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from bot.store.connection import Connection
from bot.store.ports import Database
from bot.store.records.content_records import ArticleChange, IndexedArticle
from bot.store.rows import ids_of, listed

KEPT = 200_000
"""Changes that are kept: who is behind by more reads all articles anew."""


class ArticleChanges:
    """What became of articles, in order. Every method raises `StoreError` alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self) -> ArticleChange:
        """The last change. A database without any has one of no article, whose mark only it has."""
        row = await self._database.fetchone(
            "SELECT id, mark, article_id FROM article_change ORDER BY id DESC LIMIT 1"
        )
        return ArticleChange(*row)

    async def after(self, number: int, mark: int, limit: int) -> list[ArticleChange] | None:
        """The next changes after one; None where nobody knows of that one any more, or it was another's.

        It is so where too many came since, or the database was replaced by a copy or by another.
        """
        rows = await self._database.fetchall(
            "SELECT id, mark, article_id FROM article_change WHERE id >= ? ORDER BY id LIMIT ?",
            (number, limit + 1),
        )
        known, later = rows[:1], rows[1:]
        if [tuple(row)[:2] for row in known] != [(number, mark)]:
            return None
        return [ArticleChange(*row) for row in later]

    async def articles(self, ids: Collection[int]) -> list[IndexedArticle]:
        """The articles with these ids; those that are not there are left out."""
        return await self._database.read(_articles, sorted(ids))

    async def articles_below(self, article_id: int, limit: int) -> list[IndexedArticle]:
        """The articles with the largest ids below one, the largest first."""
        return await self._database.read(_below, article_id, limit)

    async def largest_id(self) -> int:
        """The largest id of an article, 0 where there is none."""
        row = await self._database.fetchone("SELECT max(id) FROM article")
        return int(row[0] or 0) if row else 0

    async def trim(self) -> None:
        """Forget all but the last changes."""
        async with self._database.write() as transaction:
            await transaction.execute(
                "DELETE FROM article_change WHERE id <= (SELECT max(id) FROM article_change) - ?", (KEPT,)
            )


def _below(connection: Connection, article_id: int, limit: int) -> list[IndexedArticle]:
    ids = ids_of(
        connection, "SELECT id FROM article WHERE id < ? ORDER BY id DESC LIMIT ?", (article_id, limit)
    )
    return sorted(_articles(connection, ids), reverse=True)


def _articles(connection: Connection, ids: Sequence[int]) -> list[IndexedArticle]:
    found: list[IndexedArticle] = []
    for first in range(0, len(ids), _AT_ONCE):
        (some,) = connection.execute(_INDEXED, (listed(ids[first : first + _AT_ONCE]),)).fetchone()
        found += [
            IndexedArticle._make((*values, () if tags == "[]" else tuple(json.loads(tags)), bool(has_image)))
            for *values, tags, has_image in json.loads(some)
        ]
    return found


_AT_ONCE = 50  # articles that are read in one step, as of which nobody else has the interpreter's lock
_INDEXED = """
    WITH found (id, feed_id, published, title, body, language, outlet, author, tags, has_image) AS (
        SELECT id, feed_id, published, title, coalesce(nullif(coalesce(page_text, body, text), ''), summary),
               language, outlet, author, tags, coalesce(image, '') <> ''
        FROM article WHERE id IN (SELECT value FROM json_each(?)))
    SELECT json_group_array(json_array(
        id, feed_id, published, title, body, language, outlet, author, tags, has_image)) FROM found
"""
