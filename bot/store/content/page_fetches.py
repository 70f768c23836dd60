"""Repository of page fetches: which articles' web pages to fetch, and the outcomes.

Hosts are hashed to 64 groups, the host slots; each slot is leased to one process, which fetches its pages. The
columns of an article are `text` (from its feed), `body` (the same without boilerplate) and `page_text` (from its page).
"""

from collections.abc import Collection, Mapping

from bot.store.connection import Connection
from bot.store.content import page_fetch_queue
from bot.store.records.content_records import PageFetch, PageFetchJob
from bot.store.repository import Repository, bind_write, write_transaction

CLAIM_TIMEOUT_SECONDS = 900
"""Seconds after which a page that was claimed for fetching, but not fetched, is due for fetching again."""


class PageFetches(Repository):
    """Repository of page fetches: the web pages of articles of which the feed gives only a teaser.

    Methods raise StoreError.
    """

    @write_transaction
    def claim_due(
        self,
        db: Connection,
        limit: int,
        *,
        feed_ids: Collection[int] | None = None,
        exclude_article_ids: Collection[int] = (),
        host_slots: Collection[int] | None = None,
    ) -> list[PageFetchJob]:
        """Claim up to `limit` pages that are due for fetching, counting an attempt for each.

        `feed_ids` and `host_slots` (numbers of groups of hosts) restrict the claims unless they are None;
        `exclude_article_ids` are left out. Pages are taken from the feeds in turn, newest article first. A page
        that is claimed but not fetched is due again after `CLAIM_TIMEOUT_SECONDS`.
        """
        rows = db.fetch_rows(
            f"""
            SELECT article.id, article.page_key, article.url, article.title,
                   coalesce(nullif(coalesce(article.body, article.text), ''), article.summary),
                   due_page.attempts + 1
            FROM (
                SELECT article_id, attempts,
                       row_number() OVER (PARTITION BY feed_id ORDER BY article_id DESC) AS rank_in_feed
                FROM page_fetch
                WHERE due_at <= :now {_build_slot_condition_sql(host_slots)} AND (:all_feeds OR feed_id IN (:feeds))
                  AND article_id NOT IN (:excluded)
                ORDER BY rank_in_feed, article_id DESC LIMIT :limit
            ) AS due_page JOIN article ON article.id = due_page.article_id
            ORDER BY due_page.rank_in_feed, article.id DESC
            """,
            {
                "now": db.now,
                "all_feeds": feed_ids is None,
                "feeds": feed_ids or (),
                "excluded": exclude_article_ids,
                "slots": host_slots or (),
                "limit": limit,
            },
        )
        jobs = [PageFetchJob(*row) for row in rows]
        db.executemany(
            "UPDATE page_fetch SET attempts = attempts + 1, due_at = ? WHERE article_id = ?",
            [(db.now + CLAIM_TIMEOUT_SECONDS, job.article_id) for job in jobs],
        )
        return jobs

    async def get_next_due_at(
        self, exclude_article_ids: Collection[int] = (), *, host_slots: Collection[int] | None = None
    ) -> int | None:
        """Return the time at which the next page is due for fetching, or None without pages.

        The time is Unix time in seconds, possibly past. Considers only pages of `host_slots` (numbers of
        groups of hosts) unless that is None, without the pages of `exclude_article_ids`.
        """
        return await self._fetch_value(
            f"SELECT min(due_at) FROM page_fetch WHERE due_at IS NOT NULL {_build_slot_condition_sql(host_slots)} "
            "AND article_id NOT IN (:excluded)",
            {"excluded": exclude_article_ids, "slots": host_slots or ()},
        )

    async def find_text_of_page(self, page_key: str) -> str | None:
        """Return the text of a web page that was fetched for any article, or None if there is none."""
        return await self._fetch_value(
            "SELECT page_text FROM article WHERE page_key = ? AND page_text IS NOT NULL LIMIT 1", (page_key,)
        )

    store_text = bind_write(page_fetch_queue.store_text)
    finish = bind_write(page_fetch_queue.finish_fetch)

    @write_transaction
    def release_claims(self, db: Connection, due_at_by_article_id: Mapping[int, int]) -> None:
        """Release claimed pages whose fetch did not begin, and take back the attempts that were counted.

        `due_at_by_article_id` maps article ids to their new due times, as Unix times in seconds.
        """
        db.executemany(
            "UPDATE page_fetch SET due_at = ?, attempts = attempts - 1 WHERE article_id = ? AND due_at IS NOT NULL",
            [(due_at, article_id) for article_id, due_at in due_at_by_article_id.items()],
        )

    async def load_by_article_ids(self, article_ids: Collection[int]) -> dict[int, PageFetch]:
        """Map article ids to their page fetches; articles without a page fetch are left out."""
        rows = await self._fetch_rows(
            "SELECT article_id, outcome, due_at, finished_at, attempts FROM page_fetch "
            "WHERE article_id IN (:article_ids)",
            {"article_ids": article_ids},
        )
        return {row["article_id"]: PageFetch(*row) for row in rows}

    async def count_pending(self) -> int:
        """Count the web pages that are still to be fetched."""
        return await self._fetch_int("SELECT count(*) FROM page_fetch WHERE due_at IS NOT NULL")


def _build_slot_condition_sql(host_slots: Collection[int] | None) -> str:
    # A page without a slot may be fetched by any process.
    return "" if host_slots is None else "AND (host_slot IS NULL OR host_slot IN (:slots))"
