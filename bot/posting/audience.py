"""What a watch's notice, or a digest, may tell those who get it, with their rights when it is sent."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import NamedTuple

import aiohttp
import discord

from bot.core.models import Dispatch, DispatchKind
from bot.digests import digest_selection
from bot.digests.digest_selection import DigestContent
from bot.posting.channel_visibility import ChannelVisibility
from bot.posting.sending.send_outcomes import ChannelBlocked, Rejected, RetryAfter, SendOutcome, try_request
from bot.store import Store

MAX_SERVERS_QUERIED = 10
"""Servers that a person is looked for in: each costs a request."""

_RETRY_DELAY_SECONDS = 5.0  # seconds after a question that was not answered


AskOwningProcess = Callable[[int, int], Awaitable[Collection[int] | None]]
"""What `AudienceResolver.told` says, asked of the process that serves a server; None where nobody answers in
time.
"""


class ReadableFeeds(NamedTuple):
    """What a person may read: ids of feeds, each with a server's; and servers that nobody answered for."""

    server_by_feed_id: dict[int, int]
    unreachable_server_ids: tuple[int, ...] = ()


class AudienceResolver:
    """Those who watch: members of servers, and channels."""

    def __init__(
        self, store: Store, client: discord.Client, visibility: ChannelVisibility, ask: AskOwningProcess
    ) -> None:
        self._store, self._client, self._visibility, self._ask = store, client, visibility, ask

    async def restrict_to_audience(self, notice: Dispatch) -> Dispatch | SendOutcome | None:
        """A dispatch with what may be told; None when that is nothing, or why not yet.

        A watch or a digest may be about other channels; all else is about feeds of the channel itself.
        """
        if notice.kind is not DispatchKind.DIGEST:
            return notice if notice.watch_id is None else await self._restrict_in_server(notice, None)
        if notice.person_id is not None:
            return await self._restrict_personal_digest(notice, notice.person_id)
        edition = digest_selection.digest_from_json(notice.payload)
        return await self._restrict_in_server(notice, edition) if edition.wide else notice

    async def _restrict_in_server(
        self, notice: Dispatch, edition: DigestContent | None
    ) -> Dispatch | SendOutcome | None:
        guild = self._client.get_guild(notice.server_id)
        if guild is None and self._store.shards.serves(notice.server_id):
            return None
        feed_ids: Collection[int] | SendOutcome | None
        if notice.person_id is not None:
            feed_ids = await try_request(self._feeds_readable_in(notice.server_id, notice.person_id))
        elif guild is not None:
            feed_ids = await try_request(self.feeds_readable_by_all_in(guild, notice.channel_id))
        else:
            feed_ids = RetryAfter(_RETRY_DELAY_SECONDS, "the server is unavailable")
        if isinstance(feed_ids, SendOutcome):
            return _as_retry(feed_ids)
        feed_ids = feed_ids or ()
        if edition is not None:
            narrowed = edition.restricted_to(feed_ids)
            return replace(notice, payload=narrowed.to_json()) if narrowed.sections else None
        if not await self._store.watches.restrict_to_feeds(notice.id, feed_ids):
            return None
        return await self._store.dispatches.get(notice.id)

    async def _restrict_personal_digest(
        self, notice: Dispatch, person_id: int
    ) -> Dispatch | SendOutcome | None:
        found = await try_request(self.feeds_readable_by(person_id, strict=True))
        if isinstance(found, SendOutcome):
            return _as_retry(found)
        narrowed = digest_selection.digest_from_json(notice.payload).restricted_to(found.server_by_feed_id)
        return replace(notice, payload=narrowed.to_json()) if narrowed.sections else None

    async def feeds_readable_by(self, person_id: int, *, strict: bool = False) -> ReadableFeeds:
        """What a person may read in the servers shared with the bot.

        Without the privileged intent for members, Discord is asked: for the servers that the person asked,
        kept, watched or ordered something in, and for all of them where the bot is in few. What it does not
        tell is left out; with `surely` this raises what discord.py and aiohttp raise then, and TimeoutError
        where another process serves a server and does not answer.
        """
        store = self._store
        known = await store.questions.servers(person_id) | await store.bookmarks.servers(person_id)
        known |= {watch.server_id for watch in await store.watches.of_person(person_id)}
        if (digest := await store.personal_digests.of_person(person_id)) is not None:
            known.add(digest.server_id or 0)
        servers = await store.servers.sample_joined(known, MAX_SERVERS_QUERIED)
        seen = await asyncio.gather(
            *(self._feeds_readable_in(each, person_id, surely=strict) for each in servers)
        )
        found: dict[int, int] = {}
        for server_id, feed_ids in zip(servers, seen, strict=True):
            for feed_id in feed_ids or ():
                found.setdefault(feed_id, server_id)
        return ReadableFeeds(
            found, tuple(each for each, ids in zip(servers, seen, strict=True) if ids is None)
        )

    async def _feeds_readable_in(
        self, server_id: int, person_id: int, *, surely: bool = True
    ) -> Collection[int] | None:
        """Feeds that a person may read in a server; None where whoever serves it does not answer."""
        if self._store.shards.serves(server_id):
            return await self.local_feeds_readable_by(server_id, person_id, surely=surely)
        told = await self._ask(server_id, person_id)
        if told is None and surely:
            raise TimeoutError
        return told

    async def local_feeds_readable_by(
        self, server_id: int, person_id: int, *, surely: bool = True
    ) -> Collection[int]:
        """The same, in a server that this process serves."""
        guild = self._client.get_guild(server_id)
        if guild is None:
            return ()
        try:
            member = await guild.fetch_member(person_id)
        except discord.NotFound:
            await self._store.watches.mark_member_left(person_id, guild.id)
            return ()
        except (discord.DiscordException, aiohttp.ClientError, TimeoutError):
            if surely:
                raise
            return ()
        channels = await self._store.subscriptions.channels(guild.id)
        readable = [each for each in channels if await self._can_view(guild, member, each, surely=surely)]
        return await self._store.subscriptions.feed_ids(readable)

    async def _can_view(
        self, guild: discord.Guild, member: discord.Member, channel_id: int, *, surely: bool
    ) -> bool:
        try:
            return await self._visibility.can_view(guild, member, channel_id)
        except (discord.DiscordException, aiohttp.ClientError):
            if surely:
                raise
            return False

    async def feeds_readable_by_all_in(self, guild: discord.Guild, channel_id: int) -> set[int]:
        """The feeds that everybody who reads a channel or thread may read: what may be told in it.

        Raises what discord.py and aiohttp raise where only Discord can tell and does not.
        """
        following = await self._store.subscriptions.channels(guild.id)
        readable = [
            each
            for each in following
            if await self._visibility.is_readable_by_all_in(guild, channel_id, each)
        ]
        return await self._store.subscriptions.feed_ids(readable)


def _as_retry(outcome: SendOutcome) -> RetryAfter:
    """When to ask again."""
    match outcome:
        case RetryAfter():
            return outcome
        case ChannelBlocked(why) | Rejected(why):
            return RetryAfter(_RETRY_DELAY_SECONDS, why)
    return RetryAfter(_RETRY_DELAY_SECONDS, str(outcome))
