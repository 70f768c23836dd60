"""Display of an answer that appears sentence by sentence while a model writes it."""

import asyncio
from collections.abc import Awaitable, Callable

import discord

from bot.answers.answer_model import Answer
from bot.core.clock import Clock
from cogs.asking.answer_views import draft_view

EDIT_INTERVAL_SECONDS = 1.2
"""Minimum time in seconds between two edits of an answer: Discord allows about five in five seconds.

https://discord.com/developers/docs/topics/rate-limits
"""


class StreamedAnswer:
    """Context manager that shows the latest draft of an answer until the answer is ready.

    A failed edit is not repeated, because the answer follows. No edit is in progress after the block, so that
    no draft overwrites the answer.
    """

    def __init__(
        self,
        send_view: Callable[[discord.ui.LayoutView], Awaitable[object]],
        clock: Clock,
        *,
        shows_title: bool,
    ) -> None:
        self._send_view, self._clock, self._shows_title = send_view, clock, shows_title
        self._latest_draft: Answer | None = None
        self._sending_task: asyncio.Task[None] | None = None
        self._edit_lock = asyncio.Lock()

    async def __aenter__(self) -> Callable[[Answer], None]:
        return self._on_draft

    async def __aexit__(self, *_error: object) -> None:
        self._latest_draft = None
        async with self._edit_lock:
            if self._sending_task is not None:
                self._sending_task.cancel()

    def _on_draft(self, answer: Answer) -> None:
        self._latest_draft = answer
        if self._sending_task is None or self._sending_task.done():
            self._sending_task = asyncio.create_task(self._send_drafts())

    async def _send_drafts(self) -> None:
        while await self._send_latest_draft():
            await self._clock.sleep(EDIT_INTERVAL_SECONDS)

    async def _send_latest_draft(self) -> bool:
        """Show the latest draft.

        Returns False if there is no new draft or the edit failed.
        """
        async with self._edit_lock:
            draft, self._latest_draft = self._latest_draft, None
            if draft is None:
                return False
            try:
                await self._send_view(draft_view(draft, shows_title=self._shows_title))
            except discord.HTTPException:
                return False
            return True
