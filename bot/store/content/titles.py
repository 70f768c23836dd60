"""Titles, sampled for whoever counts their words."""

from __future__ import annotations

from collections.abc import Collection

from bot.store.connection import Connection
from bot.store.ports import Database
from bot.store.records.content_records import Titled, Titles
from bot.store.rows import listed

_LONGEST_TITLE = 300  # characters


class TitleSamples:
    """The titles of articles. Every method raises `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sample(self, feed_ids: Collection[int], *, since: int, before: int, most: int) -> Titles:
        """The titles of these feeds published from `since` until `before`, in no order.

        Of many, every so manieth, so that hardly more than `most` are read.
        """
        return await self._database.read(_titles, feed_ids, since, before, most)


def _titles(connection: Connection, feed_ids: Collection[int], since: int, before: int, most: int) -> Titles:
    values = {"feeds": listed(feed_ids), "since": since, "before": before}
    found = """
        FROM article INDEXED BY article_feed_newest
        WHERE feed_id IN (SELECT value FROM json_each(:feeds))
        AND published >= :since AND published < :before
    """
    (count,) = connection.execute(f"SELECT count(*) {found}", values).fetchone()
    step = -(-count // most) or 1
    rows = connection.execute(
        f"SELECT published, outlet, page, substr(title, 1, {_LONGEST_TITLE}) {found} AND id % :step = 0",
        values | {"step": step},
    )
    return Titles(step, [Titled(*row) for row in rows])
