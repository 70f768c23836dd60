"""Plan of the faults that the bot meets in an outage drill: which kind happens when, drawn with a seed."""

import math
from dataclasses import dataclass
from enum import StrEnum
from random import Random

FAULTS_PER_MINUTE = 15
"""Number of faults that are planned for each minute of an outage drill; ten of them have to take effect."""


class FaultKind(StrEnum):
    """Kind of fault that an outage drill causes, such as a killed bot; the value is its description in the report."""

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
    """Fault that an outage drill plans for `at_seconds` from its beginning; a fault of feeds hits feed `feed_index`."""

    at_seconds: float
    kind: FaultKind
    feed_index: int


def plan_faults(duration_seconds: float, seed: int, *, feed_count: int) -> list[PlannedFault]:
    """Return the faults that an outage drill will cause, earliest first; the same arguments give the same faults.

    The duration is divided into equal spans of time with one fault each, at a random moment. All kinds are used up
    in random order before any is used again.
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
