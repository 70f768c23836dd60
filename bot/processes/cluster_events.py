"""Events between the processes on one database."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable

from bot.processes.supervision import Supervisor, stop
from bot.store import Store

log = logging.getLogger(__name__)


class ClusterEvents:
    """Subscriptions to the database's notifications, by name.

    A notification may be missed, so it is only a reason to look.
    """

    def __init__(self, store: Store, supervisor: Supervisor) -> None:
        self._store, self._supervisor = store, supervisor
        self._waiting: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._hearing: dict[str, Callable[[str], None]] = {}
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, name: str, call: Callable[[], None]) -> None:
        """Call a function at each event of a name, and whenever one may have been missed."""
        self._waiting[name].append(call)

    def unsubscribe(self, name: str, call: Callable[[], None]) -> None:
        """Remove a subscribed function."""
        self._waiting[name].remove(call)

    def set_payload_handler(self, name: str, hear: Callable[[str], None] | None) -> None:
        """Set the function that gets the payload of each event of a name; None removes it."""
        self._hearing.pop(name, None)
        if hear is not None:
            self._hearing[name] = hear

    def start(self) -> None:
        """Start to listen, unless it already does."""
        if self._task is None:
            self._task = self._supervisor.start("notices", lambda: self._store.listen(self._heard))

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            await stop((self._task,))

    def _heard(self, notice: str) -> None:
        name, _space, text = notice.partition(" ")
        try:
            if name in self._hearing:
                self._hearing[name](text)
                return
            for waiting in [self._waiting[name]] if name else self._waiting.values():
                for call in waiting:
                    call()
        except Exception:  # Perhaps sent by another version: go on with the next event.
            log.exception("cluster event failed name=%.40s", name)
