"""Health of a search index: whether it can be written and searched, and when it needs a rebuild."""

import logging
import math
import shutil
import time
from pathlib import Path

from bot.search.index.search_engine import EngineError

log = logging.getLogger(__name__)

FAILURES = 3
"""Consecutive write failures after which the index is rebuilt."""
DISTRUSTED_AGAIN = 600.0
"""Minimum time between the start of a rebuild and another one because of a failed search."""
LEAST_ROOM = 2**24
"""Free disk space in bytes below which a failed commit is attributed to a full disk."""


class IndexCondition:
    """Failures of the index in a folder. Each kind of failure is logged once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failures = 0
        self._is_distrusted = self._is_unwritable = False
        self._begun_at = -math.inf
        self.trouble: str | None = None
        """Why the index cannot be written, as text for the health check; None while it can."""

    @property
    def is_given_up(self) -> bool:
        """Return whether the index must be rebuilt."""
        may_be_distrusted = time.monotonic() - self._begun_at > DISTRUSTED_AGAIN
        return self._is_unwritable or (self._is_distrusted and may_be_distrusted)

    def distrust(self, error: EngineError) -> None:
        """Report that a search failed, and schedule a rebuild of the index.

        At most one rebuild per `MIN_REBUILD_INTERVAL_SECONDS` starts, because the query itself may be the
        cause.
        """
        if not self._is_distrusted:
            log.warning("search failed error=%s", error)
        self._is_distrusted = True

    def begun_anew(self) -> None:
        """Record that a rebuild has started."""
        self._is_distrusted = self._is_unwritable = False
        self._begun_at = time.monotonic()

    def failed(self, error: Exception) -> bool:
        """Record that the index could not be written, and return whether to pause before the next attempt.

        A full disk is not a failure of the index: it is kept, and updated again once there is space.
        """
        is_full = self._is_disk_full()
        if not is_full:
            self._failures += 1
            self._is_unwritable = self._failures >= FAILURES
        reason = "the disk is full" if is_full else error
        if self.trouble is None:
            log.warning("search index write failed reason=%s", reason)
        self.trouble = f"the search index cannot be written: {reason}"
        return is_full or self._failures > FAILURES

    def written(self) -> None:
        """Record that the index is up to date with everything read from the store."""
        if self.trouble is not None:
            log.warning("search index write recovered")
        self._failures, self.trouble = 0, None

    def _is_disk_full(self) -> bool:
        try:
            return shutil.disk_usage(self._folder).free < LEAST_ROOM
        except OSError:  # The folder does not exist.
            return False
