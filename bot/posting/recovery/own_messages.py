"""Iteration over the bot's own messages in a channel and its threads, including those of its webhooks."""

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
"""Time by which the part of a channel's history that is read is extended at both ends.

It covers the skew between this machine's clock and Discord's, and the longest duration of one send attempt.
"""

_MAX_FIRST_MESSAGES = 3
"""Maximum number of messages that are read at the start of a forum thread, to find the one that opened it."""


class HistoryNotReadable(Exception):
    """Error raised when Telex cannot read a channel's history: it lacks the permission, or has left the server."""


@dataclass(frozen=True, slots=True)
class HistoryWindow:
    """Part of a channel's history between two Unix times in seconds; with `until` None, up to the newest message.

    The whole window is read, however many messages of other authors are in it, since a dispatch that is not
    found is sent again. The bot's own messages are written by `author_ids` or by a webhook of
    `application_id`. `excluded_thread_ids` are threads with feeds of their own, which daily threads do not
    have.
    """

    since: int
    until: int | None
    excluded_thread_ids: Collection[int]
    author_ids: Collection[int]
    application_id: int | None

    @property
    def after(self) -> datetime:
        """Earliest time of messages to read: the start of the window less the tolerance for clock skew."""
        return datetime.fromtimestamp(self.since, UTC) - CLOCK_SKEW_TOLERANCE

    @property
    def before(self) -> datetime | None:
        """Latest time of messages to read: the window's end plus the tolerance for clock skew; None without an end."""
        return None if self.until is None else datetime.fromtimestamp(self.until, UTC) + CLOCK_SKEW_TOLERANCE

    def is_own(self, message: discord.Message) -> bool:
        """Return whether the bot or one of its webhooks sent a message."""
        is_by_webhook = message.webhook_id is not None and message.application_id == self.application_id
        return is_by_webhook or message.author.id in self.author_ids

    def may_contain(self, thread: discord.Thread) -> bool:
        """Return whether a thread may have messages in the window: the bot created it before the window's end."""
        created_at = discord.utils.snowflake_time(thread.id)
        return thread.owner_id in self.author_ids and (self.before is None or created_at <= self.before)


async def build_history_window(
    store: Store,
    webhooks: ChannelWebhooks,
    target: Target,
    *,
    server_id: int,
    channel_id: int,
    since: int,
    until: int | None,
) -> HistoryWindow:
    """Return the window of a channel's history, with the ids of the bot's user, webhooks and other threads.

    Threads with feeds of their own are excluded. Raises StoreError, and
    discord.DiscordException, aiohttp.ClientError or TimeoutError if Discord does not answer about a forum's webhooks.
    """
    bot_user = target.me if isinstance(target, discord.DMChannel) else target.guild.me
    author_ids = await store.dispatches.load_webhook_ids(channel_id)
    if isinstance(target, discord.ForumChannel):  # The owner of a thread may be a webhook, known by its id only.
        author_ids |= await webhooks.fetch_own_ids(target)
    if bot_user is not None:
        author_ids.add(bot_user.id)
    excluded_thread_ids = set(await store.subscriptions.load_channel_ids(server_id)) - {channel_id}
    return HistoryWindow(since, until, excluded_thread_ids, author_ids, webhooks.application_id)


async def iter_own_messages(
    target: Target, channel_id: int, window: HistoryWindow
) -> AsyncIterator[tuple[discord.Message, Sent]]:
    """Yield the bot's messages in a history window, each with its ids as a `Sent` outcome.

    In a channel and in each of its threads, the newest message comes first. In a forum only the bot's messages at
    the start of each thread are yielded, oldest first. Raises HistoryNotReadable if Telex lacks the permission to
    read the history, and discord.DiscordException, aiohttp.ClientError and TimeoutError.
    """
    # Without the permission Discord returns an empty list instead of an error.
    if not isinstance(target, discord.DMChannel) and (
        target.guild.me is None
        or permissions.find_missing_permissions(target, check_required=False, check_history=True)
    ):
        raise HistoryNotReadable
    if isinstance(target, discord.Thread) and target.id != channel_id and target.parent is not None:
        target = target.parent  # It is a daily thread.
    if isinstance(target, discord.TextChannel):  # Daily threads may have been on earlier.
        async for message, sent_outcome in _iter_thread_messages(target, window):
            yield message, sent_outcome
    if isinstance(target, discord.ForumChannel):
        async for message, thread in _iter_first_messages(target, window):
            yield message, Sent(message.id, thread.id, message.webhook_id)
        return
    async for message, sent_outcome in _iter_history(target, window):
        yield message, sent_outcome


async def _iter_thread_messages(
    channel: discord.TextChannel, window: HistoryWindow
) -> AsyncIterator[tuple[discord.Message, Sent]]:
    async for thread in iter_public_threads(channel, window.after):
        if thread.id not in window.excluded_thread_ids and window.may_contain(thread):
            with suppress(discord.NotFound):  # The thread was deleted meanwhile.
                async for message, sent_outcome in _iter_history(thread, window):
                    yield message, replace(sent_outcome, thread_id=thread.id)


async def _iter_history(
    channel: discord.abc.Messageable, window: HistoryWindow
) -> AsyncIterator[tuple[discord.Message, Sent]]:
    async for message in channel.history(limit=None, after=window.after, before=window.before, oldest_first=False):
        if window.is_own(message):
            yield message, Sent(message.id, None, message.webhook_id)


async def _iter_first_messages(
    forum: discord.ForumChannel, window: HistoryWindow
) -> AsyncIterator[tuple[discord.Message, discord.Thread]]:
    async for thread in iter_public_threads(forum, window.after):
        created_at = discord.utils.snowflake_time(thread.id)
        if created_at < window.after or not window.may_contain(thread):
            continue
        # The first message has the thread's id, or was created in the same moment.
        history_start = created_at - timedelta(seconds=1)
        with suppress(discord.NotFound):  # The thread was deleted meanwhile.
            async for message in thread.history(limit=_MAX_FIRST_MESSAGES, after=history_start, oldest_first=True):
                if window.is_own(message):
                    yield message, thread


async def iter_public_threads(
    channel: discord.ForumChannel | discord.TextChannel, since: datetime
) -> AsyncIterator[discord.Thread]:
    """Yield the public threads of a channel that may have messages at or after a time.

    Active threads come first, then archived threads, which Discord lists by the time of archiving. Raises
    discord.DiscordException, aiohttp.ClientError and TimeoutError.
    """
    for thread in await channel.guild.active_threads():
        if thread.parent_id == channel.id:
            yield thread
    async for thread in channel.archived_threads(limit=None):
        if max(thread.archive_timestamp, discord.utils.snowflake_time(thread.id)) < since:
            return
        yield thread
