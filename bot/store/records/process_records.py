"""Records of the processes on one database, their leases and their shares of Discord's rate limits."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Process:
    """A running process of the bot (`telex run`).

    `started_at` is in milliseconds by the database's clock, or 0 before registration.
    """

    id: str
    host: str
    roles: tuple[str, ...]
    version: str
    started_at: int = 0


class LeasePool(NamedTuple):
    """Leases of one kind, identified by `numbers`, that the processes with a role divide among themselves.

    `rebalances`: a process releases the leases above its fair share. `takes_all_free`: a process acquires all
    free leases.
    """

    kind: str
    role: str
    numbers: frozenset[int]
    rebalances: bool = True
    takes_all_free: bool = False


class Fence(NamedTuple):
    """A condition of a write: a lease that a process must own for the write to be accepted."""

    owner: str
    kind: str
    number: int


class RequestAllocation(NamedTuple):
    """A process's share of the budget of requests to Discord: its number of slots, and its demand for them.

    A slot is taken by one request until that request no longer counts for Discord's rate limit.
    `invalid_request_count` is the number of invalid requests (401, 403, 429) in the last ten minutes.
    """

    process: int
    slot_count: int
    demand: int
    invalid_request_count: int


class RequestGrant(NamedTuple):
    """Number of request slots (requests that count for Discord's rate limit at a time) granted to a process.

    The grant expires. `peer_invalid_request_count` is the number of invalid requests of other processes; for
    `pause_seconds`, no process may send requests.
    """

    slot_count: int
    peer_invalid_request_count: int
    pause_seconds: float


class IdentifyPermit(NamedTuple):
    """Permission to identify a shard (start its session) after `wait_seconds`, or now if that is 0.

    `granted_at` identifies the permit.
    """

    wait_seconds: float
    granted_at: float
