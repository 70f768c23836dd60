"""In-doubt claims: dispatches that were claimed for sending and may or may not have been sent.

Their messages are looked up in the channel before they are sent again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.models import Dispatch
from bot.store import Store

LOOKUP_DELAYS_SECONDS = (5.0, 15.0, 35.0, 75.0, 155.0)
"""Delays in seconds after which to look up whether a dispatch that was sent without a nonce was delivered.

They count from the moment the response was lost or, after a crash, from the moment this process loaded the
claim. Discord may execute a request long after it failed, so the dispatch is sent again only if the last
lookup finds nothing.
"""


@dataclass(frozen=True, slots=True)
class InDoubtClaim:
    """Claimed dispatch that may or may not have been sent. `in_doubt_since` is monotonic time in seconds."""

    dispatch: Dispatch
    in_doubt_since: float


class InDoubtClaims:
    """Collection of the in-doubt claims of one process, by channel, oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._claims_by_channel: dict[int, list[InDoubtClaim]] = {}
        self._suspect_channel_ids: set[int] = set()

    def mark_channel_suspect(self, channel_id: int) -> None:
        """Record that the store may have claimed a dispatch of a channel although the call failed."""
        self._suspect_channel_ids.add(channel_id)

    async def load_suspect_channels(self, store: Store) -> None:
        """Add the stored claims of channels that were marked as suspect. Raises StoreError.

        No message may be on its way to these channels meanwhile.
        """
        if suspect_channel_ids := frozenset(self._suspect_channel_ids):
            for dispatch in await store.dispatches.list_claimed():
                if dispatch.channel_id in suspect_channel_ids:
                    self.add(dispatch)
            self._suspect_channel_ids -= suspect_channel_ids

    def add(self, dispatch: Dispatch) -> None:
        """Add a claimed dispatch whose outcome is unknown from now on, unless it was added before."""
        claims = self._claims_by_channel.setdefault(dispatch.channel_id, [])
        if all(claim.dispatch.id != dispatch.id for claim in claims):
            claims.append(InDoubtClaim(dispatch, self._clock.monotonic()))

    def first(self, channel_id: int) -> InDoubtClaim | None:
        """Return the in-doubt claim of a channel that is to be looked up first, or None if it has none."""
        return next(iter(self._claims_by_channel.get(channel_id, ())), None)

    def channel_ids(self) -> Iterable[int]:
        """Return the ids of the channels with in-doubt claims."""
        return self._claims_by_channel.keys()

    def resolve(self, dispatch: Dispatch) -> None:
        """Remove the claim of a dispatch whose outcome has become known."""
        remaining_claims = [
            claim for claim in self._claims_by_channel.pop(dispatch.channel_id, []) if claim.dispatch.id != dispatch.id
        ]
        if remaining_claims:
            self._claims_by_channel[dispatch.channel_id] = remaining_claims

    def drop_where(self, predicate: Callable[[Dispatch], bool]) -> None:
        """Remove the claims of dispatches that match a predicate, since another process looks them up."""
        claims_by_channel = self._claims_by_channel.items()
        remaining_by_channel = {
            channel_id: [claim for claim in claims if not predicate(claim.dispatch)]
            for channel_id, claims in claims_by_channel
        }
        self._claims_by_channel = {
            remaining_channel_id: remaining_claims
            for remaining_channel_id, remaining_claims in remaining_by_channel.items()
            if remaining_claims
        }

    def elapsed_seconds(self, claim: InDoubtClaim) -> float:
        """Return for how many seconds a claim has been in doubt."""
        return self._clock.monotonic() - claim.in_doubt_since


def seconds_until_next_lookup(elapsed_seconds: float) -> float | None:
    """Return the seconds until the next lookup of a claim without a nonce, or None after the last lookup.

    `elapsed_seconds` is the time for which the claim has been in doubt.
    """
    return next(
        (delay_seconds - elapsed_seconds for delay_seconds in LOOKUP_DELAYS_SECONDS if delay_seconds > elapsed_seconds),
        None,
    )
