"""Health of a database, judged by the outcome of the last reads and writes."""

import logging

from bot.core.clock import Clock
from bot.store.store_errors import DatabaseBroken, DatabaseFault

log = logging.getLogger(__name__)

RECOVERY_SECONDS = 60.0
"""Seconds without a failure after which the database counts as recovered.

A single success does not suffice: on a nearly full disk some writes succeed and others fail.
"""


class DatabaseHealth:
    """The current and the recent fault of a database.

    A `DatabaseBroken` fault is permanent: nothing more is written, because articles missing from a damaged
    database would be posted again.
    """

    def __init__(self, clock: Clock) -> None:
        self.fault: DatabaseFault | None = None
        """Last fault, until a write succeeds, or for good if the database is damaged; None if there is none."""
        self.recent_fault: DatabaseFault | None = None
        """Last fault, until a write succeeds at least `RECOVERY_SECONDS` after the last failure; else None."""
        self._clock = clock
        self._failed_at = 0.0
        self._logged_messages: set[str] = set()

    def require_undamaged(self) -> None:
        """Raise `DatabaseBroken` if the database was found damaged before."""
        if isinstance(self.fault, DatabaseBroken):
            # The stored exception's traceback would grow each time it is raised.
            raise self.fault.with_traceback(None)

    def record_failure(self, error: BaseException) -> None:
        """Record a `DatabaseFault`, and log each message once until recovery.

        Other errors are ignored, and so are all once the database was found damaged.
        """
        if not isinstance(error, DatabaseFault) or isinstance(self.fault, DatabaseBroken):
            return
        self.fault = self.recent_fault = error
        self._failed_at = self._clock.monotonic()
        message = str(error)
        if message not in self._logged_messages:
            self._logged_messages.add(message)
            is_broken = isinstance(error, DatabaseBroken)
            log.error("database failed writes=%s error=%s", "stopped" if is_broken else "retried", message)

    def record_success(self) -> None:
        """Record that a write succeeded: the fault is over, unless the database was found damaged.

        The recent fault is over, too, if no failure was recorded for `RECOVERY_SECONDS`.
        """
        if isinstance(self.fault, DatabaseBroken):  # A read found the damage while the write was in progress.
            return
        self.fault = None
        if self.recent_fault is not None and self._clock.monotonic() - self._failed_at >= RECOVERY_SECONDS:
            self.recent_fault = None
            self._logged_messages.clear()
            log.warning("database recovered")
