"""Processes and their leases: who may act where several run.

On SQLite one process has them all.

A lease holds as long as its owner says in time that it lives. Times are those of the database's clock, which
is the same for all. Every function is part of a write, of which there is one at a time: whoever takes a lease
sees all that its last owner wrote, and who has lost one cannot write as if it had it.
"""

from collections.abc import Collection, Mapping, Sequence

from bot.store.connection import Connection
from bot.store.records.process_records import Fence, LeasePool, Process
from bot.store.repository import Repository, writes, writes_urgently
from bot.store.row_mapping import to_json_array
from bot.store.store_errors import LeaseLost


class Processes(Repository):
    """Who runs, and who has which lease."""

    @property
    def is_multi_process(self) -> bool:
        """Whether there may be others on the same database; else leases never end."""
        return self._database.is_shared

    @writes_urgently
    def heartbeat_and_rebalance(
        self, db: Connection, me: Process, shares: Sequence[LeasePool], lasts: int
    ) -> dict[str, frozenset[int]]:
        """Say that a process lives, for so many seconds, and divide what there is; its leases by kind.

        Leases of processes that did not say so in time are free, and each takes its part of what is free, for
        the roles that it has now.
        """
        alone = not self.is_multi_process
        if alone:
            db.execute("DELETE FROM process WHERE id <> ?", (me.id,))
        else:
            db.execute("DELETE FROM process WHERE until <= database_time() AND id <> ?", (me.id,))
        db.execute(
            "INSERT INTO process (id, host, roles, version, started, seen, until) "
            "VALUES (?1, ?2, ?3, ?4, database_time(), database_time(), database_time() + 1000 * ?5) "
            "ON CONFLICT (id) DO UPDATE SET roles = excluded.roles, seen = excluded.seen, "
            "until = excluded.until",
            (me.id, me.host, ",".join(me.roles), me.version, lasts),
        )
        roles = [row[0].split(",") for row in db.execute("SELECT roles FROM process")]
        return {
            share.kind: _rebalance(db, me, share, sum(share.role in each for each in roles))
            for share in shares
        }

    async def heartbeat(self, process_id: str, lasts: int) -> bool:
        """Say that a process still lives, for so many seconds; False where it was given up.

        It waits for no write of others: who keeps what is its own changes nobody's share.
        """
        row = await self._row(
            "UPDATE process SET seen = database_time(), until = database_time() + 1000 * ? "
            "WHERE id = ? AND until > database_time() RETURNING id",
            (lasts, process_id),
        )
        return row is not None

    @writes_urgently
    def transfer(self, db: Connection, fence: Fence, to: str) -> bool:
        """Give a lease to another process that lives; False where it is still its owner's after that."""
        db.execute(
            "UPDATE lease SET owner = ?4 WHERE owner = ?1 AND kind = ?2 AND number = ?3 "
            "AND EXISTS (SELECT 1 FROM process WHERE id = ?4 AND until > database_time())",
            (*fence, to),
        )
        return not _is_owner(db, fence)

    @writes
    def release_kind(self, db: Connection, process_id: str, kind: str) -> None:
        """Leave what a process has of a kind to others."""
        db.execute("DELETE FROM lease WHERE owner = ? AND kind = ?", (process_id, kind))

    @writes
    def deregister(self, db: Connection, process_id: str) -> None:
        """Give back all leases of a process, which ends."""
        db.execute("DELETE FROM process WHERE id = ?", (process_id,))

    async def list_live(self) -> list[Process]:
        """Those that live, the oldest first."""
        rows = await self._rows(
            "SELECT id, host, roles, version, started FROM process WHERE until > database_time() "
            "ORDER BY started, id"
        )
        return [Process(row[0], row[1], tuple(row[2].split(",")), row[3], row[4]) for row in rows]

    async def owners(self, kind: str) -> dict[int, str]:
        """Who has which leases of a kind, by number."""
        rows = await self._rows(
            "SELECT number, owner FROM lease JOIN process ON process.id = owner "
            "WHERE kind = ? AND until > database_time()",
            (kind,),
        )
        return {row[0]: row[1] for row in rows}


def require_lease(db: Connection, fence: Fence | None) -> None:
    """Raise `LeaseLost` where a lease is another's by now, or nobody's; None holds always."""
    if fence is not None and not _is_owner(db, fence):
        raise LeaseLost(f"Another process works at {fence.kind} {fence.number} now.")


def owned_feed_ids(db: Connection, owner: str, ids: Collection[int]) -> set[int]:
    """Those of some feeds whose slot a process has."""
    return set(
        db.column(
            "SELECT feed.id FROM feed JOIN lease ON kind = 'feeds' AND number = feed.slot AND owner = ?1 "
            "JOIN process ON process.id = owner AND until > database_time() "
            "WHERE feed.id IN (SELECT value FROM json_each(?2))",
            (owner, to_json_array(ids)),
        )
    )


def _is_owner(db: Connection, fence: Fence) -> bool:
    return (
        db.row(
            "SELECT 1 FROM lease JOIN process ON process.id = owner "
            "WHERE owner = ? AND kind = ? AND number = ? AND until > database_time()",
            fence,
        )
        is not None
    )


def _rebalance(db: Connection, me: Process, share: LeasePool, living: int) -> frozenset[int]:
    """Take and give back what makes a process's part of a kind; what it has then."""
    rows = db.rows("SELECT number, owner FROM lease WHERE kind = ?", (share.kind,))
    owners: Mapping[int, str] = {row[0]: row[1] for row in rows}
    part = len(share.numbers) if share.takes_all_free else -(-len(share.numbers) // max(living, 1))
    mine = sorted(number for number, owner in owners.items() if owner == me.id)
    kept = [number for number in mine if number in share.numbers]
    kept = kept[:part] if share.rebalances else kept
    free = sorted(share.numbers - owners.keys())
    taken = free[: max(part - len(kept), 0)] if share.role in me.roles else []
    if given_back := [(share.kind, number) for number in mine if number not in kept]:
        db.executemany("DELETE FROM lease WHERE kind = ? AND number = ?", given_back)
    if taken:
        db.executemany(
            "INSERT INTO lease (kind, number, owner) VALUES (?, ?, ?)",
            [(share.kind, number, me.id) for number in taken],
        )
    return frozenset(kept + taken)
