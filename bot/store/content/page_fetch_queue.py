"""Functions that schedule fetches of articles' web pages and store their texts.

A poll schedules fetches for its new articles in its own transaction. A fetch ends in the transaction that
stores its text: after a crash, the fetch is repeated or was already done. Each fetch is stored with its host slot,
one of 64 groups of hosts, because processes lease these slots and fetch only the pages of their own.
"""

from collections.abc import Sequence

from bot.core.models import Feed
from bot.store.connection import Connection
from bot.store.outbox import corrections, watch_notifications
from bot.store.records.content_records import PageFetchOutcome
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
