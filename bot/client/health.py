"""Health of the running bot."""

from bot.client.services import Services
from bot.core.clock import ClockJumpDetector
from bot.core.preferences import ProcessRole
from bot.processes.leases import SHARDS
from bot.store import StoreError

MAX_POLL_SILENCE_SECONDS = 2 * 3600
"""Seconds without a response from any feed after which polling counts as broken."""
MAX_GATEWAY_DOWNTIME_SECONDS = 600
"""Seconds without a gateway connection after which the bot counts as unhealthy."""


class Health:
    """Health checks of a running bot.

    `gateway_down_since` is the UTC timestamp since which no shard is connected to Discord's gateway, None
    while one is.
    """

    def __init__(self, newsroom: Services) -> None:
        self._store, self._clock, self._poller = newsroom.store, newsroom.clock, newsroom.poller
        self._leases, self._index, self._supervisor = newsroom.leases, newsroom.index, newsroom.supervisor
        self._started = self._clock.now()
        self._leaps = ClockJumpDetector(self._clock)
        self.gateway_down_since: int | None = self._started

    async def polling_stalled_since(self) -> int | None:
        """Return the timestamp since which no feed could be fetched although some were due; None if healthy.

        Less than `MAX_POLL_SILENCE_SECONDS` counts as healthy, and clock jumps do not count. Raises
        StoreError.
        """
        if leap := self._leaps.check():
            self._started += leap
            if self._poller.last_response_at is not None:
                self._poller.last_response_at = min(self._poller.last_response_at + leap, self._clock.now())
            if self.gateway_down_since is not None:
                self.gateway_down_since += leap
        since = max(self._started, self._poller.last_response_at or 0)
        overdue = self._clock.now() - MAX_POLL_SILENCE_SECONDS
        if since <= overdue and self._leases.owner is not None:  # Other processes may poll.
            since = max(since, await self._store.feeds.last_success())
        if since > overdue or not await self._store.feeds.has_overdue(asked_after=since, due_before=overdue):
            return None
        return since

    async def problems(self) -> list[str]:
        """Return one sentence per problem; none if the bot is healthy."""
        found = []
        try:
            if (since := await self.polling_stalled_since()) is not None:
                found.append(f"no feed could be fetched for {self._minutes(since)} minutes")
        except StoreError as error:
            found.append(f"the database cannot be read: {error}")
        if (trouble := self._store.recent_fault) is not None:
            found.append(f"the database is in trouble: {trouble}")
        if (trouble_of_index := self._index.condition.trouble) is not None:
            found.append(trouble_of_index)
        found += [f"{name} keeps failing, see the log" for name in self._supervisor.failing()]
        since = self.gateway_down_since
        if (
            since is not None
            and self._clock.now() - since > MAX_GATEWAY_DOWNTIME_SECONDS
            and not self._is_standby
        ):
            found.append(f"Discord has been out of reach for {self._minutes(since)} minutes")
        return found

    @property
    def _is_standby(self) -> bool:
        """Whether other processes own all shards and this one could take over."""
        shares = self._leases.owner is not None
        return shares and self._leases.is_available(ProcessRole.GATEWAY) and not self._leases.owned(SHARDS)

    def _minutes(self, since: int) -> int:
        return (self._clock.now() - since) // 60
