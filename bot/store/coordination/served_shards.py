"""The shards of Discord that this process serves, and the rate limit of identifying them.

A shard is a share of the servers with a connection of its own; to identify is to start its session. Discord
assigns servers to shards by id, and direct messages to shard 0:

https://discord.com/developers/docs/events/gateway#sharding
"""

from collections.abc import Iterable, Mapping

from bot.store import meta
from bot.store.connection import Connection
from bot.store.coordination.process_leases import require_lease
from bot.store.database import Database
from bot.store.records.process_records import Fence, IdentifyDecision
from bot.store.repository import Repository, write_transaction

IDENTIFY_INTERVAL_SECONDS = 5.25
"""Seconds between two identifies (session starts) in one bucket: Discord's five, and a margin for latency.

https://discord.com/developers/docs/events/gateway#session-start-limit-object
"""


class ServedShards(Repository):
    """Numbers of the shards that this process serves (`served_numbers`), of `shard_count` in all.

    Until `reset` is called, there is one shard, which has all servers.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.shard_count = 1
        self.served_numbers = frozenset({0})
        self.disconnected_numbers: frozenset[int] = frozenset()
        """Numbers of shards of this process that have lost their connection, if its shards are leased."""
        self._owner_id: str | None = None
        self._reserved_at_by_bucket: dict[int, float] = {}

    @property
    def identify_interval_seconds(self) -> float:
        """Seconds between two identifies (session starts) in one rate limit bucket of Discord."""
        return IDENTIFY_INTERVAL_SECONDS

    def reset(self, shard_count: int, *, owner_id: str | None) -> None:
        """Set the total number of shards; this process serves none of them until `set_served` is called.

        `owner_id` is the id of this process as owner of leases, or None if the process keeps its shards for good.
        """
        self.shard_count, self.served_numbers, self._owner_id = shard_count, frozenset(), owner_id

    def set_served(self, shard_numbers: Iterable[int]) -> None:
        """Set the numbers of the shards that this process serves."""
        self.served_numbers = frozenset(shard_numbers)

    @property
    def connected_count(self) -> int:
        """Number of the shards that this process serves and that are connected to Discord."""
        return len(self.served_numbers - self.disconnected_numbers)

    def get_shard_number(self, server_id: int | None) -> int:
        """Return the number of the shard of a server; if the server is None, that of direct messages."""
        return ((server_id or 0) >> 22) % self.shard_count

    def serves(self, server_id: int | None) -> bool:
        """Return whether this process serves a server, or direct messages if the server is None."""
        return self.get_shard_number(server_id) in self.served_numbers

    def build_served_condition(self, server_id_sql: str, shard_number: int | None = None) -> str:
        """Return an SQL condition on the column `server_id_sql`: that this process serves the server.

        With `shard_number`, the condition is that the server belongs to that shard.
        """
        shard_numbers = self.served_numbers if shard_number is None else {shard_number}
        if len(shard_numbers) == self.shard_count:
            return "1 = 1"
        numbers_sql = ", ".join(map(str, shard_numbers)) or "NULL"
        return f"(coalesce({server_id_sql}, 0) >> 22) % {self.shard_count} IN ({numbers_sql})"

    @property
    def is_leased(self) -> bool:
        """Whether shards are leased and may therefore move to another process."""
        return self._owner_id is not None

    def require_served(self, db: Connection, dispatch_id: int) -> None:
        """Raise `LeaseLost` unless this process has leased the shard of the server of a message in the outbox.

        Do nothing if shards are not leased, or if the message is gone.
        """
        if self._owner_id is None:
            return
        row = db.fetch_row(
            "SELECT (coalesce(server_id, 0) >> 22) % ? FROM dispatch "
            "JOIN channel ON channel.id = channel_id WHERE dispatch.id = ?",
            (self.shard_count, dispatch_id),
        )
        if row is not None:
            require_lease(db, Fence(self._owner_id, "shard", row[0]))

    @write_transaction
    def agree_on_count(self, db: Connection, shard_count: int) -> int:
        """Return the number of shards that live processes use; if none has a shard, store and return `shard_count`.

        In that case, leases of shards by processes that have expired are deleted. Raises `StoreError`.
        """
        live_lease_row = db.fetch_row(
            "SELECT 1 FROM lease JOIN process ON process.id = owner WHERE kind = 'shard' "
            "AND expires_at > database_time()"
        )
        stored_count_row = db.fetch_row("SELECT value FROM meta WHERE name = 'shards'")
        if live_lease_row is not None and stored_count_row is not None:
            return int(stored_count_row[0])
        db.execute("DELETE FROM lease WHERE kind = 'shard'")
        meta.set_text(db, "shards", str(shard_count))
        return shard_count

    async def request_identify(self, bucket: int, remaining_starts: int | None = None) -> IdentifyDecision:
        """Reserve the right to identify a shard, or return the number of seconds to wait for that right.

        Identifies (session starts) of other processes in the same bucket count too. `remaining_starts` is the
        `remaining` of Discord's session start limit, fetched a moment ago, or None if unknown. Raises
        `StoreError`.
        """
        if self._database.is_shared:
            return await self._database.transact(_request_permit, bucket, remaining_starts)
        now = self._clock.monotonic()
        wait_seconds = _compute_identify_wait(self._reserved_at_by_bucket, bucket, remaining_starts, now)
        if not wait_seconds:
            self._reserved_at_by_bucket[bucket] = now
        return IdentifyDecision(wait_seconds, now)

    async def confirm_identify(self, bucket: int, permit: IdentifyDecision) -> bool:
        """Confirm that a session starts now; return False if its permit was replaced by a later one.

        Raises `StoreError`.
        """
        if self._database.is_shared:
            return await self._database.transact(_confirm_permit, bucket, permit)
        if self._reserved_at_by_bucket.get(bucket) != permit.decided_at:
            return False
        self._reserved_at_by_bucket[bucket] = self._clock.monotonic()
        return True


class ShardedRepository(Repository):
    """Base class of repositories whose work is limited to the servers of this process's shards."""

    def __init__(self, database: Database, shards: ServedShards) -> None:
        super().__init__(database)
        self._shards = shards


def _compute_identify_wait(
    reserved_at_by_bucket: Mapping[int, float], bucket: int, remaining_starts: int | None, now: float
) -> float:
    """Return the seconds until a session may start, or 0 if it may start now.

    `reserved_at_by_bucket` has the time of the latest start, or permit to start, in each bucket, in seconds like `now`.
    The starts of the last interval are taken from `remaining_starts`, because Discord may not have counted them yet.
    """
    wait_by_bucket = {
        reserved_bucket: reserved_at + IDENTIFY_INTERVAL_SECONDS - now
        for reserved_bucket, reserved_at in reserved_at_by_bucket.items()
        if reserved_at <= now < reserved_at + IDENTIFY_INTERVAL_SECONDS
    }
    if bucket in wait_by_bucket:
        return wait_by_bucket[bucket]
    return (
        IDENTIFY_INTERVAL_SECONDS if remaining_starts is not None and remaining_starts <= len(wait_by_bucket) else 0.0
    )


def _request_permit(db: Connection, bucket: int, remaining_starts: int | None) -> IdentifyDecision:
    now_ms = int(db.fetch_value("SELECT database_time()"))
    start_rows = db.fetch_rows("SELECT name, value FROM meta WHERE name LIKE 'identify %'")
    reserved_at_by_bucket = {int(row[0].split()[1]): int(row[1]) / 1_000 for row in start_rows}
    wait_seconds = _compute_identify_wait(reserved_at_by_bucket, bucket, remaining_starts, now_ms / 1_000)
    if not wait_seconds:
        meta.set_text(db, f"identify {bucket}", str(now_ms))
    return IdentifyDecision(wait_seconds, now_ms)


def _confirm_permit(db: Connection, bucket: int, permit: IdentifyDecision) -> bool:
    meta_name = f"identify {bucket}"
    if db.fetch_row("SELECT 1 FROM meta WHERE name = ? AND value = ?", (meta_name, str(permit.decided_at))) is None:
        return False
    meta.set_text(db, meta_name, str(db.fetch_value("SELECT database_time()")))
    return True
