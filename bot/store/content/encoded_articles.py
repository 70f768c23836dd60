"""Repository of the records of which articles each semantic index contains.

A semantic index finds articles by meaning; its embeddings are in its own files, not in the database.
"""

from collections.abc import Collection, Sequence

from bot.store import meta
from bot.store.connection import Connection
from bot.store.records.content_records import EncodedCounts
from bot.store.repository import Repository, write_transaction
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
