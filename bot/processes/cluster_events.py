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
        self._callbacks_by_event_name: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._payload_handler_by_event_name: dict[str, Callable[[str], None]] = {}
        self._listen_task: asyncio.Task[None] | None = None

    def subscribe(self, event_name: str, callback: Callable[[], None]) -> None:
        """Subscribe a function to the events of a name.

        The function is also called whenever events may have been missed.
        """
        self._callbacks_by_event_name[event_name].append(callback)

    def unsubscribe(self, event_name: str, callback: Callable[[], None]) -> None:
        """Remove a function that was subscribed to the events of a name."""
        self._callbacks_by_event_name[event_name].remove(callback)

    def announce(self, event_name: str) -> None:
        """Call the functions of this process that are subscribed to an event; the database notifies other processes."""
        for callback in self._callbacks_by_event_name[event_name]:
            callback()

    def set_payload_handler(self, event_name: str, handler: Callable[[str], None] | None) -> None:
        """Set the function that gets the text of each event of a name, instead of subscribed ones; None removes it."""
        self._payload_handler_by_event_name.pop(event_name, None)
        if handler is not None:
            self._payload_handler_by_event_name[event_name] = handler

    def start(self) -> None:
        """Start to listen to events of other processes; do nothing if already started."""
        if self._listen_task is None:
            self._listen_task = self._supervisor.start("notices", lambda: self._store.listen(self._on_notification))

    async def close(self) -> None:
        """Stop listening to events of other processes."""
        if self._listen_task is not None:
            await cancel_and_wait((self._listen_task,))

    def _on_notification(self, notification: str) -> None:
        event_name, _space, payload = notification.partition(" ")
        try:
            if event_name in self._payload_handler_by_event_name:
                self._payload_handler_by_event_name[event_name](payload)
                return
            # Of all events in a copy: a function may announce another event, the first of its name.
            for callbacks in (
                [self._callbacks_by_event_name[event_name]] if event_name else [*self._callbacks_by_event_name.values()]
            ):
                for callback in callbacks:
                    callback()
        except Exception:  # Perhaps sent by another version: go on with the next event.
            log.exception("cluster event failed event=%.40s", event_name)
