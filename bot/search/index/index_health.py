"""Health of a search index: whether it can be written and searched, and when it needs a rebuild."""

import logging
import math
import shutil
import time
from pathlib import Path

from bot.search.index.search_engine import EngineError

log = logging.getLogger(__name__)

MAX_WRITE_FAILURES = 3
"""Number of consecutive write failures after which the index is rebuilt."""
MIN_SEARCH_REBUILD_INTERVAL_SECONDS = 600.0
"""Minimum time in seconds between the start of a rebuild and a rebuild because of a failed search."""
MIN_FREE_BYTES = 2**24
"""Minimum free disk space in bytes; with less, a failed commit is attributed to a full disk."""


class IndexHealth:
    """Record of the failures of a search index. Each kind of failure is logged once until it is over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._write_failure_count = 0
        self._has_search_failed = self._is_unwritable = False
        self._rebuild_started_at = -math.inf
        self.write_error: str | None = None
        """Reason why the index cannot be written, as text for the health check; None if it can be written."""

    @property
    def needs_rebuild(self) -> bool:
        """Return whether the index must be rebuilt: writing failed repeatedly, or a search failed.

        A failed search counts only once `MIN_SEARCH_REBUILD_INTERVAL_SECONDS` have passed since the last rebuild began.
        """
        is_rebuild_allowed = time.monotonic() - self._rebuild_started_at > MIN_SEARCH_REBUILD_INTERVAL_SECONDS
        return self._is_unwritable or (self._has_search_failed and is_rebuild_allowed)

    def report_search_failure(self, error: EngineError) -> None:
        """Report that a search failed, and schedule a rebuild of the index.

        At most one rebuild per `MIN_SEARCH_REBUILD_INTERVAL_SECONDS` starts for failed searches, because the query
        itself may be the cause.
        """
        if not self._has_search_failed:
            log.warning("search failed error=%s", error)
        self._has_search_failed = True

    def mark_rebuild_started(self) -> None:
        """Record that a rebuild of the search index has started."""
        self._has_search_failed = self._is_unwritable = False
        self._rebuild_started_at = time.monotonic()

    def record_write_failure(self, error: Exception) -> bool:
        """Record that the index could not be written, and return whether to pause before the next attempt.

        A full disk is not a failure of the index: the index is kept, and updated again once there is space.
        """
        is_disk_full = self._is_disk_full()
        if not is_disk_full:
            self._write_failure_count += 1
            self._is_unwritable = self._write_failure_count >= MAX_WRITE_FAILURES
        cause = "the disk is full" if is_disk_full else error
        if self.write_error is None:
            log.warning("search index write failed error=%s", cause)
        self.write_error = f"the search index cannot be written: {cause}"
        return is_disk_full or self._write_failure_count > MAX_WRITE_FAILURES

    def mark_up_to_date(self) -> None:
        """Record that the index contains everything that was read from the store."""
        if self.write_error is not None:
            log.warning("search index write recovered")
        self._write_failure_count, self.write_error = 0, None

    def _is_disk_full(self) -> bool:
        try:
            return shutil.disk_usage(self._folder).free < MIN_FREE_BYTES
        except OSError:  # The folder does not exist.
            return False
