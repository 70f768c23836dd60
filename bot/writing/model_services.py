"""The services by which a language model writes texts, opened together if one is configured."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.configuration.settings import Settings
from bot.store import Store
from bot.writing.answer_writer import AnswerWriter
from bot.writing.article_translator import ArticleTranslator
from bot.writing.generation_quota import GenerationQuota
from bot.writing.model_client import ModelClient, open_model_client
from bot.writing.summarizer import Summarizer


@dataclass(frozen=True, slots=True)
class ModelServices:
    """Services that write texts with one model client.

    `summarizer` and `translator` are None if the operator allows no generated texts per day. `translator` is None, too,
    if the setting `model_verify` is off.
    """

    client: ModelClient
    answer_writer: AnswerWriter
    summarizer: Summarizer | None
    translator: ArticleTranslator | None


@asynccontextmanager
async def open_model_services(settings: Settings, clock: Clock, store: Store) -> AsyncIterator[ModelServices | None]:
    """Open the services that write with a language model within the block; yield None if none is configured."""
    async with open_model_client(settings, clock) as client:
        if client is None:
            yield None
            return
        quota = GenerationQuota(store, settings)
        has_daily_quota = settings.model_daily > 0
        yield ModelServices(
            client,
            AnswerWriter(client, settings, clock),
            Summarizer(store, client, quota, verifies_sentences=settings.model_verify) if has_daily_quota else None,
            # Rules cannot compare texts in two languages: no translation is shown without a check by the model.
            ArticleTranslator(store, client, quota) if has_daily_quota and settings.model_verify else None,
        )
