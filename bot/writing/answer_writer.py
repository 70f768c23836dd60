"""Answers that a model writes from passages, reduced to the sentences that their passages support."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from bot.core import i18n
from bot.core.clock import Clock
from bot.core.concurrency.rate_limits import TokenBucket
from bot.core.configuration.settings import Settings
from bot.text.language import detect_language
from bot.writing import citation_checks, prompts
from bot.writing.citation_checks import Passage, Sentence
from bot.writing.model_client import ModelClient, open_model_client
from bot.writing.model_tasks import ModelFailure, ModelTask, Prompt
from bot.writing.question_rewriter import (
    TIMEOUT_SHARE,
    Conversation,
    QuestionRewriter,
    RewrittenQuestion,
    format_conversation_lines,
)
from bot.writing.sentence_verifier import verify_sentences

MAX_PASSAGES = 12
"""Maximum number of passages that the model is shown for an answer."""
MAX_REPLY_TOKENS = 400
"""Maximum number of tokens that the model may generate for an answer."""
MAX_ANSWERS_PER_SERVER = 30
"""Number of answers that may be written for a server at once; they refill steadily in `ANSWER_PERIOD_SECONDS`."""
ANSWER_PERIOD_SECONDS = 600.0
"""Time in seconds in which a server's allowance of written answers refills from nothing to its maximum."""

_NO_ANSWER = "NO ANSWER"
_UNCLEAR_LANGUAGE = "the language of the question ({current} if it is neither English nor French)"
_INSTRUCTIONS = (
    "You answer readers of a news archive, only from the numbered passages below, each with its outlet and date. Write "
    "in {language}, one to three short sentences of at most 350 characters together, in plain text without links, "
    "lists or markup; translate what is in another language. Begin with the answer itself and name who or what you "
    "write about. Every sentence ends with the numbers of the passages that it rests on, as in: The tool was launched "
    "in 2016 [2]. Take every number, date and name from these passages, unchanged. If passages differ because time has "
    "passed, the newest wins; then say since when it is so. If the passages do not answer the question, write only: "
    + _NO_ANSWER
)


class WrittenAnswer(NamedTuple):
    """Sentences of an answer; `is_refused` if the model says that the passages do not answer the question."""

    sentences: tuple[Sentence, ...] = ()
    is_refused: bool = False


class AnswerWriter:
    """Writer of answers by the configured language model service, which rewrites the questions first."""

    def __init__(self, client: ModelClient, settings: Settings, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._rewriter = QuestionRewriter(client, clock)
        self._verifies_sentences = settings.model_verify
        self.max_passage_chars = settings.model_characters
        """Maximum number of characters of all passages that the model is shown for an answer."""
        self._server_limiter = TokenBucket(
            clock, max_tokens=MAX_ANSWERS_PER_SERVER, period_seconds=ANSWER_PERIOD_SECONDS
        )

    @property
    def model_display_name(self) -> str:
        """The language model's name as people are shown it."""
        return self._client.display_name

    @property
    def verifies_sentences(self) -> bool:
        """Whether a second request to the model checks that the cited passages support each sentence."""
        return self._verifies_sentences

    def is_allowance_used_up(self, server_id: int | None) -> bool:
        """Return whether a server has used up its allowance of answers; without a server (None) there is no limit."""
        return server_id is not None and self._server_limiter.retry_after(server_id) > 0

    def begin_answer(self, server_id: int | None) -> float | None:
        """Take an answer from a server's allowance, and return the event loop's time at which it must be ready.

        Returns None, and takes nothing, if the client pauses after a failure or the server's allowance is used up.
        Without a server (None) there is no limit.
        """
        if self._client.is_paused or self.is_allowance_used_up(server_id):
            return None
        if server_id is not None:
            self._server_limiter.consume(server_id)
        return asyncio.get_running_loop().time() + self._client.timeout_seconds

    async def rewrite(
        self, conversation: Conversation, *, server_id: int | None, deadline: float
    ) -> RewrittenQuestion | None:
        """Return a question in the words of articles; None if the model fails, is late or replies unusably.

        `deadline` is the event loop's time at which the answer must be ready; the rewriting gets `TIMEOUT_SHARE` of the
        time for the answer.
        """
        rewriting_deadline = deadline - (1 - TIMEOUT_SHARE) * self._client.timeout_seconds
        return await self._rewriter.rewrite(conversation, server_id=server_id, deadline=rewriting_deadline)

    async def write(
        self,
        conversation: Conversation,
        passages: Sequence[Passage],
        language: str | None,
        *,
        server_id: int | None,
        deadline: float,
        on_writing: Callable[[], None] | None = None,
    ) -> WrittenAnswer:
        """Return sentences that answer a question, each with the 1-based numbers of the passages that support it.

        `language` is the ISO 639-1 code of the answer's language, None for the language of the question. `deadline` is
        the event loop's time at which the answer must be ready. `on_writing` is called before the request to the model.
        There are no sentences if no passage is free of instructions to a model, the service fails, a reply is unusable,
        the model finds no answer, or no sentence is supported.
        """
        trusted_indexes = await asyncio.to_thread(prompts.find_injection_free_indexes, passages)
        if not trusted_indexes:
            return WrittenAnswer()
        trusted_passages = [passages[passage_index] for passage_index in trusted_indexes]
        shown_texts = [prompts.format_passage_with_heading(passage) for passage in trusted_passages]
        prompt = prompts.build_prompt(
            ModelTask.ANSWER,
            _INSTRUCTIONS.format(
                language=_UNCLEAR_LANGUAGE.format(current=prompts.get_language_name(i18n.current_language()))
                if language is None
                else prompts.get_language_name(language)
            ),
            list(enumerate(trusted_passages, 1)),
            lines_before=(
                f"Today: {prompts.format_date(self._clock.now())}",
                *format_conversation_lines(conversation),
                "",
            ),
        )
        if on_writing is not None:
            on_writing()

        def parse_answer(reply: str) -> WrittenAnswer:
            return _parse_answer(reply, prompt, shown_texts, language)

        answer = await self._client.complete(
            prompt, parse_answer, max_tokens=MAX_REPLY_TOKENS, server_id=server_id, deadline=deadline
        )
        if isinstance(answer, ModelFailure):
            return WrittenAnswer()
        supported_sentences = await self._select_supported(
            answer.sentences, trusted_passages, conversation.question, language, server_id=server_id, deadline=deadline
        )
        return answer._replace(
            sentences=tuple(
                sentence._replace(citations=tuple(trusted_indexes[citation - 1] + 1 for citation in sentence.citations))
                for sentence in supported_sentences
            )
        )

    async def _select_supported(
        self,
        sentences: Sequence[Sentence],
        passages: Sequence[Passage],
        question: str,
        language: str | None,
        *,
        server_id: int | None,
        deadline: float,
    ) -> list[Sentence]:
        """Return the sentences that the passages they cite support; none if the model's check fails."""
        if not self._verifies_sentences or not sentences:
            return [sentence for sentence in sentences if _is_strictly_supported(sentence, passages, language)]
        verdicts = await verify_sentences(
            self._client, sentences, passages, question=question, server_id=server_id, deadline=deadline
        )
        if isinstance(verdicts, ModelFailure):
            return []
        return [sentence for sentence, is_supported in zip(sentences, verdicts, strict=True) if is_supported]


def _parse_answer(reply: str, prompt: Prompt, shown_texts: Sequence[str], language: str | None) -> WrittenAnswer:
    """Return the sentences of a model's reply that pass checks by fixed rules (numbers, links), or its refusal.

    Raises UnusableReply if the reply is too long or in another language, repeats the prompt or speaks to a model.
    """
    text = citation_checks.check_reply(reply, prompt)
    if _NO_ANSWER in text:
        return WrittenAnswer(is_refused=True)
    citation_checks.check_language(text, language)
    return WrittenAnswer(citation_checks.extract_cited_sentences(text, shown_texts, language))


def _is_strictly_supported(sentence: Sentence, passages: Sequence[Passage], language: str | None) -> bool:
    """Return whether the cited passages are in a sentence's language and have all its numbers, dates and names."""
    cited_passages = [passages[citation - 1] for citation in sentence.citations]
    languages = {language or detect_language(sentence.text), *(passage.article.language for passage in cited_passages)}
    return len(languages) == 1 and (
        citation_checks.has_all_facts_and_names(
            sentence.text, [prompts.format_passage_with_heading(passage) for passage in cited_passages], language
        )
    )


@asynccontextmanager
async def open_answer_writer(settings: Settings, clock: Clock) -> AsyncIterator[AnswerWriter | None]:
    """Open a writer of answers within the block; yield None if no language model service is configured."""
    async with open_model_client(settings, clock) as client:
        yield None if client is None else AnswerWriter(client, settings, clock)
