"""The thread of the day, for channels that have their posts in one.

Making a thread has no nonce. One whose answer was lost, or that was made right before a crash, is known again
by its name among the bot's own threads of the channel, so that a day has one thread. It is looked for as long
as a claim is (`pending_claims`) before another is made.
"""

from datetime import UTC, date, datetime
from typing import Literal

import discord
from babel.dates import format_date

from bot.core import i18n, local_time
from bot.core.i18n import _
from bot.core.models import Dispatch, DispatchKind
from bot.posting.posting_context import PostingContext
from bot.posting.recovery.own_messages import iter_public_threads
from bot.posting.sending import message_targets, permissions
from bot.posting.sending.send_outcomes import (
    ChannelBlocked,
    SendOutcome,
    SendProblem,
    classify_error,
    try_request,
)
from bot.text import discord_text

THREADED_KINDS = frozenset({DispatchKind.POST, DispatchKind.CATCH_UP})
"""What goes into the thread of the day; alerts and what a watch found stay in the channel."""

_AUTO_ARCHIVE_MINUTES: Literal[1440] = 1440  # minutes without a message after which the thread is archived
_MAX_LOOKBACK_SECONDS = 2 * 86_400  # seconds, with all by which clocks and time zones differ
_MAX_THREAD_NAME_LENGTH = 100


async def place(
    context: PostingContext, channel: message_targets.GuildTarget, dispatch: Dispatch, *, may_make: bool
) -> message_targets.GuildTarget | SendOutcome | None:
    """Where a dispatch goes that is owed to `channel`: there, or into its thread of the day of the claim.

    None where that is to be made and may not be: a second one could come of it.
    """
    if not isinstance(channel, discord.TextChannel) or dispatch.kind not in THREADED_KINDS:
        return channel
    store = context.store
    if not (await store.preferences.of_channel(channel.id)).daily_thread:
        return channel
    if lacking := permissions.missing_thread_permissions(channel):
        return ChannelBlocked(" ".join((SendProblem.FORBIDDEN, *lacking)))
    chosen = await store.preferences.of_server(channel.guild.id)
    claimed = dispatch.claimed_at if dispatch.claimed_at is not None else dispatch.created_at
    day = datetime.fromtimestamp(claimed, local_time.load_zone(chosen.time_zone)).date()
    known = await store.daily_threads.get(channel.id, day)
    if known is not None:
        found = await message_targets.find_channel(context.client, known)
        if found != ChannelBlocked(SendProblem.CHANNEL_GONE):
            return found
    title = _thread_name(day, await context.languages.for_channel(channel.guild.id, channel.id))
    made = await try_request(_find_existing_thread(channel, title, claimed - _MAX_LOOKBACK_SECONDS))
    if made is None and may_make:
        made = await _create_thread(channel, title)
    if isinstance(made, discord.Thread):
        await store.daily_threads.set(channel.id, day, made.id)
    return made


def _thread_name(day: date, language: str) -> str:
    with i18n.language_scope(language):
        title = _("News of {day}").format(day=format_date(day, "long", locale=language))
    return discord_text.to_plain_line(title, _MAX_THREAD_NAME_LENGTH)


async def _find_existing_thread(
    channel: discord.TextChannel, name: str, since: int
) -> discord.Thread | SendOutcome | None:
    """The bot's thread of this name in a channel, begun since then."""
    async for thread in iter_public_threads(channel, datetime.fromtimestamp(since, UTC)):
        if thread.owner_id == channel.guild.me.id and thread.name == name:
            return ChannelBlocked(SendProblem.LOCKED) if thread.locked else thread
    return None


async def _create_thread(channel: discord.TextChannel, name: str) -> discord.Thread | SendOutcome:
    """A new thread; `DeliveryUnknown` where it may come to be."""
    try:
        return await channel.create_thread(
            name=name, type=discord.ChannelType.public_thread, auto_archive_duration=_AUTO_ARCHIVE_MINUTES
        )
    except Exception as error:  # noqa: BLE001  # raised again where it is no answer of Discord's
        return classify_error(error)
