"""Repositories of what processes on one database share: leases, the request budget, and the shards that each serves."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from bot.store import meta
from bot.store.connection import Connection
from bot.store.database import Database
from bot.store.records.process_records import (
    Fence,
    IdentifyDecision,
    LeasePool,
    Process,
    RequestAllocation,
    RequestGrant,
)
from bot.store.repository import Repository, urgent_write_transaction, write_transaction
from bot.store.store_errors import LeaseLost

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


GLOBAL_PROCESS_NUMBER = 0
"""Process number of the row for all processes, which expires when the pause that Discord imposed on them ends."""
_INVALID_REQUEST_RETENTION_MS = 600_000
"""Milliseconds for which the invalid requests (401, 403, 429) of an expired process still count."""

AllocationPolicy = Callable[[RequestAllocation, Sequence[RequestAllocation]], int]
"""Function that returns a process's number of request slots from its own allocation and the other processes'.

A request slot allows one request at a time, until it no longer counts for Discord's rate limit.
"""


class RequestBudget(Repository):
    """Repository of the shares of processes in the budget of requests to Discord."""

    @property
    def is_shared(self) -> bool:
        """Whether several processes may share the database."""
        return self._database.is_shared

    @urgent_write_transaction
    def allocate(
        self,
        db: Connection,
        allocation: RequestAllocation,
        policy: AllocationPolicy,
        *,
        ttl_seconds: float,
        pause_seconds: float = 0.0,
    ) -> RequestGrant:
        """Grant a process the request slots (requests at a time) that `policy` decides on, and store its allocation.

        The stored allocation has at least the slots of `allocation`, which may be in use, and expires after
        `ttl_seconds` by the database's clock. No process may send requests for `pause_seconds` from now.
        Raises `StoreError`.
        """
        pause_ms = round(pause_seconds * 1_000)
        now_ms = int(db.fetch_value("SELECT database_time()"))
        db.execute("DELETE FROM request_allocation WHERE expires_at < ?", (now_ms - _INVALID_REQUEST_RETENTION_MS,))
        allocation_rows = db.fetch_rows(
            "SELECT process, slots, demand, rate_limited_count AS invalid_request_count, expires_at "
            "FROM request_allocation WHERE process <> ?",
            (allocation.process_number,),
        )
        paused_until_ms = max((row[4] for row in allocation_rows if row[0] == GLOBAL_PROCESS_NUMBER), default=now_ms)
        if now_ms + pause_ms > paused_until_ms:
            paused_until_ms = now_ms + pause_ms
            _upsert_allocation(db, RequestAllocation(GLOBAL_PROCESS_NUMBER, 0, 0, 0), paused_until_ms)
        peer_allocations = [
            RequestAllocation(*row[:4]) if row[4] > now_ms else RequestAllocation(row[0], 0, 0, row[3])
            for row in allocation_rows
        ]
        slot_count = policy(allocation, peer_allocations)
        _upsert_allocation(
            db,
            allocation._replace(slot_count=max(allocation.slot_count, slot_count)),
            now_ms + round(ttl_seconds * 1_000),
        )
        peer_invalid_request_count = sum(peer_allocation.invalid_request_count for peer_allocation in peer_allocations)
        return RequestGrant(slot_count, peer_invalid_request_count, max(paused_until_ms - now_ms, 0) / 1_000)


def _upsert_allocation(db: Connection, allocation: RequestAllocation, expires_at_ms: int) -> None:
    db.execute(
        "INSERT INTO request_allocation (process, slots, demand, rate_limited_count, expires_at) VALUES (?, ?, ?, "
        "?, ?) "
        "ON CONFLICT (process) DO UPDATE SET slots = excluded.slots, demand = excluded.demand, "
        "rate_limited_count = excluded.rate_limited_count, expires_at = excluded.expires_at",
        (*allocation, expires_at_ms),
    )


class Processes(Repository):
    """Repository of running processes and their leases."""

    @property
    def is_multi_process(self) -> bool:
        """Whether several processes may share the database; if not, leases never expire."""
        return self._database.is_shared

    @urgent_write_transaction
    def heartbeat_and_rebalance(
        self, db: Connection, process: Process, pools: Sequence[LeasePool], ttl_seconds: int
    ) -> dict[str, frozenset[int]]:
        """Register a process for `ttl_seconds`, rebalance its leases, and return their numbers by kind.

        Leases of expired processes are free. A pool has the leases of one kind, which the processes with a role share:
        each acquires its fair share. Raises `StoreError`.
        """
        if not self.is_multi_process:
            db.execute("DELETE FROM process WHERE id <> ?", (process.id,))
        else:
            db.execute("DELETE FROM process WHERE expires_at <= database_time() AND id <> ?", (process.id,))
        db.execute(
            "INSERT INTO process (id, host, roles, version, started_at, seen_at, expires_at, connected_shards) "
            "VALUES (:id, :host, :roles, :version, database_time(), database_time(),"
            " database_time() + 1000 * :ttl_seconds, :connected_shard_count) "
            "ON CONFLICT (id) DO UPDATE SET roles = excluded.roles, seen_at = excluded.seen_at, "
            "expires_at = excluded.expires_at, connected_shards = excluded.connected_shards",
            {
                "id": process.id,
                "host": process.host,
                "roles": ",".join(process.roles),
                "version": process.version,
                "ttl_seconds": ttl_seconds,
                "connected_shard_count": process.connected_shard_count,
            },
        )
        role_lists = [row[0].split(",") for row in db.execute("SELECT roles FROM process")]
        return {
            pool.kind: _rebalance_pool(
                db, process, pool, sum(pool.role in process_roles for process_roles in role_lists)
            )
            for pool in pools
        }

    async def heartbeat(self, process_id: str, ttl_seconds: int) -> bool:
        """Extend the life of a process by `ttl_seconds`; return False if the process had expired.

        The write lock is not needed, because no leases of other processes change. Raises `StoreError`.
        """
        row = await self._fetch_row(
            "UPDATE process SET seen_at = database_time(), expires_at = database_time() + 1000 * ? "
            "WHERE id = ? AND expires_at > database_time() RETURNING id",
            (ttl_seconds, process_id),
        )
        return row is not None

    @urgent_write_transaction
    def transfer(self, db: Connection, fence: Fence, new_owner_id: str) -> bool:
        """Transfer a lease to another live process; return False if its owner still has it afterwards.

        `fence` names the lease and its owner. Raises `StoreError`.
        """
        db.execute(
            "UPDATE lease SET owner = ? WHERE owner = ? AND kind = ? AND number = ? "
            "AND EXISTS (SELECT 1 FROM process WHERE id = ? AND expires_at > database_time())",
            (new_owner_id, *fence, new_owner_id),
        )
        return not _is_owner(db, fence)

    @write_transaction
    def release_kind(self, db: Connection, process_id: str, kind: str) -> None:
        """Release all leases of one kind that a process owns. Raises `StoreError`."""
        db.execute("DELETE FROM lease WHERE owner = ? AND kind = ?", (process_id, kind))

    @write_transaction
    def deregister(self, db: Connection, process_id: str) -> None:
        """Remove a process, which is about to end, with all its leases. Raises `StoreError`."""
        db.execute("DELETE FROM process WHERE id = ?", (process_id,))

    async def list_live(self) -> list[Process]:
        """Return the live processes, those that send heartbeats, oldest first. Raises `StoreError`."""
        rows = await self._fetch_rows(
            "SELECT id, host, roles, version, started_at, connected_shards FROM process "
            "WHERE expires_at > database_time() ORDER BY started_at, id"
        )
        return [Process(row[0], row[1], tuple(row[2].split(",")), *row[3:]) for row in rows]

    async def load_owner_ids_by_number(self, kind: str) -> dict[int, str]:
        """Map the lease numbers of a kind to the ids of the processes that own them. Raises `StoreError`."""
        rows = await self._fetch_rows(
            "SELECT number, owner FROM lease JOIN process ON process.id = owner "
            "WHERE kind = ? AND expires_at > database_time()",
            (kind,),
        )
        return {row[0]: row[1] for row in rows}


def require_lease(db: Connection, fence: Fence | None) -> None:
    """Raise `LeaseLost` unless the process that `fence` names owns the lease; do nothing if `fence` is None."""
    if fence is not None and not _is_owner(db, fence):
        raise LeaseLost(f"Another process works at {fence.kind} {fence.number} now.")


def list_owned_feed_ids(db: Connection, owner_id: str, feed_ids: Collection[int]) -> set[int]:
    """Return those of the given feed ids whose host slot (one of 64 groups of hosts) a process has leased."""
    return set(
        db.fetch_column(
            "SELECT feed.id FROM feed JOIN lease ON kind = 'feeds' AND number = feed.host_slot AND owner = :owner_id "
            "JOIN process ON process.id = owner AND expires_at > database_time() "
            "WHERE feed.id IN (:feed_ids)",
            {"owner_id": owner_id, "feed_ids": feed_ids},
        )
    )


def _is_owner(db: Connection, fence: Fence) -> bool:
    return (
        db.fetch_row(
            "SELECT 1 FROM lease JOIN process ON process.id = owner "
            "WHERE owner = ? AND kind = ? AND number = ? AND expires_at > database_time()",
            fence,
        )
        is not None
    )


def _rebalance_pool(db: Connection, process: Process, pool: LeasePool, live_process_count: int) -> frozenset[int]:
    """Adjust the leases of a process to its fair share, and return the lease numbers that it owns afterwards.

    A pool has leases of one kind, which are shared by processes with a role; `live_process_count` is their number.
    """
    lease_rows = db.fetch_rows("SELECT number, owner FROM lease WHERE kind = ?", (pool.kind,))
    owner_id_by_number: Mapping[int, str] = {row[0]: row[1] for row in lease_rows}
    fair_share = len(pool.numbers) if pool.takes_all_free else -(-len(pool.numbers) // max(live_process_count, 1))
    owned_numbers = sorted(number for number, owner_id in owner_id_by_number.items() if owner_id == process.id)
    retained_numbers = [number for number in owned_numbers if number in pool.numbers]
    retained_numbers = retained_numbers[:fair_share] if pool.rebalances else retained_numbers
    free_numbers = sorted(pool.numbers - owner_id_by_number.keys())
    acquired_numbers = free_numbers[: max(fair_share - len(retained_numbers), 0)] if pool.role in process.roles else []
    if released_leases := [(pool.kind, number) for number in owned_numbers if number not in retained_numbers]:
        db.executemany("DELETE FROM lease WHERE kind = ? AND number = ?", released_leases)
    if acquired_numbers:
        db.executemany(
            "INSERT INTO lease (kind, number, owner) VALUES (?, ?, ?)",
            [(pool.kind, number, process.id) for number in acquired_numbers],
        )
    return frozenset(retained_numbers + acquired_numbers)
