"""The thread of the day, for channels that have their posts in one.

Making a thread has no nonce. One whose answer was lost, or that was made right before a crash, is known again
by its name among the bot's own threads of the channel, so that a day has one thread. It is looked for as long
as a claim is (`pending_claims`) before another is made.
"""

from datetime import UTC, date, datetime
from typing import Literal

import discord
from babel.dates import format_date

from bot.core import hours, locale
from bot.core.locale import _
from bot.core.models import Dispatch, DispatchKind
from bot.posting.posting_context import PostingContext
from bot.posting.recovery.own_messages import threads_of
from bot.posting.sending import message_places, permissions
from bot.posting.sending.send_outcomes import Blocked, Outcome, Problem, asked, judge
from bot.text import safe

IN_THREADS = frozenset({DispatchKind.POST, DispatchKind.CATCH_UP})
"""What goes into the thread of the day; alerts and what a watch found stay in the channel."""

_A_DAY: Literal[1440] = 1440  # minutes without a message after which the thread is archived
_LONGEST_DAY = 2 * 86_400  # seconds, with all by which clocks and time zones differ
_NAME = 100


async def place(
    context: PostingContext, channel: message_places.Place, dispatch: Dispatch, *, may_make: bool
) -> message_places.Place | Outcome | None:
    """Where a dispatch goes that is owed to `channel`: there, or into its thread of the day of the claim.

    None where that is to be made and may not be: a second one could come of it.
    """
    if not isinstance(channel, discord.TextChannel) or dispatch.kind not in IN_THREADS:
        return channel
    store = context.store
    if not (await store.preferences.of_channel(channel.id)).daily_thread:
        return channel
    if lacking := permissions.lacking_for_threads(channel):
        return Blocked(" ".join((Problem.FORBIDDEN, *lacking)))
    chosen = await store.preferences.of_server(channel.guild.id)
    claimed = dispatch.claimed if dispatch.claimed is not None else dispatch.created
    day = datetime.fromtimestamp(claimed, hours.zone(chosen.time_zone)).date()
    known = await store.daily_threads.get(channel.id, day)
    if known is not None:
        found = await message_places.find(context.client, known)
        if found != Blocked(Problem.GONE):
            return found
    title = _title(day, await context.languages.of(channel.guild.id, channel.id))
    made = await asked(_found(channel, title, claimed - _LONGEST_DAY))
    if made is None and may_make:
        made = await _made(channel, title)
    if isinstance(made, discord.Thread):
        await store.daily_threads.set(channel.id, day, made.id)
    return made


def _title(day: date, language: str) -> str:
    with locale.use(language):
        title = _("News of {day}").format(day=format_date(day, "long", locale=language))
    return safe.plain(title, _NAME)


async def _found(channel: discord.TextChannel, name: str, since: int) -> discord.Thread | Outcome | None:
    """The bot's thread of this name in a channel, begun since then."""
    async for thread in threads_of(channel, datetime.fromtimestamp(since, UTC)):
        if thread.owner_id == channel.guild.me.id and thread.name == name:
            return Blocked(Problem.LOCKED) if thread.locked else thread
    return None


async def _made(channel: discord.TextChannel, name: str) -> discord.Thread | Outcome:
    """A new thread; `Lost` where it may come to be."""
    try:
        return await channel.create_thread(
            name=name, type=discord.ChannelType.public_thread, auto_archive_duration=_A_DAY
        )
    except Exception as error:  # noqa: BLE001  # raised again where it is no answer of Discord's
        return judge(error)
