"""In-doubt claims: dispatches (messages to a channel) that were claimed for sending and may have been sent.

Their messages are looked up in the channel before they are sent again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.models import Dispatch
from bot.store import Store

LOOKUP_DELAYS_SECONDS = (5.0, 15.0, 35.0, 75.0, 155.0)
"""Delays in seconds after which to look up whether a message without a nonce, which prevents repetition, was sent.

They count from the moment the response was lost or, after a crash, from the moment this process loaded the
claim. Discord may execute a request long after it failed, so the dispatch is sent again only if the last
lookup finds nothing.
"""


@dataclass(frozen=True, slots=True)
class InDoubtClaim:
    """Queued message (dispatch) that may or may not have been sent. `in_doubt_since` is monotonic time in seconds."""

    dispatch: Dispatch
    in_doubt_since: float


class InDoubtClaims:
    """Messages that one process claimed for sending and may have sent, by channel, oldest first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._claims_by_channel_id: dict[int, list[InDoubtClaim]] = {}
        self._maybe_claimed_channel_ids: set[int] = set()

    def mark_maybe_claimed_channel(self, channel_id: int) -> None:
        """Record that a channel may have a message that is marked as being sent, as the call that marks it failed."""
        self._maybe_claimed_channel_ids.add(channel_id)

    async def load_maybe_claimed_dispatches(self, store: Store) -> None:
        """Add the stored messages marked as being sent in channels for which the call that marks them failed.

        No message may be on its way to these channels meanwhile. Raises StoreError.
        """
        if suspect_channel_ids := frozenset(self._maybe_claimed_channel_ids):
            for dispatch in await store.dispatches.list_claimed():
                if dispatch.channel_id in suspect_channel_ids:
                    self.add(dispatch)
            self._maybe_claimed_channel_ids -= suspect_channel_ids

    def add(self, dispatch: Dispatch) -> None:
        """Add a message that may have been sent, as in doubt from now on, unless it was added already."""
        claims = self._claims_by_channel_id.setdefault(dispatch.channel_id, [])
        if all(claim.dispatch.id != dispatch.id for claim in claims):
            claims.append(InDoubtClaim(dispatch, self._clock.monotonic()))

    def get_first(self, channel_id: int) -> InDoubtClaim | None:
        """Return the oldest message of a channel that may have been sent, or None if there is none."""
        return next(iter(self._claims_by_channel_id.get(channel_id, ())), None)

    def list_channel_ids(self) -> Iterable[int]:
        """Return the ids of the channels with messages that may have been sent."""
        return self._claims_by_channel_id.keys()

    def resolve(self, dispatch: Dispatch) -> None:
        """Remove a message of which it is now known whether it was sent."""
        remaining_claims = [
            claim
            for claim in self._claims_by_channel_id.pop(dispatch.channel_id, [])
            if claim.dispatch.id != dispatch.id
        ]
        if remaining_claims:
            self._claims_by_channel_id[dispatch.channel_id] = remaining_claims

    def drop_where(self, predicate: Callable[[Dispatch], bool]) -> None:
        """Remove the messages that match a predicate, since another process looks up whether they were sent."""
        remaining_claims_by_channel_id = {
            channel_id: [claim for claim in claims if not predicate(claim.dispatch)]
            for channel_id, claims in self._claims_by_channel_id.items()
        }
        self._claims_by_channel_id = {
            channel_id: claims for channel_id, claims in remaining_claims_by_channel_id.items() if claims
        }

    def get_elapsed_seconds(self, claim: InDoubtClaim) -> float:
        """Return the seconds since it became doubtful whether a message was sent."""
        return self._clock.monotonic() - claim.in_doubt_since


def compute_seconds_until_next_lookup(elapsed_seconds: float) -> float | None:
    """Return the seconds until the next lookup of whether a message was sent, or None after the last lookup.

    `elapsed_seconds` is the time since that became doubtful; the message was sent without a nonce.
    """
    return next(
        (delay_seconds - elapsed_seconds for delay_seconds in LOOKUP_DELAYS_SECONDS if delay_seconds > elapsed_seconds),
        None,
    )
