"""Health checks of the running bot."""

from bot.client.services import Services
from bot.core.clock import ClockJumpDetector
from bot.core.preferences import ProcessRole
from bot.processes.leases import SHARD_LEASE_KIND
from bot.store import StoreError

MAX_POLL_SILENCE_SECONDS = 2 * 3600
"""Maximum number of seconds without a response from any feed before polling counts as broken."""
MAX_GATEWAY_DOWNTIME_SECONDS = 600
"""Maximum number of seconds without a gateway connection before the bot counts as unhealthy."""


class Health:
    """Health checks of a running bot.

    `gateway_down_since` is the Unix time in seconds since which no shard is connected to Discord's gateway,
    or None while any shard is connected.
    """

    def __init__(self, services: Services) -> None:
        self._store, self._clock, self._poller = services.store, services.clock, services.poller
        self._leases, self._index, self._supervisor = services.leases, services.index, services.supervisor
        self._maintenance = services.maintenance
        self._started_at = self._clock.now()
        self._clock_jump_detector = ClockJumpDetector(self._clock)
        self.gateway_down_since: int | None = self._started_at

    async def find_polling_stall_start(self) -> int | None:
        """Return the Unix time in seconds since which no feed could be fetched although some were due.

        Return None if polling is healthy or has failed for less than `MAX_POLL_SILENCE_SECONDS`. Clock jumps and
        maintenance do not count. Raises StoreError.
        """
        if jump_seconds := self._clock_jump_detector.detect_jump():
            self._started_at += jump_seconds
            if self._poller.last_response_at is not None:
                self._poller.last_response_at = min(self._poller.last_response_at + jump_seconds, self._clock.now())
            if self.gateway_down_since is not None:
                self.gateway_down_since += jump_seconds
        if self._maintenance.is_on:
            return None
        silent_since = max(self._started_at, self._poller.last_response_at or 0, self._maintenance.ended_at or 0)
        overdue_before = self._clock.now() - MAX_POLL_SILENCE_SECONDS
        if silent_since <= overdue_before and self._leases.owner_id is not None:  # Other processes may poll.
            silent_since = max(silent_since, await self._store.feeds.get_last_success_at())
        if silent_since > overdue_before or not await self._store.feeds.has_attempted_or_overdue(
            attempted_after=silent_since, due_before=overdue_before
        ):
            return None
        return silent_since

    async def load_problems(self) -> list[str]:
        """Return one sentence per problem, or an empty list if the bot is healthy."""
        problems = []
        try:
            if (problem_since := await self.find_polling_stall_start()) is not None:
                problems.append(f"no feed could be fetched for {self._count_minutes_since(problem_since)} minutes")
        except StoreError as error:
            problems.append(f"the database cannot be read: {error}")
        if (fault := self._store.recent_fault) is not None:
            problems.append(f"the database is in trouble: {fault}")
        if (index_fault := self._index.health.write_error) is not None:
            problems.append(index_fault)
        problems += [f"{name} keeps failing, see the log" for name in self._supervisor.list_failing_task_names()]
        problem_since = self.gateway_down_since
        if (
            problem_since is not None
            and self._clock.now() - problem_since > MAX_GATEWAY_DOWNTIME_SECONDS
            and not self._is_standby
        ):
            problems.append(f"Discord has been out of reach for {self._count_minutes_since(problem_since)} minutes")
        return problems

    @property
    def _is_standby(self) -> bool:
        """Whether this process, one of several, owns no shard but could take over shards of the others."""
        is_clustered = self._leases.owner_id is not None
        return (
            is_clustered
            and self._leases.is_available(ProcessRole.GATEWAY)
            and not self._leases.get_owned_numbers(SHARD_LEASE_KIND)
        )

    def _count_minutes_since(self, since: int) -> int:
        return (self._clock.now() - since) // 60
