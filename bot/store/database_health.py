"""Whether a database can be used, by what became of the attempts."""

import logging

from bot.core.clock import Clock
from bot.store.store_errors import DatabaseBroken, DatabaseFault

log = logging.getLogger(__name__)

RECOVERY_SECONDS = 60.0
"""Seconds without a failure after which trouble is over: on a nearly full disk some writes succeed."""


class DatabaseHealth:
    """What keeps a database from being used.

    `fault` is what the last attempt failed for, None after one that did not. `trouble` stays until it has
    been calm for a while. Damage stays for good: such a file is not written to any more, for what is missing
    in it would be posted again.
    """

    def __init__(self, clock: Clock) -> None:
        self.fault: DatabaseFault | None = None
        self.trouble: DatabaseFault | None = None
        self._clock = clock
        self._failed_at = 0.0
        self._said: set[str] = set()

    def require_undamaged(self) -> None:
        """Let a write begin. Raises `DatabaseBroken` for a file that is damaged."""
        if isinstance(self.fault, DatabaseBroken):
            raise self.fault.with_traceback(None)  # which grows each time it is raised

    def record_failure(self, error: BaseException) -> None:
        """Remember what was found to be wrong. Other errors than those of the file are none of ours."""
        if not isinstance(error, DatabaseFault) or isinstance(self.fault, DatabaseBroken):
            return
        self.fault = self.trouble = error
        self._failed_at = self._clock.monotonic()
        sentence = str(error)
        if sentence not in self._said:
            self._said.add(sentence)
            broken = isinstance(error, DatabaseBroken)
            log.error("%s %s", sentence, "I write nothing more to it." if broken else "I keep trying.")

    def record_success(self) -> None:
        """A write was taken."""
        self.fault = None
        if self.trouble is not None and self._clock.monotonic() - self._failed_at >= RECOVERY_SECONDS:
            self.trouble = None
            self._said.clear()
            log.warning("The database accepts writes again")
