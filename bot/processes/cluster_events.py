"""What other processes wrote that this one waits for."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable

from bot.processes.supervision import Supervisor, stop
from bot.store import Store

log = logging.getLogger(__name__)


class ClusterEvents:
    """Calls who waits for a notice, by its name. A notice may be missed: it is a reason to look, no more."""

    def __init__(self, store: Store, supervisor: Supervisor) -> None:
        self._store, self._supervisor = store, supervisor
        self._waiting: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._hearing: dict[str, Callable[[str], None]] = {}
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, name: str, call: Callable[[], None]) -> None:
        """Call a function at each notice of a name, and where one may have been missed."""
        self._waiting[name].append(call)

    def unsubscribe(self, name: str, call: Callable[[], None]) -> None:
        """Call it no more."""
        self._waiting[name].remove(call)

    def set_payload_handler(self, name: str, hear: Callable[[str], None] | None) -> None:
        """Call a function with the text of each notice that has one, under a name; None: no more."""
        self._hearing.pop(name, None)
        if hear is not None:
            self._hearing[name] = hear

    def start(self) -> None:
        """Begin to listen, unless it does."""
        if self._task is None:
            self._task = self._supervisor.start("notices", lambda: self._store.listen(self._heard))

    async def close(self) -> None:
        """Listen no more."""
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
        except Exception:  # of another version perhaps: the next ones are heard all the same
            log.exception("A notice was not understood: %.40s", name)
