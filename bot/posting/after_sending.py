"""What follows a sent message: the 🔖 reaction, publishing an announcement, edits when an article changed.

None of it is worth a second message or a channel that waits: what Discord forbids is left undone.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import discord

from bot.core.models import Dispatch, DispatchKind
from bot.posting.rendering.buttons import EMOJI
from bot.posting.rendering.messages import Message
from bot.posting.sending import permissions, send_outcomes
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.posting.sending.send_outcomes import Blocked, Later, Lost, Outcome, Refused, judge

log = logging.getLogger(__name__)

_EDIT_LATER = 3600.0  # seconds after Discord found that a message was edited too often
_AGAIN = 60.0


async def finish(client: discord.Client, dispatch: Dispatch, *, seed: bool) -> Later | None:
    """Put the reaction under a post (where `seed`) and publish it in an announcement channel.

    Both may be repeated. Returns when to try again, or None when there is nothing left to do.
    """
    server = client.get_guild(dispatch.server_id)
    if server is not None and server.unavailable:  # nothing is known of its channels
        return Later(_AGAIN, "")
    channel = client.get_channel(dispatch.channel_id)
    message = _message(client, dispatch)
    if seed and dispatch.kind is DispatchKind.POST and _may_react(channel):
        later = await _step(lambda: message.add_reaction(EMOJI), dispatch)
        if later is not None:
            return later
    if isinstance(channel, discord.TextChannel) and channel.is_news() and dispatch.thread_id is None:
        return await _step(message.publish, dispatch)
    return None


async def edit(
    client: discord.Client, webhooks: ChannelWebhooks, dispatch: Dispatch, message: Message
) -> Later | Blocked | Refused | None:
    """Give a sent message a new text. Returns when to try again, or why it never will be; None when done.

    What a webhook sent only that webhook can edit.
    """
    write: Callable[..., Awaitable[object]] = _message(client, dispatch).edit
    if dispatch.webhook_id is not None:
        webhook = await webhooks.get(dispatch.webhook_id)
        if isinstance(webhook, Outcome):
            return webhook if isinstance(webhook, Later | Blocked | Refused) else _later(webhook, dispatch)
        write = _by(webhook, dispatch)
    refused = Refused("")
    for attempt in message.attempts():
        try:
            await _edit(client, dispatch, write, attempt)
        except Exception as error:  # noqa: BLE001  # raised again where it is no answer of Discord's
            if isinstance(error, discord.HTTPException) and error.code == send_outcomes.EDITED_TOO_OFTEN:
                return Later(_EDIT_LATER, str(error))
            outcome = judge(error)
            if isinstance(outcome, Refused):
                refused = outcome
                continue
            return outcome if isinstance(outcome, Blocked) else _later(outcome, dispatch)
        return None
    log.info("Discord does not take the edit of message %s", dispatch.message_id)
    return refused


def _by(webhook: discord.Webhook, dispatch: Dispatch) -> Callable[..., Awaitable[object]]:
    assert dispatch.message_id is not None  # a sent dispatch has one
    place_id = dispatch.thread_id or dispatch.channel_id
    thread = discord.Object(place_id) if place_id != webhook.channel_id else discord.utils.MISSING
    return partial(webhook.edit_message, dispatch.message_id, thread=thread)


async def _edit(
    client: discord.Client, dispatch: Dispatch, write: Callable[..., Awaitable[object]], message: Message
) -> None:
    body = message.body()
    if message.layout:  # also where it was sent as an embed by an earlier version: there is no way back
        body |= {"content": None, "embed": None}
    try:
        await write(**body)
    except discord.HTTPException as error:
        thread = None
        # A forum post or a thread of a day that nobody wrote in for long.
        if error.code == send_outcomes.ARCHIVED:
            thread = await client.fetch_channel(dispatch.thread_id or dispatch.channel_id)
        if not isinstance(thread, discord.Thread) or thread.locked:
            raise
        # Who may write in it may open it: https://discord.com/developers/docs/resources/channel#modify-channel
        await thread.edit(archived=False)
        await write(**body)


def _message(client: discord.Client, dispatch: Dispatch) -> discord.PartialMessage:
    place_id = dispatch.thread_id or dispatch.channel_id
    channel = client.get_partial_messageable(place_id, guild_id=dispatch.server_id)
    assert dispatch.message_id is not None  # a sent dispatch has one
    return channel.get_partial_message(dispatch.message_id)


def _may_react(channel: object) -> bool:
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return not permissions.lacking(channel, required=False, history=True, reactions=True)
    return True


async def _step(step: Callable[[], Awaitable[object]], dispatch: Dispatch) -> Later | None:
    try:
        await step()
    except Exception as error:  # noqa: BLE001  # raised again where it is no answer of Discord's
        if isinstance(error, discord.HTTPException) and error.code == send_outcomes.ALREADY_PUBLISHED:
            return None
        return _later(judge(error), dispatch)
    return None


def _later(outcome: object, dispatch: Dispatch) -> Later | None:
    if isinstance(outcome, Later):
        return outcome
    if isinstance(outcome, Lost):
        return Later(_AGAIN, outcome.error)
    log.info("Left undone for message %s: %s", dispatch.message_id, outcome)
    return None
