"""The shards that this process serves, and the rate limit of identifying them.

Discord assigns servers to shards by id, and direct messages to shard 0:
https://discord.com/developers/docs/events/gateway#sharding
"""

from collections.abc import Iterable, Mapping

from bot.store import meta
from bot.store.connection import Connection
from bot.store.coordination.process_leases import require_lease
from bot.store.ports import AnyDatabase
from bot.store.records.process_records import Fence, IdentifyPermit
from bot.store.repository import Repository, write_transaction

IDENTIFY_INTERVAL_SECONDS = 5.25
"""Seconds between two identifies in one bucket: Discord's five, and a margin for network latency.

https://discord.com/developers/docs/events/gateway#session-start-limit-object
"""


class ServedShards(Repository):
    """The shards served by this process; before `reset` it is the only shard of one."""

    def __init__(self, database: AnyDatabase) -> None:
        super().__init__(database)
        self.count = 1
        self.numbers = frozenset({0})
        self._owner: str | None = None
        self._started_at_by_bucket: dict[int, float] = {}

    @property
    def identify_interval_seconds(self) -> float:
        """Seconds between two identifies in one bucket."""
        return IDENTIFY_INTERVAL_SECONDS

    def reset(self, count: int, *, owner: str | None) -> None:
        """Set the number of shards; this process serves none of them until `set_served`.

        `owner` is its process id if shards are leased, None if it keeps them for good.
        """
        self.count, self.numbers, self._owner = count, frozenset(), owner

    def set_served(self, numbers: Iterable[int]) -> None:
        """Set the shards that this process serves."""
        self.numbers = frozenset(numbers)

    def get_shard(self, server_id: int | None) -> int:
        """Return the shard of a server; None stands for direct messages."""
        return ((server_id or 0) >> 22) % self.count

    def serves(self, server_id: int | None) -> bool:
        """Return whether this process serves a server; None stands for direct messages."""
        return self.get_shard(server_id) in self.numbers

    def build_served_condition(self, server_id: str, shard: int | None = None) -> str:
        """Return a SQL condition: the server in a column is served by this process, or belongs to `shard`."""
        numbers = self.numbers if shard is None else {shard}
        if len(numbers) == self.count:
            return "1 = 1"
        return (
            f"(coalesce({server_id}, 0) >> 22) % {self.count} IN ({', '.join(map(str, numbers)) or 'NULL'})"
        )

    @property
    def is_leased(self) -> bool:
        """Whether shards are leased, so that one may move to another process."""
        return self._owner is not None

    def require_served(self, db: Connection, dispatch_id: int) -> None:
        """Raise `LeaseLost` if the shard of a dispatch's server is leased by another process by now."""
        if self._owner is None:
            return
        row = db.fetch_row(
            "SELECT (coalesce(server_id, 0) >> 22) % ? FROM dispatch "
            "JOIN channel ON channel.id = channel_id WHERE dispatch.id = ?",
            (self.count, dispatch_id),
        )
        if row is not None:
            require_lease(db, Fence(self._owner, "shard", row[0]))

    @write_transaction
    def agree_on_count(self, db: Connection, count: int) -> int:
        """Return the number of shards of all live processes: the first one's, or `count` if there is none.

        Raises `StoreError`.
        """
        live_lease = db.fetch_row(
            "SELECT 1 FROM lease JOIN process ON process.id = owner "
            "WHERE kind = 'shard' AND until > database_time()"
        )
        stored_count = db.fetch_row("SELECT value FROM meta WHERE name = 'shards'")
        if live_lease is not None and stored_count is not None:
            return int(stored_count[0])
        db.execute("DELETE FROM lease WHERE kind = 'shard'")
        meta.set_text(db, "shards", str(count))
        return count

    async def request_identify(self, bucket: int, remaining_starts: int | None = None) -> IdentifyPermit:
        """Reserve the right to identify a shard of a bucket, or return how many seconds to wait for it.

        Identifies of other processes count too. `remaining_starts` is the `remaining` of Discord's session
        start limit, fetched a moment ago; None if unknown. Raises `StoreError`.
        """
        if self._database.is_shared:
            return await self._database.transact(_request_permit, bucket, remaining_starts)
        now = self._clock.monotonic()
        wait_seconds = _compute_identify_wait(self._started_at_by_bucket, bucket, remaining_starts, now)
        if not wait_seconds:
            self._started_at_by_bucket[bucket] = now
        return IdentifyPermit(wait_seconds, now)

    async def confirm_identify(self, bucket: int, permit: IdentifyPermit) -> bool:
        """Confirm that the session starts now; return False if a later permit replaced this one.

        Raises `StoreError`.
        """
        if self._database.is_shared:
            return await self._database.transact(_confirm_permit, bucket, permit)
        if self._started_at_by_bucket.get(bucket) != permit.granted_at:
            return False
        self._started_at_by_bucket[bucket] = self._clock.monotonic()
        return True


class ShardedRepository(Repository):
    """A repository whose work is limited to the servers of this process's shards."""

    def __init__(self, database: AnyDatabase, shards: ServedShards) -> None:
        super().__init__(database)
        self._shards = shards


def _compute_identify_wait(
    started_at_by_bucket: Mapping[int, float], bucket: int, remaining_starts: int | None, now: float
) -> float:
    """Return the seconds until a session may start, 0 for now, given the start times by bucket in seconds."""
    wait_by_bucket = {
        started_bucket: started_at + IDENTIFY_INTERVAL_SECONDS - now
        for started_bucket, started_at in started_at_by_bucket.items()
        if started_at <= now < started_at + IDENTIFY_INTERVAL_SECONDS
    }
    if bucket in wait_by_bucket:
        return wait_by_bucket[bucket]
    return (
        IDENTIFY_INTERVAL_SECONDS
        if remaining_starts is not None and remaining_starts <= len(wait_by_bucket)
        else 0.0
    )


def _request_permit(db: Connection, bucket: int, remaining_starts: int | None) -> IdentifyPermit:
    now_ms = int(db.fetch_value("SELECT database_time()"))
    rows = db.fetch_rows("SELECT name, value FROM meta WHERE name LIKE 'identify %'")
    started_at_by_bucket = {int(row[0].split()[1]): int(row[1]) / 1_000 for row in rows}
    wait_seconds = _compute_identify_wait(started_at_by_bucket, bucket, remaining_starts, now_ms / 1_000)
    if not wait_seconds:
        meta.set_text(db, f"identify {bucket}", str(now_ms))
    return IdentifyPermit(wait_seconds, now_ms)


def _confirm_permit(db: Connection, bucket: int, permit: IdentifyPermit) -> bool:
    name = f"identify {bucket}"
    if (
        db.fetch_row("SELECT 1 FROM meta WHERE name = ? AND value = ?", (name, str(permit.granted_at)))
        is None
    ):
        return False
    meta.set_text(db, name, str(db.fetch_value("SELECT database_time()")))
    return True
