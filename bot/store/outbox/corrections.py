"""Functions that detect corrections and retractions of posted articles and schedule edits of their posts."""

import re
from collections.abc import Collection

from bot.store.connection import Connection, Row
from bot.store.outbox import transitions
from bot.store.records.source_records import RetractionCandidate

RETRACTION_DELAY_SECONDS = 1800
"""Seconds for which an entry must be missing from its feed before its article counts as retracted."""
COMPARED_CHARS = 400
"""Number of first characters of a text that are compared to detect a correction: about as many as a post shows."""

_WORD_PATTERN = re.compile(r"\w+")


def list_retraction_candidates(db: Connection, feed_id: int, since: int) -> list[RetractionCandidate]:
    """List a feed's articles that may be retracted: those published since a time, and those already missing.

    `since` is Unix time in seconds. Undated articles, which have the date of their discovery, are left out,
    because they may be older than all others. An article is missing if the feed document lacks its entry.
    """
    return db.fetch_objects(
        RetractionCandidate._make,
        """
        SELECT id, published, missing_since FROM article
        WHERE feed_id = :feed AND published >= :since AND published < found_at
        UNION
        SELECT id, published, missing_since FROM article WHERE feed_id = :feed AND missing_since IS NOT NULL
        """,
        {"feed": feed_id, "since": since},
    )


def is_correction(stored_row: Row, *, new_title: str, new_text: str) -> bool:
    """Return whether the words of an article's title or of the beginning of its text have changed.

    `stored_row` needs the columns `title`, `summary` and `feed_text`. `new_text` is the
    new summary or, without a summary, the new text; only its beginning is compared.
    """
    return _split_words(stored_row["title"]) != _split_words(new_title) or _split_words(
        stored_row["summary"] or stored_row["feed_text"]
    ) != _split_words(new_text)


def mark_missing(db: Connection, article_ids: Collection[int]) -> None:
    """Mark articles as missing from their feed's document since now, unless they are marked already."""
    db.execute(
        "UPDATE article SET missing_since = :now WHERE id IN (:ids) AND missing_since IS NULL",
        {"now": db.now, "ids": article_ids},
    )


def mark_reappeared(db: Connection, article_ids: Collection[int]) -> None:
    """Clear the marks of articles as missing or retracted, and schedule edits of the posts of the retracted ones."""
    parameters = {"ids": article_ids}
    retracted_ids = db.fetch_column(
        "SELECT id FROM article WHERE id IN (:ids) AND retracted_at IS NOT NULL", parameters
    )
    schedule_edits(db, retracted_ids)
    db.execute("UPDATE article SET missing_since = NULL, retracted_at = NULL WHERE id IN (:ids)", parameters)


def retract_missing(db: Connection) -> bool:
    """Mark articles as retracted that have been missing for long enough; return whether there were any.

    They must have been missing for `RETRACTION_DELAY_SECONDS`, and the feed must have been polled
    successfully since. Edits of their posts are scheduled.
    """
    retracted_ids = db.fetch_column(
        """
        UPDATE article SET retracted_at = :now
        WHERE missing_since <= :now - :delay AND retracted_at IS NULL
          AND (SELECT last_success FROM feed WHERE id = article.feed_id) >= missing_since + :delay
        RETURNING id
        """,
        {"now": db.now, "delay": RETRACTION_DELAY_SECONDS},
    )
    if retracted_ids:
        schedule_edits(db, retracted_ids)
    return bool(retracted_ids)


def schedule_edits(db: Connection, article_ids: Collection[int]) -> None:
    """Schedule edits of sent messages, and messages being sent, with any of the articles; a digest is never edited."""
    dispatch_ids = db.fetch_column(
        "SELECT id FROM dispatch WHERE kind <> 'digest' AND state IN ('claimed', 'sent') "
        "AND id IN (SELECT coalesce(dispatch_id, joined_dispatch_id) FROM delivery_status WHERE article_id "
        "IN (:articles))",
        {"articles": article_ids},
    )
    transitions.schedule_edits(db, dispatch_ids, earliest_at=db.now)


def _split_words(text: str) -> list[str]:
    return _WORD_PATTERN.findall(text[:COMPARED_CHARS].casefold())
