"""The maintenance mode as a process knows it: while it is on, the process polls and posts nothing.

Work in progress is finished: a poll is recorded, a message that is being sent is recorded as sent.
"""

import asyncio
import logging
from collections.abc import Callable

from bot.store import Store
from bot.store.records.operating_records import MaintenancePeriod

log = logging.getLogger(__name__)


class MaintenanceMode:
    """Copy of the stored maintenance mode in this process, which `refresh` brings up to date."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._listeners: list[Callable[[], None]] = []
        self._refresh_requested = asyncio.Event()
        self.period: MaintenancePeriod | None = None
        """The current maintenance, or None if there is none."""
        self.ended_at: int | None = None
        """Unix time in seconds at which this process noticed the end of the last maintenance, or None."""

    @property
    def is_on(self) -> bool:
        """Whether nothing may be polled or posted now."""
        return self.period is not None

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Have a function called whenever the maintenance mode was turned on or off."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Stop calling a function when the maintenance mode is turned on or off."""
        self._listeners.remove(listener)

    def request_refresh(self) -> None:
        """Have the stored maintenance mode, which may have changed, read again in the background."""
        self._refresh_requested.set()

    async def run(self) -> None:
        """Read the stored maintenance mode whenever that is requested, until cancelled. Raises StoreError."""
        while True:
            self._refresh_requested.clear()
            await self.refresh()
            await self._refresh_requested.wait()

    async def refresh(self) -> None:
        """Read the stored maintenance mode, and tell the listeners if it was turned on or off. Raises StoreError."""
        period = await self._store.maintenance.get()
        was_on, self.period = self.is_on, period
        if was_on is self.is_on:
            return
        log.warning("maintenance mode changed on=%s", "yes" if self.is_on else "no")
        if was_on:
            self.ended_at = self._store.clock.now()
        for listener in self._listeners:
            listener()
