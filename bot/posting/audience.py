"""What a watch's notice, or a digest, may tell those who get it, with their rights when it is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import discord

from bot.core.clock import Clock
from bot.core.models import Dispatch, DispatchKind
from bot.digests import digest_selection
from bot.posting.due_task import DueTask
from bot.posting.sending.send_outcomes import Blocked, Later, Lost, Outcome, Refused, judge
from bot.posting.visibility import Visibility
from bot.store import Store
from bot.watches.watch_matching import Watchman

HIDDEN = "hidden"
"""Why a notice was not sent: nothing of it may be read any more where it was to go."""

_AGAIN = 5.0  # seconds after a question that was not answered


class Audience:
    """Those who watch: members of servers, and channels."""

    def __init__(self, store: Store, client: discord.Client, visibility: Visibility) -> None:
        self._store, self._client, self._visibility = store, client, visibility

    async def admit(self, notice: Dispatch) -> Dispatch | Outcome | None:
        """A dispatch with what may be told; None when that is nothing, or why not yet.

        A watch or a digest may be about other channels; all else is about feeds of the channel itself.
        """
        edition = digest_selection.read(notice.payload) if notice.kind is DispatchKind.DIGEST else None
        if notice.watch_id is None and (edition is None or not edition.wide):
            return notice
        guild = self._client.get_guild(notice.server_id)
        if guild is None:
            return None
        try:
            if notice.person_id is None:
                feed_ids = await self.feeds_of_channel(guild, notice.channel_id)
            else:
                feed_ids = await self._feeds_of_person(guild, notice.person_id)
        except Exception as error:  # noqa: BLE001  # raised again where it is no answer of Discord's
            outcome = judge(error)
            return outcome if isinstance(outcome, Later) else Later(_AGAIN, _words(outcome))
        if edition is not None:
            narrowed = edition.narrowed(feed_ids)
            return replace(notice, payload=narrowed.written()) if narrowed.sections else None
        if not await self._store.watches.narrow(notice.id, feed_ids):
            return None
        return await self._store.dispatches.get(notice.id)

    async def feeds_of_channel(self, guild: discord.Guild, channel_id: int) -> set[int]:
        """The feeds that everybody who reads a channel or thread may read: what may be told in it.

        Raises what discord.py and aiohttp raise where only Discord can tell and does not.
        """
        following = await self._store.subscriptions.channels(guild.id)
        readable = [each for each in following if await self._visibility.is_shared(guild, channel_id, each)]
        return await self._store.subscriptions.feed_ids(readable)

    async def _feeds_of_person(self, guild: discord.Guild, person_id: int) -> set[int]:
        try:
            member = await guild.fetch_member(person_id)
        except discord.NotFound:
            await self._store.watches.absent(person_id, guild.id)
            return set()
        following = await self._store.subscriptions.channels(guild.id)
        readable = [each for each in following if await self._visibility.can_view(guild, member, each)]
        return await self._store.subscriptions.feed_ids(readable)


def _words(outcome: Outcome) -> str:
    match outcome:
        case Lost(error) | Refused(error) | Blocked(error):
            return error
    return str(outcome)


class Matching(DueTask):
    """Finding out who is to be told of what came."""

    def __init__(self, store: Store, clock: Clock, *, on_end: Callable[[], None]) -> None:
        super().__init__(clock, on_end=on_end)
        self._store, self._watchman = store, Watchman(store)

    async def start(self, now: int) -> None:
        """Begin where there is something to do and it was not begun."""
        if self.task is not None or now < self._rests_until or not await self._store.watches.arrivals(1):
            return
        if self.task is None:
            self._begin(self._work())

    async def _work(self) -> None:
        while await self._watchman.look():
            pass
