"""After the clock was set back: what was to happen so long after a time that has not come yet.

No row says by how much the clock was wrong when it was written, but nothing that has happened lies ahead, and
every wait has its greatest length.
"""

from __future__ import annotations

import sqlite3

from bot.store.outbox.dispatch_rows import CHANCE, STORY
from bot.store.outbox.watch_notices import QUIET

LONGEST_RETRY = 300
"""Seconds that a dispatch waits for its next attempt at the most, where Discord does not say otherwise."""
LONGEST_BLOCK = 21_600
"""Seconds after which a channel that takes nothing is tried again at the latest."""
LONGEST_READING = 5_400
"""Seconds until a page that could not be read is tried again."""


def settle(connection: sqlite3.Connection, now: int) -> None:
    """Let no wait be longer than it would be, had it begun now."""
    values = {"now": now, "retry": LONGEST_RETRY, "block": LONGEST_BLOCK, "quiet": QUIET}
    values |= {"page": LONGEST_READING, "story": STORY, "day": CHANCE}
    for statement in _STATEMENTS:
        connection.execute(statement, values)


_STATEMENTS = (
    # A feed that was polled in what is the future now waits for its interval from here on.
    """
    UPDATE feed SET next_poll = next_poll - (last_poll - :now), last_poll = :now,
        last_success = min(last_success, :now), last_article = min(last_article, :now),
        failing_since = min(failing_since, :now), moved_since = min(moved_since, :now)
    WHERE last_poll > :now
    """,
    "UPDATE feed SET next_poll = :now WHERE last_poll IS NULL AND next_poll > :now AND added > :now",
    """
    UPDATE dispatch SET due = :now + iif(attempts, :retry, 0)
    WHERE state = 'waiting' AND kind IN ('post', 'catch-up', 'notice')
      AND due > :now + iif(attempts, :retry, 0)
    """,
    """
    UPDATE dispatch SET due = :now + :quiet
    WHERE state = 'waiting' AND kind = 'watch' AND due > :now + :quiet
    """,
    "UPDATE dispatch SET due = :now + :story WHERE state = 'held' AND due > :now + :story",
    "UPDATE channel SET best_due = :now + :day WHERE best_due > :now + :day",
    "UPDATE dispatch SET edit_due = :now WHERE edit_due > :now",
    "UPDATE watch SET quiet = :now + :quiet WHERE quiet > :now + :quiet",
    "UPDATE reading SET due = :now + :page WHERE due > :now + :page",
    "UPDATE reading SET wanted = :now WHERE wanted > :now",
    "UPDATE channel SET problem_since = :now WHERE problem_since > :now",
    "UPDATE channel SET retry_at = :now + :block WHERE retry_at > :now + :block",
    # What comes from now on is newer than the end of a pause, or of a time away.
    "UPDATE subscription SET resumed = :now WHERE resumed > :now",
)
