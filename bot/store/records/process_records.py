"""Records of the processes on one database, their leases and their shares of Discord's rate limits."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of the bot (`telex run`).

    `roles` name the parts of the work that it does. `started_at_ms` is a Unix time in milliseconds by the database's
    clock, or 0 before registration. `connected_shard_count` is as of its last renewal of leases.
    """

    id: str
    host: str
    roles: tuple[str, ...]
    version: str
    started_at_ms: int = 0
    connected_shard_count: int = 0


class LeasePool(NamedTuple):
    """Leases (parts of the work) of one kind, identified by `numbers`, that processes with a role divide up.

    `rebalances`: a process releases the leases above its fair share. `takes_all_free`: a process acquires all
    free leases.
    """

    kind: str
    role: str
    numbers: frozenset[int]
    rebalances: bool = True
    takes_all_free: bool = False


class Fence(NamedTuple):
    """A condition of a write: a lease that the process `owner_id` must own for the write to be accepted.

    `kind` and `number` identify the lease.
    """

    owner_id: str
    kind: str
    number: int


class RequestAllocation(NamedTuple):
    """A process's share of the budget of requests to Discord: its number of slots, and its demand for them.

    `process_number` identifies the process. A slot is taken by one request until that request no longer counts for
    Discord's rate limit; `demand` is the number of slots that the process could use.
    `invalid_request_count` is the number of invalid requests (401, 403, 429) in the last ten minutes.
    """

    process_number: int
    slot_count: int
    demand: int
    invalid_request_count: int


class RequestGrant(NamedTuple):
    """Number of request slots (requests that count for Discord's rate limit at a time) granted to a process.

    `peer_invalid_request_count` is the number of invalid requests of other processes; for `pause_seconds`, no process
    may send requests.
    """

    slot_count: int
    peer_invalid_request_count: int
    pause_seconds: float


class IdentifyDecision(NamedTuple):
    """Decision whether a shard may identify (start its session) now, or after `wait_seconds` has to ask again.

    It may now if `wait_seconds` is 0; then `decided_at` identifies this permit: a time in milliseconds by the clock of
    a shared database, or in seconds by the monotonic clock of the only process.
    """

    wait_seconds: float
    decided_at: float
