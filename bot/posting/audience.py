"""Restriction of dispatches (queued messages) to articles that their recipients may read when they are sent."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import NamedTuple

import discord

from bot.core.models import Dispatch, DispatchKind
from bot.core.reasons import Reason, SendProblem
from bot.digests.digest_models import DigestContent, digest_from_json
from bot.posting.channel_visibility import ChannelVisibility
from bot.posting.sending.send_outcomes import (
    DISCORD_ERRORS,
    ChannelBlocked,
    RetryAfter,
    SendOutcome,
    Sent,
    try_request,
)
from bot.store import Store

MAX_SERVERS_QUERIED = 10
"""Maximum number of servers in which a user's membership is looked up; each lookup costs a request."""

_RETRY_DELAY_SECONDS = 5.0

ReadableFeedsQuery = Callable[[int, int], Awaitable[Collection[int] | None]]
"""Function that asks the process serving a server which feeds a user may read there.

The arguments are the ids of the server and of the user. Returns the ids of the feeds, or None if the process
did not answer in time.
"""


class ReadableFeeds(NamedTuple):
    """Feeds that a user may read.

    `server_id_by_feed_id` gives, for each readable feed, the id of one server in which the user can read it.
    `unreachable_server_ids` are the servers whose process did not answer in time; their feeds are missing.
    """

    server_id_by_feed_id: dict[int, int]
    unreachable_server_ids: tuple[int, ...] = ()


class AudienceResolver:
    """Finder of the feeds that a message's recipients may read: a user, or all readers of a channel."""

    def __init__(
        self,
        store: Store,
        client: discord.Client,
        visibility: ChannelVisibility,
        query_owning_process: ReadableFeedsQuery,
    ) -> None:
        self._store, self._client, self._visibility, self._query_owning_process = (
            store,
            client,
            visibility,
            query_owning_process,
        )

    async def restrict_to_audience(self, dispatch: Dispatch) -> Dispatch | SendOutcome | None:
        """Return a queued message with only the articles that its recipients may read, or None if they may read none.

        Restricts watch notifications, also in the outbox, personal or server-wide digests, and a notice in a channel
        on the decision about a user's proposal; other dispatches, which only show feeds of their own channel, are
        returned unchanged. None is also returned if the bot or the proposer has left the server. Returns a `RetryAfter`
        if Discord or another process did not answer. Raises StoreError.
        """
        if dispatch.proposer_id is not None and dispatch.user_id is None:
            return await self._restrict_to_proposer(dispatch)
        if dispatch.kind is not DispatchKind.DIGEST:
            return dispatch if dispatch.watch_id is None else await self._restrict_in_server(dispatch, None)
        if dispatch.user_id is not None:
            return await self._restrict_personal_digest(dispatch, dispatch.user_id)
        digest_content = digest_from_json(dispatch.payload)
        return (
            await self._restrict_in_server(dispatch, digest_content)
            if digest_content.includes_other_channels
            else dispatch
        )

    async def _restrict_to_proposer(self, dispatch: Dispatch) -> Dispatch | SendOutcome | None:
        """Return a notice about a proposed feed if its proposer is still a member who can view its channel, else None.

        Returns a `RetryAfter` if Discord did not answer.
        """
        proposal = await self._store.proposals.get(dispatch.proposal_id or 0)
        guild = self._client.get_guild(dispatch.server_id)
        user_ids = [
            proposer.user_id
            for proposer in (() if proposal is None else proposal.proposers)
            if proposer.id == dispatch.proposer_id
        ]
        if guild is None or not user_ids:
            return None
        member = await try_request(guild.fetch_member(user_ids[0]))
        if isinstance(member, ChannelBlocked):  # Discord knows no such member.
            return None
        if isinstance(member, SendOutcome):
            return _as_retry(member)
        can_view = await try_request(self._visibility.can_view(guild, member, dispatch.channel_id))
        if isinstance(can_view, SendOutcome):
            return _as_retry(can_view)
        return dispatch if can_view else None

    async def _restrict_in_server(
        self, dispatch: Dispatch, digest_content: DigestContent | None
    ) -> Dispatch | SendOutcome | None:
        guild = self._client.get_guild(dispatch.server_id)
        if guild is None and self._store.shards.serves(dispatch.server_id):
            return None
        readable_feed_ids: Collection[int] | SendOutcome | None
        if dispatch.user_id is not None:
            readable_feed_ids = await try_request(self._find_feed_ids_readable_in(dispatch.server_id, dispatch.user_id))
        elif guild is not None:
            readable_feed_ids = await try_request(self.find_feed_ids_readable_by_all_in(guild, dispatch.channel_id))
        else:
            readable_feed_ids = RetryAfter(_RETRY_DELAY_SECONDS, Reason(SendProblem.SERVER_UNAVAILABLE))
        if isinstance(readable_feed_ids, SendOutcome):
            return _as_retry(readable_feed_ids)
        readable_feed_ids = readable_feed_ids or ()
        if digest_content is not None:
            readable_content = digest_content.restrict_to_feeds(readable_feed_ids)
            return replace(dispatch, payload=readable_content.to_json()) if readable_content.sections else None
        if not await self._store.watches.restrict_to_feeds(dispatch.id, readable_feed_ids):
            return None
        return await self._store.dispatches.get(dispatch.id)

    async def _restrict_personal_digest(self, dispatch: Dispatch, user_id: int) -> Dispatch | SendOutcome | None:
        readable_feeds = await try_request(self.find_feeds_readable_by(user_id, raise_if_unchecked=True))
        if isinstance(readable_feeds, SendOutcome):
            return _as_retry(readable_feeds)
        readable_content = digest_from_json(dispatch.payload).restrict_to_feeds(readable_feeds.server_id_by_feed_id)
        return replace(dispatch, payload=readable_content.to_json()) if readable_content.sections else None

    async def find_feeds_readable_by(self, user_id: int, *, raise_if_unchecked: bool = False) -> ReadableFeeds:
        """Return the feeds that a user may read in the servers that the user shares with the bot.

        Without the privileged members intent, checking membership costs a request per server. At most
        `MAX_SERVERS_QUERIED` servers are checked, first the servers in which the user asked a question,
        bookmarked an article, or has a watch or a digest.

        Raises StoreError; with `raise_if_unchecked` also discord.DiscordException, aiohttp.ClientError and TimeoutError
        if a server cannot be checked. Without `raise_if_unchecked` the feeds that cannot be checked are left out.
        """
        store = self._store
        preferred_server_ids = await store.questions.load_server_ids(user_id) | await store.bookmarks.load_server_ids(
            user_id
        )
        preferred_server_ids |= {watch.server_id for watch in await store.watches.list_by_user(user_id)}
        if (digest := await store.personal_digests.get_by_user(user_id)) is not None:
            preferred_server_ids.add(digest.server_id or 0)
        server_ids = await store.servers.sample_server_ids(preferred_server_ids, MAX_SERVERS_QUERIED)
        feed_id_sets = await asyncio.gather(
            *(
                self._find_feed_ids_readable_in(server_id, user_id, raise_if_unchecked=raise_if_unchecked)
                for server_id in server_ids
            )
        )
        server_id_by_feed_id: dict[int, int] = {}
        for server_id, feed_ids in zip(server_ids, feed_id_sets, strict=True):
            for feed_id in feed_ids or ():
                server_id_by_feed_id.setdefault(feed_id, server_id)
        return ReadableFeeds(
            server_id_by_feed_id,
            tuple(
                server_id
                for server_id, server_feed_ids in zip(server_ids, feed_id_sets, strict=True)
                if server_feed_ids is None
            ),
        )

    async def _find_feed_ids_readable_in(
        self, server_id: int, user_id: int, *, raise_if_unchecked: bool = True
    ) -> Collection[int] | None:
        """Return the ids of the feeds that a user may read in a server.

        If the process that serves the server does not answer, raises TimeoutError with `raise_if_unchecked`, else
        returns None.
        """
        if self._store.shards.serves(server_id):
            return await self.find_local_feed_ids_readable_by(server_id, user_id, raise_if_unchecked=raise_if_unchecked)
        feed_ids = await self._query_owning_process(server_id, user_id)
        if feed_ids is None and raise_if_unchecked:
            raise TimeoutError
        return feed_ids

    async def find_local_feed_ids_readable_by(
        self, server_id: int, user_id: int, *, raise_if_unchecked: bool = True
    ) -> Collection[int]:
        """Return the ids of the feeds that a user may read in a server that this process serves.

        Returns an empty collection if the bot is not in the server, or if the user is not a member, whose watches in
        the server are then paused. If Discord does not answer, raises discord.DiscordException, aiohttp.ClientError or
        TimeoutError with `raise_if_unchecked`; without it the feeds that cannot be checked are left out. Raises
        StoreError.
        """
        guild = self._client.get_guild(server_id)
        if guild is None:
            return ()
        try:
            member = await guild.fetch_member(user_id)
        except discord.NotFound:
            await self._store.watches.mark_member_left(user_id, guild.id)
            return ()
        except DISCORD_ERRORS:
            if raise_if_unchecked:
                raise
            return ()
        channel_ids = await self._store.subscriptions.load_channel_ids(guild.id)
        readable_channel_ids = [
            channel_id
            for channel_id in channel_ids
            if await self._can_view(guild, member, channel_id, raise_if_unchecked=raise_if_unchecked)
        ]
        return await self._store.subscriptions.load_feed_ids(readable_channel_ids)

    async def _can_view(
        self, guild: discord.Guild, member: discord.Member, channel_id: int, *, raise_if_unchecked: bool
    ) -> bool:
        try:
            return await self._visibility.can_view(guild, member, channel_id)
        except DISCORD_ERRORS:
            if raise_if_unchecked:
                raise
            return False

    async def find_feed_ids_readable_by_all_in(self, guild: discord.Guild, channel_id: int) -> set[int]:
        """Return the ids of a server's feeds that every reader of a given channel or thread may read.

        Raises StoreError, and discord.DiscordException, aiohttp.ClientError or TimeoutError if a request to Discord is
        needed and fails.
        """
        return await self._store.subscriptions.load_feed_ids(
            await self.find_channels_readable_by_all_in(guild, channel_id)
        )

    async def find_channels_readable_by_all_in(self, guild: discord.Guild, channel_id: int) -> list[int]:
        """Return the ids of a server's channels with feeds that every reader of a given channel or thread can read.

        Raises StoreError, and discord.DiscordException, aiohttp.ClientError or TimeoutError if a request to Discord is
        needed and fails.
        """
        return [
            following_channel_id
            for following_channel_id in await self._store.subscriptions.load_channel_ids(guild.id)
            if await self._visibility.is_readable_by_all_in(guild, channel_id, following_channel_id)
        ]


def _as_retry(outcome: SendOutcome) -> RetryAfter:
    """Convert any outcome of a failed permission check to a `RetryAfter`, so that the check is repeated."""
    if isinstance(outcome, RetryAfter):
        return outcome
    assert not isinstance(outcome, Sent)  # A check of permissions sends nothing.
    return RetryAfter(_RETRY_DELAY_SECONDS, outcome.reason)
