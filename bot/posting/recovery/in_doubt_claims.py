"""Claims whose end is unknown: when each is looked for, and when it may be sent again."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.models import Dispatch
from bot.store import Store

LOOKUP_DELAYS_SECONDS = (5.0, 15.0, 35.0, 75.0, 155.0)
"""Seconds after which what has no nonce is looked for: Discord may carry it out long after it failed.

Counted from when the answer was lost; after a crash from when this process learned of the claim, since the
request may have left right before it. Only after the last look is it sent again.
"""


@dataclass(frozen=True, slots=True)
class InDoubtClaim:
    """A claim, and since when its end has been unknown here, by the monotonic clock."""

    dispatch: Dispatch
    in_doubt_since: float


class InDoubtClaims:
    """Those of one process, by channel and in their order."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._by_channel: dict[int, list[InDoubtClaim]] = {}
        self._suspect_channels: set[int] = set()

    def mark_channel_suspect(self, channel_id: int) -> None:
        """The store failed: it may have written a claim in this channel that it told nobody of."""
        self._suspect_channels.add(channel_id)

    async def load_suspect_channels(self, store: Store) -> None:
        """Add the claims in doubted channels, where nothing is being sent. Raises `StoreError`."""
        if doubted := frozenset(self._suspect_channels):
            for dispatch in await store.dispatches.claimed():
                if dispatch.channel_id in doubted:
                    self.add(dispatch)
            self._suspect_channels -= doubted

    def add(self, dispatch: Dispatch) -> None:
        """Nobody knows from now on whether it was sent."""
        pending = self._by_channel.setdefault(dispatch.channel_id, [])
        if all(one.dispatch.id != dispatch.id for one in pending):
            pending.append(InDoubtClaim(dispatch, self._clock.monotonic()))

    def first(self, channel_id: int) -> InDoubtClaim | None:
        """The one to be looked for first in a channel."""
        return next(iter(self._by_channel.get(channel_id, ())), None)

    def channels(self) -> Iterable[int]:
        """The channels that have some."""
        return self._by_channel.keys()

    def resolve(self, dispatch: Dispatch) -> None:
        """It is known now what became of it."""
        left = [
            one for one in self._by_channel.pop(dispatch.channel_id, []) if one.dispatch.id != dispatch.id
        ]
        if left:
            self._by_channel[dispatch.channel_id] = left

    def drop_where(self, predicate: Callable[[Dispatch], bool]) -> None:
        """Another process finds out what became of these."""
        of_channels = self._by_channel.items()
        kept = {id_: [one for one in line if not predicate(one.dispatch)] for id_, line in of_channels}
        self._by_channel = {id_: line for id_, line in kept.items() if line}

    def elapsed_seconds(self, pending: InDoubtClaim) -> float:
        """Seconds for which its end has been unknown."""
        return self._clock.monotonic() - pending.in_doubt_since


def seconds_until_next_lookup(elapsed_seconds: float) -> float | None:
    """Seconds until what has no nonce is looked for again that was not found after so many; None: no more."""
    return next((at - elapsed_seconds for at in LOOKUP_DELAYS_SECONDS if at > elapsed_seconds), None)
