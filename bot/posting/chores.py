"""Chores: what was sent, and needs a little more. Each channel's are done in turn, and no channel waits.

Edits and what follows a message are apart: a reaction waits until nothing else is to be asked of Discord.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from typing import Any

from bot.core.fair_queue import FairSlots
from bot.core.models import Dispatch
from bot.posting import after_sending
from bot.posting.posting_context import PostingContext
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_places
from bot.posting.sending.lease_checks import acting_for
from bot.posting.sending.send_outcomes import Later, Outcome, Problem, Refused
from bot.store import UNTIL_NEXT_TRY, DatabaseFault, LeaseLost

log = logging.getLogger(__name__)

CONCURRENT = 32
"""Edits under way at a time, all channels together; servers share them."""
_AFTER_FAULT = 60


class Chores:
    """What follows sent messages, and edits. `render` makes a message; the courier is woken at every end."""

    def __init__(
        self, context: PostingContext, render: Callable[[Dispatch], Awaitable[Message | None]]
    ) -> None:
        self._context, self._render = context, render
        self._store, self._clock = context.store, context.clock
        self._slots = FairSlots(CONCURRENT)
        self._unfinished: dict[int, dict[int, tuple[int, Dispatch]]] = {}  # by channel: to finish at a time
        self._finishing: dict[int, asyncio.Task[None]] = {}
        self._editing: dict[int, asyncio.Task[None]] = {}
        self.stopping = False
        """Whether nothing new is to be begun."""

    async def begin(self, shard: int) -> None:
        """Learn, once, what whoever had a shard left unfinished."""
        for dispatch in await self._store.dispatches.unfinished(shard):
            self._finish_at(self._clock.now(), dispatch)

    async def start(self, now: int) -> None:
        """Begin in each channel where something is due and nothing is under way."""
        for channel_id in [each for each, due in self._next_dues() if due <= now]:
            self._begin(self._finishing, channel_id, self._finish_all)
        for channel_id in await self._store.dispatches.edit_channels(now, self._editing.keys()):
            self._begin(self._editing, channel_id, self._edit_all)

    def tasks(self) -> list[asyncio.Task[None]]:
        """What is under way."""
        return [*self._finishing.values(), *self._editing.values()]

    async def next_due(self) -> int | None:
        """When something is due in a channel where nothing is under way; None when nothing will be."""
        dues = [due for _channel_id, due in self._next_dues()]
        edit = await self._store.dispatches.next_edit(self._editing.keys())
        return min(dues if edit is None else [*dues, edit], default=None)

    def clock_set_back(self, by: int) -> None:
        """The wall clock was set back by so many seconds."""
        for line in self._unfinished.values():
            line.update({id_: (due - by, dispatch) for id_, (due, dispatch) in line.items()})

    def finish_soon(self, dispatch: Dispatch) -> None:
        """Do what follows a message that was sent just now, and hold nobody up."""
        self._finish_at(self._clock.now(), dispatch)
        self._begin(self._finishing, dispatch.channel_id, self._finish_all)

    async def finish(self, dispatch: Dispatch) -> None:
        """Do what follows a sent message. Never raises: it must not look as if the message was not sent."""
        acting_for.set(dispatch.server_id)
        try:
            later = await after_sending.finish(
                self._context.client, dispatch, seed=self._context.settings.seed_reaction
            )
            if later is None:
                await self._store.dispatches.finished(dispatch.id)
        except (DatabaseFault, LeaseLost) as fault:
            if isinstance(fault, LeaseLost) and not self._store.shards.has(dispatch.server_id):
                return  # whoever has the shard does it
            later = Later(UNTIL_NEXT_TRY, "")
        except Exception:
            log.exception("Dispatch %d was sent and not finished", dispatch.id)
            later = Later(_AFTER_FAULT, "")
        if later is not None:
            self._finish_at(self._clock.now() + math.ceil(later.seconds), dispatch)

    def _finish_at(self, due: int, dispatch: Dispatch) -> None:
        self._unfinished.setdefault(dispatch.channel_id, {})[dispatch.id] = (due, dispatch)

    def _next_dues(self) -> Iterator[tuple[int, int]]:
        """Channels in which nothing is being finished, with the time when something is to be."""
        for channel_id, line in self._unfinished.items():
            if channel_id not in self._finishing:
                yield channel_id, min(due for due, _dispatch in line.values())

    def _begin(
        self,
        under_way: dict[int, asyncio.Task[None]],
        channel_id: int,
        work: Callable[[int], Coroutine[Any, Any, None]],
    ) -> None:
        if channel_id not in under_way and not self.stopping:
            task = under_way[channel_id] = asyncio.create_task(work(channel_id))
            task.add_done_callback(partial(self._ended, under_way, channel_id))

    def _ended(
        self, under_way: dict[int, asyncio.Task[None]], channel_id: int, task: asyncio.Task[None]
    ) -> None:
        del under_way[channel_id]
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not isinstance(fault, DatabaseFault | LeaseLost):
            log.error("What was sent to channel %d is not looked after", channel_id, exc_info=fault)
        if under_way is self._editing or channel_id in self._unfinished:  # there is a next time to know of
            self._context.wake()

    async def _finish_all(self, channel_id: int) -> None:
        while not self.stopping:
            now = self._clock.now()
            line = self._unfinished[channel_id]
            dispatch = next((dispatch for due, dispatch in line.values() if due <= now), None)
            if dispatch is None:
                return
            del line[dispatch.id]
            await self.finish(dispatch)
            if not line:
                del self._unfinished[channel_id]
                return

    async def _edit_all(self, channel_id: int) -> None:
        while not self.stopping:
            async with self._slots.turn(message_places.share_of(self._context.client, channel_id)):
                dispatch = next(
                    iter(await self._store.dispatches.edits_due(self._clock.now(), 1, channel_id)), None
                )
                if dispatch is None:
                    return
                try:
                    await self._edit(dispatch)
                except (DatabaseFault, LeaseLost):
                    await self._clock.sleep(UNTIL_NEXT_TRY)
                    return
                except Exception:
                    log.exception("The message of dispatch %d was not edited", dispatch.id)
                    due = self._clock.now() + _AFTER_FAULT
                    await self._store.dispatches.edit_later(dispatch.id, due)

    async def _edit(self, dispatch: Dispatch) -> None:
        acting_for.set(dispatch.server_id)
        message = await self._render(dispatch)
        outcome: Outcome | None = Refused(Problem.ARTICLE_GONE)
        if message is not None:
            outcome = await after_sending.edit(
                self._context.client, self._context.webhooks, dispatch, message
            )
        if outcome is None:
            await self._store.dispatches.edited(
                dispatch.id, as_of=dispatch.edit_due, shown=dispatch.joined_ids
            )
        elif isinstance(outcome, Later):
            due = self._clock.now() + math.ceil(outcome.seconds)
            await self._store.dispatches.edit_later(dispatch.id, due)
        elif await self._store.dispatches.never_edited(dispatch.id):
            self._context.wake()
