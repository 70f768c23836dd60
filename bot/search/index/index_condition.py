"""Whether an index can be written and trusted, and when it is to be made anew."""

import logging
import math
import shutil
import time
from pathlib import Path

from bot.search.index.search_engine import EngineError

log = logging.getLogger(__name__)

FAILURES = 3
"""Failures to write in a row after which an index is made anew."""
DISTRUSTED_AGAIN = 600.0
"""Seconds after an index was begun until another failing search has it made anew."""
LEAST_ROOM = 2**24
"""Bytes that are free on a disk which can take a commit: with less, the disk is why one failed."""


class IndexCondition:
    """What went wrong with the index in a folder. Each kind of trouble is logged once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failures = 0
        self._is_distrusted = self._is_unwritable = False
        self._begun_at = -math.inf
        self.trouble: str | None = None
        """Why the index cannot be written, in a sentence; None while it can."""

    @property
    def is_given_up(self) -> bool:
        """Whether the index is to be made anew."""
        may_be_distrusted = time.monotonic() - self._begun_at > DISTRUSTED_AGAIN
        return self._is_unwritable or (self._is_distrusted and may_be_distrusted)

    def distrust(self, error: EngineError) -> None:
        """Give the index up, for a search failed; once in a while, since the query may be to blame."""
        if not self._is_distrusted:
            log.warning("The search index failed: %s", error)
        self._is_distrusted = True

    def begun_anew(self) -> None:
        """Another index is being made."""
        self._is_distrusted = self._is_unwritable = False
        self._begun_at = time.monotonic()

    def failed(self, error: Exception) -> bool:
        """Note that the index could not be written; whether to pause before the next attempt.

        A full disk is not the index's fault: it is kept, and written on when there is room.
        """
        is_full = self._is_disk_full()
        if not is_full:
            self._failures += 1
            self._is_unwritable = self._failures >= FAILURES
        reason = "the disk is full" if is_full else error
        if self.trouble is None:
            log.warning("The search index cannot be written: %s", reason)
        self.trouble = f"the search index cannot be written: {reason}"
        return is_full or self._failures > FAILURES

    def written(self) -> None:
        """Note that the index holds all that was read of the store."""
        if self.trouble is not None:
            log.warning("The search index is written again")
        self._failures, self.trouble = 0, None

    def _is_disk_full(self) -> bool:
        try:
            return shutil.disk_usage(self._folder).free < LEAST_ROOM
        except OSError:  # the folder is gone altogether
            return False
