"""The budget of requests to Discord that processes share."""

from collections.abc import Callable, Sequence

from bot.store.connection import Connection
from bot.store.records.process_records import RequestAllocation, RequestGrant
from bot.store.repository import Repository, writes_urgently

GLOBAL_ROW = 0
"""The number of the row that holds all processes back."""
_REMEMBERED = 600_000
"""Milliseconds for which the refusals of a process count that is heard of no more."""

AllocationPolicy = Callable[[RequestAllocation, Sequence[RequestAllocation]], int]


class RequestShares(Repository):
    """What each process may ask of Discord."""

    @property
    def is_shared(self) -> bool:
        """Whether there may be other processes."""
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
        """Let `decide` say how many slots a process gets, given what it has and what the others have.

        They lapse after so many seconds by the database's clock. `held`: seconds for which nobody may ask.
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
