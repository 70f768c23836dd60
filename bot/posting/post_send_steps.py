"""The post-send steps of a message: the 🔖 reaction, crossposting of announcements, later edits.

These steps must never cause a second message or hold up a channel: a step that Discord forbids is skipped.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

import discord

from bot.core.models import Dispatch, DispatchKind
from bot.core.reasons import Reason, SendProblem
from bot.posting.rendering.buttons import BOOKMARK_EMOJI
from bot.posting.rendering.messages import Message
from bot.posting.sending import permissions, send_outcomes
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.posting.sending.send_outcomes import (
    ChannelBlocked,
    DeliveryUnknown,
    Rejected,
    RetryAfter,
    SendOutcome,
    classify_error,
)

log = logging.getLogger(__name__)

_EDIT_RATE_LIMIT_DELAY_SECONDS = 3600.0
"""Delay in seconds before another edit after Discord's error 30046: too many edits of messages older than an hour."""
_RETRY_DELAY_SECONDS = 60.0
"""Delay in seconds before another attempt if a step's outcome is unknown or Discord has an outage of the server."""


async def finalize_message(client: discord.Client, dispatch: Dispatch, *, add_seed_reaction: bool) -> RetryAfter | None:
    """Add the seed reaction to a sent post, and crosspost a message (`dispatch`) of an announcement channel.

    The seed reaction is the bot's own 🔖, for users to click. Both steps are safe to repeat. Returns
    `RetryAfter` if another attempt is needed, None when nothing is left to do. Raises any error that
    neither Discord nor the network caused.
    """
    guild = client.get_guild(dispatch.server_id)
    if guild is not None and guild.unavailable:  # Its channels are not in the cache.
        return RetryAfter(_RETRY_DELAY_SECONDS, Reason(SendProblem.SERVER_UNAVAILABLE))
    channel = client.get_channel(dispatch.channel_id)
    message = _get_partial_message(client, dispatch)
    if add_seed_reaction and dispatch.kind is DispatchKind.POST and _can_react(channel):
        retry_outcome = await _run_step(lambda: message.add_reaction(BOOKMARK_EMOJI), dispatch)
        if retry_outcome is not None:
            return retry_outcome
    if isinstance(channel, discord.TextChannel) and channel.is_news() and dispatch.thread_id is None:
        return await _run_step(message.publish, dispatch)
    return None


async def edit_sent_message(
    client: discord.Client, webhooks: ChannelWebhooks, dispatch: Dispatch, message: Message
) -> RetryAfter | ChannelBlocked | Rejected | None:
    """Replace the content of a sent message (`dispatch`) by `message`; edit a webhook's message through its webhook.

    An archived thread is reopened. Returns None when done or given up, `RetryAfter` if another attempt is needed, or
    the outcome that explains why the message cannot be edited. Raises any error that neither Discord nor the network
    caused.
    """
    edit_call: Callable[..., Awaitable[object]] = _get_partial_message(client, dispatch).edit
    if dispatch.webhook_id is not None:
        webhook = await webhooks.get(dispatch.webhook_id)
        if isinstance(webhook, SendOutcome):
            return (
                webhook
                if isinstance(webhook, RetryAfter | ChannelBlocked | Rejected)
                else _retry_or_give_up(webhook, dispatch)
            )
        edit_call = _build_webhook_edit_call(webhook, dispatch)
    rejection = Rejected(Reason(SendProblem.REFUSED))
    for message_variant in message.iter_variants():
        try:
            await _edit_reopening_thread(client, dispatch, edit_call, message_variant)
        except Exception as error:  # noqa: BLE001  # `classify_error` raises all other errors again
            if isinstance(error, discord.HTTPException) and error.code == send_outcomes.TOO_MANY_EDITS_CODE:
                return RetryAfter(
                    _EDIT_RATE_LIMIT_DELAY_SECONDS, Reason(SendProblem.ERROR_RESPONSE, {"text": str(error)})
                )
            outcome = classify_error(error)
            if isinstance(outcome, Rejected):
                rejection = outcome
                continue
            return outcome if isinstance(outcome, ChannelBlocked) else _retry_or_give_up(outcome, dispatch)
        return None
    log.info("edit rejected message_id=%s dispatch_id=%d", dispatch.message_id, dispatch.id)
    return rejection


def _build_webhook_edit_call(webhook: discord.Webhook, dispatch: Dispatch) -> Callable[..., Awaitable[object]]:
    assert dispatch.message_id is not None  # a sent dispatch has one
    message_channel_id = dispatch.thread_id or dispatch.channel_id
    thread = discord.Object(message_channel_id) if message_channel_id != webhook.channel_id else discord.utils.MISSING
    return partial(webhook.edit_message, dispatch.message_id, thread=thread)


async def _edit_reopening_thread(
    client: discord.Client, dispatch: Dispatch, edit_call: Callable[..., Awaitable[object]], message: Message
) -> None:
    # An edit notifies nobody, also where Discord would notify a role that the first version didn't mention.
    message_fields = message.send_kwargs() | {"allowed_mentions": discord.AllowedMentions.none()}
    if message.layout:  # A message that was sent as an embed must lose it to become a layout.
        message_fields |= {"content": None, "embed": None}
    try:
        await edit_call(**message_fields)
    except discord.HTTPException as error:
        thread = None
        # Discord archives forum posts and daily threads that nobody writes in.
        if error.code == send_outcomes.THREAD_ARCHIVED_CODE:
            thread = await client.fetch_channel(dispatch.thread_id or dispatch.channel_id)
        if not isinstance(thread, discord.Thread) or thread.locked:
            raise
        # Permission to write suffices: https://discord.com/developers/docs/resources/channel#modify-channel
        await thread.edit(archived=False)
        await edit_call(**message_fields)


def _get_partial_message(client: discord.Client, dispatch: Dispatch) -> discord.PartialMessage:
    message_channel_id = dispatch.thread_id or dispatch.channel_id
    channel = client.get_partial_messageable(message_channel_id, guild_id=dispatch.server_id)
    assert dispatch.message_id is not None  # a sent dispatch has one
    return channel.get_partial_message(dispatch.message_id)


def _can_react(channel: object) -> bool:
    if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return not permissions.find_missing_permissions(
            channel, check_required=False, check_history=True, check_reactions=True
        )
    return True


async def _run_step(step: Callable[[], Awaitable[object]], dispatch: Dispatch) -> RetryAfter | None:
    try:
        await step()
    except Exception as error:  # noqa: BLE001  # `classify_error` raises all other errors again
        if isinstance(error, discord.HTTPException) and error.code == send_outcomes.ALREADY_CROSSPOSTED_CODE:
            return None
        return _retry_or_give_up(classify_error(error), dispatch)
    return None


def _retry_or_give_up(outcome: object, dispatch: Dispatch) -> RetryAfter | None:
    if isinstance(outcome, RetryAfter):
        return outcome
    if isinstance(outcome, DeliveryUnknown):
        return RetryAfter(_RETRY_DELAY_SECONDS, outcome.reason)
    log.info("post-send step skipped message_id=%s outcome=%s", dispatch.message_id, outcome)
    return None
