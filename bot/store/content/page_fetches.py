"""Repository of page fetches: which articles' web pages to fetch, and the outcomes.

Hosts are hashed to 64 groups, the host slots; each slot is leased to one process, which fetches its pages. The
columns of an article are `text` (from its feed), `body` (the same without boilerplate) and `page_text` (from its page).
"""

from collections.abc import Collection, Mapping, Sequence

from bot.core.models import Feed
from bot.store.connection import Connection
from bot.store.outbox import corrections, watch_notifications
from bot.store.records.content_records import PageFetch, PageFetchJob, PageFetchOutcome
from bot.store.repository import Repository, bind_write, write_transaction
from bot.text import boilerplate, urls
from bot.text.host_slots import get_host_slot
from bot.text.teasers import is_teaser

MAX_BACKLOG_FETCHES = 5
"""Maximum number of pages that are fetched for a new feed, those of its newest articles."""
MAX_FETCHES_PER_DAY = 100
"""Maximum number of pages fetched for a feed within a day."""
DAY_SECONDS = 86_400
"""Number of seconds in a day."""
_UNFETCHED_OUTCOMES = (
    PageFetchOutcome.PRIVATE.value,
    PageFetchOutcome.AMBIGUOUS_URL.value,
    PageFetchOutcome.BACKLOG_SKIPPED.value,
    PageFetchOutcome.TOO_MANY.value,
)
"""Outcomes of pages for which no fetch was scheduled, which do not count towards a feed's maximum."""


def enqueue_fetches(db: Connection, feed: Feed, article_ids: Sequence[int], *, is_backlog: bool) -> None:
    """Schedule page fetches for new articles of which the feed gives only a teaser, or record why not.

    Pages of a feed that only one server has, or of a feed or URL with credentials, are never fetched. At most
    `MAX_FETCHES_PER_DAY` pages are fetched per day, and at most `MAX_BACKLOG_FETCHES` if the articles
    are the backlog of a new feed (`is_backlog`); pages that were not to be fetched do not count.
    """
    article_rows = db.fetch_rows(
        "SELECT id, url, page_key, summary, coalesce(body, text) AS feed_text FROM article "
        "WHERE id IN (:article_ids) ORDER BY published DESC, id DESC",
        {"article_ids": article_ids},
    )
    day_fetch_count = db.fetch_value(
        "SELECT count(*) FROM page_fetch WHERE feed_id = :feed AND requested_at > :since "
        "AND coalesce(outcome, '') NOT IN (:unfetched)",
        {"feed": feed.id, "since": db.now - DAY_SECONDS, "unfetched": _UNFETCHED_OUTCOMES},
    )
    is_private = feed.server_id is not None or urls.has_credentials(feed.url)
    fetch_rows: list[tuple[int, int, int, bool, int | None, str | None, int | None, int]] = []
    for row in article_rows:
        if not is_teaser(row["feed_text"] or row["summary"]):
            continue
        outcome = None
        if is_private or urls.has_credentials(row["url"]):
            outcome = PageFetchOutcome.PRIVATE
        elif row["page_key"] != urls.compute_page_key(row["url"]):
            outcome = PageFetchOutcome.AMBIGUOUS_URL
        elif is_backlog and day_fetch_count >= MAX_BACKLOG_FETCHES:
            outcome = PageFetchOutcome.BACKLOG_SKIPPED
        elif day_fetch_count >= MAX_FETCHES_PER_DAY:
            outcome = PageFetchOutcome.TOO_MANY
        else:
            day_fetch_count += 1
        due_at, finished_at = (db.now, None) if outcome is None else (None, db.now)
        fetch_rows.append(
            (
                row["id"],
                feed.id,
                db.now,
                not is_backlog,
                due_at,
                outcome,
                finished_at,
                get_host_slot(row["url"]),
            )
        )
    db.executemany(
        "INSERT INTO page_fetch (article_id, feed_id, requested_at, is_news, due_at, outcome, finished_at, host_slot) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        fetch_rows,
    )


def store_text(db: Connection, article_id: int, text: str, *, edit_posts: bool) -> bool:
    """Store the text of a fetched page and finish its fetch; return False if none is pending or the article is gone.

    The article is matched against watches (queries that notify users) again unless it is in the backlog of a new
    feed; no watch notifies twice. With `edit_posts`, posts that had only a title to show are edited.
    """
    stored_row = db.fetch_row(
        "SELECT id, feed_id, title, page_text, summary, coalesce(body, text) AS feed_text, "
        "(SELECT is_news FROM page_fetch WHERE article_id = article.id AND due_at IS NOT NULL) AS is_news "
        "FROM article WHERE id = ?",
        (article_id,),
    )
    if stored_row is None or stored_row["is_news"] is None:
        return False
    db.execute("UPDATE article SET page_text = ? WHERE id = ?", (text, article_id))
    finish_fetch(db, article_id, PageFetchOutcome.FETCHED)
    if stored_row["is_news"]:
        watch_notifications.queue_for_matching(db, stored_row["feed_id"], [article_id])
    if edit_posts and not (stored_row["summary"] or boilerplate.strip_boilerplate(stored_row["feed_text"])):
        corrections.schedule_edits(db, [article_id])
    return True


def finish_fetch(db: Connection, article_id: int, outcome: str, due_at: int | None = None) -> None:
    """Record the outcome of an attempt to fetch a page.

    If `due_at` is given, the fetch is retried then; otherwise the outcome is final.
    """
    db.execute(
        "UPDATE page_fetch SET outcome = ?, due_at = ?, finished_at = ? WHERE article_id = ?",
        (outcome, due_at, db.now, article_id),
    )


def cancel_fetch(db: Connection, article_id: int) -> None:
    """Cancel the pending page fetch of an article whose texts were purged."""
    db.execute(
        "UPDATE page_fetch SET outcome = ?, due_at = NULL, finished_at = ? WHERE article_id = ? AND due_at IS NOT NULL",
        (PageFetchOutcome.PURGED, db.now, article_id),
    )


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

    store_text = bind_write(store_text)
    finish = bind_write(finish_fetch)

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
