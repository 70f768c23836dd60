"""Whether the bot is well."""

from bot.client.services import Newsroom
from bot.core.choices import Role
from bot.core.clock import Leaps
from bot.processes.leases import SHARDS
from bot.store import StoreError

SILENCE = 2 * 3600
"""Seconds without an answer of any feed after which polling counts as broken."""
AWAY = 600
"""Seconds without Discord's gateway after which the bot counts as unwell."""


class Health:
    """What can be told of a running bot.

    `disconnected` is since when Discord's gateway has been away, in seconds of UTC, None while it is there.
    """

    def __init__(self, newsroom: Newsroom) -> None:
        self._store, self._clock, self._poller = newsroom.store, newsroom.clock, newsroom.poller
        self._leases, self._index, self._supervisor = newsroom.leases, newsroom.index, newsroom.supervisor
        self._started = self._clock.now()
        self._leaps = Leaps(self._clock)
        self.disconnected: int | None = self._started

    async def silent_since(self) -> int | None:
        """Since when no feed could be fetched although some should have been; None while all is well.

        Silence shorter than `SILENCE` is well; an hour by which the clock was set is none. Raises StoreError.
        """
        if leap := self._leaps.look():
            self._started += leap
            if self._poller.last_answer is not None:
                self._poller.last_answer = min(self._poller.last_answer + leap, self._clock.now())
            if self.disconnected is not None:
                self.disconnected += leap
        since = max(self._started, self._poller.last_answer or 0)
        overdue = self._clock.now() - SILENCE
        if since <= overdue and self._leases.owner is not None:  # others may ask feeds
            since = max(since, await self._store.feeds.last_success())
        if since > overdue or not await self._store.feeds.wanted(asked_after=since, due_before=overdue):
            return None
        return since

    async def problems(self) -> list[str]:
        """What is wrong, a sentence each; none when the bot is well."""
        found = []
        try:
            if (since := await self.silent_since()) is not None:
                found.append(f"no feed could be fetched for {self._minutes(since)} minutes")
        except StoreError as error:
            found.append(f"the database cannot be read: {error}")
        if (trouble := self._store.trouble) is not None:
            found.append(f"the database is in trouble: {trouble}")
        if (trouble_of_index := self._index.condition.trouble) is not None:
            found.append(trouble_of_index)
        found += [f"{name} keeps failing, see the log" for name in self._supervisor.failing()]
        since = self.disconnected
        if since is not None and self._clock.now() - since > AWAY and not self._is_spare:
            found.append(f"Discord has been out of reach for {self._minutes(since)} minutes")
        return found

    @property
    def _is_spare(self) -> bool:
        """Whether other processes have all shards, and this one could take them."""
        shares = self._leases.owner is not None
        return shares and self._leases.is_able(Role.GATEWAY) and not self._leases.held(SHARDS)

    def _minutes(self, since: int) -> int:
        return (self._clock.now() - since) // 60
