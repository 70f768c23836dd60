"""The tastes of servers, learnt in a worker when they are asked for and kept for a while."""

import logging
from typing import NamedTuple

from bot.core.workers import WorkerError, Workers
from bot.store import Store
from bot.stories import server_taste
from bot.stories.server_taste import NONE, REMEMBERED, Taste

log = logging.getLogger(__name__)

KEPT, CHANGED = 600, 60
"""Seconds after which a taste is learnt anew, and where somebody gave an opinion since."""
MOST_KEPT = 500
_TIME = 10.0  # seconds that learning one may take


class _Known(NamedTuple):
    taste: Taste
    learnt: float


class Tastes:
    """What servers like. Where that cannot be found out they like everything the same."""

    def __init__(self, store: Store, workers: Workers) -> None:
        self._store, self._workers = store, workers
        self._known: dict[int, _Known] = {}
        self._changed: set[int] = set()

    async def of_server(self, server_id: int) -> Taste:
        """What a server likes. Raises `StoreError`."""
        moment = self._store.clock.monotonic()
        known = self._known.get(server_id)
        kept = CHANGED if server_id in self._changed else KEPT
        if known is None or moment - known.learnt >= kept:
            self._changed.discard(server_id)
            known = _Known(await self._learn(server_id), moment)
            self._known.pop(server_id, None)
            self._known[server_id] = known
            while len(self._known) > MOST_KEPT:
                del self._known[next(iter(self._known))]
        return known.taste

    def changed(self, server_id: int) -> None:
        """Somebody gave an opinion."""
        if server_id in self._known:
            self._changed.add(server_id)

    def forget(self, server_id: int) -> None:
        """Learn it anew when it is asked for next."""
        self._known.pop(server_id, None)

    def forget_all(self) -> None:
        """Learn all anew: somebody had everything about them deleted."""
        self._known.clear()

    async def _learn(self, server_id: int) -> Taste:
        now = self._store.clock.now()
        evidence = await self._store.opinions.evidence(server_id, now - REMEMBERED)
        if not evidence.verdicts:
            return NONE
        try:
            return await self._workers.run(
                server_taste.learn, evidence.shown, evidence.verdicts, now, timeout=_TIME
            )
        except WorkerError as error:
            log.warning("what server %d likes was not learnt: %s", server_id, error)
            return NONE
