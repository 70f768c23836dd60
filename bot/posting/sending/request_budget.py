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
from bot.store.records.process_records import RequestShare

log = logging.getLogger(__name__)

A_SECOND = 49
"""Requests in any second, of the fifty that Discord allows; the last is for who cannot ask for a share."""
WINDOW = 1.01
"""Seconds, with one in a hundred for clocks that differ."""
LATEST = 2.0
"""Seconds after which a request without an answer is taken to have reached Discord long ago."""
PORTION = 2.0
"""Seconds that a share may be used for."""
RENEWED = 0.4
"""Seconds after which it is asked for anew, where there is a use for it."""
SOON = 0.1
"""The same where there is no slot at all, or some to give back."""
ROOM = 5
"""Slots that a process asks for beyond what it can use at once: what comes next need not wait."""
INVALID = frozenset({401, 403, 429})
"""Answers of which ten thousand in ten minutes get an address banned.

https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans
"""
INVALID_PERIOD = 600.0
MOST_INVALID = 5_000
"""Invalid answers in ten minutes at which one request a second is left; the pace falls evenly up to there."""
_TELL_AT = 500


class RequestBudget:
    """The slots of this process. `on_change` is called when there may be more of them."""

    def __init__(self, clock: Clock, store: Store, on_change: Callable[[], None]) -> None:
        self._clock, self._shares, self._on_change = clock, store.request_shares, on_change
        self._process = secrets.randbits(62) | 1
        self._slots = 0 if self._shares.is_shared else A_SECOND
        self._reserved = self._slots  # which nobody else has
        self._asked_at = -math.inf
        self._valid_until = -math.inf if self._shares.is_shared else math.inf
        self._busy: int | None = None  # while a share is being asked for: so many are kept, whatever comes
        self._is_cut_off = False
        self._invalid: deque[float] = deque()
        self._refused_elsewhere = 0
        self._held_until = self._told_held = -math.inf
        self._asking: asyncio.Task[None] | None = None

    def slots(self, now: float) -> int:
        """How many requests may count now."""
        if now < self._held_until:
            return 0
        if now >= self._valid_until:
            return int(self._is_cut_off)
        slots = self._slots if self._busy is None else min(self._slots, self._busy)
        return min(slots, _allowed(self._refused(now) + self._refused_elsewhere))

    def look_in(self, now: float) -> float:
        """Seconds until a request that waits is to look again, whatever becomes of those that count."""
        if now < self._held_until:
            return self._held_until - now
        return SOON if self._shares.is_shared else math.inf

    def used(self, now: float, busy: int, waiting: int) -> None:
        """So many requests count now, and so many wait: a share is asked for where it is time."""
        if not self._shares.is_shared or self._asking is not None:
            return
        is_urgent = (waiting and not self._slots) or self._reserved > self._slots >= busy
        if now - self._asked_at >= (SOON if is_urgent else RENEWED):
            self._asked_at, self._busy = now, busy
            mine = RequestShare(self._process, busy, min(busy + waiting + ROOM, A_SECOND), self._refused(now))
            self._asking = asyncio.create_task(self._ask(mine, now))

    def refused(self, now: float) -> None:
        """Discord refused a request in a way that counts."""
        self._invalid.append(now)
        if len(self._invalid) == _TELL_AT:
            log.warning("Discord refused %d requests in ten minutes. Slowing down.", _TELL_AT)

    def hold(self, now: float, seconds: float) -> None:
        """Discord holds back all that the application asks, for so many seconds: so does every process."""
        self._held_until = max(self._held_until, now + seconds)
        self._asked_at = -math.inf

    def _refused(self, now: float) -> int:
        while self._invalid and self._invalid[0] <= now - INVALID_PERIOD:
            self._invalid.popleft()
        return len(self._invalid)

    async def _ask(self, mine: RequestShare, now: float) -> None:
        held_until = self._held_until
        held = held_until - now if held_until > max(now, self._told_held) else 0.0
        try:
            found = await self._shares.settle(mine, divide, lasts=PORTION + LATEST + WINDOW, held=held)
        except StoreError:
            self._is_cut_off = True
        else:
            self._is_cut_off, self._told_held = False, held_until
            self._slots, self._reserved = found.slots, max(found.slots, mine.slots)
            self._refused_elsewhere = found.refused_elsewhere
            self._valid_until = now + PORTION
            self._held_until = max(self._held_until, self._clock.monotonic() + found.held)
        finally:
            self._busy = self._asking = None
        self._on_change()


def divide(mine: RequestShare, others: Sequence[RequestShare]) -> int:
    """How many slots a process gets: its fair share (max-min), as far as the others have given it back.

    What does not come out even goes to who has least.
    """
    budget = _allowed(mine.refused + sum(other.refused for other in others))
    left, fair = budget, 0
    by_need = sorted((mine, *others), key=lambda share: (share.need, -share.slots))
    for number, share in enumerate(by_need):
        given = min(share.need, left // (len(by_need) - number))
        left -= given
        if share is mine:
            fair = given
    return max(0, min(fair, budget - sum(other.slots for other in others)))


def _allowed(refused: int) -> int:
    return max(1, round(A_SECOND * (1 - refused / MOST_INVALID)))
