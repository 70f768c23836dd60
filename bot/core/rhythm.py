"""Rhythm of a channel: its quiet hours and its pace, that is posts per hour and the interval between posts.

Nothing is stored: what is due follows from the clock and from what was sent, so no restart or clock jump leaves
a channel waiting. Quiet hours apply to everything but digests, whose time somebody chose; the hourly limit and
the interval apply to posts and catch-ups (messages that combine many posts). Times are Unix times in seconds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.core import local_time
from bot.core.models import DispatchKind
from bot.core.outbox.gathering import PendingDispatch, list_excess_post_ids
from bot.core.reasons import Reason, WaitReason

HOUR_SECONDS = 3600
"""Number of seconds in an hour."""
PACED_KINDS = frozenset({DispatchKind.POST, DispatchKind.CATCH_UP})
"""Kinds of messages to which a channel's hourly limit and minimum interval between posts apply."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Quiet hours and pace of a channel, with the times of its last posts and catch-ups, newest first.

    A setting is None if it is not set. A sent time in the future, because the clock was set back, is ignored.
    """

    quiet_hours: str | None = None
    max_posts_per_hour: int | None = None
    min_interval_seconds: int | None = None
    time_zone: str = "UTC"
    sent_times: Sequence[int] = ()

    def compute_interval_end(self, now: int) -> int:
        """Return when the minimum interval since the last post or catch-up ends, in Unix seconds, or 0 if none runs."""
        if self.min_interval_seconds is None:
            return 0
        sent_times = self._list_times_within(self.min_interval_seconds, now)
        return sent_times[0] + self.min_interval_seconds if sent_times else 0

    def compute_hourly_limit_end(self, now: int) -> int:
        """Return when the hourly limit allows another post, in Unix seconds, or 0 if it does now."""
        if self.max_posts_per_hour is None:
            return 0
        sent_times = self._list_times_within(HOUR_SECONDS, now)
        if len(sent_times) < self.max_posts_per_hour:
            return 0
        return sent_times[self.max_posts_per_hour - 1] + HOUR_SECONDS

    def compute_pace_end(self, now: int) -> int:
        """Return when both the interval and the hourly limit allow another post; 0 or the past means now."""
        return max(self.compute_interval_end(now), self.compute_hourly_limit_end(now))

    def compute_quiet_end(self, kind: str, now: int) -> int:
        """Return when the quiet hours that delay a message of a kind end, in Unix seconds, or 0 if none delay it."""
        if kind == DispatchKind.DIGEST:
            return 0
        sendable_at = max(now, self.compute_pace_end(now)) if kind in PACED_KINDS else now
        return local_time.find_quiet_hours_end(sendable_at, self.quiet_hours, self.time_zone)

    def compute_release_time(self, kind: str, now: int) -> int:
        """Return when quiet hours and pace first allow a message of a kind; 0 or the past means now."""
        return max(self.compute_quiet_end(kind, now), self.compute_pace_end(now) if kind in PACED_KINDS else 0)

    def find_wait_reason(self, kind: str, now: int) -> Reason | None:
        """Return the setting that delays a message of a kind longest, and until when, or None if none does."""
        end_by_code = {WaitReason.QUIET_HOURS: self.compute_quiet_end(kind, now)}
        if kind in PACED_KINDS:
            end_by_code |= {
                WaitReason.HOURLY_LIMIT: self.compute_hourly_limit_end(now),
                WaitReason.MIN_INTERVAL: self.compute_interval_end(now),
            }
        code = max(end_by_code, key=lambda candidate_code: end_by_code[candidate_code])
        if end_by_code[code] <= now:
            return None
        return Reason(code, {"until": end_by_code[code], "time_zone": self.time_zone})

    def select_next_dispatch(
        self, pending_dispatches: Iterable[PendingDispatch], now: int
    ) -> tuple[PendingDispatch, int]:
        """Return the waiting message that is sent next to the channel, and the time from which it may be sent.

        Messages are sent in order, but one that quiet hours or pace delay is overtaken by others that they do
        not delay. Of each kind, only the first is needed. Raises ValueError if there are none.
        """
        release_times = [(dispatch, self.compute_release_time(dispatch.kind, now)) for dispatch in pending_dispatches]
        return min(
            release_times,
            key=lambda dispatch_and_time: (
                max(dispatch_and_time[1], now),
                dispatch_and_time[0].position,
                dispatch_and_time[0].id,
            ),
        )

    def list_post_ids_to_merge(self, pending_dispatches: Iterable[PendingDispatch], now: int) -> list[int]:
        """Return the ids of the posts to merge into a catch-up because more wait than the hourly limit allows.

        `pending_dispatches` are the waiting messages in the order of the queue.
        """
        if self.max_posts_per_hour is None:
            return []
        allowed_count = self.max_posts_per_hour - len(self._list_times_within(HOUR_SECONDS, now))
        paced_dispatches = [dispatch for dispatch in pending_dispatches if dispatch.kind in PACED_KINDS]
        return list_excess_post_ids(paced_dispatches, allowed_count=allowed_count)

    def _list_times_within(self, seconds: int, now: int) -> list[int]:
        return [sent_at for sent_at in self.sent_times if now - seconds < sent_at <= now]


UNLIMITED_RHYTHM = Rhythm()
"""Rhythm of a channel without quiet hours, hourly limit and minimum interval."""
