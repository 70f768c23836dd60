"""Functions that schedule page fetches and store their texts.

A poll schedules fetches of its new articles in its own transaction. A fetch ends in the transaction that
stores its text: after a crash it is repeated or already done.
"""

from collections.abc import Sequence

from bot.core.models import Feed
from bot.store.connection import Connection
from bot.store.outbox import corrections, watch_notifications
from bot.store.records.content_records import PageFetchOutcome
from bot.store.row_mapping import to_json_array
from bot.text import boilerplate, urls
from bot.text.host_slots import host_slot
from bot.text.teasers import is_teaser

BACKLOG_LIMIT = 5
"""Pages fetched of a new feed, for its newest articles."""
DAILY_LIMIT = 100
"""Maximum number of pages fetched per feed within a day."""
DAY = 86_400
"""Seconds in a day."""


def enqueue_fetches(db: Connection, feed: Feed, article_ids: Sequence[int], *, first: bool) -> None:
    """Schedule page fetches for new articles of which the feed gives only a teaser, or record why not.

    Never for a feed or URL with credentials. With `is_backlog` at most `MAX_BACKLOG_FETCHES`, and at most
    `MAX_FETCHES_PER_DAY` per day.
    """
    rows = db.rows(
        "SELECT id, url, page, summary, coalesce(body, text) AS given FROM article "
        "WHERE id IN (SELECT value FROM json_each(?)) ORDER BY published DESC, id DESC",
        (to_json_array(article_ids),),
    )
    taken = db.value(
        "SELECT count(*) FROM reading WHERE feed_id = ? AND wanted > ? AND outcome IS NOT ?",
        (feed.id, db.now - DAY, PageFetchOutcome.BACKLOG_SKIPPED),
    )
    private = feed.server_id is not None or urls.has_credentials(feed.url)
    wanted: list[tuple[int, int, int, bool, int | None, str | None, int | None, int]] = []
    for row in rows:
        if not is_teaser(row["given"] or row["summary"]):
            continue
        outcome = None
        if private or urls.has_credentials(row["url"]):
            outcome = PageFetchOutcome.PRIVATE
        elif row["page"] != urls.page_key(row["url"]):
            outcome = PageFetchOutcome.AMBIGUOUS_URL
        elif first and taken >= BACKLOG_LIMIT:
            outcome = PageFetchOutcome.BACKLOG_SKIPPED
        elif taken >= DAILY_LIMIT:
            outcome = PageFetchOutcome.TOO_MANY
        else:
            taken += 1
        due, ended = (db.now, None) if outcome is None else (None, db.now)
        wanted.append((row["id"], feed.id, db.now, not first, due, outcome, ended, host_slot(row["url"])))
    db.executemany(
        "INSERT INTO reading (article_id, feed_id, wanted, news, due, outcome, ended, slot) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        wanted,
    )


def store_text(db: Connection, article_id: int, text: str, *, edit: bool) -> bool:
    """Store the text of a fetched page and finish the fetch; return False if the article is gone.

    Watches are matched again unless the article is of a backlog; each page still notifies once. With `edit`,
    posts that only had a title to show are edited.
    """
    stored = db.row(
        "SELECT id, feed_id, title, page_text, summary, coalesce(body, text) AS given, "
        "(SELECT news FROM reading WHERE article_id = article.id AND due IS NOT NULL) AS news "
        "FROM article WHERE id = ?",
        (article_id,),
    )
    if stored is None or stored["news"] is None:
        return False
    db.execute("UPDATE article SET page_text = ? WHERE id = ?", (text, article_id))
    finish_fetch(db, article_id, PageFetchOutcome.FETCHED)
    if stored["news"]:
        watch_notifications.queue_for_matching(db, stored["feed_id"], [article_id])
    if edit and not (stored["summary"] or boilerplate.strip_boilerplate(stored["given"])):
        corrections.schedule_edits(db, "SELECT :article", {"article": article_id})
    return True


def finish_fetch(db: Connection, article_id: int, outcome: str, due: int | None = None) -> None:
    """Record the outcome of an attempt without a text: final, or to be retried at `due_at`."""
    db.execute(
        "UPDATE reading SET outcome = ?, due = ?, ended = ? WHERE article_id = ?",
        (outcome, due, db.now, article_id),
    )


def cancel_fetch(db: Connection, article_id: int) -> None:
    """Cancel the pending fetch of an article whose texts were purged."""
    db.execute(
        "UPDATE reading SET outcome = ?, due = NULL, ended = ? WHERE article_id = ? AND due IS NOT NULL",
        (PageFetchOutcome.PURGED, db.now, article_id),
    )
