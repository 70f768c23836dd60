"""What publishers do to articles that were posted: they correct them, they take them back."""

import re
from collections.abc import Collection

from bot.store.connection import Connection, Row
from bot.store.records.source_records import RetractionCandidate
from bot.store.row_mapping import to_json_array

RETRACTION_DELAY_SECONDS = 1800
"""Seconds after which an entry that vanished from its feed's document counts as taken back."""
COMPARED_CHARS = 400
"""Characters at the beginning of a text that a post may show."""

_WORDS = re.compile(r"\w+")


def retraction_candidates(db: Connection, feed_id: int, since: int) -> list[RetractionCandidate]:
    """The articles of a feed published since a time, and those that vanished from it whenever.

    Not those without a date, which got the time when they were found: they may be older than all others.
    """
    return db.objects(
        RetractionCandidate._make,
        """
        SELECT id, published, missing_since FROM article
        WHERE feed_id = :feed AND published >= :since AND published < found
        UNION
        SELECT id, published, missing_since FROM article WHERE feed_id = :feed AND missing_since IS NOT NULL
        """,
        {"feed": feed_id, "since": since},
    )


def is_correction(old: Row, *, title: str, shown: str) -> bool:
    """Whether other words are to be read now: in the title, or at the beginning of the text.

    `old` has `title`, `summary` and the feed's text, `given`; `shown` is the new summary, else the new text.
    """
    return _words(old["title"]) != _words(title) or _words(old["summary"] or old["given"]) != _words(shown)


def mark_missing(db: Connection, article_ids: Collection[int]) -> None:
    """A document of their feed no longer has these articles."""
    db.execute(
        "UPDATE article SET missing_since = ? "
        "WHERE id IN (SELECT value FROM json_each(?)) AND missing_since IS NULL",
        (db.now, to_json_array(article_ids)),
    )


def mark_reappeared(db: Connection, article_ids: Collection[int]) -> None:
    """A document of their feed has these articles again; what was said of them is taken back."""
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
    """Mark the articles that stayed away though their feeds were read since; whether there were any."""
    retracted = db.column(
        """
        UPDATE article SET retracted = :now
        WHERE missing_since <= :now - :away AND retracted IS NULL
          AND (SELECT last_success FROM feed WHERE id = article.feed_id) >= missing_since + :away
        RETURNING id
        """,
        {"now": db.now, "away": RETRACTION_DELAY_SECONDS},
    )
    if retracted:
        schedule_edits(db, "SELECT value FROM json_each(:ids)", {"ids": to_json_array(retracted)})
    return bool(retracted)


def schedule_edits(db: Connection, article_ids: str, values: dict[str, object]) -> None:
    """Have the messages edited that show the articles which the query `article_ids` gives."""
    # Later than an edit that may be under way, which then does not pass for this one.
    db.execute(
        "UPDATE dispatch SET edit_due = max(:now, coalesce(edit_due + 1, 0)) "
        "WHERE state IN ('claimed', 'sent') AND kind <> 'digest' "  # which stays as it was printed
        f"AND id IN (SELECT coalesce(dispatch_id, joined_id) FROM fate WHERE article_id IN ({article_ids}))",
        values | {"now": db.now},
    )


def _words(text: str) -> list[str]:
    return _WORDS.findall(text[:COMPARED_CHARS].casefold())
