"""Vectors: what articles mean, as an encoder tells it. It is asked elsewhere; here are bytes."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from typing import NamedTuple

from bot.store.connection import Connection
from bot.store.ports import Database
from bot.store.rows import listed
from bot.store.sqlite.hits import Hit
from bot.store.sqlite.search_index import Scope, within

READ = 2_000
"""Characters of an article that are encoded: its title and the beginning of its text."""
_MODEL = "vectors_model"
_OURS = f"EXISTS (SELECT 1 FROM meta WHERE name = '{_MODEL}' AND value = ?)"
_SOURCE = f"""
    substr(article.title || char(10) || coalesce(
        nullif(coalesce(article.page_text, article.body, article.text), ''), article.summary), 1, {READ})
"""


class Encoded(NamedTuple):
    """An article's text as it was encoded, the signs of its vector and the vector."""

    article_id: int
    source: str
    signs: bytes
    vector: bytes


class Signs(NamedTuple):
    """A stretch of what is compared first, an entry an article; `last` is the id of the last row."""

    last: int
    article_ids: array[int]
    feed_ids: array[int]
    published: array[int]
    signs: bytes


class Counts(NamedTuple):
    """How many articles have a vector, and how many there are."""

    encoded: int
    articles: int


class Vectors:
    """The vectors of one model. Every method raises `StoreError` alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def prepare(self, model: str) -> None:
        """Forget the vectors of any other model."""
        row = await self._database.fetchone("SELECT value FROM meta WHERE name = ?", (_MODEL,))
        if row is not None and row[0] == model:
            return
        await self._database.transact(_begin_anew, model)

    async def counts(self) -> Counts:
        """How far the encoding is."""
        row = await self._database.fetchone(
            "SELECT (SELECT count(*) FROM vector), (SELECT count(*) FROM article)"
        )
        return Counts(*row) if row else Counts(0, 0)

    async def missing(self, limit: int) -> list[int]:
        """Ids of articles that have no vector, the newest first."""
        encoded, articles = await self.counts()
        if encoded == articles:  # no article goes without taking its vector along
            return []
        rows = await self._database.fetchall(
            """SELECT id FROM article INDEXED BY article_newest
               WHERE NOT EXISTS (SELECT 1 FROM vector WHERE vector.article_id = article.id)
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

    async def add(self, model: str, encoded: Sequence[Encoded]) -> int:
        """Keep vectors, except where the article changed or the model did since; how many were kept."""
        return await self._database.transact(_add, model, encoded)

    async def signs(self, model: str, after: int, limit: int) -> Signs:
        """The signs of the rows after the id `after`, in their order; none where they are another model's."""
        return await self._database.read(_signs, model, after, limit)

    async def of(self, model: str, article_ids: Collection[int]) -> list[tuple[int, bytes]]:
        """The vectors of this model that these articles have, each with its article's id."""
        rows = await self._database.fetchall(
            f"""SELECT article_id, vector FROM vector
                WHERE article_id IN (SELECT value FROM json_each(?)) AND {_OURS}""",
            (listed(article_ids), model),
        )
        return [(row[0], row[1]) for row in rows]

    async def hits(self, article_ids: Collection[int], scope: Scope) -> list[Hit]:
        """Those of the articles that lie in the scope."""
        conditions, parameters = within(scope)
        rows = await self._database.fetchall(
            f"""SELECT id, page, published FROM article
                WHERE id IN (SELECT value FROM json_each(:ids)){conditions}""",
            parameters | {"ids": listed(article_ids)},
        )
        return [Hit(row[0], row[1], row[2], 0.0) for row in rows]


def _begin_anew(connection: Connection, model: str) -> None:
    connection.execute("DELETE FROM vector")
    connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_MODEL, model))


def _add(connection: Connection, model: str, encoded: Sequence[Encoded]) -> int:
    changes = connection.total_changes
    connection.executemany(
        f"""INSERT INTO vector (article_id, feed_id, published, signs, vector)
            SELECT id, feed_id, published, :signs, :vector FROM article
            WHERE id = :id AND {_SOURCE} = :source
              AND {_OURS.replace("?", ":model")}
            ON CONFLICT (article_id) DO NOTHING""",
        [
            {
                "id": each.article_id,
                "source": each.source,
                "signs": each.signs,
                "vector": each.vector,
                "model": model,
            }
            for each in encoded
        ],
    )
    return connection.total_changes - changes


def _signs(connection: Connection, model: str, after: int, limit: int) -> Signs:
    rows = connection.execute(
        f"""SELECT id, article_id, feed_id, published, signs FROM vector INDEXED BY vector_signs
            WHERE id > ? AND {_OURS} ORDER BY id LIMIT ?""",
        (after, model, limit),
    ).fetchall()
    return Signs(
        rows[-1][0] if rows else after,
        array("q", [row[1] for row in rows]),
        array("q", [row[2] for row in rows]),
        array("q", [row[3] for row in rows]),
        b"".join(row[4] for row in rows),
    )
