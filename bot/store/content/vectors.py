"""Which articles the index of meanings holds, and what of them is encoded. Vectors stand in files beside."""

from collections.abc import Collection, Sequence

from bot.store import meta
from bot.store.connection import Connection
from bot.store.records.content_records import EncodedCounts
from bot.store.repository import Repository, writes
from bot.store.row_mapping import to_json_array

MAX_ENCODED_CHARS = 500
"""Characters of an article that are encoded: its title, its summary and the beginning of its text."""
STALE_INDEX_SECONDS = 30 * 86_400
"""Seconds after which an index to which nothing was added is taken to be gone with its process."""
_INDEX = "vectors "  # and its stamp: the name in `meta` of when something was added to an index last
_SOURCE = f"""
    substr(article.title || '\n' || article.summary || '\n'
        || coalesce(article.page_text, article.body, article.text, ''), 1, {MAX_ENCODED_CHARS})
"""
_MATCHES_FILTER_SQL = """
    (:feeds IS NULL OR feed_id IN (SELECT value FROM json_each(:feeds)))
    AND (:since IS NULL OR published >= :since) AND (:before IS NULL OR published < :before)
"""


class Vectors(Repository):
    """What the index of meanings holds."""

    @writes
    def drop_index(self, db: Connection, stamp: str) -> None:
        """The index of this stamp is no more."""
        db.execute("DELETE FROM encoded_article WHERE stamp = ?", (stamp,))
        db.execute("DELETE FROM meta WHERE name = ?", (_INDEX + stamp,))

    @writes
    def purge(self, db: Connection, now: int) -> None:
        """Forget the indexes of processes that are gone."""
        db.execute(
            "DELETE FROM meta WHERE name LIKE ? AND value < ?", (f"{_INDEX}%", str(now - STALE_INDEX_SECONDS))
        )
        db.execute(
            "DELETE FROM encoded_article WHERE NOT EXISTS (SELECT 1 FROM meta WHERE name = ? || stamp)",
            (_INDEX,),
        )

    async def counts(self, stamp: str | None = None) -> EncodedCounts:
        """How far the encoding is, for an index; None: for the one that has most."""
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
        """Ids of articles that have no vector in an index, the newest first."""
        encoded, articles = await self.counts(stamp)
        if encoded == articles:  # no article goes without taking its mark along
            return []
        return await self._column(
            """SELECT id FROM article INDEXED BY article_newest
               WHERE NOT EXISTS (SELECT 1 FROM encoded_article WHERE article_id = article.id AND stamp = ?)
               ORDER BY published DESC, id DESC LIMIT ?""",
            (stamp, limit),
        )

    async def texts_to_encode(self, article_ids: Collection[int]) -> list[tuple[int, str]]:
        """What is to be encoded of these articles."""
        rows = await self._rows(
            f"SELECT id, {_SOURCE} FROM article WHERE id IN (SELECT value FROM json_each(?))",
            (to_json_array(article_ids),),
        )
        return [(row[0], row[1]) for row in rows]

    @writes
    def mark_encoded(self, db: Connection, stamp: str, encoded: Sequence[tuple[int, str]]) -> int:
        """Note that articles are in the index as these texts, except where they changed since; how many."""
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
        """Those of the articles that are still there, of these feeds and of this time."""
        return await self._set(
            f"SELECT id FROM article WHERE id IN (SELECT value FROM json_each(:ids)) AND "
            f"{_MATCHES_FILTER_SQL}",
            {"ids": to_json_array(article_ids), **_parameters(feed_ids, since, before)},
        )

    async def newest(
        self, *, feed_ids: Collection[int] | None, since: int | None, before: int | None, limit: int
    ) -> list[int]:
        """Ids of the newest articles of these feeds and of this time."""
        return await self._column(
            f"SELECT id FROM article WHERE {_MATCHES_FILTER_SQL} ORDER BY published DESC LIMIT :limit",
            {"limit": limit, **_parameters(feed_ids, since, before)},
        )


def _parameters(
    feed_ids: Collection[int] | None, since: int | None, before: int | None
) -> dict[str, str | int | None]:
    return {"feeds": None if feed_ids is None else to_json_array(feed_ids), "since": since, "before": before}
