"""What a watch's notice, or a digest, may tell those who get it, with their rights when it is sent."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import NamedTuple

import aiohttp
import discord

from bot.core.models import Dispatch, DispatchKind
from bot.digests import digest_selection
from bot.digests.digest_selection import Edition
from bot.posting.sending.send_outcomes import Blocked, Later, Outcome, Refused, asked
from bot.posting.visibility import Visibility
from bot.store import Store

MOST_SERVERS = 10
"""Servers that a person is looked for in: each costs a request."""

_AGAIN = 5.0  # seconds after a question that was not answered


Ask = Callable[[int, int], Awaitable[Collection[int] | None]]
"""What `Audience.told` says, asked of the process that serves a server; None where nobody answers in time."""


class Readable(NamedTuple):
    """What a person may read: ids of feeds, each with a server's; and servers that nobody answered for."""

    feeds: dict[int, int]
    unheard: tuple[int, ...] = ()


class Audience:
    """Those who watch: members of servers, and channels."""

    def __init__(self, store: Store, client: discord.Client, visibility: Visibility, ask: Ask) -> None:
        self._store, self._client, self._visibility, self._ask = store, client, visibility, ask

    async def admit(self, notice: Dispatch) -> Dispatch | Outcome | None:
        """A dispatch with what may be told; None when that is nothing, or why not yet.

        A watch or a digest may be about other channels; all else is about feeds of the channel itself.
        """
        if notice.kind is not DispatchKind.DIGEST:
            return notice if notice.watch_id is None else await self._admit_in(notice, None)
        if notice.person_id is not None:
            return await self._admit_personal(notice, notice.person_id)
        edition = digest_selection.read(notice.payload)
        return await self._admit_in(notice, edition) if edition.wide else notice

    async def _admit_in(self, notice: Dispatch, edition: Edition | None) -> Dispatch | Outcome | None:
        guild = self._client.get_guild(notice.server_id)
        if guild is None and self._store.shards.has(notice.server_id):
            return None
        feed_ids: Collection[int] | Outcome | None
        if notice.person_id is not None:
            feed_ids = await asked(self._seen_in(notice.server_id, notice.person_id))
        elif guild is not None:
            feed_ids = await asked(self.feeds_of_channel(guild, notice.channel_id))
        else:
            feed_ids = Later(_AGAIN, "the server is unavailable")
        if isinstance(feed_ids, Outcome):
            return _later(feed_ids)
        feed_ids = feed_ids or ()
        if edition is not None:
            narrowed = edition.narrowed(feed_ids)
            return replace(notice, payload=narrowed.written()) if narrowed.sections else None
        if not await self._store.watches.narrow(notice.id, feed_ids):
            return None
        return await self._store.dispatches.get(notice.id)

    async def _admit_personal(self, notice: Dispatch, person_id: int) -> Dispatch | Outcome | None:
        found = await asked(self.read_by(person_id, surely=True))
        if isinstance(found, Outcome):
            return _later(found)
        narrowed = digest_selection.read(notice.payload).narrowed(found.feeds)
        return replace(notice, payload=narrowed.written()) if narrowed.sections else None

    async def read_by(self, person_id: int, *, surely: bool = False) -> Readable:
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
        servers = await store.servers.present(known, MOST_SERVERS)
        seen = await asyncio.gather(*(self._seen_in(each, person_id, surely=surely) for each in servers))
        found: dict[int, int] = {}
        for server_id, feed_ids in zip(servers, seen, strict=True):
            for feed_id in feed_ids or ():
                found.setdefault(feed_id, server_id)
        return Readable(found, tuple(each for each, ids in zip(servers, seen, strict=True) if ids is None))

    async def _seen_in(
        self, server_id: int, person_id: int, *, surely: bool = True
    ) -> Collection[int] | None:
        """Feeds that a person may read in a server; None where whoever serves it does not answer."""
        if self._store.shards.has(server_id):
            return await self.told(server_id, person_id, surely=surely)
        told = await self._ask(server_id, person_id)
        if told is None and surely:
            raise TimeoutError
        return told

    async def told(self, server_id: int, person_id: int, *, surely: bool = True) -> Collection[int]:
        """The same, in a server that this process serves."""
        guild = self._client.get_guild(server_id)
        if guild is None:
            return ()
        try:
            member = await guild.fetch_member(person_id)
        except discord.NotFound:
            await self._store.watches.absent(person_id, guild.id)
            return ()
        except (discord.DiscordException, aiohttp.ClientError, TimeoutError):
            if surely:
                raise
            return ()
        channels = await self._store.subscriptions.channels(guild.id)
        readable = [each for each in channels if await self._sees(guild, member, each, surely=surely)]
        return await self._store.subscriptions.feed_ids(readable)

    async def _sees(
        self, guild: discord.Guild, member: discord.Member, channel_id: int, *, surely: bool
    ) -> bool:
        try:
            return await self._visibility.can_view(guild, member, channel_id)
        except (discord.DiscordException, aiohttp.ClientError):
            if surely:
                raise
            return False

    async def feeds_of_channel(self, guild: discord.Guild, channel_id: int) -> set[int]:
        """The feeds that everybody who reads a channel or thread may read: what may be told in it.

        Raises what discord.py and aiohttp raise where only Discord can tell and does not.
        """
        following = await self._store.subscriptions.channels(guild.id)
        readable = [each for each in following if await self._visibility.is_shared(guild, channel_id, each)]
        return await self._store.subscriptions.feed_ids(readable)


def _later(outcome: Outcome) -> Later:
    """When to ask again."""
    match outcome:
        case Later():
            return outcome
        case Blocked(why) | Refused(why):
            return Later(_AGAIN, why)
    return Later(_AGAIN, str(outcome))
