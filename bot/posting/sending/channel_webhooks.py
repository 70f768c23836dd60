"""The webhooks by which posts appear under their outlet's name and icon: one of the bot's own a channel.

Whoever has the token of a webhook can post in its channel. Discord tells the bot the tokens of its own
whenever it asks, so they are kept in memory alone. Messages of a webhook that an application owns have
working buttons: https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

import logging

import discord

from bot.core.clock import Clock
from bot.core.keyed_locks import KeyedLocks
from bot.posting.sending import permissions
from bot.posting.sending.message_targets import Target
from bot.posting.sending.send_outcomes import ChannelBlocked, Rejected, SendOutcome, SendProblem, try_request

log = logging.getLogger(__name__)

_WEBHOOK_NAME = "Telex"
_REJECTED_RETRY_SECONDS = 600.0  # seconds until a webhook is asked for again that Discord would not make

WebhookChannel = discord.TextChannel | discord.ForumChannel | discord.VoiceChannel | discord.StageChannel


class ChannelWebhooks:
    """Those of one process."""

    def __init__(self, client: discord.Client, clock: Clock) -> None:
        self._client, self._clock = client, clock
        self._by_channel: dict[int, discord.Webhook] = {}
        self._by_id: dict[int, discord.Webhook] = {}
        self._rejected_until: dict[int, tuple[float, SendOutcome]] = {}  # until when, by the monotonic clock
        self._locks = KeyedLocks()
        self.channel_by_webhook_id: dict[int, int] = {}
        """The channels of the webhooks that were used, by the ids of these."""

    @property
    def application_id(self) -> int | None:
        """Whose they are."""
        return self._client.application_id

    async def get_or_create(
        self, place: Target, *, ignore_backoff: bool = False
    ) -> discord.Webhook | SendOutcome:
        """The webhook for posts in a channel or thread, made where there is none; else why there is none.

        What Discord refused a moment ago it is not asked again, unless `afresh`.
        """
        channel = webhook_channel_of(place)
        if channel is None:
            return ChannelBlocked(SendProblem.CHANNEL_GONE)
        if lacking := permissions.missing_webhook_permissions(channel):
            return ChannelBlocked(" ".join((SendProblem.FORBIDDEN, *lacking)))
        await self._locks.wait_until_free(channel.id)
        if (known := self._by_channel.get(channel.id)) is not None:
            return known
        until, refusal = self._rejected_until.get(channel.id, (0.0, None))
        if refusal is not None and self._clock.monotonic() < until and not ignore_backoff:
            return refusal
        self._locks[channel.id] = None
        try:
            webhook = await try_request(self._fetch_or_create(channel))
        finally:
            self._locks.release(channel.id)
        if isinstance(webhook, ChannelBlocked | Rejected):
            log.warning("No webhook in channel %d: %s", channel.id, webhook)
            self._rejected_until[channel.id] = self._clock.monotonic() + _REJECTED_RETRY_SECONDS, webhook
        if isinstance(webhook, SendOutcome):
            return webhook
        self._by_channel[channel.id] = webhook
        self._remember(webhook, channel.id)
        return webhook

    async def get(self, webhook_id: int) -> discord.Webhook | SendOutcome:
        """A webhook by which something was sent; also without the permission to manage those of others."""
        known = self._by_id.get(webhook_id)
        if known is not None:
            return known
        webhook = await try_request(self._client.fetch_webhook(webhook_id))
        if isinstance(webhook, SendOutcome):
            return webhook
        if webhook.token is None or webhook.channel_id is None:
            return ChannelBlocked(SendProblem.WEBHOOK_GONE)
        self._remember(webhook, webhook.channel_id)
        return webhook

    async def own_ids(self, place: Target) -> set[int]:
        """Those of the bot that a channel has, as far as Discord tells."""
        channel = webhook_channel_of(place)
        if channel is None or permissions.missing_webhook_permissions(channel):
            return set()
        try:
            return {webhook.id for webhook in await self._fetch_own(channel)}
        except discord.HTTPException:
            return set()

    def forget(self, webhook: discord.Webhook) -> None:
        """Somebody deleted or moved it."""
        self._by_id.pop(webhook.id, None)
        channel_id = self.channel_by_webhook_id.pop(webhook.id, None)
        if channel_id is not None:
            self._by_channel.pop(channel_id, None)

    def _remember(self, webhook: discord.Webhook, channel_id: int) -> None:
        self._by_id[webhook.id] = webhook
        self.channel_by_webhook_id[webhook.id] = channel_id

    async def _fetch_or_create(self, channel: WebhookChannel) -> discord.Webhook:
        own = await self._fetch_own(channel)
        return own[0] if own else await channel.create_webhook(name=_WEBHOOK_NAME)

    async def _fetch_own(self, channel: WebhookChannel) -> list[discord.Webhook]:
        mine = self._client.user
        own = [
            webhook
            for webhook in await channel.webhooks()
            if webhook.type is discord.WebhookType.incoming
            and webhook.token is not None
            and webhook.user is not None
            and mine is not None
            and webhook.user.id == mine.id
        ]
        return sorted(own, key=lambda webhook: webhook.id)


def webhook_channel_of(place: Target) -> WebhookChannel | None:
    """The channel whose webhooks post in a place: that of a thread is its parent's."""
    if isinstance(place, discord.Thread):
        return place.parent
    return None if isinstance(place, discord.DMChannel) else place
