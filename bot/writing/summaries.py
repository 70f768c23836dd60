"""What an article says in two sentences that a model wrote, as far as they hold against it."""

import asyncio
from enum import StrEnum

from bot.core.keyed_locks import Turns
from bot.core.models import Article
from bot.store import Store
from bot.store.records.content_records import WrittenKind
from bot.text import excerpts
from bot.writing import citations, prompts
from bot.writing.citations import Piece
from bot.writing.model_client import ModelClient
from bot.writing.writing_budget import WritingBudget

SENTENCES = 2
LONGEST = 220
"""Characters of a sentence."""
SHORTEST = 400
"""Characters of an article from which on there is something to sum up."""
READ = 4_800
"""Characters of an article that the model reads."""
IN_A_ROW = 3
"""Sentences of an article against which one of a summary must hold, as in the windows of answers."""
MAX_TOKENS = 160

_INSTRUCTIONS = (
    "You sum up one news article for busy readers, only from the numbered passages below, which are its "
    "beginning. Write in {language}, exactly two short sentences in plain text, without links, lists, markup "
    "or numbers of passages: first what happened, then what it means or what comes next. Take every number, "
    "date and name from the passages, unchanged."
)


class NotWritten(StrEnum):
    """Why there is no summary."""

    TOO_SHORT = "too-short"
    NO_ROOM = "no-room"  # too many were written in a day
    BUSY = "busy"  # one for the same person is being written
    NO_ANSWER = "no-answer"  # the service failed, or failed a moment ago
    NOT_HELD = "not-held"  # what it wrote is not in the article


class Summaries:
    """Summaries of articles, each written once for a language."""

    def __init__(self, store: Store, client: ModelClient, budget: WritingBudget) -> None:
        self._store, self._client, self._budget = store, client, budget
        self._turns = Turns()
        self._waiting: set[int] = set()

    async def known(self, article: Article, language: str) -> tuple[str, ...] | NotWritten | None:
        """The summary, where it was written, or why there is none; None where it was not asked for yet."""
        if len(article.body or article.summary) < SHORTEST:
            return NotWritten.TOO_SHORT
        texts = await self._store.written_texts.get(
            WrittenKind.SUMMARY, [article.id], language=language, model=self._client.model
        )
        if article.id not in texts:
            return None
        return tuple(texts[article.id].splitlines()) or NotWritten.NOT_HELD

    async def of(
        self,
        article: Article,
        language: str,
        *,
        server_id: int | None,
        person_id: int | None = None,
    ) -> tuple[str, ...] | NotWritten:
        """One or two sentences, plain text, or why there are none.

        `server_id` is the server for whose people it is written, `person_id` who waits for it: for one at a
        time.
        """
        if person_id is None:
            return await self._of(article, language, server_id, aside=True)
        if person_id in self._waiting:
            return NotWritten.BUSY
        self._waiting.add(person_id)
        try:
            return await self._of(article, language, server_id, aside=False)
        finally:
            self._waiting.discard(person_id)

    async def _of(
        self, article: Article, language: str, server_id: int | None, *, aside: bool
    ) -> tuple[str, ...] | NotWritten:
        if article.id in self._turns:
            await self._turns.free(article.id)
        self._turns[article.id] = None
        try:
            known = await self.known(article, language)
            if known is not None:
                return known
            if not await self._budget.has_room(server_id):
                return NotWritten.NO_ROOM
            return await self._write(article, language, server_id, aside=aside)
        finally:
            self._turns.end(article.id)

    async def _write(
        self, article: Article, language: str, server_id: int | None, *, aside: bool
    ) -> tuple[str, ...] | NotWritten:
        begun = self._store.clock.now()
        passages = [Piece(text, article) for text in _stretches((article.body or article.summary)[:READ])]
        sentences: tuple[str, ...] = ()
        if await asyncio.to_thread(prompts.trusted, passages):
            written = await self._client.complete(
                prompts.messages(_INSTRUCTIONS, "", passages, language), most=MAX_TOKENS, aside=aside
            )
            if written is None:
                return NotWritten.NO_ANSWER
            kept = await asyncio.to_thread(_held, written, article, language)
            sentences = tuple(each for each in kept if len(each) <= LONGEST)[:SENTENCES]
        await self._store.written_texts.add(
            WrittenKind.SUMMARY,
            article.id,
            "\n".join(sentences),
            language=language,
            model=self._client.model,
            server_id=server_id,
            as_of=begun,
        )
        return sentences or NotWritten.NOT_HELD


def _held(written: str, article: Article, language: str) -> tuple[str, ...]:
    """The sentences that hold each against a few sentences in a row of what the model read."""
    text = (article.body or article.summary)[:READ]
    sentences = excerpts.sentences(text)
    rows = [Piece(" ".join(sentences[at : at + IN_A_ROW]), article) for at in range(len(sentences))]
    return citations.held_by(written, rows, language)


def _stretches(text: str) -> list[str]:
    """A text in stretches of whole sentences that fit into a passage each."""
    found = [""]
    for sentence in excerpts.sentences(text):
        longer = f"{found[-1]} {sentence}".strip()
        if len(longer) <= prompts.PASSAGE:
            found[-1] = longer
        else:
            found.append(sentence[: prompts.PASSAGE])
    return [stretch for stretch in found if stretch]
