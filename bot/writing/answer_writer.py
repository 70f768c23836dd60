"""Answers that a model writes from passages, reduced to the sentences that these support."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bot.core.clock import Clock
from bot.core.settings import Settings
from bot.text import discord_text
from bot.writing import citation_checks, prompts
from bot.writing.citation_checks import Passage, Sentence
from bot.writing.model_client import ModelClient, model_client

MAX_PASSAGES = 8
"""Maximum number of passages that are shown to the model."""
MAX_TOKENS = 600
"""Maximum number of tokens of an answer."""

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
"""Callback with the supported sentences so far."""


class AnswerWriter:
    """Writer of answers by the configured model service."""

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
        is being written. Empty if there are no passages, if the service finds no answer in them or fails, or
        if no sentence is supported.
        """
        shown = list(passages[:MAX_PASSAGES])
        trusted = await asyncio.to_thread(prompts.injection_free_indexes, shown)
        if not trusted:
            return ()
        asked = f"Question: {discord_text.to_plain_line(question, prompts.MAX_QUESTION_LENGTH)}"
        material = [shown[number] for number in trusted]

        def held(written: str) -> tuple[Sentence, ...]:
            kept = citation_checks.supported_sentences(written, material, language, question)
            return tuple(
                Sentence(each.text, tuple(trusted[cited - 1] + 1 for cited in each.citations))
                for each in kept
            )

        listener = None if on_sentences is None else _StreamChecker(held, on_sentences)
        try:
            written = await self._client.complete(
                prompts.build_messages(_ANSWER_INSTRUCTION, asked, material, language),
                max_tokens=MAX_TOKENS,
                on_partial=None if listener is None else listener.feed,
            )
        finally:
            if listener is not None:
                listener.close()
        if written is None or _NO_ANSWER in written:
            return ()
        return await asyncio.to_thread(held, written)


class _StreamChecker:
    """Checker of an answer that is being written: one check at a time, after another citation ends."""

    def __init__(self, held: Callable[[str], tuple[Sentence, ...]], told: OnSentences) -> None:
        self._supported, self._on_sentences = held, told
        self._cited = 0
        self._count = 0
        self._check: asyncio.Task[None] | None = None

    def feed(self, written: str) -> None:
        cited = written.count("]")
        if cited > self._cited and (self._check is None or self._check.done()):
            self._cited = cited
            self._check = asyncio.create_task(self._check_sentences(written))

    def close(self) -> None:
        if self._check is not None:
            self._check.cancel()

    async def _check_sentences(self, written: str) -> None:
        sentences = await asyncio.to_thread(self._supported, written)
        if len(sentences) > self._count:
            self._count = len(sentences)
            self._on_sentences(sentences)


@asynccontextmanager
async def open_answer_writer(settings: Settings, clock: Clock) -> AsyncIterator[AnswerWriter | None]:
    """Open the writer within the block; None if no model service is configured."""
    async with model_client(settings, clock) as client:
        yield None if client is None else AnswerWriter(client)
