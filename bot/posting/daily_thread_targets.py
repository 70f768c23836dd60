"""Daily threads, for channels that collect each day's posts in one thread.

A request to create a thread cannot have a nonce, by which Discord would reject repetitions. A thread whose
response was lost, or that was created right before a crash, is therefore recognised by its name among the
bot's threads of the channel, so that a day has one thread. Before another thread is created, the first one is
looked for several times, since a dispatch whose claim is in doubt (it may or may not have been sent) is
looked up after the delays in `in_doubt_claims.LOOKUP_DELAYS_SECONDS`.
"""

from datetime import UTC, date, datetime
from typing import Literal

import discord
from babel.dates import format_date

from bot.core import i18n, local_time
from bot.core.i18n import _
from bot.core.models import Dispatch, DispatchKind
from bot.core.reasons import Reason, SendProblem
from bot.core.setting_registry import DAILY_THREAD
from bot.posting.posting_context import PostingContext
from bot.posting.recovery.own_messages import iter_public_threads
from bot.posting.sending import message_targets, permissions
from bot.posting.sending.send_outcomes import (
    ChannelBlocked,
    SendOutcome,
    block_for_permissions,
    classify_error,
    try_request,
)
from bot.text import discord_text

THREADED_KINDS = frozenset({DispatchKind.POST, DispatchKind.CATCH_UP})
"""Kinds of queued messages that go into the daily thread; alerts and watch notifications stay in the channel."""

_AUTO_ARCHIVE_MINUTES: Literal[1440] = 1440
_MAX_LOOKBACK_SECONDS = 2 * 86_400
"""Maximum seconds before the start of sending at which the thread of its day may have been active, with clock skew."""
_MAX_THREAD_NAME_LENGTH = 100


async def resolve_daily_thread(
    context: PostingContext, channel: message_targets.GuildTarget, dispatch: Dispatch, *, may_create: bool
) -> message_targets.GuildTarget | SendOutcome | None:
    """Return where a queued message (dispatch) goes: the channel, or the channel's thread of the day.

    The day is that on which sending began, else that on which the message was queued. A thread that does not exist
    is created if `may_create` is true; the thread's id is stored.

    Returns a `SendOutcome` if there is no thread to send to, and None if the thread does not exist and
    `may_create` is false, since an earlier request may still create it. Raises StoreError.
    """
    if not isinstance(channel, discord.TextChannel) or dispatch.kind not in THREADED_KINDS:
        return channel
    store = context.store
    if not (await store.preferences.get_by_channel(channel.id))[DAILY_THREAD]:
        return channel
    if missing_permissions := permissions.find_missing_thread_permissions(channel):
        return block_for_permissions(missing_permissions)
    server_preferences = await store.preferences.get_by_server(channel.guild.id)
    claimed_at = dispatch.claimed_at if dispatch.claimed_at is not None else dispatch.created_at
    day = datetime.fromtimestamp(claimed_at, local_time.load_zone(server_preferences.time_zone)).date()
    thread_id = await store.daily_threads.get(channel.id, day)
    if thread_id is not None:
        stored_thread_or_outcome = await message_targets.find_channel(context.client, thread_id)
        if stored_thread_or_outcome != ChannelBlocked(Reason(SendProblem.CHANNEL_GONE)):
            return stored_thread_or_outcome
    thread_name = _build_thread_name(day, await context.post_languages.for_channel(channel.guild.id, channel.id))
    thread_or_outcome = await try_request(
        _find_existing_thread(channel, thread_name, claimed_at - _MAX_LOOKBACK_SECONDS)
    )
    if thread_or_outcome is None and may_create:
        thread_or_outcome = await _create_thread(channel, thread_name)
    if isinstance(thread_or_outcome, discord.Thread):
        await store.daily_threads.save(channel.id, day, thread_or_outcome.id)
    return thread_or_outcome


def _build_thread_name(day: date, language: str) -> str:
    with i18n.language_scope(language):
        thread_title = _("News of {day}").format(day=format_date(day, "long", locale=language))
    return discord_text.to_plain_line(thread_title, _MAX_THREAD_NAME_LENGTH)


async def _find_existing_thread(
    channel: discord.TextChannel, thread_name: str, active_since: int
) -> discord.Thread | SendOutcome | None:
    """Return the bot's thread of a name that may have been active since a Unix time in seconds, or None.

    Returns `ChannelBlocked` if that thread is locked. Raises discord.DiscordException, aiohttp.ClientError and
    TimeoutError.
    """
    async for thread in iter_public_threads(channel, datetime.fromtimestamp(active_since, UTC)):
        if thread.owner_id == channel.guild.me.id and thread.name == thread_name:
            return ChannelBlocked(Reason(SendProblem.LOCKED)) if thread.locked else thread
    return None


async def _create_thread(channel: discord.TextChannel, thread_name: str) -> discord.Thread | SendOutcome:
    """Create a public thread and return it, or the outcome that explains why there is none.

    Returns `DeliveryUnknown` if the response was lost, so that the thread may exist.
    """
    try:
        return await channel.create_thread(
            name=thread_name,
            type=discord.ChannelType.public_thread,
            auto_archive_duration=_AUTO_ARCHIVE_MINUTES,
        )
    except Exception as error:  # noqa: BLE001  # `classify_error` raises all other errors again
        return classify_error(error)
