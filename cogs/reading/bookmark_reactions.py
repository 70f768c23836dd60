"""Bookmarks from 🔖 reactions.

Reactions that were added while the bot was offline, or before it knew of a post, are found later (backfill).
A `Dispatch` is the record of a post.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from functools import partial
from weakref import WeakValueDictionary

import discord
from discord.ext import commands

from bot.client.discord_client import TelexBot
from bot.core import i18n
from bot.core.limits import Limit
from bot.core.models import Dispatch
from bot.core.user_errors import RequestRejected
from bot.core.user_models import Bookmark
from bot.posting.rendering.buttons import BOOKMARK_EMOJI
from bot.posting.sending.send_outcomes import DISCORD_ERRORS
from bot.posting.wording.refusal_sentences import refusal_sentence
from cogs.reading.bookmarking import add_bookmarks
from cogs.reading.message_articles import find_article_dispatch

log = logging.getLogger(__name__)

_BACKFILL_WINDOW_SECONDS = 7 * 86400
"""Maximum age in seconds, at the time when a shard went offline, of posts that are checked for missed reactions."""
_MAX_BACKFILL_POSTS = 2000
"""Maximum number of recent posts of a shard that are checked for missed reactions."""
_MAX_FORUM_POSTS = 200
"""Maximum number of forum posts per check for missed reactions.

Each forum post costs a request, because it is a thread of its own.
"""
_MAX_REACTION_REQUESTS = 1000
"""Maximum number of posts whose reactions are fetched per check for missed reactions, of a shard or of a post."""
_MAX_USERS_PER_REACTION = 1000
"""Maximum number of users of a reaction that are fetched from Discord."""
_HISTORY_PAGE_SIZE = 100
"""Number of messages of a channel that a request to Discord returns.

https://discord.com/developers/docs/resources/message#get-channel-messages
"""
_MAX_WARNED_USERS = 10_000
"""Maximum number of users who are told why a reaction made no bookmark; each is remembered and told only once."""
_RESTORE_SECONDS = 15 * 60
"""Time in seconds within which adding the reaction again restores the bookmark's note and tags."""
_MAX_REMOVED_BOOKMARKS = 1000
"""Maximum number of removed bookmarks that are remembered, so that they can be restored."""


class ReactionCog(commands.Cog):
    """Cog that turns 🔖 reactions on posts into bookmarks, and removes a bookmark with its reaction."""

    def __init__(self, bot: TelexBot) -> None:
        self.bot = bot
        # One lock per user: an added and a removed reaction must be handled in order.
        self._user_locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._backfill_lock = asyncio.Lock()
        # Pairs of user id and message id.
        self._reactions_removed_during_backfill: set[tuple[int, int]] = set()
        self._remaining_reaction_requests = 0
        self._warned_user_ids: set[int] = set()
        self._backfill_tasks: set[asyncio.Task[None]] = set()
        # By user id and article id, with the time of removal.
        self._removed_bookmarks: dict[tuple[int, int], tuple[int, Bookmark]] = {}

    async def cog_load(self) -> None:
        """Subscribe to lookups which show that a post was delivered though Discord's answer was missing."""
        self.bot.outbox_relay.on_delivery_confirmed = self._on_delivery_confirmed

    async def cog_unload(self) -> None:
        """Cancel the checks for missed reactions; the next start repeats them."""
        for task in self._backfill_tasks:
            task.cancel()

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        if not self._is_bookmark_reaction(payload) or (payload.member is not None and payload.member.bot):
            return
        async with self._get_user_lock(payload.user_id):
            dispatch = await find_article_dispatch(self.bot, payload.message_id, payload.guild_id)
            if dispatch is not None:
                guild = self.bot.get_guild(dispatch.server_id)
                with i18n.language_scope(str(guild.preferred_locale) if guild is not None else None):
                    await self.bot.store.retry_until_written(
                        partial(self._bookmark_dispatch_articles, payload.user_id, dispatch, is_live=True)
                    )

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        if not self._is_bookmark_reaction(payload):
            return
        if self._backfill_lock.locked():
            self._reactions_removed_during_backfill.add((payload.user_id, payload.message_id))
        async with self._get_user_lock(payload.user_id):
            dispatch = await find_article_dispatch(self.bot, payload.message_id, payload.guild_id)
            for article_id in dispatch.article_ids if dispatch is not None else ():
                remove_bookmark = partial(self.bot.store.bookmarks.remove, payload.user_id, article_id)
                removed_bookmark = await self.bot.store.retry_until_written(remove_bookmark)
                if removed_bookmark is not None and (removed_bookmark.note or removed_bookmark.tags):
                    self._remember_removed_bookmark(payload.user_id, removed_bookmark)

    @commands.Cog.listener()
    async def on_shard_served(self, shard_id: int, last_sent_at: int | None) -> None:
        """Find reactions that were added while no process owned the shard (a part of the servers).

        `last_sent_at` is when a message was last sent in the shard (Unix time in seconds), or None.
        """
        await self._run_backfill(self._backfill_shard(shard_id, last_sent_at))

    def _on_delivery_confirmed(self, dispatch: Dispatch) -> None:
        """Find reactions to a post that was delivered, as a lookup shows, though Discord's answer was missing."""
        task = asyncio.create_task(self._run_backfill(self._backfill_dispatch(dispatch)))
        self._backfill_tasks.add(task)
        task.add_done_callback(self._backfill_tasks.discard)

    async def _run_backfill(self, backfill_coroutine: Coroutine[None, None, int]) -> None:
        async with self._backfill_lock:
            self._remaining_reaction_requests = _MAX_REACTION_REQUESTS
            try:
                bookmark_count = await backfill_coroutine
                if bookmark_count:
                    log.info("bookmarks backfilled from reactions count=%d", bookmark_count)
            except Exception:
                if not self.bot.is_closed():  # Otherwise the next owner of the shard repeats it.
                    log.exception("reaction backfill failed")
            finally:
                self._reactions_removed_during_backfill.clear()

    def _get_user_lock(self, user_id: int) -> asyncio.Lock:
        """Return the lock that makes a user's reactions be processed one at a time and in order."""
        lock = self._user_locks.get(user_id)
        if lock is None:
            lock = self._user_locks[user_id] = asyncio.Lock()
        return lock

    def _is_bookmark_reaction(self, payload: discord.RawReactionActionEvent) -> bool:
        is_own_reaction = self.bot.user is not None and payload.user_id == self.bot.user.id
        return payload.emoji.name == BOOKMARK_EMOJI and payload.emoji.id is None and not is_own_reaction

    def _remember_removed_bookmark(self, user_id: int, removed_bookmark: Bookmark) -> None:
        """Remember a removed bookmark with its note and tags, because removing a reaction has no undo."""
        user_and_article_id = (user_id, removed_bookmark.article.id)
        self._removed_bookmarks.pop(user_and_article_id, None)
        self._removed_bookmarks[user_and_article_id] = (self.bot.services.clock.now(), removed_bookmark)
        if len(self._removed_bookmarks) > _MAX_REMOVED_BOOKMARKS:
            del self._removed_bookmarks[next(iter(self._removed_bookmarks))]

    async def _restore_bookmark(self, user_id: int, article_id: int) -> None:
        removed_at, removed_bookmark = self._removed_bookmarks.pop((user_id, article_id), (0, None))
        if removed_bookmark is not None and self.bot.services.clock.now() - removed_at <= _RESTORE_SECONDS:
            max_bookmarks = await self.bot.services.limits.load(Limit.BOOKMARKS_PER_USER)
            await self.bot.store.bookmarks.restore(user_id, removed_bookmark, max_bookmarks=max_bookmarks)

    async def _bookmark_dispatch_articles(self, user_id: int, dispatch: Dispatch, *, is_live: bool) -> int:
        try:
            for article_id in dispatch.article_ids if is_live else ():
                await self._restore_bookmark(user_id, article_id)
            return await add_bookmarks(
                self.bot,
                user_id,
                dispatch.article_ids,
                server_id=dispatch.server_id,
                channel_id=dispatch.channel_id,
                message_id=dispatch.message_id,
                restores_removed=is_live,
            )
        except RequestRejected as error:
            if is_live:
                await self._warn_once(user_id, refusal_sentence(error.reason))
            return 0

    async def _warn_once(self, user_id: int, sentence: str) -> None:
        """Send a warning to a user as a direct message, at most once, because a reaction has no reply."""
        if user_id in self._warned_user_ids or len(self._warned_user_ids) >= _MAX_WARNED_USERS:
            return
        self._warned_user_ids.add(user_id)
        with contextlib.suppress(*DISCORD_ERRORS):
            user = await self.bot.fetch_user(user_id)
            await user.send(sentence)

    async def _backfill_shard(self, shard_id: int, last_sent_at: int | None) -> int:
        now = self.bot.services.clock.now()
        offline_since = now if last_sent_at is None else min(now, last_sent_at)
        dispatches = await self.bot.store.dispatches.list_recent(
            offline_since - _BACKFILL_WINDOW_SECONDS, _MAX_BACKFILL_POSTS, shard_id
        )
        dispatches_by_channel_id: dict[int, list[Dispatch]] = {}
        forum_dispatches: list[Dispatch] = []
        for dispatch in dispatches:
            if dispatch.message_id is not None and self.bot.get_guild(dispatch.server_id) is not None:
                if dispatch.thread_id is None:
                    dispatches_by_channel_id.setdefault(dispatch.channel_id, []).append(dispatch)
                else:
                    forum_dispatches.append(dispatch)
        bookmark_count = 0
        for channel_id, channel_dispatches in dispatches_by_channel_id.items():
            bookmark_count += await self._backfill_messages(
                _iter_messages_of_dispatches(self.bot, channel_id, channel_dispatches), channel_dispatches
            )
        for dispatch in forum_dispatches[:_MAX_FORUM_POSTS]:
            bookmark_count += await self._backfill_dispatch(dispatch)
        return bookmark_count

    async def _backfill_dispatch(self, dispatch: Dispatch) -> int:
        if dispatch.thread_id is not None:
            return await self._backfill_messages(_iter_opening_message(self.bot, dispatch), [dispatch])
        return await self._backfill_messages(
            _iter_messages_of_dispatches(self.bot, dispatch.channel_id, [dispatch]), [dispatch]
        )

    async def _backfill_messages(self, messages: AsyncIterator[discord.Message], dispatches: Sequence[Dispatch]) -> int:
        """Bookmark articles of posts (`dispatches`) for users with a 🔖 reaction; return how many were added."""
        dispatch_by_message_id = {dispatch.message_id: dispatch for dispatch in dispatches}
        bookmark_count = 0
        try:
            async for message in messages:
                dispatch = dispatch_by_message_id.get(message.id)
                for reaction in message.reactions if dispatch is not None else ():
                    assert dispatch is not None
                    if (
                        self._remaining_reaction_requests
                        and reaction.emoji == BOOKMARK_EMOJI
                        and reaction.count > reaction.me
                    ):
                        self._remaining_reaction_requests -= 1
                        bookmark_count += await self._bookmark_reactors(reaction, dispatch)
        except (discord.Forbidden, discord.NotFound):
            log.debug("reaction backfill forbidden channel_id=%d", dispatches[0].channel_id)
        except DISCORD_ERRORS as error:
            log.warning("reaction backfill failed channel_id=%d error=%s", dispatches[0].channel_id, error)
        return bookmark_count

    async def _bookmark_reactors(self, reaction: discord.Reaction, dispatch: Dispatch) -> int:
        bookmark_count = 0
        # One user more than the count, because the bot may have added its own reaction since.
        async for user in reaction.users(limit=min(reaction.count + 1, _MAX_USERS_PER_REACTION)):
            if user.bot:
                continue
            async with self._get_user_lock(user.id):
                if (user.id, dispatch.message_id) not in self._reactions_removed_during_backfill:
                    bookmark_count += await self._bookmark_dispatch_articles(user.id, dispatch, is_live=False)
        return bookmark_count


async def _iter_messages_of_dispatches(
    bot: TelexBot, channel_id: int, dispatches: Sequence[Dispatch]
) -> AsyncIterator[discord.Message]:
    """Yield messages of a channel, newest first, with those of the posts (`dispatches`); skip pages without posts."""
    channel = bot.get_partial_messageable(channel_id, guild_id=dispatches[0].server_id)
    message_ids = sorted(
        (dispatch.message_id for dispatch in dispatches if dispatch.message_id is not None), reverse=True
    )
    while message_ids:
        oldest_message_id = message_ids[0]
        async for message in channel.history(limit=_HISTORY_PAGE_SIZE, before=discord.Object(message_ids[0] + 1)):
            oldest_message_id = min(oldest_message_id, message.id)
            yield message
        message_ids = [message_id for message_id in message_ids if message_id < oldest_message_id]


async def _iter_opening_message(bot: TelexBot, dispatch: Dispatch) -> AsyncIterator[discord.Message]:
    assert dispatch.message_id is not None
    assert dispatch.thread_id is not None
    yield await bot.get_partial_messageable(dispatch.thread_id, guild_id=dispatch.server_id).fetch_message(
        dispatch.message_id
    )
