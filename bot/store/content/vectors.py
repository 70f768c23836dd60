"""Repository of which articles each semantic index contains. The embeddings are in files of the index."""

from collections.abc import Collection, Sequence

from bot.store import meta
from bot.store.connection import Connection
from bot.store.records.content_records import EncodedCounts
from bot.store.repository import Repository, writes
from bot.store.row_mapping import to_json_array

MAX_ENCODED_CHARS = 500
"""Characters of an article that are encoded: title, summary and the beginning of its text."""
STALE_INDEX_SECONDS = 30 * 86_400
"""Seconds without additions after which an index is assumed to be gone with its process."""
_INDEX = "vectors "
"""Prefix of the `meta` entry with the time of the last addition to an index; its stamp follows."""
_SOURCE = f"""
    substr(article.title || '\n' || article.summary || '\n'
        || coalesce(article.page_text, article.body, article.text, ''), 1, {MAX_ENCODED_CHARS})
"""
_MATCHES_FILTER_SQL = """
    (:feeds IS NULL OR feed_id IN (SELECT value FROM json_each(:feeds)))
    AND (:since IS NULL OR published >= :since) AND (:before IS NULL OR published < :before)
"""


class Vectors(Repository):
    """Encoded articles by semantic index, which a stamp identifies. Methods raise StoreError."""

    @writes
    def drop_index(self, db: Connection, stamp: str) -> None:
        """Delete the records of an index."""
        db.execute("DELETE FROM encoded_article WHERE stamp = ?", (stamp,))
        db.execute("DELETE FROM meta WHERE name = ?", (_INDEX + stamp,))

    @writes
    def purge(self, db: Connection, now: int) -> None:
        """Delete the records of stale indexes; `now` is in seconds of UTC."""
        db.execute(
            "DELETE FROM meta WHERE name LIKE ? AND value < ?", (f"{_INDEX}%", str(now - STALE_INDEX_SECONDS))
        )
        db.execute(
            "DELETE FROM encoded_article WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = ? || stamp)",
            (_INDEX,),
        )

    async def counts(self, stamp: str | None = None) -> EncodedCounts:
        """Count encoded and all articles for an index; None means the most complete index."""
        encoded = (
            "max(held) FROM (SELECT count(*) AS held FROM encoded_article GROUP BY stamp) AS each_index"
            if stamp is None
            else "count(*) FROM encoded_article WHERE stamp = :stamp"
        )
        row = await self._row(
            f"SELECT coalesce((SELECT {encoded}), 0), (SELECT count(*) FROM article)", {"stamp": stamp or ""}
        )
        return EncodedCounts(*row)

    async def unencoded_ids(self, stamp: str, limit: int) -> list[int]:
        """List at most `limit` ids of articles that an index lacks, newest first."""
        encoded, articles = await self.counts(stamp)
        if encoded == articles:  # Deleting an article deletes its record, so equal counts mean complete.
            return []
        return await self._column(
            """SELECT id FROM article INDEXED BY article_newest
               WHERE NOT EXISTS (SELECT 1 FROM encoded_article WHERE article_id = article.id AND stamp = ?)
               ORDER BY published DESC, id DESC LIMIT ?""",
            (stamp, limit),
        )

    async def texts_to_encode(self, article_ids: Collection[int]) -> list[tuple[int, str]]:
        """List ids of articles with the texts to encode; missing articles are left out."""
        rows = await self._rows(
            f"SELECT id, {_SOURCE} FROM article WHERE id IN (SELECT value FROM json_each(?))",
            (to_json_array(article_ids),),
        )
        return [(row[0], row[1]) for row in rows]

    @writes
    def mark_encoded(self, db: Connection, stamp: str, encoded: Sequence[tuple[int, str]]) -> int:
        """Record that an index contains articles with these texts; return how many were new.

        Articles whose text has changed since are left out.
        """
        meta.set_value(db, _INDEX + stamp, str(db.now))
        marked = 0
        for article_id, source in encoded:
            marked += db.execute_rowcount(
                f"""INSERT INTO encoded_article (article_id, stamp)
                    SELECT id, ?1 FROM article WHERE id = ?2 AND {_SOURCE} = ?3
                    ON CONFLICT (article_id, stamp) DO NOTHING""",
                (stamp, article_id, source),
            )
        return marked

    async def filter_ids(
        self,
        article_ids: Collection[int],
        *,
        feed_ids: Collection[int] | None = None,
        since: int | None = None,
        before: int | None = None,
    ) -> set[int]:
        """Return those of the articles that exist and match the filters; None means no filter.

        `since` is inclusive and `before` exclusive, in seconds of UTC.
        """
        return await self._set(
            f"SELECT id FROM article WHERE id IN (SELECT value FROM json_each(:ids)) AND "
            f"{_MATCHES_FILTER_SQL}",
            {"ids": to_json_array(article_ids), **_parameters(feed_ids, since, before)},
        )

    async def newest(
        self, *, feed_ids: Collection[int] | None, since: int | None, before: int | None, limit: int
    ) -> list[int]:
        """List the ids of the newest articles that match the filters; None means no filter.

        `since` is inclusive and `before` exclusive, in seconds of UTC.
        """
        return await self._column(
            f"SELECT id FROM article WHERE {_MATCHES_FILTER_SQL} ORDER BY published DESC LIMIT :limit",
            {"limit": limit, **_parameters(feed_ids, since, before)},
        )


def _parameters(
    feed_ids: Collection[int] | None, since: int | None, before: int | None
) -> dict[str, str | int | None]:
    return {"feeds": None if feed_ids is None else to_json_array(feed_ids), "since": since, "before": before}
