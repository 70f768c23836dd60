"""Sending of a dispatch (a queued message): its target, its rendering, the request, and the lookup of its delivery."""

from dataclasses import replace
from typing import overload

import discord

from bot.core.models import Dispatch, DispatchKind
from bot.core.reasons import Reason, SendProblem
from bot.core.setting_registry import POST_AS_OUTLET
from bot.posting import daily_thread_targets, forum_tag_selection, mention_selection
from bot.posting.posting_context import PostingContext
from bot.posting.recovery import delivery_lookup, own_messages
from bot.posting.rendering.dispatch_rendering import render_dispatch
from bot.posting.rendering.messages import Message
from bot.posting.sending import message_targets
from bot.posting.sending.message_targets import Target
from bot.posting.sending.send_outcomes import (
    ChannelBlocked,
    DeliveryUnknown,
    Rejected,
    RetryAfter,
    SendOutcome,
    Sent,
    Unverifiable,
)

_OUTAGE_RETRY_SECONDS = 60
"""Delay in seconds before another attempt while Discord has an outage of the server."""
_LOCKED_THREAD_RETRY_SECONDS = 60
"""Delay in seconds before another lookup in a locked thread, which may have been unlocked."""


class DispatchSender:
    """Sender of queued messages (dispatches). It records articles, mentions, thread and webhook, not the outcome."""

    def __init__(self, context: PostingContext) -> None:
        self._context, self._store, self._client = context, context.store, context.client
        self._webhooks, self._audience = context.webhooks, context.audience

    async def prepare(self, dispatch: Dispatch) -> tuple[Target, Dispatch, Message] | SendOutcome | Reason:
        """Return where a queued message goes, its dispatch with only the readable articles, and the Discord message.

        The roles that a post mentions by its channel's rules are decided, and recorded before it is sent. A daily
        thread that does not exist yet is created.

        Returns a `SendOutcome` if it cannot be sent now, and a `Reason` if it can never be sent. Raises
        StoreError.
        """
        target = await self.resolve_target(dispatch)
        if isinstance(target, SendOutcome):
            return target
        readable_dispatch = await self._audience.restrict_to_audience(dispatch)
        if readable_dispatch is None:
            return Reason(SendProblem.NOTHING_READABLE)
        if isinstance(readable_dispatch, SendOutcome):
            return readable_dispatch
        readable_dispatch = await mention_selection.select_mentions(self._context, readable_dispatch)
        message = await self.render(readable_dispatch)
        return Reason(SendProblem.ARTICLE_GONE) if message is None else (target, readable_dispatch, message)

    async def look_up_delivery(self, dispatch: Dispatch) -> tuple[SendOutcome | None, bool]:
        """Look up whether a queued message was sent; return the outcome, and whether sending again is safe.

        The outcome is `Sent`, None if no message was found, or, if the lookup failed, an outcome that says why.
        Sending again at once is safe if the message had a nonce, by which Discord recognises repetitions. Raises
        StoreError.
        """
        target = await self.resolve_target(dispatch, may_create=False)
        if target is None:
            return None, False
        if isinstance(target, ChannelBlocked):
            if target.reason.code is SendProblem.LOCKED:  # It may be unlocked, and is readable then.
                return RetryAfter(_LOCKED_THREAD_RETRY_SECONDS, target.reason), False
            is_forbidden = target.reason.code is SendProblem.FORBIDDEN
            return Unverifiable(Reason(SendProblem.UNREADABLE) if is_forbidden else target.reason), False
        if isinstance(target, SendOutcome):
            return target, False
        claimed_at = dispatch.claimed_at if dispatch.claimed_at is not None else dispatch.created_at
        message = await self.render(dispatch)
        history_window = await delivery_lookup.try_lookup(
            own_messages.build_history_window(
                self._store,
                self._webhooks,
                target,
                server_id=dispatch.server_id,
                channel_id=dispatch.channel_id,
                since=claimed_at,
                until=None,
            )
        )
        if isinstance(history_window, SendOutcome):
            return history_window, False
        had_nonce = message_targets.supports_nonce(target) and dispatch.webhook_id is None
        return await delivery_lookup.find_delivered_message(target, dispatch, message, history_window), had_nonce

    @overload
    async def resolve_target(self, dispatch: Dispatch) -> Target | SendOutcome: ...

    @overload
    async def resolve_target(self, dispatch: Dispatch, *, may_create: bool) -> Target | SendOutcome | None: ...

    async def resolve_target(self, dispatch: Dispatch, *, may_create: bool = True) -> Target | SendOutcome | None:
        """Return the channel, thread or DM channel for a queued message, or the outcome that says why there is none.

        A daily thread that does not exist is created; if `may_create` is false, None is returned for it. Raises
        StoreError.
        """
        guild = self._client.get_guild(dispatch.server_id)
        if guild is not None and guild.unavailable:
            return RetryAfter(_OUTAGE_RETRY_SECONDS, Reason(SendProblem.SERVER_UNAVAILABLE))
        if dispatch.user_id is not None:
            return await message_targets.open_dm(self._client, dispatch.user_id)
        channel = await message_targets.find_channel(self._client, dispatch.channel_id)
        if isinstance(channel, SendOutcome):
            return channel
        return await daily_thread_targets.resolve_daily_thread(self._context, channel, dispatch, may_create=may_create)

    async def render(self, dispatch: Dispatch) -> Message | None:
        """Return the Discord message of a queued message (dispatch); None if there is nothing to show any more.

        Raises StoreError.
        """
        return await render_dispatch(self._context, dispatch)

    async def send(self, target: Target, dispatch: Dispatch, message: Message) -> SendOutcome:
        """Send a message by a webhook if the channel's posts appear under their outlet's name, else as the bot.

        The bot sends it a second time if the response was lost and a nonce makes that safe.

        Raises StoreError, and any error that neither Discord nor the network caused.
        """
        outcome = await self._send_by_webhook(target, dispatch)
        if outcome is None:
            message = await self._with_forum_tags(target, dispatch, message)
            outcome = await self._send_with_nonce(target, dispatch, message)
        is_daily_thread = isinstance(target, discord.Thread) and target.id != dispatch.channel_id
        if isinstance(outcome, Sent) and is_daily_thread:
            return replace(outcome, thread_id=target.id)
        return outcome

    async def _with_forum_tags(self, target: Target, dispatch: Dispatch, message: Message) -> Message:
        if not isinstance(target, discord.ForumChannel):
            return message
        return await forum_tag_selection.add_forum_tags(self._store, target, dispatch, message)

    async def _send_by_webhook(self, target: Target, dispatch: Dispatch) -> SendOutcome | None:
        """Send a post under its outlet's name by a webhook, if its channel has that setting.

        Returns None if the bot has to send the message itself: it is no post, has no outlet to appear under, its
        channel does not have the setting, or the webhook cannot be used. The webhook is stored before the request:
        from then on the message counts as sent without a nonce, unless Discord refuses the request.
        """
        if dispatch.kind is not DispatchKind.POST:
            return None
        if not (await self._store.preferences.get_by_channel(dispatch.channel_id))[POST_AS_OUTLET]:
            return None
        webhook_gone_outcome = ChannelBlocked(Reason(SendProblem.WEBHOOK_GONE))
        outcome: SendOutcome = webhook_gone_outcome
        for _attempt in range(2):
            webhook = await self._webhooks.get_or_create(target)
            if isinstance(webhook, SendOutcome):
                return webhook if isinstance(webhook, RetryAfter) else None
            message = await self.render(replace(dispatch, webhook_id=webhook.id))
            if message is None or message.webhook_identity is None:
                return None
            message = await self._with_forum_tags(target, dispatch, message)
            await self._store.dispatches.set_webhook(dispatch.id, webhook.id)
            outcome = await message_targets.send(target, message, "", webhook)
            if outcome != webhook_gone_outcome:
                break
            self._webhooks.forget(webhook)
        if isinstance(outcome, ChannelBlocked | Rejected):
            await self._store.dispatches.set_webhook(dispatch.id, None)
            return None
        return outcome

    async def _send_with_nonce(self, target: Target, dispatch: Dispatch, message: Message) -> SendOutcome:
        outcome = await message_targets.send(target, message, message_targets.compute_nonce(dispatch))
        if isinstance(outcome, DeliveryUnknown) and message_targets.supports_nonce(target):
            # Discord still remembers the nonce, and returns the first message if it has it.
            outcome = await message_targets.send(target, message, message_targets.compute_nonce(dispatch))
        return outcome
