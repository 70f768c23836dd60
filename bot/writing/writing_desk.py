"""All that a model writes, opened together where a service is configured."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.settings import Settings
from bot.store import Store
from bot.writing.model_client import model_client
from bot.writing.model_writer import Writer
from bot.writing.summaries import Summaries
from bot.writing.translations import Translations
from bot.writing.writing_budget import WritingBudget


@dataclass(frozen=True, slots=True)
class WritingDesk:
    """Writes answers, and where the operator allows some a day, summaries and translations."""

    writer: Writer
    summaries: Summaries | None
    translations: Translations | None


@asynccontextmanager
async def opened(settings: Settings, clock: Clock, store: Store) -> AsyncIterator[WritingDesk | None]:
    """The desk, where a service is configured, closed at the end."""
    async with model_client(settings, clock) as client:
        if client is None:
            yield None
            return
        budget = WritingBudget(store, settings)
        allowed = settings.model_daily > 0
        yield WritingDesk(
            Writer(client),
            Summaries(store, client, budget) if allowed else None,
            Translations(store, client, budget) if allowed else None,
        )
