"""Takes what is owed to channels there. (Being written.)"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import discord

    from bot.clock import Clock
    from bot.settings import Settings
    from bot.store import Store


class Courier:
    """The outbox."""

    def __init__(self, store: Store, client: discord.Client, clock: Clock, settings: Settings) -> None:
        self._store, self._client, self._clock, self._settings = store, client, clock, settings

    def wake(self) -> None:
        """Look at the outbox now."""

    async def settle(self) -> None:
        """Return when nothing is due."""
