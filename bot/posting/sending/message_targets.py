"""Places that messages are sent to: text and announcement channels, threads, forums, direct messages."""

import hashlib
from typing import Any

import discord

from bot.core.models import Dispatch
from bot.core.reasons import Reason, SendProblem
from bot.posting.rendering.messages import Message
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import (
    DISCORD_ERRORS,
    ChannelBlocked,
    Rejected,
    SendOutcome,
    Sent,
    block_for_permissions,
    classify_error,
    try_request,
)
from bot.store import Store

GuildTarget = discord.ForumChannel | discord.Thread | discord.TextChannel | discord.VoiceChannel | discord.StageChannel
"""Channel or thread of a server that can get messages."""
Target = GuildTarget | discord.DMChannel
"""Channel, thread or direct messages that can get messages."""


async def find_channel(client: discord.Client, channel_id: int) -> GuildTarget | SendOutcome:
    """Return a channel from the cache or from Discord, or the outcome that explains why it is not available.

    Raises any error that neither Discord nor the network caused.
    """
    channel = client.get_channel(channel_id) or await try_request(client.fetch_channel(channel_id))
    return channel if isinstance(channel, GuildTarget | SendOutcome) else ChannelBlocked(Reason(SendProblem.NOT_TEXT))


async def find_guild(client: discord.Client, store: Store, server_id: int) -> discord.Guild | None:
    """Return a server; if another process serves it, the returned guild has a name but no channels.

    Returns None if the bot is not in the server, or if Discord does not answer.
    """
    guild = client.get_guild(server_id)
    if guild is not None or store.shards.serves(server_id):
        return guild
    try:
        return await client.fetch_guild(server_id, with_counts=False)
    except DISCORD_ERRORS:
        return None


def fair_share_key(client: discord.Client, channel_id: int) -> int:
    """Return the key by which the rate limit is shared: the id of the channel's server, if any, else of the channel."""
    guild = getattr(client.get_channel(channel_id), "guild", None)
    return guild.id if isinstance(guild, discord.Guild) else channel_id


async def open_dm(client: discord.Client, user_id: int) -> discord.DMChannel | SendOutcome:
    """Return the DM channel of a user, or the outcome that explains why it cannot be opened.

    Raises any error that neither Discord nor the network caused.
    """
    return await try_request(client.create_dm(discord.Object(user_id)))


def compute_nonce(dispatch: Dispatch) -> str:
    """Return the nonce of a queued message, equal for all attempts, so that Discord accepts only one of them.

    Discord remembers a nonce for a few minutes and allows 25 characters; this nonce has 24. See
    https://discord.com/developers/docs/resources/message#create-message
    """
    unique_name = f"{dispatch.channel_id}:{dispatch.dedupe_key}"
    return hashlib.blake2b(unique_name.encode(), digest_size=12).hexdigest()


def supports_nonce(target: Target) -> bool:
    """Return whether Discord deduplicates messages in a place by their nonce.

    It does not in a forum, where each message opens a thread.
    """
    return not isinstance(target, discord.ForumChannel)


async def send(target: Target, message: Message, nonce: str, webhook: discord.Webhook | None = None) -> SendOutcome:
    """Send a message; if Discord rejects it, try its variants without pictures, links and emoji.

    The attached picture is left out where Telex may not attach files. A message sent by `webhook` has no nonce. Raises
    any error that neither Discord nor the network caused.
    """
    if isinstance(target, GuildTarget) and (missing_permissions := permissions.find_missing_permissions(target)):
        return block_for_permissions(missing_permissions)
    if message.picture is not None and isinstance(target, GuildTarget) and not permissions.can_attach_files(target):
        message = message.without_picture()
    outcome: SendOutcome = Rejected(Reason(SendProblem.REFUSED))
    for message_variant in message.iter_variants():
        try:
            if webhook is not None:
                return await _send_by_webhook(webhook, target, message_variant)
            return await _send_as_bot(target, message_variant, nonce)
        except Exception as error:  # noqa: BLE001  # `classify_error` raises all other errors again
            outcome = classify_error(error)
        if not isinstance(outcome, Rejected):
            break
    if (
        outcome == ChannelBlocked(Reason(SendProblem.FORBIDDEN))
        and isinstance(target, discord.Thread)
        and target.locked
    ):
        return ChannelBlocked(Reason(SendProblem.LOCKED))  # Discord reports only 403.
    return outcome


def _send_kwargs(message: Message) -> dict[str, Any]:
    send_arguments = {name: argument for name, argument in message.send_kwargs().items() if argument is not None}
    if message.content is not None:
        send_arguments["content"] = message.content
    if message.picture is not None:
        send_arguments["file"] = message.picture.to_file()
    if message.is_silent:
        send_arguments["silent"] = True
    return send_arguments


async def _send_by_webhook(webhook: discord.Webhook, target: Target, message: Message) -> Sent | ChannelBlocked:
    assert message.webhook_identity is not None
    target_arguments: dict[str, Any] = {"thread": target} if isinstance(target, discord.Thread) else {}
    if isinstance(target, discord.ForumChannel):
        target_arguments = {
            "thread_name": message.name,
            "applied_tags": message.tags or discord.utils.MISSING,
        }
    sent_message = await webhook.send(
        username=message.webhook_identity.name,
        avatar_url=message.webhook_identity.avatar_url,
        wait=True,
        **_send_kwargs(message),
        **target_arguments,
    )
    if isinstance(target, discord.ForumChannel):
        return Sent(sent_message.id, sent_message.channel.id, webhook.id)
    if sent_message.channel.id != target.id:  # Somebody moved the webhook.
        await webhook.delete_message(sent_message.id)
        return ChannelBlocked(Reason(SendProblem.WEBHOOK_GONE))
    return Sent(sent_message.id, None, webhook.id)


async def _send_as_bot(target: Target, message: Message, nonce: str) -> Sent:
    send_arguments = _send_kwargs(message)
    if isinstance(target, discord.ForumChannel):
        created_thread = await target.create_thread(
            name=message.name, applied_tags=message.tags or discord.utils.MISSING, **send_arguments
        )
        return Sent(created_thread.message.id, created_thread.thread.id)
    return Sent((await target.send(nonce=nonce, **send_arguments)).id)
