"""Cluster events: short messages between the processes on one database."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable

from bot.processes.supervision import Supervisor, cancel_and_wait
from bot.store import Store

log = logging.getLogger(__name__)


class ClusterEvents:
    """Subscriptions to cluster events, which are notifications of the database, by name.

    An event may be missed, so it is only a reason to look for work.
    """

    def __init__(self, store: Store, supervisor: Supervisor) -> None:
        self._store, self._supervisor = store, supervisor
        self._subscribers: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._payload_handlers: dict[str, Callable[[str], None]] = {}
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, name: str, callback: Callable[[], None]) -> None:
        """Subscribe a function to the events of a name.

        The function is also called whenever events may have been missed.
        """
        self._subscribers[name].append(callback)

    def unsubscribe(self, name: str, callback: Callable[[], None]) -> None:
        """Remove a function that was subscribed to the events of a name."""
        self._subscribers[name].remove(callback)

    def set_payload_handler(self, name: str, handler: Callable[[str], None] | None) -> None:
        """Set the function that gets the text of each event of a name; None removes the function."""
        self._payload_handlers.pop(name, None)
        if handler is not None:
            self._payload_handlers[name] = handler

    def start(self) -> None:
        """Start to listen to events of other processes; do nothing if already started."""
        if self._task is None:
            self._task = self._supervisor.start("notices", lambda: self._store.listen(self._on_notification))

    async def close(self) -> None:
        """Stop listening to events of other processes."""
        if self._task is not None:
            await cancel_and_wait((self._task,))

    def _on_notification(self, notification: str) -> None:
        name, _space, payload = notification.partition(" ")
        try:
            if name in self._payload_handlers:
                self._payload_handlers[name](payload)
                return
            for callbacks in [self._subscribers[name]] if name else self._subscribers.values():
                for callback in callbacks:
                    callback()
        except Exception:  # Perhaps sent by another version: go on with the next event.
            log.exception("cluster event failed name=%.40s", name)
