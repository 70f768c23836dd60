"""Repository of the change log of articles, which search indexes follow."""

import json
from collections.abc import Collection, Sequence

from bot.store.connection import Connection
from bot.store.records.content_records import ArticleChange, IndexedArticle
from bot.store.repository import Repository, read_transaction, write_transaction

MAX_LOG_ENTRIES = 200_000
"""Number of changes that a trim leaves in the log; an index that is further behind is rebuilt."""


class ArticleChanges(Repository):
    """Repository of the log of inserted, changed and deleted articles, in order. Methods raise StoreError."""

    async def load_latest(self) -> ArticleChange:
        """Return the latest change in the log.

        The log of a new database has one change, of article id 0, whose `nonce` identifies the database.
        """
        row = await self._fetch_row("SELECT id, nonce, article_id FROM article_change ORDER BY id DESC LIMIT 1")
        return ArticleChange(*row)

    async def list_after(self, change_number: int, nonce: int, limit: int) -> list[ArticleChange] | None:
        """List at most `limit` changes after the change `change_number`; return None if the log lacks that change.

        The log lacks the change if it was trimmed because too many changes followed it, or if the database was
        replaced by another or by a backup: then the change at `change_number` is missing or has a different `nonce`.
        """
        change_rows = await self._fetch_rows(
            "SELECT id, nonce, article_id FROM article_change WHERE id >= ? ORDER BY id LIMIT ?",
            (change_number, limit + 1),
        )
        anchor_rows, later_rows = change_rows[:1], change_rows[1:]
        if [tuple(row)[:2] for row in anchor_rows] != [(change_number, nonce)]:
            return None
        return [ArticleChange(*row) for row in later_rows]

    @read_transaction
    def load_articles(self, db: Connection, article_ids: Collection[int]) -> list[IndexedArticle]:
        """Load the articles with these ids, ordered by id; ids without an article are left out."""
        return _load_articles(db, sorted(article_ids))

    @read_transaction
    def load_articles_before_id(self, db: Connection, article_id: int, limit: int) -> list[IndexedArticle]:
        """Load at most `limit` articles with ids below `article_id`, largest id first."""
        article_ids = db.fetch_ids("SELECT id FROM article WHERE id < ? ORDER BY id DESC LIMIT ?", (article_id, limit))
        return sorted(_load_articles(db, article_ids), reverse=True)

    async def get_largest_article_id(self) -> int:
        """Return the largest article id, or 0 if there are no articles."""
        return await self._fetch_int("SELECT coalesce(max(id), 0) FROM article")

    @write_transaction
    def trim_log(self, db: Connection) -> None:
        """Delete all but the last `MAX_LOG_ENTRIES` changes from the log."""
        db.execute(
            "DELETE FROM article_change WHERE id <= (SELECT max(id) FROM article_change) - ?",
            (MAX_LOG_ENTRIES,),
        )


def _load_articles(db: Connection, article_ids: Sequence[int]) -> list[IndexedArticle]:
    articles: list[IndexedArticle] = []
    for offset in range(0, len(article_ids), _CHUNK_SIZE):
        rows = db.fetch_sequences(
            IndexedArticle._fields, _INDEXED_ARTICLES_SQL, {"ids": article_ids[offset : offset + _CHUNK_SIZE]}
        )
        articles += [
            IndexedArticle._make((*columns, () if tags_json == "[]" else tuple(json.loads(tags_json)), bool(has_image)))
            for *columns, tags_json, has_image in rows
        ]
    return articles


_CHUNK_SIZE = 50
"""Number of articles loaded per query: decoding the rows of one query holds the interpreter's lock."""
_INDEXED_ARTICLES_SQL = """
    SELECT id, feed_id, published, title, coalesce(nullif(coalesce(page_text, body, text), ''), summary),
           language, outlet, author, tags, coalesce(image_url, '') <> ''
    FROM article WHERE id IN (:ids)
"""
"""SQL for articles to index: the text is the web page's, or else the feed's, without boilerplate if possible."""
