"""Answers that a model writes from passages, reduced to the sentences that the passages support."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bot.core.clock import Clock
from bot.core.settings import Settings
from bot.text import discord_text
from bot.writing import citation_checks, prompts
from bot.writing.citation_checks import Passage, Sentence
from bot.writing.model_client import ModelClient, open_model_client

MAX_PASSAGES = 8
"""Maximum number of passages that the model is shown for an answer."""
MAX_TOKENS = 600
"""Maximum number of tokens that the model may generate for an answer."""

_NO_ANSWER = "NO ANSWER"
_CITATION_INSTRUCTION = (
    "Every sentence ends with the number of the passage that it rests on, as in: The tool was launched in "
    "2016 [2]. Take every number, date and name from that passage, unchanged."
)
_ANSWER_INSTRUCTION = (
    "You answer readers of a news archive, only from the numbered passages below. Write in {language}, at "
    "most four short sentences, in plain text without links, lists or markup. "
    + _CITATION_INSTRUCTION
    + " If the passages "
    "do not answer the question, write only: " + _NO_ANSWER + "."
)

OnSentences = Callable[[tuple[Sentence, ...]], None]
"""Callback that receives the supported sentences of an answer while it is being written."""


class AnswerWriter:
    """Writer of answers by the configured language model service."""

    def __init__(self, client: ModelClient) -> None:
        self._client = client

    async def write(
        self,
        question: str,
        passages: Sequence[Passage],
        language: str | None,
        on_sentences: OnSentences | None = None,
    ) -> tuple[Sentence, ...]:
        """Return sentences that answer a question, each with the 1-based numbers of the passages it cites.

        `language` is the ISO 639-1 code of the answer's language; `on_sentences` is called while the answer
        is being written. Returns an empty tuple if there are no passages, if the service finds no answer in
        them or fails, or if no sentence is supported.
        """
        shown_passages = list(passages[:MAX_PASSAGES])
        trusted_indexes = await asyncio.to_thread(prompts.find_injection_free_indexes, shown_passages)
        if not trusted_indexes:
            return ()
        question_text = f"Question: {discord_text.to_plain_line(question, prompts.MAX_QUESTION_LENGTH)}"
        trusted_passages = [shown_passages[passage_index] for passage_index in trusted_indexes]

        def check_support(generated_text: str) -> tuple[Sentence, ...]:
            supported_sentences = citation_checks.filter_supported_sentences(
                generated_text, trusted_passages, language, question
            )
            return tuple(
                Sentence(sentence.text, tuple(trusted_indexes[citation - 1] + 1 for citation in sentence.citations))
                for sentence in supported_sentences
            )

        stream_checker = None if on_sentences is None else _StreamChecker(check_support, on_sentences)
        try:
            answer_text = await self._client.complete(
                prompts.build_messages(_ANSWER_INSTRUCTION, question_text, trusted_passages, language),
                max_tokens=MAX_TOKENS,
                on_partial=None if stream_checker is None else stream_checker.feed,
            )
        finally:
            if stream_checker is not None:
                stream_checker.close()
        if answer_text is None or _NO_ANSWER in answer_text:
            return ()
        return await asyncio.to_thread(check_support, answer_text)


class _StreamChecker:
    """Checker of an answer while it is being written: checks it again when another citation ends.

    Only one check runs at a time.
    """

    def __init__(self, check_support: Callable[[str], tuple[Sentence, ...]], on_sentences: OnSentences) -> None:
        self._check_support, self._on_sentences = check_support, on_sentences
        self._citation_count = 0
        self._sentence_count = 0
        self._check_task: asyncio.Task[None] | None = None

    def feed(self, generated_text: str) -> None:
        citation_count = generated_text.count("]")
        if citation_count > self._citation_count and (self._check_task is None or self._check_task.done()):
            self._citation_count = citation_count
            self._check_task = asyncio.create_task(self._check_sentences(generated_text))

    def close(self) -> None:
        if self._check_task is not None:
            self._check_task.cancel()

    async def _check_sentences(self, generated_text: str) -> None:
        sentences = await asyncio.to_thread(self._check_support, generated_text)
        if len(sentences) > self._sentence_count:
            self._sentence_count = len(sentences)
            self._on_sentences(sentences)


@asynccontextmanager
async def open_answer_writer(settings: Settings, clock: Clock) -> AsyncIterator[AnswerWriter | None]:
    """Open a writer of answers within the block; yield None if no model service is configured."""
    async with open_model_client(settings, clock) as client:
        yield None if client is None else AnswerWriter(client)
