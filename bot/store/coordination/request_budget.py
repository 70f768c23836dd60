"""Repository of the budget of requests to Discord, which all processes share."""

from collections.abc import Callable, Sequence

from bot.store.connection import Connection
from bot.store.records.process_records import RequestAllocation, RequestGrant
from bot.store.repository import Repository, urgent_write_transaction

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
