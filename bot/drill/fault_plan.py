"""The faults of a drill, planned by a seed: which kind happens at which moment."""

import math
from dataclasses import dataclass
from enum import StrEnum
from random import Random

FAULTS_PER_MINUTE = 15
"""Number of faults that are planned for each minute of a drill; ten of them have to take effect."""


class FaultKind(StrEnum):
    """Kind of a fault in a drill, with its description in the report."""

    BOT_KILLED = "bot killed (SIGKILL)"
    BOT_STOPPED = "bot stopped (SIGTERM)"
    DISCORD_REFUSED = "Discord refused a post (5xx)"
    DISCORD_LIMITED = "Discord limited a post (429)"
    DISCORD_LATE = "Discord answered a post late"
    CONNECTION_DROPPED = "connection dropped after a post"
    GATEWAY_CLOSED = "gateway closed"
    FEED_FAILED = "feed failed (503)"
    FEED_HUNG = "feed hung"
    FEED_SLOW = "feed slow"
    FEED_GARBAGE = "feed answered garbage"


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """Fault at a moment, in seconds from the start of the faults; `feed_index` is the feed that a feed's fault hits."""

    at_seconds: float
    kind: FaultKind
    feed_index: int


def plan_faults(duration_seconds: float, seed: int, *, feed_count: int) -> list[PlannedFault]:
    """Plan the faults of a drill, earliest first; the same arguments give the same plan.

    The duration is divided into equal slots with one fault each, at a random moment. All kinds are used up in
    random order before any is used again.
    """
    random = Random(seed)  # noqa: S311 - the seed has to repeat the plan
    fault_count = max(1, math.ceil(duration_seconds * FAULTS_PER_MINUTE / 60))
    slot_seconds = duration_seconds / fault_count
    unused_kinds: list[FaultKind] = []
    planned_faults = []
    for slot in range(fault_count):
        if not unused_kinds:
            unused_kinds = random.sample(list(FaultKind), len(FaultKind))
        moment = (slot + random.random()) * slot_seconds
        planned_faults.append(PlannedFault(moment, unused_kinds.pop(), random.randrange(feed_count)))
    return planned_faults
