"""Sending into a channel, whatever its kind: text, announcement, thread, forum, direct messages."""

import hashlib
from typing import Any

import aiohttp
import discord

from bot.core.models import Dispatch
from bot.posting.rendering.messages import Message
from bot.posting.sending import permissions
from bot.posting.sending.send_outcomes import (
    Blocked,
    Outcome,
    Problem,
    Refused,
    Sent,
    asked,
    judge,
)
from bot.store import Store

Place = (
    discord.ForumChannel | discord.Thread | discord.TextChannel | discord.VoiceChannel | discord.StageChannel
)
Target = Place | discord.DMChannel


async def find(client: discord.Client, channel_id: int) -> Place | Outcome:
    """The channel, from the cache or from Discord; or why there is none."""
    channel = client.get_channel(channel_id) or await asked(client.fetch_channel(channel_id))
    return channel if isinstance(channel, Place | Outcome) else Blocked(Problem.NOT_TEXT)


async def server(client: discord.Client, store: Store, server_id: int) -> discord.Guild | None:
    """A server; where another process serves it, what Discord tells of it: its name, no channels.

    None where the bot is not in it, or Discord does not tell.
    """
    guild = client.get_guild(server_id)
    if guild is not None or store.shards.has(server_id):
        return guild
    try:
        return await client.fetch_guild(server_id, with_counts=False)
    except (discord.DiscordException, aiohttp.ClientError, TimeoutError):
        return None


def share_of(client: discord.Client, channel_id: int) -> int:
    """Whose share of what Discord is asked a channel uses: its server's, where that is in sight."""
    guild = getattr(client.get_channel(channel_id), "guild", None)
    return guild.id if isinstance(guild, discord.Guild) else channel_id


async def direct(client: discord.Client, person_id: int) -> discord.DMChannel | Outcome:
    """The channel of a person's direct messages; or why there is none."""
    return await asked(client.create_dm(discord.Object(person_id)))


def nonce(dispatch: Dispatch) -> str:
    """The same for every attempt at a dispatch, so that Discord takes only one of them for a few minutes.

    At most 25 characters: https://discord.com/developers/docs/resources/message#create-message
    """
    name = f"{dispatch.channel_id}:{dispatch.what}"
    return hashlib.blake2b(name.encode(), digest_size=12).hexdigest()


def has_nonce(place: Target) -> bool:
    """Whether Discord recognises a repeated message here: not where each one opens a thread."""
    return not isinstance(place, discord.ForumChannel)


async def send(
    place: Target, message: Message, nonce: str, webhook: discord.Webhook | None = None
) -> Outcome:
    """Send a message; barer where Discord refuses an address in it. Raises only what is a fault of ours.

    Where a webhook sends it there is no nonce.
    """
    if isinstance(place, Place) and (lacking := permissions.lacking(place)):
        return Blocked(" ".join([Problem.FORBIDDEN, *lacking]))
    if message.picture is not None and isinstance(place, Place) and not permissions.may_attach(place):
        message = message.without_picture()
    outcome: Outcome = Refused(Problem.REFUSED)
    for attempt in message.attempts():
        try:
            if webhook is not None:
                return await _send_by(webhook, place, attempt)
            return await _send(place, attempt, nonce)
        except Exception as error:  # noqa: BLE001  # raised again where it is no answer of Discord's
            outcome = judge(error)
        if not isinstance(outcome, Refused):
            break
    if outcome == Blocked(Problem.FORBIDDEN) and isinstance(place, discord.Thread) and place.locked:
        return Blocked(Problem.LOCKED)  # Discord says no more than that it is forbidden
    return outcome


def _content(message: Message) -> dict[str, Any]:
    content = {name: part for name, part in message.body().items() if part is not None}
    if message.content is not None:
        content["content"] = message.content
    if message.picture is not None:
        content["file"] = message.picture.file()
    return content


async def _send_by(webhook: discord.Webhook, place: Target, message: Message) -> Sent | Blocked:
    assert message.signature is not None  # what goes by a webhook has one
    where: dict[str, Any] = {"thread": place} if isinstance(place, discord.Thread) else {}
    if isinstance(place, discord.ForumChannel):
        where = {"thread_name": message.name, "applied_tags": message.tags or discord.utils.MISSING}
    sent = await webhook.send(
        username=message.signature.name,
        avatar_url=message.signature.avatar,
        wait=True,
        **_content(message),
        **where,
    )
    if isinstance(place, discord.ForumChannel):
        return Sent(sent.id, sent.channel.id, webhook.id)
    if sent.channel.id != place.id:  # somebody moved it elsewhere
        await webhook.delete_message(sent.id)
        return Blocked(Problem.WEBHOOK_GONE)
    return Sent(sent.id, None, webhook.id)


async def _send(place: Target, message: Message, nonce: str) -> Sent:
    content = _content(message)
    if isinstance(place, discord.ForumChannel):
        made = await place.create_thread(
            name=message.name, applied_tags=message.tags or discord.utils.MISSING, **content
        )
        return Sent(made.message.id, made.thread.id)
    return Sent((await place.send(nonce=nonce, **content)).id)
