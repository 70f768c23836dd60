"""Chores: what was sent, and needs a little more. One task does them, a few at a time."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

import discord

from bot.core.clock import Clock
from bot.core.models import Dispatch
from bot.core.settings import Settings
from bot.posting import after_sending
from bot.posting.rendering.messages import Message
from bot.posting.send_outcomes import ARTICLE_GONE, Later, Outcome, Refused
from bot.store import UNTIL_NEXT_TRY, DatabaseFault, Store

log = logging.getLogger(__name__)

_AFTER_FAULT = 60
_EDITS = 20


class Chores:
    """What follows sent messages, and edits. `render` makes a message, `on_end` is told of each round."""

    def __init__(
        self,
        store: Store,
        client: discord.Client,
        clock: Clock,
        settings: Settings,
        render: Callable[[Dispatch], Awaitable[Message | None]],
        *,
        on_end: Callable[[], None],
    ) -> None:
        self._store, self._client, self._clock, self._settings = store, client, clock, settings
        self._render, self._on_end = render, on_end
        self._unfinished: dict[int, tuple[int, Dispatch]] = {}  # dispatches to finish at a time
        self.task: asyncio.Task[None] | None = None
        self.stopping = False
        """Whether nothing new is to be begun."""

    async def begin(self) -> None:
        """Learn, once, what an earlier process left unfinished."""
        now = self._clock.now()
        for dispatch in await self._store.dispatches.unfinished():
            self._unfinished[dispatch.id] = (now, dispatch)

    async def start(self, now: int) -> None:
        """Begin where something is due and nothing is under way."""
        if self.task is not None:
            return
        chores = any(due <= now for due, _dispatch in self._unfinished.values())
        edits = await self._store.dispatches.edits_due(now, _EDITS)
        if (chores or edits) and self.task is None:
            self.task = asyncio.create_task(self._do(edits))
            self.task.add_done_callback(self._ended)

    def dues(self) -> list[int]:
        """When there is something to finish, unless that is under way."""
        return [due for due, _dispatch in self._unfinished.values()] if self.task is None else []

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        self._unfinished = {id_: (due - by, dispatch) for id_, (due, dispatch) in self._unfinished.items()}

    async def finish(self, dispatch: Dispatch) -> None:
        """Do what follows a sent message. Never raises: it must not look as if the message was not sent."""
        self._unfinished.pop(dispatch.id, None)
        try:
            later = await after_sending.finish(self._client, dispatch, seed=self._settings.seed_reaction)
            if later is None:
                await self._store.dispatches.finished(dispatch.id)
        except DatabaseFault:
            later = Later(UNTIL_NEXT_TRY, "")
        except Exception:
            log.exception("Dispatch %d was sent and not finished", dispatch.id)
            later = Later(_AFTER_FAULT, "")
        if later is not None:
            self._unfinished[dispatch.id] = (self._clock.now() + math.ceil(later.seconds), dispatch)

    async def _do(self, edits: list[Dispatch]) -> None:
        now = self._clock.now()
        for due, dispatch in list(self._unfinished.values()):
            if due <= now and not self.stopping:
                await self.finish(dispatch)
        for dispatch in edits:
            if not self.stopping:
                try:
                    await self._edit(dispatch)
                except DatabaseFault:
                    await self._clock.sleep(UNTIL_NEXT_TRY)
                    return
                except Exception:
                    log.exception("The message of dispatch %d was not edited", dispatch.id)
                    await self._store.dispatches.edit_later(dispatch.id, now + _AFTER_FAULT)

    async def _edit(self, dispatch: Dispatch) -> None:
        message = await self._render(dispatch)
        outcome: Outcome | None = Refused(ARTICLE_GONE)
        if message is not None:
            outcome = await after_sending.edit(self._client, dispatch, message)
        if outcome is None:
            await self._store.dispatches.edited(
                dispatch.id, as_of=dispatch.edit_due, shown=dispatch.joined_ids
            )
        elif isinstance(outcome, Later):
            due = self._clock.now() + math.ceil(outcome.seconds)
            await self._store.dispatches.edit_later(dispatch.id, due)
        elif await self._store.dispatches.never_edited(dispatch.id):
            self._on_end()

    def _ended(self, _task: asyncio.Task[None]) -> None:
        self.task = None
        self._on_end()
