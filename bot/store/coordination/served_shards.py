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
from bot.store.repository import Repository, writes

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
        self._begun: dict[int, float] = {}

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

    def shard_of(self, server_id: int | None) -> int:
        """Return the shard of a server; None stands for direct messages."""
        return ((server_id or 0) >> 22) % self.count

    def serves(self, server_id: int | None) -> bool:
        """Return whether this process serves a server; None stands for direct messages."""
        return self.shard_of(server_id) in self.numbers

    def sql_condition(self, server_id: str, shard: int | None = None) -> str:
        """Return a SQL condition: the server in a column is served by this process, or belongs to `shard`."""
        numbers = self.numbers if shard is None else {shard}
        if len(numbers) == self.count:
            return "1 = 1"
        return (
            f"(coalesce({server_id}, 0) >> 22) % {self.count} IN ({', '.join(map(str, numbers)) or 'NULL'})"
        )

    @property
    def are_transferable(self) -> bool:
        """Whether shards are leased, so that one may move to another process."""
        return self._owner is not None

    def require_served(self, db: Connection, dispatch_id: int) -> None:
        """Raise `LeaseLost` if the shard of a dispatch's server is leased by another process by now."""
        if self._owner is None:
            return
        row = db.row(
            "SELECT (coalesce(server_id, 0) >> 22) % ? FROM dispatch "
            "JOIN channel ON channel.id = channel_id WHERE dispatch.id = ?",
            (self.count, dispatch_id),
        )
        if row is not None:
            require_lease(db, Fence(self._owner, "shard", row[0]))

    @writes
    def agree_on_count(self, db: Connection, count: int) -> int:
        """Return the number of shards of all live processes: the first one's, or `count` if there is none.

        Raises `StoreError`.
        """
        shared = db.row(
            "SELECT 1 FROM lease JOIN process ON process.id = owner "
            "WHERE kind = 'shard' AND until > database_time()"
        )
        row = db.row("SELECT value FROM meta WHERE name = 'shards'")
        if shared is not None and row is not None:
            return int(row[0])
        db.execute("DELETE FROM lease WHERE kind = 'shard'")
        meta.set_value(db, "shards", str(count))
        return count

    async def request_identify(self, bucket: int, left: int | None = None) -> IdentifyPermit:
        """Reserve the right to identify a shard of a bucket, or return how many seconds to wait for it.

        Identifies of other processes count too. `remaining_starts` is the `remaining` of Discord's session
        start limit, fetched a moment ago; None if unknown. Raises `StoreError`.
        """
        if self._database.is_shared:
            return await self._database.transact(_take_turn, bucket, left)
        now = self._clock.monotonic()
        wait = _identify_wait(self._begun, bucket, left, now)
        if not wait:
            self._begun[bucket] = now
        return IdentifyPermit(wait, now)

    async def confirm_identify(self, bucket: int, turn: IdentifyPermit) -> bool:
        """Confirm that the session starts now; return False if a later permit replaced this one.

        Raises `StoreError`.
        """
        if self._database.is_shared:
            return await self._database.transact(_use_turn, bucket, turn)
        if self._begun.get(bucket) != turn.granted_at:
            return False
        self._begun[bucket] = self._clock.monotonic()
        return True


class ShardedRepository(Repository):
    """A repository whose work is limited to the servers of this process's shards."""

    def __init__(self, database: AnyDatabase, shards: ServedShards) -> None:
        super().__init__(database)
        self._shards = shards


def _identify_wait(begun: Mapping[int, float], bucket: int, left: int | None, now: float) -> float:
    """Return the seconds until a session may start, 0 for now, given the start times by bucket in seconds."""
    late = {
        each: at + IDENTIFY_INTERVAL_SECONDS - now
        for each, at in begun.items()
        if at <= now < at + IDENTIFY_INTERVAL_SECONDS
    }
    if bucket in late:
        return late[bucket]
    return IDENTIFY_INTERVAL_SECONDS if left is not None and left <= len(late) else 0.0


def _take_turn(db: Connection, bucket: int, left: int | None) -> IdentifyPermit:
    now = int(db.value("SELECT database_time()"))
    rows = db.rows("SELECT name, value FROM meta WHERE name LIKE 'identify %'")
    begun = {int(row[0].split()[1]): int(row[1]) / 1_000 for row in rows}
    wait = _identify_wait(begun, bucket, left, now / 1_000)
    if not wait:
        meta.set_value(db, f"identify {bucket}", str(now))
    return IdentifyPermit(wait, now)


def _use_turn(db: Connection, bucket: int, turn: IdentifyPermit) -> bool:
    name = f"identify {bucket}"
    if db.row("SELECT 1 FROM meta WHERE name = ? AND value = ?", (name, str(turn.granted_at))) is None:
        return False
    meta.set_value(db, name, str(db.value("SELECT database_time()")))
    return True
