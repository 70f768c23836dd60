"""Readings: which pages are to be read, and how reading them ended."""

from collections.abc import Collection, Mapping

from bot.store.connection import Connection
from bot.store.outbox import page_fetch_queue
from bot.store.records.content_records import PageFetch, PageFetchJob
from bot.store.repository import Repository, write_method, writes
from bot.store.row_mapping import to_json_array

CLAIM_TIMEOUT_SECONDS = 900
"""Seconds after which a reading that did not end, since the process did, is due again."""


class PageFetches(Repository):
    """The pages of articles of which a feed gives only a teaser."""

    @writes
    def claim_due(
        self,
        db: Connection,
        limit: int,
        *,
        feed_ids: Collection[int] | None = None,
        besides: Collection[int] = (),
        slots: Collection[int] | None = None,
    ) -> list[PageFetchJob]:
        """Pages that are due, of these feeds and slots alone if told so, and begin an attempt for each.

        Each feed's newest comes first, then each one's next: no feed waits for another's.
        `besides` are articles that are in hand.
        """
        rows = db.rows(
            f"""
            SELECT article.id, article.page, article.url, article.title,
                   coalesce(nullif(coalesce(article.body, article.text), ''), article.summary),
                   turn.attempts + 1
            FROM (
                SELECT article_id, attempts,
                       row_number() OVER (PARTITION BY feed_id ORDER BY article_id DESC) AS place
                FROM reading
                WHERE due <= :now {_slot_condition(slots)} AND (:all OR feed_id IN (SELECT value FROM
                    json_each(:feeds)))
                  AND article_id NOT IN (SELECT value FROM json_each(:besides))
                ORDER BY place, article_id DESC LIMIT :limit
            ) AS turn JOIN article ON article.id = turn.article_id
            ORDER BY turn.place, article.id DESC
            """,
            {
                "now": db.now,
                "all": feed_ids is None,
                "feeds": to_json_array(feed_ids or ()),
                "besides": to_json_array(besides),
                "slots": to_json_array(slots or ()),
                "limit": limit,
            },
        )
        pages = [PageFetchJob(*row) for row in rows]
        db.executemany(
            "UPDATE reading SET attempts = attempts + 1, due = ? WHERE article_id = ?",
            [(db.now + CLAIM_TIMEOUT_SECONDS, page.article_id) for page in pages],
        )
        return pages

    async def next_due(
        self, besides: Collection[int] = (), *, slots: Collection[int] | None = None
    ) -> int | None:
        """When a page, of these slots if given, is due next, without those in hand."""
        return await self._value(
            f"SELECT min(due) FROM reading WHERE due IS NOT NULL {_slot_condition(slots)} "
            "AND article_id NOT IN (SELECT value FROM json_each(:besides))",
            {"besides": to_json_array(besides), "slots": to_json_array(slots or ())},
        )

    async def text_of_page(self, page: str) -> str | None:
        """The text of a page that was read for another feed's article."""
        return await self._value(
            "SELECT page_text FROM article WHERE page = ? AND page_text IS NOT NULL LIMIT 1", (page,)
        )

    store_text = write_method(page_fetch_queue.store_text)
    finish = write_method(page_fetch_queue.finish_fetch)

    @writes
    def release_claims(self, db: Connection, due: Mapping[int, int]) -> None:
        """Attempts did not begin: the pages of these articles are due again at these times."""
        db.executemany(
            "UPDATE reading SET due = ?, attempts = attempts - 1 WHERE article_id = ? AND due IS NOT NULL",
            [(when, article_id) for article_id, when in due.items()],
        )

    async def by_article_ids(self, article_ids: Collection[int]) -> dict[int, PageFetch]:
        """The readings of articles, of those that have one."""
        rows = await self._rows(
            "SELECT article_id, outcome, due, ended, attempts FROM reading "
            "WHERE article_id IN (SELECT value FROM json_each(?))",
            (to_json_array(article_ids),),
        )
        return {row["article_id"]: PageFetch(*row) for row in rows}

    async def count_pending(self) -> int:
        """How many pages are to be read."""
        return await self._number("SELECT count(*) FROM reading WHERE due IS NOT NULL")


def _slot_condition(slots: Collection[int] | None) -> str:
    return "" if slots is None else "AND (slot IS NULL OR slot IN (SELECT value FROM json_each(:slots)))"
