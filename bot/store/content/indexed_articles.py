"""Repositories of what the search indexes follow: the log of changed articles, and their encoded texts."""

import json
from collections.abc import Collection, Sequence

from bot.store import meta
from bot.store.connection import Connection
from bot.store.records.content_records import ArticleChange, EncodedCounts, IndexedArticle
from bot.store.repository import Repository, read_transaction, write_transaction
from bot.store.row_mapping import IS_FEED_ARTICLE_SQL

MAX_ENCODED_CHARS = 500
"""Maximum number of characters of an article (title, summary, text) from which its embedding is computed."""
STALE_INDEX_SECONDS = 30 * 86_400
"""Seconds without additions after which a semantic index counts as gone, and its records are deleted."""
_META_NAME_PREFIX = "vectors "
"""Prefix of names in the table `meta` for the time of the last addition to a semantic index, whose id follows."""
_ENCODED_TEXT_SQL = f"""
    substr(article.title || '\n' || article.summary || '\n'
        || coalesce(article.page_text, article.body, article.text, ''), 1, {MAX_ENCODED_CHARS})
"""
_MATCHES_FILTER_SQL = f"""
    (:all_feeds AND {IS_FEED_ARTICLE_SQL} OR feed_id IN (:feed_ids))
    AND (:since IS NULL OR published >= :since) AND (:before IS NULL OR published < :before)
"""


class EncodedArticles(Repository):
    """Repository of the records of which articles each semantic index has encoded. Methods raise StoreError.

    `index_id` is the text that identifies an index, which its files contain too.
    """

    @write_transaction
    def delete_index_records(self, db: Connection, index_id: str) -> None:
        """Delete the records of a semantic index."""
        db.execute("DELETE FROM encoded_article WHERE index_id = ?", (index_id,))
        db.execute("DELETE FROM meta WHERE name = ?", (_META_NAME_PREFIX + index_id,))

    @write_transaction
    def purge_stale_indexes(self, db: Connection, now: int) -> None:
        """Delete the records of semantic indexes without additions for `STALE_INDEX_SECONDS`.

        `now` is Unix time in seconds.
        """
        db.execute(
            "DELETE FROM meta WHERE name LIKE ? AND value < ?",
            (f"{_META_NAME_PREFIX}%", str(now - STALE_INDEX_SECONDS)),
        )
        db.execute(
            "DELETE FROM encoded_article WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = ? || index_id)",
            (_META_NAME_PREFIX,),
        )

    async def count_encoded(self, index_id: str | None = None) -> EncodedCounts:
        """Count the articles that a semantic index contains, and all articles, with the pages that users saved.

        If no index is given (None), the most complete one counts.
        """
        encoded_count_sql = (
            "max(encoded_count) FROM "
            "(SELECT count(*) AS encoded_count FROM encoded_article GROUP BY index_id) AS counts"
            if index_id is None
            else "count(*) FROM encoded_article WHERE index_id = :index_id"
        )
        row = await self._fetch_row(
            f"SELECT coalesce((SELECT {encoded_count_sql}), 0), (SELECT count(*) FROM article)",
            {"index_id": index_id or ""},
        )
        return EncodedCounts(*row)

    async def list_unencoded_ids(self, index_id: str, limit: int) -> list[int]:
        """List the ids of at most `limit` articles that a semantic index has not encoded, newest first."""
        encoded_count, article_count = await self.count_encoded(index_id)
        if encoded_count == article_count:  # Deleting an article deletes its record, so equal counts mean complete.
            return []
        return await self._fetch_column(
            """SELECT id FROM article /*+ INDEXED BY article_newest */
               WHERE NOT EXISTS (SELECT 1 FROM encoded_article WHERE article_id = article.id AND index_id = ?)
               ORDER BY published DESC, id DESC LIMIT ?""",
            (index_id, limit),
        )

    async def load_texts_to_encode(self, article_ids: Collection[int]) -> list[tuple[int, str]]:
        """List ids of articles with their texts for encoding; ids without an article are left out."""
        rows = await self._fetch_rows(
            f"SELECT id, {_ENCODED_TEXT_SQL} FROM article WHERE id IN (:article_ids)",
            {"article_ids": article_ids},
        )
        return [(row[0], row[1]) for row in rows]

    @write_transaction
    def mark_encoded(self, db: Connection, index_id: str, ids_and_texts: Sequence[tuple[int, str]]) -> int:
        """Record that a semantic index contains articles with these ids and texts; return how many were new to it.

        Articles whose text has changed since it was loaded are left out. The index counts as added to now.
        """
        meta.set_text(db, _META_NAME_PREFIX + index_id, str(db.now))
        marked_count = 0
        for article_id, text in ids_and_texts:
            marked_count += db.execute_rowcount(
                f"""INSERT INTO encoded_article (article_id, index_id)
                    SELECT id, :index_id FROM article WHERE id = :article_id AND {_ENCODED_TEXT_SQL} = :text
                    ON CONFLICT (article_id, index_id) DO NOTHING""",
                {"index_id": index_id, "article_id": article_id, "text": text},
            )
        return marked_count

    async def filter_existing_ids(self, article_ids: Collection[int]) -> set[int]:
        """Return those of the ids whose articles exist."""
        return await self._fetch_set("SELECT id FROM article WHERE id IN (:ids)", {"ids": article_ids})

    async def filter_ids(
        self,
        article_ids: Collection[int],
        *,
        feed_ids: Collection[int] | None,
        since: int | None,
        before: int | None,
    ) -> set[int]:
        """Return those of the ids whose articles exist and match all filters that are not None.

        Pages that users saved match only if their feed is in `feed_ids`.
        `since` (inclusive) and `before` (exclusive) are Unix times in seconds.
        """
        return await self._fetch_set(
            f"SELECT id FROM article WHERE id IN (:ids) AND {_MATCHES_FILTER_SQL}",
            {"ids": article_ids, **_build_filter_parameters(feed_ids, since, before)},
        )

    async def list_newest_ids(
        self, *, feed_ids: Collection[int] | None, since: int | None, before: int | None, limit: int
    ) -> list[int]:
        """List the ids of at most `limit` articles that match all filters that are not None, newest first.

        Pages that users saved match only if their feed is in `feed_ids`.
        `since` (inclusive) and `before` (exclusive) are Unix times in seconds.
        """
        return await self._fetch_column(
            f"SELECT id FROM article WHERE {_MATCHES_FILTER_SQL} ORDER BY published DESC LIMIT :limit",
            {"limit": limit, **_build_filter_parameters(feed_ids, since, before)},
        )


def _build_filter_parameters(
    feed_ids: Collection[int] | None, since: int | None, before: int | None
) -> dict[str, object]:
    return {"all_feeds": feed_ids is None, "feed_ids": feed_ids, "since": since, "before": before}


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
