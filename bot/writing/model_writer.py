"""Answers and summaries that a model writes from passages, as far as they hold."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bot.core.clock import Clock
from bot.core.settings import Settings
from bot.text import safe
from bot.writing import citations, prompts
from bot.writing.citations import Passage, Sentence
from bot.writing.model_client import ModelClient, model_client

PASSAGES = 8
"""Passages shown to the model at the most."""
MAX_TOKENS = 600

_NOTHING = "NO ANSWER"
_CITED = (
    "Every sentence ends with the number of the passage that it rests on, as in: The tool was launched in "
    "2016 [2]. Take every number, date and name from that passage, unchanged."
)
_ANSWER = (
    "You answer readers of a news archive, only from the numbered passages below. Write in {language}, at "
    "most four short sentences, in plain text without links, lists or markup. " + _CITED + " If the passages "
    "do not answer the question, write only: " + _NOTHING + "."
)

Told = Callable[[tuple[Sentence, ...]], None]
"""Called with the sentences that hold so far."""


class Writer:
    """Has the configured service write from passages."""

    def __init__(self, client: ModelClient) -> None:
        self._client = client

    async def write(
        self, question: str, passages: Sequence[Passage], language: str | None, told: Told | None = None
    ) -> tuple[Sentence, ...]:
        """Sentences that answer from these passages, each with the 1-based numbers of those that it cites.

        `language` (ISO 639-1) is the one to answer in; `told` hears of them while they are being written.
        None when there are no passages, when the service says that they do not answer, when nothing that it
        wrote holds, and when it fails.
        """
        shown = list(passages[:PASSAGES])
        trusted = await asyncio.to_thread(prompts.trusted, shown)
        if not trusted:
            return ()
        asked = f"Question: {safe.plain(question, prompts.ASKED)}"
        material = [shown[number] for number in trusted]

        def held(written: str) -> tuple[Sentence, ...]:
            kept = citations.held(written, material, language, question)
            return tuple(
                Sentence(each.text, tuple(trusted[cited - 1] + 1 for cited in each.cites)) for each in kept
            )

        listener = None if told is None else _Listener(held, told)
        try:
            written = await self._client.complete(
                prompts.messages(_ANSWER, asked, material, language),
                most=MAX_TOKENS,
                told=None if listener is None else listener.hear,
            )
        finally:
            if listener is not None:
                listener.close()
        if written is None or _NOTHING in written:
            return ()
        return await asyncio.to_thread(held, written)


class _Listener:
    """Checks what is written while it is: each time another citation ends, and not while a check is on."""

    def __init__(self, held: Callable[[str], tuple[Sentence, ...]], told: Told) -> None:
        self._held, self._told = held, told
        self._cited = 0
        self._count = 0
        self._check: asyncio.Task[None] | None = None

    def hear(self, written: str) -> None:
        cited = written.count("]")
        if cited > self._cited and (self._check is None or self._check.done()):
            self._cited = cited
            self._check = asyncio.create_task(self._hold(written))

    def close(self) -> None:
        if self._check is not None:
            self._check.cancel()

    async def _hold(self, written: str) -> None:
        sentences = await asyncio.to_thread(self._held, written)
        if len(sentences) > self._count:
            self._count = len(sentences)
            self._told(sentences)


@asynccontextmanager
async def writer_of(settings: Settings, clock: Clock) -> AsyncIterator[Writer | None]:
    """The writer, where a service is configured, closed at the end."""
    async with model_client(settings, clock) as client:
        yield None if client is None else Writer(client)
