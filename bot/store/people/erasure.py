"""Deletion of everything stored about a user."""

from dataclasses import dataclass

from bot.store.connection import Connection
from bot.store.people import bookmarks
from bot.store.people.proposals import erase_proposals

PERSONAL_DATA_TABLES = (
    "bookmark",
    "bookmark_feed",
    "question",
    "vote",
    "opinion",
    "watch",
    "personal_digest",
    "story_mute",
    "muted_article",
    "proposal",
    "proposer",
    "blocked_proposer",
    "channel",
    "setting_change",
    "audit_entry",
)
"""Tables with rows that belong to users."""


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """Numbers of a user's rows that were deleted or made anonymous, and whether the write-ahead log was emptied.

    Changes of settings (`anonymized_change_count`) and mutes of stories in a server's channels (part of
    `muted_story_count`) stay without the user's id. `is_log_emptied` is False if a reader used the log.
    """

    bookmark_count: int
    question_count: int
    vote_count: int
    opinion_count: int
    watch_count: int
    anonymized_change_count: int
    personal_digest_count: int = 0
    muted_story_count: int = 0
    proposal_count: int = 0
    bookmark_feed_count: int = 0
    is_log_emptied: bool = True


def erase_user(db: Connection, user_id: int) -> ErasureReport:
    """Delete a user's rows, and their id from stories muted in channels and logs of changes; return numbers of rows.

    Of each bookmark, also a removed one, a salted hash is kept that also matches one in 256 other users.
    """

    def count_rows(sql: str) -> int:
        return int(db.fetch_value(sql, (user_id,)))

    bookmark_count = count_rows("SELECT count(*) FROM bookmark WHERE user_id = ? AND removed_at IS NULL")
    watch_count = count_rows(
        "SELECT count(*) FROM watch JOIN channel ON channel.id = watch.channel_id "
        "WHERE channel.user_id = ? AND removed_at IS NULL"
    )
    personal_digest_count = count_rows(
        "SELECT count(*) FROM personal_digest JOIN channel ON channel.id = personal_digest.channel_id "
        "WHERE channel.user_id = ?"
    )
    muted_story_count = db.fetch_value(
        "SELECT count(*) FROM story_mute JOIN channel ON channel.id = story_mute.channel_id "
        "WHERE channel.user_id = :user OR story_mute.user_id = :user",
        {"user": user_id},
    )
    bookmarks.erase_pages(db, user_id)
    bookmarks.erase_bookmarks(db, user_id)
    proposal_count = erase_proposals(db, user_id)
    bookmark_feed_count = db.execute_rowcount("DELETE FROM bookmark_feed WHERE user_id = ?", (user_id,))
    db.execute("DELETE FROM channel WHERE user_id = ?", (user_id,))
    db.execute("UPDATE audit_entry SET user_id = NULL WHERE user_id = ?", (user_id,))
    db.execute("UPDATE story_mute SET user_id = NULL WHERE user_id = ?", (user_id,))
    vote_count = db.execute_rowcount("DELETE FROM vote WHERE user_id = ?", (user_id,))
    return ErasureReport(
        bookmark_count=bookmark_count,
        question_count=db.execute_rowcount("DELETE FROM question WHERE user_id = ?", (user_id,)),
        vote_count=vote_count,
        opinion_count=db.execute_rowcount("DELETE FROM opinion WHERE user_id = ?", (user_id,)),
        watch_count=watch_count,
        personal_digest_count=personal_digest_count,
        muted_story_count=muted_story_count,
        proposal_count=proposal_count,
        bookmark_feed_count=bookmark_feed_count,
        anonymized_change_count=db.execute_rowcount(
            "UPDATE setting_change SET user_id = NULL WHERE user_id = ?", (user_id,)
        ),
    )
