"""Bookmarks from 🔖 reactions, also from those made while the bot was offline."""

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
from bot.core.models import Dispatch
from bot.core.user_errors import UserFacingError
from bot.core.user_models import Bookmark
from bot.posting.rendering.buttons import BOOKMARK_EMOJI
from cogs.reading.bookmarking import add_bookmarks
from cogs.reading.message_articles import article_dispatch_of

log = logging.getLogger(__name__)

_BACKFILL_WINDOW_SECONDS = 7 * 86400
"""Seconds before the shard went offline from which posts are checked for reactions."""
_MAX_POSTS = 2000
_MAX_FORUM_POSTS = 200
"""Maximum number of forum posts per backfill. Each costs a request, since it is its own thread."""
_MAX_REACTION_REQUESTS = 1000
"""Maximum number of posts per backfill whose reactions are fetched."""
_MAX_USERS_PER_REACTION = 1000
_HISTORY_PAGE = 100
"""Messages per request: https://discord.com/developers/docs/resources/message#get-channel-messages"""
_MAX_WARNED_USERS = 10_000
_UNDO = 15 * 60
"""Seconds within which a repeated reaction restores the note and tags of the removed bookmark."""
_MOST_REMOVED = 1000
"""Maximum number of removed bookmarks that can be restored."""


class ReactionCog(commands.Cog):
    """A cog that turns 🔖 reactions on posts into bookmarks and back."""

    def __init__(self, bot: TelexBot) -> None:
        self.bot = bot
        # One lock per user: an added and a removed reaction must be handled in order.
        self._user_locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._backfill_lock = asyncio.Lock()
        # Pairs of user id and message id.
        self._removed_during_backfill: set[tuple[int, int]] = set()
        self._requests_left = 0
        self._warned: set[int] = set()
        self._backfill_tasks: set[asyncio.Task[None]] = set()
        # By user id and article id, with the time of removal.
        self._removed: dict[tuple[int, int], tuple[int, Bookmark]] = {}

    async def cog_load(self) -> None:
        """Subscribe to confirmations of in-doubt posts."""
        self.bot.courier.on_delivery_confirmed = self._on_delivery_confirmed

    async def cog_unload(self) -> None:
        """Cancel backfills; the next start repeats them."""
        for search in self._backfill_tasks:
            search.cancel()

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        if not self._is_bookmark_reaction(payload) or (payload.member is not None and payload.member.bot):
            return
        async with self._lock_of(payload.user_id):
            dispatch = await article_dispatch_of(self.bot, payload.message_id, payload.guild_id)
            if dispatch is not None:
                guild = self.bot.get_guild(dispatch.server_id)
                with i18n.language_scope(str(guild.preferred_locale) if guild is not None else None):
                    await self.bot.store.retry_until_written(
                        partial(self._bookmark, payload.user_id, dispatch, live=True)
                    )

    @commands.Cog.listener()
    async def on_raw_reaction_remove(self, payload: discord.RawReactionActionEvent) -> None:
        if not self._is_bookmark_reaction(payload):
            return
        if self._backfill_lock.locked():
            self._removed_during_backfill.add((payload.user_id, payload.message_id))
        async with self._lock_of(payload.user_id):
            dispatch = await article_dispatch_of(self.bot, payload.message_id, payload.guild_id)
            for article_id in dispatch.article_ids if dispatch is not None else ():
                remove = partial(self.bot.store.bookmarks.remove, payload.user_id, article_id)
                removed = await self.bot.store.retry_until_written(remove)
                if removed is not None and (removed.note or removed.tags):
                    self._remember(payload.user_id, removed)

    @commands.Cog.listener()
    async def on_shard_served(self, shard_id: int, last_sent: int | None) -> None:
        """Find reactions made while no process owned the shard."""
        await self._run_backfill(self._backfill_shard(shard_id, last_sent))

    def _on_delivery_confirmed(self, post: Dispatch) -> None:
        """Find reactions to a post whose delivery was in doubt."""
        search = asyncio.create_task(self._run_backfill(self._backfill_post(post)))
        self._backfill_tasks.add(search)
        search.add_done_callback(self._backfill_tasks.discard)

    async def _run_backfill(self, looking: Coroutine[None, None, int]) -> None:
        async with self._backfill_lock:
            try:
                found = await looking
                if found:
                    log.info("bookmarks backfilled from reactions count=%d", found)
            except Exception:
                if not self.bot.is_closed():  # Otherwise the next owner of the shard repeats it.
                    log.exception("reaction backfill failed")
            finally:
                self._removed_during_backfill.clear()

    def _lock_of(self, person_id: int) -> asyncio.Lock:
        """Return the lock that keeps a user's reactions in order."""
        lock = self._user_locks.get(person_id)
        if lock is None:
            lock = self._user_locks[person_id] = asyncio.Lock()
        return lock

    def _is_bookmark_reaction(self, payload: discord.RawReactionActionEvent) -> bool:
        mine = self.bot.user is not None and payload.user_id == self.bot.user.id
        return payload.emoji.name == BOOKMARK_EMOJI and payload.emoji.id is None and not mine

    def _remember(self, person_id: int, removed: Bookmark) -> None:
        """Keep a removed bookmark with its note and tags, since a reaction has no Undo."""
        key = (person_id, removed.article.id)
        self._removed.pop(key, None)
        self._removed[key] = (self.bot.newsroom.clock.now(), removed)
        if len(self._removed) > _MOST_REMOVED:
            del self._removed[next(iter(self._removed))]

    async def _restore(self, person_id: int, article_id: int) -> None:
        when, removed = self._removed.pop((person_id, article_id), (0, None))
        if removed is not None and self.bot.newsroom.clock.now() - when <= _UNDO:
            await self.bot.store.bookmarks.restore(person_id, removed)

    async def _bookmark(self, person_id: int, dispatch: Dispatch, *, live: bool) -> int:
        try:
            for article_id in dispatch.article_ids if live else ():
                await self._restore(person_id, article_id)
            return await add_bookmarks(
                self.bot,
                person_id,
                dispatch.article_ids,
                server_id=dispatch.server_id,
                channel_id=dispatch.channel_id,
                message_id=dispatch.message_id,
                is_live=live,
            )
        except UserFacingError as refusal:
            if live:
                await self._warn_once(person_id, str(refusal))
            return 0

    async def _warn_once(self, person_id: int, sentence: str) -> None:
        """Send a direct message to a user, at most once, since a reaction has no reply."""
        if person_id in self._warned or len(self._warned) >= _MAX_WARNED_USERS:
            return
        self._warned.add(person_id)
        with contextlib.suppress(discord.HTTPException):
            person = await self.bot.fetch_user(person_id)
            await person.send(sentence)

    async def _backfill_shard(self, shard_id: int, last_sent: int | None) -> int:
        now = self.bot.newsroom.clock.now()
        since = now if last_sent is None else min(now, last_sent)
        posts = await self.bot.store.dispatches.recent(since - _BACKFILL_WINDOW_SECONDS, _MAX_POSTS, shard_id)
        by_channel: dict[int, list[Dispatch]] = {}
        in_forums: list[Dispatch] = []
        for post in posts:
            if post.message_id is not None and self.bot.get_guild(post.server_id) is not None:
                if post.thread_id is None:
                    by_channel.setdefault(post.channel_id, []).append(post)
                else:
                    in_forums.append(post)
        found = 0
        self._requests_left = _MAX_REACTION_REQUESTS
        for channel_id, those in by_channel.items():
            found += await self._backfill_messages(_iter_messages_of(self.bot, channel_id, those), those)
        for post in in_forums[:_MAX_FORUM_POSTS]:
            found += await self._backfill_post(post)
        return found

    async def _backfill_post(self, post: Dispatch) -> int:
        if post.thread_id is not None:
            return await self._backfill_messages(_iter_opening_message(self.bot, post), [post])
        return await self._backfill_messages(_iter_messages_of(self.bot, post.channel_id, [post]), [post])

    async def _backfill_messages(
        self, messages: AsyncIterator[discord.Message], posts: Sequence[Dispatch]
    ) -> int:
        """Bookmark the articles of posts with 🔖 reactions. Return the number of new bookmarks."""
        known = {post.message_id: post for post in posts}
        found = 0
        try:
            async for message in messages:
                post = known.get(message.id)
                for reaction in message.reactions if post is not None else ():
                    assert post is not None
                    if (
                        self._requests_left
                        and reaction.emoji == BOOKMARK_EMOJI
                        and reaction.count > reaction.me
                    ):
                        self._requests_left -= 1
                        found += await self._bookmark_reactors(reaction, post)
        except (discord.Forbidden, discord.NotFound):
            log.debug("reaction backfill forbidden channel_id=%d", posts[0].channel_id)
        except discord.HTTPException as error:
            log.warning("reaction backfill failed channel_id=%d error=%s", posts[0].channel_id, error)
        return found

    async def _bookmark_reactors(self, reaction: discord.Reaction, post: Dispatch) -> int:
        found = 0
        # One more than counted, because the bot may have added its seed reaction since.
        async for person in reaction.users(limit=min(reaction.count + 1, _MAX_USERS_PER_REACTION)):
            if person.bot:
                continue
            async with self._lock_of(person.id):
                if (person.id, post.message_id) not in self._removed_during_backfill:
                    found += await self._bookmark(person.id, post, live=False)
        return found


async def _iter_messages_of(
    bot: TelexBot, channel_id: int, posts: Sequence[Dispatch]
) -> AsyncIterator[discord.Message]:
    """Yield messages of a channel around posts, newest first, and skip the gaps between them."""
    channel = bot.get_partial_messageable(channel_id, guild_id=posts[0].server_id)
    wanted = sorted((post.message_id for post in posts if post.message_id is not None), reverse=True)
    while wanted:
        oldest = wanted[0]
        async for message in channel.history(limit=_HISTORY_PAGE, before=discord.Object(wanted[0] + 1)):
            oldest = min(oldest, message.id)
            yield message
        wanted = [message_id for message_id in wanted if message_id < oldest]


async def _iter_opening_message(bot: TelexBot, post: Dispatch) -> AsyncIterator[discord.Message]:
    assert post.message_id is not None
    assert post.thread_id is not None
    yield await bot.get_partial_messageable(post.thread_id, guild_id=post.server_id).fetch_message(
        post.message_id
    )
