"""States of dispatches and of articles in channels, and the moves between them. None stands for no row.

A dispatch is one message to one channel. An article, more exactly its page, has one status per channel.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum

from bot.core.models import DispatchState


class PageStatus(StrEnum):
    """Status of an article's page in a channel, such as filtered out. Values are stored, except `ENQUEUED`."""

    ENQUEUED = "enqueued"  # Has a dispatch, whose state says more; stored as NULL
    JOINED = "joined"  # Is named in the post of a similar article
    RESERVED = "digested"  # Reserved for the channel's digest
    FILTERED = "filtered"  # Until another feed brings the page and its filters let it through
    WITHHELD = "withheld"  # Will not be posted, for a `WithheldReason` such as a paused feed


DISPATCH_MOVES: Mapping[DispatchState | None, frozenset[DispatchState | None]] = {
    None: frozenset({DispatchState.HELD, DispatchState.PENDING, DispatchState.SENT}),  # SENT: found after a restore
    DispatchState.HELD: frozenset({DispatchState.PENDING, None}),
    DispatchState.PENDING: frozenset({DispatchState.CLAIMED, None}),
    DispatchState.CLAIMED: frozenset(
        {DispatchState.SENT, DispatchState.PENDING, DispatchState.UNCERTAIN, DispatchState.FAILED, None}
    ),
    DispatchState.SENT: frozenset(),
    DispatchState.UNCERTAIN: frozenset(),
    DispatchState.FAILED: frozenset(),
}
"""States to which a dispatch (message to send) may move from each state; None: the dispatch does not exist."""

PAGE_MOVES: Mapping[PageStatus | None, frozenset[PageStatus | None]] = {
    None: frozenset(PageStatus),
    PageStatus.FILTERED: frozenset({PageStatus.ENQUEUED, PageStatus.JOINED, PageStatus.RESERVED}),
    PageStatus.ENQUEUED: frozenset({PageStatus.ENQUEUED, PageStatus.RESERVED, PageStatus.WITHHELD, None}),
    PageStatus.JOINED: frozenset(
        {PageStatus.ENQUEUED, PageStatus.JOINED, PageStatus.RESERVED, PageStatus.WITHHELD, None}
    ),
    PageStatus.RESERVED: frozenset({PageStatus.ENQUEUED, PageStatus.WITHHELD, None}),
    PageStatus.WITHHELD: frozenset({None}),  # When somebody follows its feed and wants its newest article
}
"""Statuses to which an article's page may move in a channel from each status; None stands for no status."""


class UndeclaredMove(Exception):
    """Error raised when a message or page would move to a state that is not allowed after its present one."""


def require_dispatch_move(origins: Collection[DispatchState | None], target: DispatchState | None) -> None:
    """Raise `UndeclaredMove` unless a dispatch (message to send) may move from each of `origins` to `target`."""
    for origin in origins:
        if target not in DISPATCH_MOVES[origin]:
            raise UndeclaredMove(f"dispatch {origin} -> {target}")


def require_page_move(origins: Collection[PageStatus | None], target: PageStatus | None) -> None:
    """Raise `UndeclaredMove` unless an article's page may move from each of the statuses to the target."""
    for origin in origins:
        if target not in PAGE_MOVES[origin]:
            raise UndeclaredMove(f"page {origin} -> {target}")
