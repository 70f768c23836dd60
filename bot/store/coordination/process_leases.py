"""Running processes and their leases: temporary rights of one process to do a part of the work.

A lease has a kind and a number. A fence names a lease and the id of the process that must own it for a write.

On SQLite one process has all leases. A lease lasts as long as its owner sends heartbeats. All times are by
the database's clock. Every change is part of a write, and writes are serialised: a new owner sees all writes
of the previous one, and a process that lost its lease cannot write under it any more.
"""

from collections.abc import Collection, Mapping, Sequence

from bot.store.connection import Connection
from bot.store.records.process_records import Fence, LeasePool, Process
from bot.store.repository import Repository, urgent_write_transaction, write_transaction
from bot.store.store_errors import LeaseLost


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
