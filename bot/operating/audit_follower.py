"""Loop that notices what operators decide in the terminal, or in another process, by the entries of the audit log."""

from bot.core.clock import Clock
from bot.processes.cluster_events import ClusterEvents
from bot.store import Store

AUDIT_EVENT = "audit"
"""Name of the event (between processes on one database) after which each reads again what operators decided."""
CHECK_SECONDS = 5.0
"""Number of seconds between two looks at the audit log."""


class AuditFollower:
    """Follower of the log of operators' actions, which announces `AUDIT_EVENT` when it has new entries.

    The event, after which this process reads again what operators decided, is also announced at the start.
    """

    def __init__(self, store: Store, clock: Clock, cluster_events: ClusterEvents) -> None:
        self._store, self._clock, self._cluster_events = store, clock, cluster_events
        self._last_entry_id: int | None = None

    async def run(self) -> None:
        """Look at the audit log every `CHECK_SECONDS` until cancelled. Raises StoreError."""
        while True:
            await self.check_once()
            await self._clock.sleep(CHECK_SECONDS)

    async def check_once(self) -> None:
        """Announce `AUDIT_EVENT` if the audit log has new entries. Raises StoreError."""
        last_entry_id = await self._store.audit_log.get_last_entry_id()
        if last_entry_id != self._last_entry_id:
            self._last_entry_id = last_entry_id
            self._cluster_events.announce(AUDIT_EVENT)
