"""The bot's own messages in a channel and in its threads: what it sent itself, and what its webhooks did."""

from collections.abc import AsyncIterator, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import discord

from bot.posting.sending import permissions
from bot.posting.sending.channel_webhooks import ChannelWebhooks
from bot.posting.sending.message_targets import Target
from bot.posting.sending.send_outcomes import Sent
from bot.store import Store

CLOCK_SKEW_TOLERANCE = timedelta(minutes=90)
"""How far this machine's clock may have been from Discord's, and how long an attempt may last."""

_FIRST_MESSAGE_LIMIT = 3


class HistoryNotReadable(Exception):
    """Telex may not read the channel's messages."""


@dataclass(frozen=True, slots=True)
class HistoryWindow:
    """Between which times, in seconds of UTC, a channel is looked through; without `until` to its end.

    `apart` are channels of their own, which its threads of a day are not. However much others wrote, all of
    it is read: what is not found is sent again. The bot's own are the messages and threads of `authors`, and
    the messages of all webhooks of its application.
    """

    since: int
    until: int | None
    excluded_thread_ids: Collection[int]
    author_ids: Collection[int]
    application_id: int | None

    @property
    def after(self) -> datetime:
        """The earliest time of a message, with all by which clocks may differ."""
        return datetime.fromtimestamp(self.since, UTC) - CLOCK_SKEW_TOLERANCE

    @property
    def before(self) -> datetime | None:
        """The latest, likewise."""
        return None if self.until is None else datetime.fromtimestamp(self.until, UTC) + CLOCK_SKEW_TOLERANCE

    def is_own(self, message: discord.Message) -> bool:
        """Whether the bot sent a message, itself or by a webhook."""
        by_webhook = message.webhook_id is not None and message.application_id == self.application_id
        return by_webhook or message.author.id in self.author_ids

    def may_contain(self, thread: discord.Thread) -> bool:
        """Whether the bot made a thread, and before the span's end."""
        begun = discord.utils.snowflake_time(thread.id)
        return thread.owner_id in self.author_ids and (self.before is None or begun <= self.before)


async def history_window_for(
    store: Store,
    webhooks: ChannelWebhooks,
    place: Target,
    *,
    server_id: int,
    channel_id: int,
    since: int,
    until: int | None,
) -> HistoryWindow:
    """What to look through of a channel of a server."""
    me = place.me if isinstance(place, discord.DMChannel) else place.guild.me
    authors = await store.dispatches.webhooks(channel_id)
    if isinstance(place, discord.ForumChannel):  # whose threads tell only who began them
        authors |= await webhooks.own_ids(place)
    if me is not None:
        authors.add(me.id)
    apart = set(await store.subscriptions.channels(server_id)) - {channel_id}
    return HistoryWindow(since, until, apart, authors, webhooks.application_id)


async def iter_own_messages(
    place: Target, channel_id: int, span: HistoryWindow
) -> AsyncIterator[tuple[discord.Message, Sent]]:
    """The bot's messages in a channel in a span, in a forum the first of each thread.

    Raises `HistoryNotReadable`, and what discord.py raises.
    """
    # Without the permission Discord answers with an empty list.
    if not isinstance(place, discord.DMChannel) and (
        place.guild.me is None or permissions.missing_permissions(place, required=False, history=True)
    ):
        raise HistoryNotReadable
    if isinstance(place, discord.Thread) and place.id != channel_id and place.parent is not None:
        place = place.parent  # a thread of a day
    if isinstance(place, discord.TextChannel):  # threads may have been switched on or off since
        async for found, sent in _iter_thread_messages(place, span):
            yield found, sent
    if isinstance(place, discord.ForumChannel):
        async for found, thread in _iter_first_messages(place, span):
            yield found, Sent(found.id, thread.id, found.webhook_id)
        return
    async for found, sent in _iter_history(place, span):
        yield found, sent


async def _iter_thread_messages(
    channel: discord.TextChannel, span: HistoryWindow
) -> AsyncIterator[tuple[discord.Message, Sent]]:
    async for thread in iter_public_threads(channel, span.after):
        if thread.id not in span.excluded_thread_ids and span.may_contain(thread):
            with suppress(discord.NotFound):  # somebody deleted it meanwhile
                async for found, sent in _iter_history(thread, span):
                    yield found, replace(sent, thread_id=thread.id)


async def _iter_history(
    place: discord.abc.Messageable, span: HistoryWindow
) -> AsyncIterator[tuple[discord.Message, Sent]]:
    async for found in place.history(limit=None, after=span.after, before=span.before, oldest_first=False):
        if span.is_own(found):
            yield found, Sent(found.id, None, found.webhook_id)


async def _iter_first_messages(
    forum: discord.ForumChannel, span: HistoryWindow
) -> AsyncIterator[tuple[discord.Message, discord.Thread]]:
    async for thread in iter_public_threads(forum, span.after):
        begun = discord.utils.snowflake_time(thread.id)
        if begun < span.after or not span.may_contain(thread):
            continue
        # Its first message has its id, or was made in the same moment.
        start = begun - timedelta(seconds=1)
        with suppress(discord.NotFound):  # somebody deleted it meanwhile
            async for found in thread.history(limit=_FIRST_MESSAGE_LIMIT, after=start, oldest_first=True):
                if span.is_own(found):
                    yield found, thread


async def iter_public_threads(
    channel: discord.ForumChannel | discord.TextChannel, since: datetime
) -> AsyncIterator[discord.Thread]:
    """The public threads of a channel in which something may be since a time, however many there are.

    Those that are open, then the archived ones, which Discord gives in the order of their archiving.
    """
    for thread in await channel.guild.active_threads():
        if thread.parent_id == channel.id:
            yield thread
    async for thread in channel.archived_threads(limit=None):
        if max(thread.archive_timestamp, discord.utils.snowflake_time(thread.id)) < since:
            return
        yield thread
