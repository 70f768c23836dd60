"""Restrict watch notifications and digests to the feeds that their recipients may read when they are sent."""

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
"""Maximum number of servers in which a user is looked up; each lookup costs a request."""

_RETRY_DELAY_SECONDS = 5.0

AskOwningProcess = Callable[[int, int], Awaitable[Collection[int] | None]]
"""Ask the process that serves a server which feeds a user may read there.

Takes the ids of server and user, and returns what `local_feeds_readable_by` returns; None if the process did
not answer in time.
"""


class ReadableFeeds(NamedTuple):
    """Feeds that a user may read.

    `server_by_feed_id` gives, for each readable feed, one server through which the user can read it.
    `unreachable_server_ids` are the servers whose process did not answer in time; their feeds are missing.
    """

    server_by_feed_id: dict[int, int]
    unreachable_server_ids: tuple[int, ...] = ()


class AudienceResolver:
    """Finds out which feeds the recipients of a dispatch may read: one user, or all readers of a channel."""

    def __init__(
        self, store: Store, client: discord.Client, visibility: ChannelVisibility, ask: AskOwningProcess
    ) -> None:
        self._store, self._client, self._visibility, self._ask = store, client, visibility, ask

    async def restrict_to_audience(self, notice: Dispatch) -> Dispatch | SendOutcome | None:
        """Return the dispatch with only the articles that its recipients may read.

        None if nothing is left; `RetryAfter` if Discord or another process did not answer. Other dispatches
        than watch notifications and personal or server-wide digests are about feeds of their own channel and
        stay as they are. Raises StoreError.
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
        """Return the feeds that a user may read in the servers shared with the bot.

        Without the privileged members intent, membership costs a request per server. At most
        `MAX_SERVERS_QUERIED` are queried, first those where the user asked, bookmarked, watched or has a
        digest.

        Raises StoreError; with `strict` also discord.DiscordException, aiohttp.ClientError and TimeoutError,
        else feeds that cannot be checked are left out.
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
        """Return the ids of feeds that a user may read in a server; None if its process does not answer."""
        if self._store.shards.serves(server_id):
            return await self.local_feeds_readable_by(server_id, person_id, surely=surely)
        told = await self._ask(server_id, person_id)
        if told is None and surely:
            raise TimeoutError
        return told

    async def local_feeds_readable_by(
        self, server_id: int, person_id: int, *, surely: bool = True
    ) -> Collection[int]:
        """Return the ids of the feeds that a user may read in a server of this process, if a member.

        Raises StoreError; with `strict` also discord.DiscordException, aiohttp.ClientError and TimeoutError.
        """
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
        """Return the ids of the feeds that every reader of a channel or thread may read.

        Raises StoreError, and discord.DiscordException or aiohttp.ClientError if Discord must be asked and
        fails.
        """
        following = await self._store.subscriptions.channels(guild.id)
        readable = [
            each
            for each in following
            if await self._visibility.is_readable_by_all_in(guild, channel_id, each)
        ]
        return await self._store.subscriptions.feed_ids(readable)


def _as_retry(outcome: SendOutcome) -> RetryAfter:
    """Return the outcome as a `RetryAfter`: a failed permission check is repeated, never fatal."""
    match outcome:
        case RetryAfter():
            return outcome
        case ChannelBlocked(why) | Rejected(why):
            return RetryAfter(_RETRY_DELAY_SECONDS, why)
    return RetryAfter(_RETRY_DELAY_SECONDS, str(outcome))
