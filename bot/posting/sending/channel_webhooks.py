"""The bot's own webhooks, one per channel, by which posts appear under their outlet's name and icon.

Whoever has a webhook's token can post in its channel, so tokens are kept in memory only: Discord returns the
tokens of the bot's own webhooks on request. Messages of an application's webhook have working buttons:
https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

import logging

import discord

from bot.core.clock import Clock
from bot.core.concurrency.keyed_locks import KeyedLocks
from bot.core.reasons import Reason, SendProblem
from bot.posting.sending import permissions
from bot.posting.sending.message_targets import Target
from bot.posting.sending.send_outcomes import ChannelBlocked, Rejected, SendOutcome, block_for_permissions, try_request

log = logging.getLogger(__name__)

_WEBHOOK_NAME = "Telex"
"""Name of the webhooks in a channel's settings; each message is sent under its outlet's name instead."""
_REJECTED_RETRY_SECONDS = 600.0
"""Time in seconds without another request after Discord refused to list or create a channel's webhooks."""

WebhookChannel = discord.TextChannel | discord.ForumChannel | discord.VoiceChannel | discord.StageChannel
"""Channel that can have webhooks; a thread uses the webhooks of its channel."""


class ChannelWebhooks:
    """Finder and creator of webhooks for the channels of one process, with a cache."""

    def __init__(self, client: discord.Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._webhook_by_channel_id: dict[int, discord.Webhook] = {}
        self._webhook_by_id: dict[int, discord.Webhook] = {}
        self._rejection_and_end_by_channel_id: dict[int, tuple[SendOutcome, float]] = {}  # monotonic seconds
        self._channel_locks = KeyedLocks()
        self.channel_id_by_webhook_id: dict[int, int] = {}
        """Channel id by webhook id, for each webhook that was used."""

    @property
    def application_id(self) -> int | None:
        """Id of the application that owns the webhooks; None before the client has logged in."""
        return self._client.application_id

    async def get_or_create(self, target: Target, *, ignore_backoff: bool = False) -> discord.Webhook | SendOutcome:
        """Return the webhook for posts in a channel or thread, and create one if there is none.

        Returns a `SendOutcome` if that fails; a refusal is returned again without a request for
        `_REJECTED_RETRY_SECONDS`, unless `ignore_backoff` is set. Raises any error that neither
        Discord nor the network caused.
        """
        channel = get_webhook_channel(target)
        if channel is None:
            return ChannelBlocked(Reason(SendProblem.CHANNEL_GONE))
        if missing_permissions := permissions.find_missing_webhook_permissions(channel):
            return block_for_permissions(missing_permissions)
        await self._channel_locks.wait_until_free(channel.id)
        if (cached_webhook := self._webhook_by_channel_id.get(channel.id)) is not None:
            return cached_webhook
        rejection, rejected_until = self._rejection_and_end_by_channel_id.get(channel.id, (None, 0.0))
        if rejection is not None and self._clock.monotonic() < rejected_until and not ignore_backoff:
            return rejection
        self._channel_locks[channel.id] = None
        try:
            webhook = await try_request(self._fetch_or_create(channel))
        finally:
            self._channel_locks.release(channel.id)
        if isinstance(webhook, ChannelBlocked | Rejected):
            log.warning("webhook refused channel_id=%d outcome=%s", channel.id, webhook)
            self._rejection_and_end_by_channel_id[channel.id] = (
                webhook,
                self._clock.monotonic() + _REJECTED_RETRY_SECONDS,
            )
        if isinstance(webhook, SendOutcome):
            return webhook
        self._webhook_by_channel_id[channel.id] = webhook
        self._remember(webhook, channel.id)
        return webhook

    async def get(self, webhook_id: int) -> discord.Webhook | SendOutcome:
        """Return the webhook that sent an earlier message, by its id, or the outcome that says why it is unavailable.

        The permission to manage webhooks is not needed. Raises any error that neither Discord nor
        the network caused.
        """
        cached_webhook = self._webhook_by_id.get(webhook_id)
        if cached_webhook is not None:
            return cached_webhook
        webhook = await try_request(self._client.fetch_webhook(webhook_id))
        if isinstance(webhook, SendOutcome):
            return webhook
        if webhook.token is None or webhook.channel_id is None:
            return ChannelBlocked(Reason(SendProblem.WEBHOOK_GONE))
        self._remember(webhook, webhook.channel_id)
        return webhook

    async def fetch_own_ids(self, target: Target) -> set[int]:
        """Return the ids of the bot's webhooks in a channel; empty if Telex lacks the permission to list them.

        Raises discord.DiscordException, aiohttp.ClientError or TimeoutError if Discord does not answer.
        """
        channel = get_webhook_channel(target)
        if channel is None or permissions.find_missing_webhook_permissions(channel):
            return set()
        try:
            return {webhook.id for webhook in await self._fetch_own(channel)}
        except (discord.Forbidden, discord.NotFound):
            return set()

    def forget(self, webhook: discord.Webhook) -> None:
        """Remove a webhook from the cache, because somebody deleted or moved it."""
        self._webhook_by_id.pop(webhook.id, None)
        channel_id = self.channel_id_by_webhook_id.pop(webhook.id, None)
        if channel_id is not None:
            self._webhook_by_channel_id.pop(channel_id, None)

    def _remember(self, webhook: discord.Webhook, channel_id: int) -> None:
        self._webhook_by_id[webhook.id] = webhook
        self.channel_id_by_webhook_id[webhook.id] = channel_id

    async def _fetch_or_create(self, channel: WebhookChannel) -> discord.Webhook:
        own_webhooks = await self._fetch_own(channel)
        return own_webhooks[0] if own_webhooks else await channel.create_webhook(name=_WEBHOOK_NAME)

    async def _fetch_own(self, channel: WebhookChannel) -> list[discord.Webhook]:
        bot_user = self._client.user
        own_webhooks = [
            webhook
            for webhook in await channel.webhooks()
            if webhook.type is discord.WebhookType.incoming
            and webhook.token is not None
            and webhook.user is not None
            and bot_user is not None
            and webhook.user.id == bot_user.id
        ]
        return sorted(own_webhooks, key=lambda webhook: webhook.id)


def get_webhook_channel(target: Target) -> WebhookChannel | None:
    """Return the channel whose webhooks post in a channel or thread: the thread's parent, or the channel itself.

    Returns None for direct messages, and for a thread whose parent is not cached.
    """
    if isinstance(target, discord.Thread):
        return target.parent
    return None if isinstance(target, discord.DMChannel) else target
