"""The tastes of servers, learnt in a worker when they are asked for and kept for a while."""

import logging
from typing import NamedTuple

from bot.core.worker_pool import WorkerError, WorkerPool
from bot.store import Store
from bot.stories import preference_model
from bot.stories.preference_model import EVIDENCE_WINDOW_SECONDS, NO_PREFERENCES, PreferenceModel

log = logging.getLogger(__name__)

CACHE_SECONDS, CHANGED_CACHE_SECONDS = 600, 60
"""Seconds after which a taste is learnt anew, and where somebody gave an opinion since."""
MAX_CACHED_SERVERS = 500
_LEARN_TIMEOUT_SECONDS = 10.0  # seconds that learning one may take


class _CachedModel(NamedTuple):
    taste: PreferenceModel
    learned_at: float


class PreferenceModelCache:
    """What servers like. Where that cannot be found out they like everything the same."""

    def __init__(self, store: Store, workers: WorkerPool) -> None:
        self._store, self._workers = store, workers
        self._known: dict[int, _CachedModel] = {}
        self._changed: set[int] = set()

    async def get(self, server_id: int) -> PreferenceModel:
        """What a server likes. Raises `StoreError`."""
        moment = self._store.clock.monotonic()
        known = self._known.get(server_id)
        kept = CHANGED_CACHE_SECONDS if server_id in self._changed else CACHE_SECONDS
        if known is None or moment - known.learned_at >= kept:
            self._changed.discard(server_id)
            known = _CachedModel(await self._learn(server_id), moment)
            self._known.pop(server_id, None)
            self._known[server_id] = known
            while len(self._known) > MAX_CACHED_SERVERS:
                del self._known[next(iter(self._known))]
        return known.taste

    def mark_changed(self, server_id: int) -> None:
        """Somebody gave an opinion."""
        if server_id in self._known:
            self._changed.add(server_id)

    def invalidate(self, server_id: int) -> None:
        """Learn it anew when it is asked for next."""
        self._known.pop(server_id, None)

    def invalidate_all(self) -> None:
        """Learn all anew: somebody had everything about them deleted."""
        self._known.clear()

    async def _learn(self, server_id: int) -> PreferenceModel:
        now = self._store.clock.now()
        evidence = await self._store.feedback.training_data(server_id, now - EVIDENCE_WINDOW_SECONDS)
        if not evidence.feedback:
            return NO_PREFERENCES
        try:
            return await self._workers.run(
                preference_model.learn_preferences,
                evidence.shown,
                evidence.feedback,
                now,
                timeout=_LEARN_TIMEOUT_SECONDS,
            )
        except WorkerError as error:
            log.warning("what server %d likes was not learnt: %s", server_id, error)
            return NO_PREFERENCES
