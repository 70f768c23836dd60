"""Summaries of an article or a story in one or two sentences by a model, reduced to what the articles support."""

import asyncio
import hashlib
from collections.abc import Sequence
from enum import StrEnum

from bot.core.concurrency.keyed_locks import KeyedLocks
from bot.core.models import Article
from bot.store import Store
from bot.store.records.content_records import GeneratedTextKind
from bot.text import excerpts
from bot.writing import citation_checks, prompts
from bot.writing.citation_checks import ArticlePassage, Sentence
from bot.writing.generation_quota import GenerationQuota
from bot.writing.model_client import ModelClient
from bot.writing.model_tasks import ModelFailure, ModelTask, Prompt
from bot.writing.sentence_verifier import verify_sentences

MAX_SUMMARY_SENTENCES = 2
"""Maximum number of sentences of the summary of an article or a story."""
MAX_SENTENCE_LENGTH = 220
"""Maximum length in characters of a sentence of a summary."""
MIN_ARTICLE_LENGTH = 400
"""Minimum length in characters of the text of an article, or of a story's first article, for a summary."""
MAX_CHARS_READ = 4_800
"""Maximum number of characters of an article, or of all articles of a story, that the model is shown."""
MAX_STORY_ARTICLES = 4
"""Maximum number of articles from which a story is summarized."""
MAX_REPLY_TOKENS = 160
"""Maximum number of tokens that the model may generate for a summary."""

_INSTRUCTIONS = (
    "You sum up one news story for busy readers, only from the numbered passages below: beginnings of its articles, "
    "the newest article first. Write in {language}, exactly two short sentences in plain text, without links, lists, "
    "markup or numbers of passages: first what happened, then what it means or what comes next. Take every number, "
    "date and name from the passages, unchanged. If articles differ, the newest wins."
)


class SummaryFailure(StrEnum):
    """Reason why an article or a story has no summary."""

    TOO_SHORT = "too-short"
    QUOTA_EXHAUSTED = "no-room"  # The daily quota is used up.
    BUSY = "busy"  # Another summary for this user is being written.
    NO_ANSWER = "no-answer"  # The service failed, now or a moment ago.
    NOT_SUPPORTED = "not-held"  # The article does not support the text.


class Summarizer:
    """Writer of summaries, which stores one summary per article or story and language.

    With `verifies_sentences`, a second request to the model checks each sentence; else only rules do.
    """

    def __init__(
        self, store: Store, client: ModelClient, quota: GenerationQuota, *, verifies_sentences: bool = True
    ) -> None:
        self._store, self._client, self._quota, self._verifies_sentences = store, client, quota, verifies_sentences
        self._article_locks = KeyedLocks()
        self._waiting_user_ids: set[int] = set()

    async def load_cached(self, articles: Sequence[Article], language: str) -> tuple[str, ...] | SummaryFailure | None:
        """Return the stored summary of an article or a story, or the reason why there is none.

        The first article stands for the story. Returns None if no summary has been tried yet. Raises StoreError.
        """
        article = articles[0]
        if len(article.body or article.summary) < MIN_ARTICLE_LENGTH:
            return SummaryFailure.TOO_SHORT
        summary_by_article_id = await self._store.generated_texts.get(
            GeneratedTextKind.SUMMARY, [article.id], language=language, model=self._build_cache_key(articles)
        )
        if article.id not in summary_by_article_id:
            return None
        return tuple(summary_by_article_id[article.id].splitlines()) or SummaryFailure.NOT_SUPPORTED

    async def summarize(
        self,
        articles: Sequence[Article],
        language: str,
        *,
        server_id: int | None,
        user_id: int | None = None,
    ) -> tuple[str, ...] | SummaryFailure:
        """Return one or two sentences of plain text that sum up an article or a story, or why there are none.

        The first article stands for the story; the reader must be allowed to read all articles. The text counts against
        the quota of `server_id`. `user_id` is the user who waits for it, or None; each user gets one summary at a time.
        Raises StoreError.
        """
        if user_id is None:
            return await self._summarize_once(articles, language, server_id, is_background=True)
        if user_id in self._waiting_user_ids:
            return SummaryFailure.BUSY
        self._waiting_user_ids.add(user_id)
        try:
            return await self._summarize_once(articles, language, server_id, is_background=False)
        finally:
            self._waiting_user_ids.discard(user_id)

    def _build_cache_key(self, articles: Sequence[Article]) -> str:
        """Return the key under which a summary is stored: the model's id and, for a story, a hash of its articles.

        Who may read one article of a story may not be allowed to read all, so each set of articles has its own summary.
        """
        if len(articles) == 1:
            return self._client.model_id
        article_keys = " ".join(sorted(article.key for article in articles))
        return f"{self._client.model_id} {hashlib.blake2b(article_keys.encode(), digest_size=8).hexdigest()}"

    async def _summarize_once(
        self, articles: Sequence[Article], language: str, server_id: int | None, *, is_background: bool
    ) -> tuple[str, ...] | SummaryFailure:
        article_id = articles[0].id
        if article_id in self._article_locks:
            await self._article_locks.wait_until_free(article_id)
        self._article_locks[article_id] = None
        try:
            cached_summary = await self.load_cached(articles, language)
            if cached_summary is not None:
                return cached_summary
            if not await self._quota.has_quota(server_id):
                return SummaryFailure.QUOTA_EXHAUSTED
            return await self._write(articles, language, server_id, is_background=is_background)
        finally:
            self._article_locks.release(article_id)

    async def _write(
        self, articles: Sequence[Article], language: str, server_id: int | None, *, is_background: bool
    ) -> tuple[str, ...] | SummaryFailure:
        started_at = self._store.clock.now()
        passages = await asyncio.to_thread(_select_passages, articles)
        sentences: tuple[str, ...] = ()
        if passages:
            writing_outcome = await self._write_from_passages(
                passages, language, server_id, is_background=is_background
            )
            if writing_outcome is ModelFailure.SERVICE:
                return SummaryFailure.NO_ANSWER
            sentences = writing_outcome if isinstance(writing_outcome, tuple) else ()
        await self._store.generated_texts.add(
            GeneratedTextKind.SUMMARY,
            articles[0].id,
            "\n".join(sentences),
            language=language,
            model=self._build_cache_key(articles),
            server_id=server_id,
            started_at=started_at,
        )
        return sentences or SummaryFailure.NOT_SUPPORTED

    async def _write_from_passages(
        self, passages: Sequence[ArticlePassage], language: str, server_id: int | None, *, is_background: bool
    ) -> tuple[str, ...] | ModelFailure:
        """Return the sentences that the model writes and the passages support, or the failure of the model."""
        prompt = prompts.build_prompt(
            ModelTask.SUMMARIZE,
            _INSTRUCTIONS.format(language=prompts.get_language_name(language)),
            list(enumerate(passages, 1)),
        )
        shown_texts = [prompts.format_passage_with_heading(passage) for passage in passages]

        def parse_summary(reply: str) -> tuple[str, ...]:
            return _parse_summary(reply, prompt, shown_texts, language)

        sentences = await self._client.complete(
            prompt, parse_summary, max_tokens=MAX_REPLY_TOKENS, server_id=server_id, is_background=is_background
        )
        if isinstance(sentences, ModelFailure):
            return sentences
        if not self._verifies_sentences:
            is_one_language = {passage.article.language for passage in passages} == {language}
            return tuple(
                sentence
                for sentence in sentences
                if is_one_language and citation_checks.has_all_facts_and_names(sentence, shown_texts, language)
            )
        if not sentences:
            return ()
        verdicts = await verify_sentences(
            self._client,
            [Sentence(sentence, ()) for sentence in sentences],
            passages,
            server_id=server_id,
            is_background=is_background,
        )
        if isinstance(verdicts, ModelFailure):
            return verdicts
        return tuple(sentence for sentence, is_supported in zip(sentences, verdicts, strict=True) if is_supported)


def _parse_summary(reply: str, prompt: Prompt, shown_texts: Sequence[str], language: str) -> tuple[str, ...]:
    """Return the sentences of a summary in a model's reply that pass checks by fixed rules (numbers, links).

    Raises UnusableReply if the reply is too long or in another language, repeats the prompt or speaks to a model.
    """
    text = citation_checks.check_reply(reply, prompt)
    citation_checks.check_language(text, language)
    sentences = citation_checks.extract_plain_sentences(text, shown_texts, language)
    return tuple(sentence for sentence in sentences if len(sentence) <= MAX_SENTENCE_LENGTH)[:MAX_SUMMARY_SENTENCES]


def _select_passages(articles: Sequence[Article]) -> list[ArticlePassage]:
    """Return the beginnings of a story's newest articles as passages, the newest first.

    Articles with instructions to a model are left out.
    """
    newest_articles = sorted(articles, key=lambda article: -article.published)[:MAX_STORY_ARTICLES]
    chars_per_article = MAX_CHARS_READ // len(newest_articles)
    passages = [
        ArticlePassage(text, article)
        for article in newest_articles
        for text in _split_into_passages((article.body or article.summary)[:chars_per_article])
    ]
    return [passages[index] for index in prompts.find_injection_free_indexes(passages)]


def _split_into_passages(text: str) -> list[str]:
    """Split a text into passages of sentences, of at most `MAX_PASSAGE_LENGTH` characters; longer sentences are cut."""
    passages = [""]
    for sentence in excerpts.split_sentences(text):
        extended_passage = f"{passages[-1]} {sentence}".strip()
        if len(extended_passage) <= prompts.MAX_PASSAGE_LENGTH:
            passages[-1] = extended_passage
        else:
            passages.append(sentence[: prompts.MAX_PASSAGE_LENGTH])
    return [passage for passage in passages if passage]
