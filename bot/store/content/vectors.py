"""Which articles the index of meanings holds, and what of them is encoded. Vectors stand in files beside."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.store.connection import Connection
from bot.store.ports import Database
from bot.store.records.content_records import EncodedCounts
from bot.store.rows import listed

READ = 500
"""Characters of an article that are encoded: its title, its summary and the beginning of its text."""
_STAMP = "vectors"
_SOURCE = f"""
    substr(article.title || '\n' || article.summary || '\n'
        || coalesce(article.page_text, article.body, article.text, ''), 1, {READ})
"""
_FITTING = """
    (:feeds IS NULL OR feed_id IN (SELECT value FROM json_each(:feeds)))
    AND (:since IS NULL OR published >= :since) AND (:before IS NULL OR published < :before)
"""


class Vectors:
    """What the index of meanings holds. Every method raises `StoreError` alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin_anew(self, stamp: str) -> None:
        """Hold no article to be in the index, from now on the one of this stamp."""
        await self._database.transact(_begin_anew, stamp)

    async def stamp(self) -> str:
        """The stamp of the index of which is told here; "" where there is none."""
        row = await self._database.fetchone("SELECT value FROM meta WHERE name = ?", (_STAMP,))
        return "" if row is None else str(row[0])

    async def counts(self) -> EncodedCounts:
        """How far the encoding is."""
        row = await self._database.fetchone(
            "SELECT (SELECT count(*) FROM encoded_article), (SELECT count(*) FROM article)"
        )
        return EncodedCounts(*row) if row else EncodedCounts(0, 0)

    async def missing(self, limit: int) -> list[int]:
        """Ids of articles that have no vector, the newest first."""
        encoded, articles = await self.counts()
        if encoded == articles:  # no article goes without taking its mark along
            return []
        rows = await self._database.fetchall(
            """SELECT id FROM article INDEXED BY article_newest
               WHERE NOT EXISTS (SELECT 1 FROM encoded_article WHERE article_id = article.id)
               ORDER BY published DESC, id DESC LIMIT ?""",
            (limit,),
        )
        return [row[0] for row in rows]

    async def sources(self, article_ids: Collection[int]) -> list[tuple[int, str]]:
        """What is to be encoded of these articles."""
        rows = await self._database.fetchall(
            f"SELECT id, {_SOURCE} FROM article WHERE id IN (SELECT value FROM json_each(?))",
            (listed(article_ids),),
        )
        return [(row[0], row[1]) for row in rows]

    async def mark(self, stamp: str, encoded: Sequence[tuple[int, str]]) -> int:
        """Note that articles are in the index as these texts, except where they changed since; how many."""
        return await self._database.transact(_mark, stamp, encoded)

    async def fitting(
        self,
        article_ids: Collection[int],
        *,
        feed_ids: Collection[int] | None = None,
        since: int | None = None,
        before: int | None = None,
    ) -> set[int]:
        """Those of the articles that are still there, of these feeds and of this time."""
        rows = await self._database.fetchall(
            f"SELECT id FROM article WHERE id IN (SELECT value FROM json_each(:ids)) AND {_FITTING}",
            {"ids": listed(article_ids), **_parameters(feed_ids, since, before)},
        )
        return {row[0] for row in rows}

    async def newest(
        self,
        *,
        feed_ids: Collection[int] | None,
        since: int | None,
        before: int | None,
        limit: int,
    ) -> list[int]:
        """Ids of the newest articles of these feeds and of this time."""
        rows = await self._database.fetchall(
            f"SELECT id FROM article WHERE {_FITTING} ORDER BY published DESC LIMIT :limit",
            {"limit": limit, **_parameters(feed_ids, since, before)},
        )
        return [row[0] for row in rows]


def _parameters(
    feed_ids: Collection[int] | None, since: int | None, before: int | None
) -> dict[str, str | int | None]:
    return {"feeds": None if feed_ids is None else listed(feed_ids), "since": since, "before": before}


def _begin_anew(connection: Connection, stamp: str) -> None:
    connection.execute("DELETE FROM encoded_article")
    connection.execute(
        "INSERT INTO meta (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (_STAMP, stamp),
    )


def _mark(connection: Connection, stamp: str, encoded: Sequence[tuple[int, str]]) -> int:
    marked = 0
    for article_id, source in encoded:
        marked += connection.execute(
            f"""INSERT INTO encoded_article (article_id)
                SELECT id FROM article WHERE id = ? AND {_SOURCE} = ?
                  AND EXISTS (SELECT 1 FROM meta WHERE name = '{_STAMP}' AND value = ?)
                ON CONFLICT (article_id) DO NOTHING""",
            (article_id, source, stamp),
        ).rowcount
    return marked
