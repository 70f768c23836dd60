"""Processes that share the work of one database, and what each of them has leased."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Process:
    """A running `telex run`: where, as what, of which version, since when (database's ms)."""

    id: str
    host: str
    roles: tuple[str, ...]
    version: str
    started_at: int = 0


class LeasePool(NamedTuple):
    """What processes with a role divide among them: the numbers of a kind of lease.

    With `rebalances` one that has more than its part gives back; else it keeps what it has, and takes its
    part of what is free, or `takes_all_free`.
    """

    kind: str
    role: str
    numbers: frozenset[int]
    rebalances: bool = True
    takes_all_free: bool = False


class Fence(NamedTuple):
    """A lease of a process, without which what it writes is refused."""

    owner: str
    kind: str
    number: int


class RequestAllocation(NamedTuple):
    """What a process has of the budget of requests to Discord."""

    process: int
    slots: int  # requests that it may have under way, or has
    demand: int  # how many it could use
    rate_limited_count: int  # in ten minutes


class RequestGrant(NamedTuple):
    """What a process may ask of Discord for a while."""

    slots: int
    refused_elsewhere: int
    pause_seconds: float
    """Seconds for which nobody may ask anything."""


class IdentifyPermit(NamedTuple):
    """A turn to begin a session: seconds until it comes, 0 for now; when that was said, by some clock."""

    wait_seconds: float
    granted_at: float
