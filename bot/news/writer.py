"""The optional model: a service that writes an answer from passages, and is never believed."""

from __future__ import annotations

from collections.abc import Sequence

from bot.news.answer import Quote, Sentence


class Writer:
    """Asks a server with the OpenAI chat API to write answers from passages."""

    async def write(self, question: str, quotes: Sequence[Quote]) -> tuple[Sentence, ...]:
        """Sentences that answer from these passages; none when nothing written holds."""
        return ()
