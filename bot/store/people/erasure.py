"""Deletion of everything stored about a user.

Bookmarks that they removed are remembered without them: by a salt and one byte of a hash, which matches one
user in 256. A reaction of such another user, found after an absence, is then no bookmark; a new reaction is.
"""

import os
from dataclasses import dataclass
from hashlib import blake2b

from bot.store.connection import Connection

PERSONAL_DATA_TABLES = (
    "bookmark",
    "question",
    "vote",
    "opinion",
    "watch",
    "personal_digest",
    "channel",
    "setting_change",
)
"""Tables that have rows of users."""

_SALT = 4
"""Length of the salt of a removal hash."""
_HASH = 1
"""Length of a removal hash without its salt."""


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """How many rows were deleted, and whether the write-ahead log was emptied (False: a reader held it)."""

    bookmarks: int
    questions: int
    votes: int
    opinions: int
    watches: int
    changes: int
    digests: int = 0
    log_emptied: bool = True


def erase(db: Connection, person_id: int) -> ErasureReport:
    """Delete a user's rows, and their id from the change history; return how many there were."""

    def count(sql: str) -> int:
        return int(db.value(sql, (person_id,)))

    kept = count("SELECT count(*) FROM bookmark WHERE person_id = ? AND removed IS NULL")
    watches = count(
        "SELECT count(*) FROM watch JOIN channel ON channel.id = watch.channel_id "
        "WHERE channel.person_id = ? AND removed IS NULL"
    )
    digests = count(
        "SELECT count(*) FROM personal_digest JOIN channel ON channel.id = personal_digest.channel_id "
        "WHERE channel.person_id = ?"
    )
    known = db.column("SELECT article_id FROM bookmark WHERE person_id = ?", (person_id,))
    db.executemany(
        "INSERT INTO let_go (article_id, mark) VALUES (?, ?)",
        [(article, _removal_hash(os.urandom(_SALT), article, person_id)) for article in known],
    )
    db.execute("DELETE FROM bookmark WHERE person_id = ?", (person_id,))
    db.execute("DELETE FROM channel WHERE person_id = ?", (person_id,))
    votes = db.execute_rowcount("DELETE FROM vote WHERE person_id = ?", (person_id,))
    return ErasureReport(
        bookmarks=kept,
        questions=db.execute_rowcount("DELETE FROM question WHERE person_id = ?", (person_id,)),
        votes=votes,
        opinions=db.execute_rowcount("DELETE FROM opinion WHERE person_id = ?", (person_id,)),
        watches=watches,
        digests=digests,
        changes=db.execute_rowcount(
            "UPDATE setting_change SET person_id = NULL WHERE person_id = ?", (person_id,)
        ),
    )


def was_removed_before_erasure(db: Connection, person_id: int, article_id: int) -> bool:
    """Return whether this user, or one with the same hash, removed the bookmark before an erasure."""
    return bool(_matching_hashes(db, person_id, article_id))


def forget_removal(db: Connection, person_id: int, article_id: int) -> None:
    """Forget that a bookmark was removed before an erasure, because the user bookmarks the article again."""
    db.executemany(
        "DELETE FROM let_go WHERE article_id = ? AND mark = ?",
        [(article_id, mark) for mark in _matching_hashes(db, person_id, article_id)],
    )


def _matching_hashes(db: Connection, person_id: int, article_id: int) -> list[bytes]:
    rows = db.rows("SELECT mark FROM let_go WHERE article_id = ?", (article_id,))
    return [mark for (mark,) in rows if _removal_hash(mark[:_SALT], article_id, person_id) == mark]


def _removal_hash(salt: bytes, article_id: int, person_id: int) -> bytes:
    return salt + blake2b(f"{article_id} {person_id}".encode(), salt=salt, digest_size=_HASH).digest()
