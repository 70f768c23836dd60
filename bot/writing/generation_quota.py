"""How much a model may be asked to write in a day."""

from bot.core.settings import Settings
from bot.store import Store

DAY_SECONDS = 86_400
MAX_SERVER_SHARE = 0.25
"""Of the texts of a day, how many may be for the people of one server."""


class GenerationQuota:
    """The texts of the last 24 hours, of all servers and of each."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._max_per_day = settings.model_daily

    async def has_quota(self, server_id: int | None) -> bool:
        """Whether one more may be written for a server."""
        since = self._store.clock.now() - DAY_SECONDS
        written, of_server = await self._store.written_texts.count_since(since, server_id)
        return written < self._max_per_day and of_server < max(1, MAX_SERVER_SHARE * self._max_per_day)
