"""Cache of the servers' preference models, which are learned in a worker when needed."""

import logging
from typing import NamedTuple

from bot.core.worker_pool import WorkerError, WorkerPool
from bot.store import Store
from bot.stories import preference_model
from bot.stories.preference_model import EVIDENCE_WINDOW_SECONDS, NO_PREFERENCES, PreferenceModel

log = logging.getLogger(__name__)

CACHE_SECONDS, CHANGED_CACHE_SECONDS = 600, 60
"""Maximum age of a cached model, and of one whose server has given opinions since."""
MAX_CACHED_SERVERS = 500
"""Maximum number of servers whose models are cached."""
_LEARN_TIMEOUT_SECONDS = 10.0
"""Maximum time of learning a model."""


class _CachedModel(NamedTuple):
    taste: PreferenceModel
    learned_at: float


class PreferenceModelCache:
    """Preference models by server. A model that cannot be learned prefers nothing."""

    def __init__(self, store: Store, workers: WorkerPool) -> None:
        self._store, self._workers = store, workers
        self._known: dict[int, _CachedModel] = {}
        self._changed: set[int] = set()

    async def get(self, server_id: int) -> PreferenceModel:
        """Return the preference model of a server. Raises `StoreError`."""
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
        """Record that a user of the server gave an opinion, which shortens the model's life."""
        if server_id in self._known:
            self._changed.add(server_id)

    def invalidate(self, server_id: int) -> None:
        """Discard the model of a server, so that it is learned again when needed."""
        self._known.pop(server_id, None)

    def invalidate_all(self) -> None:
        """Discard all models, because a user had their data deleted."""
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
            log.warning("preference learning failed server_id=%d error=%s", server_id, error)
            return NO_PREFERENCES
