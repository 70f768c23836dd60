"""Notice that an answer is being written by a model."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import discord

from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from cogs.asking.written_answer_cards import writing_view


class WritingNotice:
    """Context manager that shows the notice "Writing…" when a model begins to write the answer to a question.

    Entering the block returns the function to call when the model begins. Leaving the block waits until the
    notice is sent, so that it cannot overwrite the answer; an answer also follows a notice that Discord did not take.
    """

    def __init__(
        self, send_view: Callable[[discord.ui.LayoutView], Awaitable[object]], *, question: str | None = None
    ) -> None:
        self._send_view, self._question = send_view, question
        self._sending_task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Callable[[], None]:
        return self._start_sending

    async def __aexit__(self, *_error: object) -> None:
        if self._sending_task is not None:
            await self._sending_task

    def _start_sending(self) -> None:
        self._sending_task = asyncio.create_task(self._send())

    async def _send(self) -> None:
        with contextlib.suppress(*DISCORD_ERRORS):  # The answer follows.
            await self._send_view(writing_view(self._question))
