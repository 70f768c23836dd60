"""Translations of titles and excerpts that keep the original's names, numbers and dates."""

import asyncio
import re
from collections.abc import Collection

from bot.core.models import Article
from bot.store import Store
from bot.store.records.content_records import GeneratedTextKind
from bot.text import discord_text, excerpts
from bot.writing import citation_checks, prompts
from bot.writing.citation_checks import ArticlePassage
from bot.writing.generation_quota import GenerationQuota
from bot.writing.model_client import ModelClient

MAX_TITLE_LENGTH, MAX_EXCERPT_LENGTH = 300, 350
"""Maximum lengths of a title in characters, and of an excerpt in UTF-16 units, that are translated."""
EXCERPT_SENTENCES = 2
"""Maximum number of sentences of an excerpt to translate, as many as a post shows by default."""
MAX_TOKENS = 400
"""Maximum number of tokens that the model may generate for a translation."""

_INSTRUCTIONS = (
    "You translate the title and the beginning of one news article into {language}. Write two lines in plain "
    "text and nothing else: on the first the title, in sentence case, on the second the text. Keep every "
    "number, date and name. Add nothing and leave nothing out."
)
_LINE_LABEL_PATTERN = re.compile(r"^\W*(?:title|titre|text|texte|line \d|ligne \d)\W*:\s*", re.IGNORECASE)


class ArticleTranslator:
    """Translator of articles, which stores one translation per article and language."""

    def __init__(self, store: Store, client: ModelClient, quota: GenerationQuota) -> None:
        self._store, self._client, self._quota = store, client, quota
        self.model = client.model

    async def has_quota(self, server_id: int) -> bool:
        """Return whether the daily quota allows one more generated text for a server. Raises StoreError."""
        return await self._quota.has_quota(server_id)

    async def translate(self, article: Article, language: str, *, server_id: int, channel_ids: Collection[int]) -> bool:
        """Translate an article and schedule the edit of its posts in the given channels.

        Returns False if the model service failed, else True. A translation with other facts than the original
        is stored as "", and the original stays. Raises StoreError.
        """
        started_at = self._store.clock.now()
        title, excerpt = (
            discord_text.to_plain_line(article.title, MAX_TITLE_LENGTH),
            _excerpt_to_translate(article),
        )
        passages = [ArticlePassage(part, article) for part in (title, excerpt) if part]
        original = ArticlePassage("\n".join(part.text for part in passages), article)
        translation = ""
        trusted_indexes = await asyncio.to_thread(prompts.find_injection_free_indexes, passages)
        if title and trusted_indexes:
            generated_text = await self._client.complete(
                prompts.build_messages(_INSTRUCTIONS, "", passages, language, with_headings=False),
                max_tokens=MAX_TOKENS,
                background=True,
            )
            if generated_text is None:
                return False
            translation = await asyncio.to_thread(
                _faithful_translation, generated_text, original, language, excerpt=excerpt
            )
        await self._store.generated_texts.add(
            GeneratedTextKind.TRANSLATION,
            article.id,
            translation,
            language=language,
            model=self.model,
            server_id=server_id,
            as_of=started_at,
            channel_ids=channel_ids if translation else (),
        )
        return True


async def apply_stored_translation(store: Store, article: Article, language: str, model: str) -> Article:
    """Return the article with the stored translation of its title and excerpt, or unchanged without one.

    Raises StoreError.
    """
    if article.language in {None, language}:
        return article
    translation_by_article_id = await store.generated_texts.get(
        GeneratedTextKind.TRANSLATION, [article.id], language=language, model=model
    )
    title, _line, excerpt = translation_by_article_id.get(article.id, "").partition("\n")
    if not title:
        return article
    return article._replace(title=title, summary=excerpt, body="", translated_from=article.language)


def _excerpt_to_translate(article: Article) -> str:
    excerpt = excerpts.make_lead_excerpt(
        (article.summary, article.body), discord_text.to_plain_line(article.title), MAX_EXCERPT_LENGTH
    )
    return " ".join(excerpts.split_sentences(excerpt)[:EXCERPT_SENTENCES])


def _faithful_translation(generated_text: str, original: ArticlePassage, language: str, *, excerpt: str) -> str:
    """Return the title and the excerpt on two lines if they have the original's facts, else ""."""
    translated_title, *excerpt_lines = [
        discord_text.to_plain_line(_LINE_LABEL_PATTERN.sub("", line))
        for line in citation_checks.clean_lines(generated_text)
    ] or [""]
    translated_excerpt = " ".join(excerpt_lines) if excerpt else ""
    translation = "\n".join(filter(None, (translated_title, translated_excerpt)))
    if (
        bool(translated_excerpt) != bool(excerpt)
        or len(translated_title) > MAX_TITLE_LENGTH
        or discord_text.count_utf16_units(translated_excerpt) > 2 * MAX_EXCERPT_LENGTH
    ):
        return ""
    return translation if citation_checks.is_faithful_translation(translation, original, language) else ""
