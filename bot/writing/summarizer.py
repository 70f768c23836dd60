"""Summaries of articles in two sentences by a model, reduced to what the article supports."""

import asyncio
from enum import StrEnum

from bot.core.keyed_locks import KeyedLocks
from bot.core.models import Article
from bot.store import Store
from bot.store.records.content_records import GeneratedTextKind
from bot.text import excerpts
from bot.writing import citation_checks, prompts
from bot.writing.citation_checks import ArticlePassage
from bot.writing.generation_quota import GenerationQuota
from bot.writing.model_client import ModelClient

MAX_SUMMARY_SENTENCES = 2
"""Maximum number of sentences of an article's summary."""
MAX_SENTENCE_LENGTH = 220
"""Maximum length in characters of a sentence of a summary."""
MIN_ARTICLE_LENGTH = 400
"""Minimum length in characters of an article's text for a summary to be written."""
MAX_CHARS_READ = 4_800
"""Maximum number of characters of an article that the model is shown."""
WINDOW_SENTENCES = 3
"""Number of consecutive sentences of an article that must support a sentence of the summary."""
MAX_TOKENS = 160
"""Maximum number of tokens that the model may generate for a summary."""

_INSTRUCTIONS = (
    "You sum up one news article for busy readers, only from the numbered passages below, which are its "
    "beginning. Write in {language}, exactly two short sentences in plain text, without links, lists, markup "
    "or numbers of passages: first what happened, then what it means or what comes next. Take every number, "
    "date and name from the passages, unchanged."
)


class SummaryFailure(StrEnum):
    """Reason why an article has no summary."""

    TOO_SHORT = "too-short"
    QUOTA_EXHAUSTED = "no-room"  # The daily quota is used up.
    BUSY = "busy"  # Another summary for this user is being written.
    NO_ANSWER = "no-answer"  # The service failed, now or a moment ago.
    NOT_SUPPORTED = "not-held"  # The article does not support the text.


class Summarizer:
    """Writer of summaries, which stores one summary per article and language."""

    def __init__(self, store: Store, client: ModelClient, quota: GenerationQuota) -> None:
        self._store, self._client, self._quota = store, client, quota
        self._article_locks = KeyedLocks()
        self._waiting_user_ids: set[int] = set()

    async def load_cached(self, article: Article, language: str) -> tuple[str, ...] | SummaryFailure | None:
        """Return the stored summary, or the reason why there is none; None if it was not requested yet.

        Raises StoreError.
        """
        if len(article.body or article.summary) < MIN_ARTICLE_LENGTH:
            return SummaryFailure.TOO_SHORT
        summary_by_article_id = await self._store.generated_texts.get(
            GeneratedTextKind.SUMMARY, [article.id], language=language, model=self._client.model
        )
        if article.id not in summary_by_article_id:
            return None
        return tuple(summary_by_article_id[article.id].splitlines()) or SummaryFailure.NOT_SUPPORTED

    async def summarize(
        self,
        article: Article,
        language: str,
        *,
        server_id: int | None,
        user_id: int | None = None,
    ) -> tuple[str, ...] | SummaryFailure:
        """Return one or two sentences of plain text that sum up an article, or why there are none.

        The text counts against the quota of `server_id`. `user_id` is the user who waits for it, or None;
        each user gets one summary at a time. Raises StoreError.
        """
        if user_id is None:
            return await self._summarize_once(article, language, server_id, is_background=True)
        if user_id in self._waiting_user_ids:
            return SummaryFailure.BUSY
        self._waiting_user_ids.add(user_id)
        try:
            return await self._summarize_once(article, language, server_id, is_background=False)
        finally:
            self._waiting_user_ids.discard(user_id)

    async def _summarize_once(
        self, article: Article, language: str, server_id: int | None, *, is_background: bool
    ) -> tuple[str, ...] | SummaryFailure:
        if article.id in self._article_locks:
            await self._article_locks.wait_until_free(article.id)
        self._article_locks[article.id] = None
        try:
            cached_summary = await self.load_cached(article, language)
            if cached_summary is not None:
                return cached_summary
            if not await self._quota.has_quota(server_id):
                return SummaryFailure.QUOTA_EXHAUSTED
            return await self._write(article, language, server_id, is_background=is_background)
        finally:
            self._article_locks.release(article.id)

    async def _write(
        self, article: Article, language: str, server_id: int | None, *, is_background: bool
    ) -> tuple[str, ...] | SummaryFailure:
        started_at = self._store.clock.now()
        passages = [
            ArticlePassage(text, article)
            for text in _split_into_passages((article.body or article.summary)[:MAX_CHARS_READ])
        ]
        sentences: tuple[str, ...] = ()
        if await asyncio.to_thread(prompts.find_injection_free_indexes, passages):
            generated_text = await self._client.complete(
                prompts.build_messages(_INSTRUCTIONS, "", passages, language),
                max_tokens=MAX_TOKENS,
                background=is_background,
            )
            if generated_text is None:
                return SummaryFailure.NO_ANSWER
            supported_sentences = await asyncio.to_thread(
                _filter_supported_sentences, generated_text, article, language
            )
            sentences = tuple(sentence for sentence in supported_sentences if len(sentence) <= MAX_SENTENCE_LENGTH)[
                :MAX_SUMMARY_SENTENCES
            ]
        await self._store.generated_texts.add(
            GeneratedTextKind.SUMMARY,
            article.id,
            "\n".join(sentences),
            language=language,
            model=self._client.model,
            server_id=server_id,
            as_of=started_at,
        )
        return sentences or SummaryFailure.NOT_SUPPORTED


def _filter_supported_sentences(generated_text: str, article: Article, language: str) -> tuple[str, ...]:
    """Return the generated sentences that a few consecutive sentences of the article support."""
    article_text = (article.body or article.summary)[:MAX_CHARS_READ]
    sentences = excerpts.split_sentences(article_text)
    passage_windows = [
        ArticlePassage(" ".join(sentences[start : start + WINDOW_SENTENCES]), article)
        for start in range(len(sentences))
    ]
    return citation_checks.filter_sentences_supported_by_one(generated_text, passage_windows, language)


def _split_into_passages(text: str) -> list[str]:
    """Split a text into passages of whole sentences, each of at most `MAX_PASSAGE_LENGTH` characters."""
    passages = [""]
    for sentence in excerpts.split_sentences(text):
        extended_passage = f"{passages[-1]} {sentence}".strip()
        if len(extended_passage) <= prompts.MAX_PASSAGE_LENGTH:
            passages[-1] = extended_passage
        else:
            passages.append(sentence[: prompts.MAX_PASSAGE_LENGTH])
    return [passage for passage in passages if passage]
