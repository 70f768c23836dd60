"""A dispatch and Discord: where it goes, what it says, sending it, and looking whether it was sent."""

from dataclasses import replace
from typing import overload

import discord

from bot.core.models import Dispatch, DispatchKind
from bot.posting import day_threads, forums
from bot.posting.posting_context import PostingContext
from bot.posting.recovery import own_messages, read_back
from bot.posting.rendering.dispatch_rendering import render
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_places
from bot.posting.sending.message_places import Target
from bot.posting.sending.send_outcomes import Blocked, Later, Lost, Outcome, Problem, Refused, Sent, Unknown

_UNAVAILABLE = 60  # seconds until a server is asked for again that Discord has trouble with
_LOCKED = 60


class DispatchSender:
    """What a dispatch needs of Discord. Changes nothing in the store but which thread is that of a day."""

    def __init__(self, context: PostingContext) -> None:
        self._context, self._store, self._client = context, context.store, context.client
        self._webhooks, self._audience = context.webhooks, context.audience

    async def prepare(self, dispatch: Dispatch) -> tuple[Target, Dispatch, Message] | Outcome | Problem:
        """Where it goes, with what may be told there, and its message; else why not now, or why never."""
        place = await self.find(dispatch)
        if isinstance(place, Outcome):
            return place
        admitted = await self._audience.admit(dispatch)
        if admitted is None:
            return Problem.HIDDEN
        if isinstance(admitted, Outcome):
            return admitted
        message = await self.render(admitted)
        return Problem.ARTICLE_GONE if message is None else (place, admitted, message)

    async def look_for(self, dispatch: Dispatch) -> tuple[Outcome | None, bool]:
        """The message of a claim, None where it is not there; and whether it may be sent again at once.

        A nonce makes that safe while Discord remembers it, and later nothing is on its way any more.
        """
        place = await self.find(dispatch, may_make=False)
        if place is None:
            return None, False
        if isinstance(place, Blocked):
            if place.problem == Problem.LOCKED:  # what is in it may come to be seen
                return Later(_LOCKED, place.problem), False
            return Unknown(
                Problem.UNREADABLE if place.problem.startswith(Problem.FORBIDDEN) else place.problem
            ), False
        if isinstance(place, Outcome):
            return place, False
        claimed = dispatch.claimed if dispatch.claimed is not None else dispatch.created
        message = await self.render(dispatch)
        span = await own_messages.span(
            self._store,
            self._webhooks,
            place,
            server_id=dispatch.server_id,
            channel_id=dispatch.channel_id,
            since=claimed,
            until=None,
        )
        had_nonce = message_places.has_nonce(place) and dispatch.webhook_id is None
        return await read_back.search(place, dispatch, message, span), had_nonce

    @overload
    async def find(self, dispatch: Dispatch) -> Target | Outcome: ...

    @overload
    async def find(self, dispatch: Dispatch, *, may_make: bool) -> Target | Outcome | None: ...

    async def find(self, dispatch: Dispatch, *, may_make: bool = True) -> Target | Outcome | None:
        """Where a dispatch goes; None where that is a thread of the day that is not there."""
        guild = self._client.get_guild(dispatch.server_id)
        if guild is not None and guild.unavailable:
            return Later(_UNAVAILABLE, "the server is unavailable")
        if dispatch.person_id is not None:
            return await message_places.direct(self._client, dispatch.person_id)
        found = await message_places.find(self._client, dispatch.channel_id)
        if isinstance(found, Outcome):
            return found
        return await day_threads.place(self._context, found, dispatch, may_make=may_make)

    async def render(self, dispatch: Dispatch) -> Message | None:
        """Its message as it is now; None when its articles are no longer kept."""
        return await render(self._context, dispatch)

    async def send(self, place: Target, dispatch: Dispatch, message: Message) -> Outcome:
        """Send it, twice where a nonce makes that safe. Raises only what is a fault of ours."""
        outcome = await self._send_signed(place, dispatch)
        if outcome is None:
            message = await self._tagged(place, dispatch, message)
            outcome = await self._send(place, dispatch, message)
        is_inside = isinstance(place, discord.Thread) and place.id != dispatch.channel_id
        if isinstance(outcome, Sent) and is_inside:
            return replace(outcome, thread_id=place.id)
        return outcome

    async def _tagged(self, place: Target, dispatch: Dispatch, message: Message) -> Message:
        if not isinstance(place, discord.ForumChannel):
            return message
        return await forums.tagged(self._store, place, dispatch, message)

    async def _send_signed(self, place: Target, dispatch: Dispatch) -> Outcome | None:
        """Send a post under its outlet's name where its channel has them so; None: it goes the usual way.

        By which webhook is written down before: from then on it has no nonce.
        """
        if dispatch.kind is not DispatchKind.POST:
            return None
        if not (await self._store.preferences.of_channel(dispatch.channel_id)).as_outlet:
            return None
        outcome: Outcome = Blocked(Problem.WEBHOOK_GONE)
        for _attempt in range(2):
            webhook = await self._webhooks.find(place)
            if isinstance(webhook, Outcome):
                return webhook if isinstance(webhook, Later) else None
            message = await self.render(replace(dispatch, webhook_id=webhook.id))
            if message is None or message.signature is None:
                return None
            message = await self._tagged(place, dispatch, message)
            await self._store.dispatches.goes_by(dispatch.id, webhook.id)
            outcome = await message_places.send(place, message, "", webhook)
            if outcome != Blocked(Problem.WEBHOOK_GONE):
                break
            self._webhooks.forget(webhook)
        if isinstance(outcome, Blocked | Refused):
            await self._store.dispatches.goes_by(dispatch.id, None)
            return None
        return outcome

    async def _send(self, place: Target, dispatch: Dispatch, message: Message) -> Outcome:
        outcome = await message_places.send(place, message, message_places.nonce(dispatch))
        if isinstance(outcome, Lost) and message_places.has_nonce(place):
            # The nonce is a moment old: Discord answers with the first message if it has it.
            outcome = await message_places.send(place, message, message_places.nonce(dispatch))
        return outcome
