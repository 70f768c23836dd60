"""Budget of requests to Discord, shared by all processes."""

from collections.abc import Callable, Sequence

from bot.store.connection import Connection
from bot.store.records.process_records import RequestAllocation, RequestGrant
from bot.store.repository import Repository, writes_urgently

GLOBAL_ROW = 0
"""Process number of the row that pauses all processes."""
_REMEMBERED = 600_000
"""Milliseconds for which the rate-limited requests of an expired process still count."""

AllocationPolicy = Callable[[RequestAllocation, Sequence[RequestAllocation]], int]
"""Function that returns a process's number of slots from its own allocation and those of its peers."""


class RequestShares(Repository):
    """Repository of the processes' request allocations."""

    @property
    def is_shared(self) -> bool:
        """Whether several processes may share the database."""
        return self._database.is_shared

    @writes_urgently
    def allocate(
        self,
        db: Connection,
        mine: RequestAllocation,
        decide: AllocationPolicy,
        *,
        lasts: float,
        held: float = 0.0,
    ) -> RequestGrant:
        """Store a process's allocation with the slots that `policy` decides on, and return the grant.

        It expires after `ttl` seconds by the database's clock. `pause` is in seconds: no process may send
        requests for so long. Raises `StoreError`.
        """
        lasts = round(lasts * 1_000)
        held = round(held * 1_000)
        now = int(db.value("SELECT database_time()"))
        db.execute("DELETE FROM request_share WHERE until < ?", (now - _REMEMBERED,))
        rows = db.rows(
            "SELECT process, slots, need, refused, until FROM request_share WHERE process <> ?",
            (mine.process,),
        )
        held_until = max((row[4] for row in rows if row[0] == GLOBAL_ROW), default=now)
        if now + held > held_until:
            held_until = now + held
            _write(db, RequestAllocation(GLOBAL_ROW, 0, 0, 0), held_until)
        others = [
            RequestAllocation(*row[:4]) if row[4] > now else RequestAllocation(row[0], 0, 0, row[3])
            for row in rows
        ]
        granted = decide(mine, others)
        _write(db, mine._replace(slots=max(mine.slots, granted)), now + lasts)
        refused = sum(other.rate_limited_count for other in others)
        return RequestGrant(granted, refused, max(held_until - now, 0) / 1_000)


def _write(db: Connection, share: RequestAllocation, until: int) -> None:
    db.execute(
        "INSERT INTO request_share (process, slots, need, refused, until) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (process) DO UPDATE SET slots = excluded.slots, need = excluded.need, "
        "refused = excluded.refused, until = excluded.until",
        (*share, until),
    )
