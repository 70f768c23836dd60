"""How much of what Discord allows the application this process may use: all of it, where it is alone.

Processes on one database share fifty requests a second. Each has *slots*: requests that may count at once in
any window of a second. All of them together are never more than Discord allows, however long a request takes
on its way. A portion lasts for a moment and is asked for anew only while there is something to ask; a process
that dies takes its portion along until it lapses.
"""

import asyncio
import logging
import math
import secrets
from collections import deque
from collections.abc import Callable, Sequence

from bot.core.clock import Clock
from bot.store import Store, StoreError
from bot.store.records.process_records import RequestAllocation

log = logging.getLogger(__name__)

MAX_REQUESTS_PER_SECOND = 49
"""Requests in any second, of the fifty that Discord allows; the last is for who cannot ask for a share."""
WINDOW_SECONDS = 1.01
"""Seconds, with one in a hundred for clocks that differ."""
MAX_TRANSIT_SECONDS = 2.0
"""Seconds after which a request without an answer is taken to have reached Discord long ago."""
GRANT_TTL_SECONDS = 2.0
"""Seconds that a share may be used for."""
RENEW_INTERVAL_SECONDS = 0.4
"""Seconds after which it is asked for anew, where there is a use for it."""
URGENT_RENEW_INTERVAL_SECONDS = 0.1
"""The same where there is no slot at all, or some to give back."""
HEADROOM_SLOTS = 5
"""Slots that a process asks for beyond what it can use at once: what comes next need not wait."""
INVALID_REQUEST_STATUSES = frozenset({401, 403, 429})
"""Answers of which ten thousand in ten minutes get an address banned.

https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
"""
INVALID_REQUEST_WINDOW_SECONDS = 600.0
MAX_INVALID_REQUESTS = 5_000
"""Invalid answers in ten minutes at which one request a second is left; the pace falls evenly up to there."""
_WARN_AT_INVALID_REQUESTS = 500


class RequestQuota:
    """The slots of this process. `on_change` is called when there may be more of them."""

    def __init__(self, clock: Clock, store: Store, on_change: Callable[[], None]) -> None:
        self._clock, self._shares, self._on_change = clock, store.request_budget, on_change
        self._process = secrets.randbits(62) | 1
        self._slots = 0 if self._shares.is_shared else MAX_REQUESTS_PER_SECOND
        self._reserved_slots = self._slots  # which nobody else has
        self._requested_at = -math.inf
        self._valid_until = -math.inf if self._shares.is_shared else math.inf
        self._frozen_slots: int | None = (
            None  # while a share is being asked for: so many are kept, whatever comes
        )
        self._is_store_unreachable = False
        self._invalid_times: deque[float] = deque()
        self._invalid_in_other_processes = 0
        self._paused_until = self._published_pause = -math.inf
        self._renewal: asyncio.Task[None] | None = None

    def slots(self, now: float) -> int:
        """How many requests may count now."""
        if now < self._paused_until:
            return 0
        if now >= self._valid_until:
            return int(self._is_store_unreachable)
        slots = self._slots if self._frozen_slots is None else min(self._slots, self._frozen_slots)
        return min(slots, _allowed_rate(self._invalid_count(now) + self._invalid_in_other_processes))

    def seconds_until_recheck(self, now: float) -> float:
        """Seconds until a request that waits is to look again, whatever becomes of those that count."""
        if now < self._paused_until:
            return self._paused_until - now
        return URGENT_RENEW_INTERVAL_SECONDS if self._shares.is_shared else math.inf

    def report_demand(self, now: float, in_flight: int, waiting: int) -> None:
        """So many requests count now, and so many wait: a share is asked for where it is time."""
        if not self._shares.is_shared or self._renewal is not None:
            return
        is_urgent = (waiting and not self._slots) or self._reserved_slots > self._slots >= in_flight
        if now - self._requested_at >= (
            URGENT_RENEW_INTERVAL_SECONDS if is_urgent else RENEW_INTERVAL_SECONDS
        ):
            self._requested_at, self._frozen_slots = now, in_flight
            mine = RequestAllocation(
                self._process,
                in_flight,
                min(in_flight + waiting + HEADROOM_SLOTS, MAX_REQUESTS_PER_SECOND),
                self._invalid_count(now),
            )
            self._renewal = asyncio.create_task(self._renew(mine, now))

    def record_invalid_request(self, now: float) -> None:
        """Discord refused a request in a way that counts."""
        self._invalid_times.append(now)
        if len(self._invalid_times) == _WARN_AT_INVALID_REQUESTS:
            log.warning(
                "Discord refused %d requests in ten minutes. Slowing down.", _WARN_AT_INVALID_REQUESTS
            )

    def pause(self, now: float, seconds: float) -> None:
        """Discord holds back all that the application asks, for so many seconds: so does every process."""
        self._paused_until = max(self._paused_until, now + seconds)
        self._requested_at = -math.inf

    def _invalid_count(self, now: float) -> int:
        while self._invalid_times and self._invalid_times[0] <= now - INVALID_REQUEST_WINDOW_SECONDS:
            self._invalid_times.popleft()
        return len(self._invalid_times)

    async def _renew(self, own_share: RequestAllocation, now: float) -> None:
        held_until = self._paused_until
        held = held_until - now if held_until > max(now, self._published_pause) else 0.0
        try:
            found = await self._shares.allocate(
                own_share,
                fair_share,
                lasts=GRANT_TTL_SECONDS + MAX_TRANSIT_SECONDS + WINDOW_SECONDS,
                held=held,
            )
        except StoreError:
            self._is_store_unreachable = True
        else:
            self._is_store_unreachable, self._published_pause = False, held_until
            self._slots, self._reserved_slots = found.slots, max(found.slots, own_share.slots)
            self._invalid_in_other_processes = found.refused_elsewhere
            self._valid_until = now + GRANT_TTL_SECONDS
            self._paused_until = max(self._paused_until, self._clock.monotonic() + found.pause_seconds)
        finally:
            self._frozen_slots = self._renewal = None
        self._on_change()


def fair_share(own_share: RequestAllocation, others: Sequence[RequestAllocation]) -> int:
    """How many slots a process gets: its fair share (max-min), as far as the others have given it back.

    What does not come out even goes to who has least.
    """
    budget = _allowed_rate(own_share.rate_limited_count + sum(other.rate_limited_count for other in others))
    left, fair = budget, 0
    by_need = sorted((own_share, *others), key=lambda share: (share.demand, -share.slots))
    for number, share in enumerate(by_need):
        given = min(share.demand, left // (len(by_need) - number))
        left -= given
        if share is own_share:
            fair = given
    return max(0, min(fair, budget - sum(other.slots for other in others)))


def _allowed_rate(refused: int) -> int:
    return max(1, round(MAX_REQUESTS_PER_SECOND * (1 - refused / MAX_INVALID_REQUESTS)))
