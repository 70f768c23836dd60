"""Corrections and retractions of articles that were posted already."""

import re
from collections.abc import Collection

from bot.store.connection import Connection, Row
from bot.store.records.source_records import RetractionCandidate
from bot.store.row_mapping import to_json_array

RETRACTION_DELAY_SECONDS = 1800
"""Seconds for which an entry must be missing from its feed until its article counts as retracted."""
COMPARED_CHARS = 400
"""Characters at the beginning of a text that are compared: about as many as a post shows."""

_WORDS = re.compile(r"\w+")


def list_retraction_candidates(db: Connection, feed_id: int, since: int) -> list[RetractionCandidate]:
    """List the articles of a feed published since a time, and all that are missing from it.

    `since` is in seconds of UTC. Undated articles, whose date is that of their discovery, are left out,
    because they may be older than all others.
    """
    return db.fetch_objects(
        RetractionCandidate._make,
        """
        SELECT id, published, missing_since FROM article
        WHERE feed_id = :feed AND published >= :since AND published < found
        UNION
        SELECT id, published, missing_since FROM article WHERE feed_id = :feed AND missing_since IS NOT NULL
        """,
        {"feed": feed_id, "since": since},
    )


def is_correction(stored_row: Row, *, title: str, new_excerpt: str) -> bool:
    """Return whether the words of the title or of the beginning of the text have changed.

    `stored_row` needs `title`, `summary` and `given`, the feed's text. `new_excerpt` is the new summary or,
    without one, the new text.
    """
    return _split_words(stored_row["title"]) != _split_words(title) or _split_words(
        stored_row["summary"] or stored_row["given"]
    ) != _split_words(new_excerpt)


def mark_missing(db: Connection, article_ids: Collection[int]) -> None:
    """Mark articles as missing from their feed's document, since now unless they were before."""
    db.execute(
        "UPDATE article SET missing_since = ? "
        "WHERE id IN (SELECT value FROM json_each(?)) AND missing_since IS NULL",
        (db.now, to_json_array(article_ids)),
    )


def mark_reappeared(db: Connection, article_ids: Collection[int]) -> None:
    """Clear the missing and retracted marks of articles, and schedule edits of their posts."""
    ids = to_json_array(article_ids)
    schedule_edits(
        db,
        "SELECT id FROM article WHERE id IN (SELECT value FROM json_each(:ids)) AND retracted IS NOT NULL",
        {"ids": ids},
    )
    db.execute(
        "UPDATE article SET missing_since = NULL, retracted = NULL "
        "WHERE id IN (SELECT value FROM json_each(?))",
        (ids,),
    )


def retract_missing(db: Connection) -> bool:
    """Mark articles as retracted that are missing for long enough, and schedule edits of their posts.

    Return whether there were any. The feed must have been polled successfully since the delay.
    """
    retracted_ids = db.fetch_column(
        """
        UPDATE article SET retracted = :now
        WHERE missing_since <= :now - :away AND retracted IS NULL
          AND (SELECT last_success FROM feed WHERE id = article.feed_id) >= missing_since + :away
        RETURNING id
        """,
        {"now": db.now, "away": RETRACTION_DELAY_SECONDS},
    )
    if retracted_ids:
        schedule_edits(db, "SELECT value FROM json_each(:ids)", {"ids": to_json_array(retracted_ids)})
    return bool(retracted_ids)


def schedule_edits(db: Connection, article_ids_sql: str, parameters: dict[str, object]) -> None:
    """Schedule edits of the messages that show the articles selected by the query `article_ids_sql`."""
    # The time is later than that of an edit in progress, so that finishing that one does not clear this one.
    db.execute(
        "UPDATE dispatch SET edit_due = max(:now, coalesce(edit_due + 1, 0)) "
        "WHERE state IN ('claimed', 'sent') AND kind <> 'digest' "  # A digest is never edited.
        f"AND id IN (SELECT coalesce(dispatch_id, joined_id) FROM fate WHERE article_id IN "
        f"({article_ids_sql}))",
        parameters | {"now": db.now},
    )


def _split_words(text: str) -> list[str]:
    return _WORDS.findall(text[:COMPARED_CHARS].casefold())
