"""Translations of titles and excerpts that say what the original says."""

import asyncio
import re
from collections.abc import Collection, Sequence

from bot.core.models import Article
from bot.store import Store
from bot.store.records.content_records import GeneratedTextKind
from bot.text import discord_text, excerpts
from bot.writing import citation_checks, prompts
from bot.writing.citation_checks import ArticlePassage, Sentence
from bot.writing.generation_quota import GenerationQuota
from bot.writing.model_client import ModelClient
from bot.writing.model_tasks import ModelFailure, ModelTask, Prompt
from bot.writing.sentence_verifier import verify_sentences

MAX_TITLE_LENGTH = 300
"""Maximum length in UTF-16 units of a title to translate, and in characters of its translation."""
MAX_EXCERPT_LENGTH = 350
"""Maximum length in UTF-16 units of an excerpt to translate; its translation may be twice as long."""
MAX_EXCERPT_SENTENCES = 2
"""Maximum number of sentences of an excerpt to translate, as many as a post shows by default."""
MAX_REPLY_TOKENS = 400
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
        self.model_id = client.model_id

    async def has_quota(self, server_id: int) -> bool:
        """Return whether the daily quota allows one more generated text for a server. Raises StoreError."""
        return await self._quota.has_quota(server_id)

    async def translate(self, article: Article, language: str, *, server_id: int, channel_ids: Collection[int]) -> bool:
        """Translate an article and schedule the edit of its posts in the given channels.

        Returns False if the model service failed, else True. Without a translation that says what the original says,
        "" is stored, and the posts keep the original. Raises StoreError.
        """
        started_at = self._store.clock.now()
        title, excerpt = (
            discord_text.to_plain_line(article.title, MAX_TITLE_LENGTH),
            _make_excerpt_to_translate(article),
        )
        passages = [ArticlePassage(text, article) for text in (title, excerpt) if text]
        trusted_indexes = await asyncio.to_thread(prompts.find_injection_free_indexes, passages)
        translation: str | ModelFailure = ""
        if title and trusted_indexes:
            translation = await self._write_translation(passages, language, server_id)
        if translation is ModelFailure.SERVICE:
            return False
        translated_text = translation if isinstance(translation, str) else ""
        await self._store.generated_texts.add(
            GeneratedTextKind.TRANSLATION,
            article.id,
            translated_text,
            language=language,
            model=self.model_id,
            server_id=server_id,
            started_at=started_at,
            channel_ids=channel_ids if translated_text else (),
        )
        return True

    async def _write_translation(
        self, passages: Sequence[ArticlePassage], language: str, server_id: int
    ) -> str | ModelFailure:
        """Return the translated title and excerpt on two lines, or the failure of the model.

        Returns "" if the translation does not say what the original says. `passages` are the title and the excerpt.
        """
        prompt = prompts.build_prompt(
            ModelTask.TRANSLATE,
            _INSTRUCTIONS.format(language=prompts.get_language_name(language)),
            list(enumerate(passages, 1)),
            with_article_details=False,
        )

        def parse_translation(reply: str) -> tuple[str, ...]:
            return _parse_translation(reply, prompt, passages, language)

        translated_parts = await self._client.complete(
            prompt, parse_translation, max_tokens=MAX_REPLY_TOKENS, server_id=server_id, is_background=True
        )
        if isinstance(translated_parts, ModelFailure):
            return translated_parts
        if not translated_parts:
            return ""
        title, *excerpt_parts = translated_parts
        sentences = [title, *(sentence for excerpt in excerpt_parts for sentence in excerpts.split_sentences(excerpt))]
        verdicts = await verify_sentences(
            self._client,
            [Sentence(sentence, ()) for sentence in sentences],
            passages,
            server_id=server_id,
            is_background=True,
            with_article_details=False,
        )
        if isinstance(verdicts, ModelFailure):
            return verdicts
        return "\n".join(translated_parts) if all(verdicts) else ""


async def apply_stored_translation(store: Store, article: Article, language: str, model_id: str) -> Article:
    """Return the article with the stored translation of its title and excerpt, or unchanged without one.

    Raises StoreError.
    """
    if article.language in {None, language}:
        return article
    translation_by_article_id = await store.generated_texts.get(
        GeneratedTextKind.TRANSLATION, [article.id], language=language, model=model_id
    )
    title, _newline, excerpt = translation_by_article_id.get(article.id, "").partition("\n")
    if not title:
        return article
    return article._replace(title=title, summary=excerpt, body="", translated_from=article.language)


def _make_excerpt_to_translate(article: Article) -> str:
    excerpt = excerpts.make_lead_excerpt(
        (article.summary, article.body), discord_text.to_plain_line(article.title), MAX_EXCERPT_LENGTH
    )
    return " ".join(excerpts.split_sentences(excerpt)[:MAX_EXCERPT_SENTENCES])


def _parse_translation(
    reply: str, prompt: Prompt, passages: Sequence[ArticlePassage], language: str
) -> tuple[str, ...]:
    """Return the translated title and excerpt in a model's reply.

    Returns an empty tuple if a part is missing or too long, or if the whole has a link, lacks a number that the
    original has in digits, or has another number or date.
    Raises UnusableReply if the reply is too long or in another language, repeats the prompt or speaks to a model.
    """
    text = citation_checks.check_reply(reply, prompt)
    citation_checks.check_language(text, language)
    title, *excerpt_lines = [
        discord_text.to_plain_line(_LINE_LABEL_PATTERN.sub("", line)) for line in citation_checks.clean_lines(text)
    ] or [""]
    translated_parts = tuple(filter(None, (title, " ".join(excerpt_lines))))[: len(passages)]
    translation = "\n".join(translated_parts)
    original_text = "\n".join(passage.text for passage in passages)
    is_complete = len(translated_parts) == len(passages) and citation_checks.has_all_numbers(translation, original_text)
    if (
        not is_complete
        or len(title) > MAX_TITLE_LENGTH
        or discord_text.count_utf16_units(translation) > MAX_TITLE_LENGTH + 2 * MAX_EXCERPT_LENGTH
        or citation_checks.has_link(translation)
        or citation_checks.has_unknown_fact(translation, [original_text], language)
    ):
        return ()
    return translated_parts
