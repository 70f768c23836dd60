"""Poll intervals: as short as readers profit from, and no shorter than publishers wish.

All functions are pure; all durations are in seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random

from bot.core.models import DueFeed, Feed, ParsedFeed
from bot.core.received_values import parse_clamped_integer, parse_integer
from bot.feeds.fetch_errors import RATE_LIMITED, FeedError

MIN_INTERVAL_SECONDS = 300
"""Minimum interval in seconds between polls of a feed that is updated frequently."""
USUAL_MIN_INTERVAL_SECONDS = 600
"""Minimum interval in seconds between polls of a feed that is not updated frequently."""
MAX_INTERVAL_SECONDS = 86_400
"""Maximum interval in seconds between polls of a feed."""
DEFAULT_429_BACKOFF_SECONDS = 4 * 3_600
"""Number of seconds to wait after a response 429 (too many requests) without `Retry-After`."""
MAX_RETRY_AFTER_SECONDS = 7 * 86_400
"""Maximum number of seconds to wait because of `Retry-After`, or because of hours and days to skip."""

PUSHED_FEED_INTERVAL_FACTOR = 4
"""Factor by which the interval of a pushed (WebSub) feed is lengthened; its polls are a safety net."""
MAX_RATE_LIMIT_WAIT_SECONDS = 3_600
"""Maximum number of seconds to wait for a host's rate limit to reset."""

MIN_OVER_QUOTA_INTERVAL_SECONDS = 1_800
"""Minimum interval in seconds between polls of a feed with more entries than its quota."""
MAX_OVER_QUOTA_INTERVAL_SECONDS = 21_600
"""Maximum interval in seconds between polls of a feed with more entries than its quota."""

_UNCHANGED_STEP_SECONDS = 120
"""Number of seconds by which a poll without news lengthens the interval."""
_SILENCE_DIVISOR = 48
"""Divisor of the time since a feed's last news that gives its longest poll interval."""
_UNCONDITIONAL_SILENCE_DIVISOR = 12
"""Divisor of the time since the last news for a feed without ETag and Last-Modified, sent in full at each poll."""
_BUSY_FEED_GAP_SECONDS = 900
"""Maximum mean number of seconds between articles of a feed that gets the shortest interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheHints:
    """Hints of a publisher about the time of the next poll, in seconds from now.

    `ttl`, `skip_hours` and `skip_days` are from the document. They are None if it was not parsed; then the
    values stored with the feed count.
    """

    max_age_seconds: int | None = None
    expires_seconds: int | None = None
    ttl: int | None = None
    retry_after_seconds: int | None = None
    skip_hours: frozenset[int] | None = None
    skip_days: frozenset[int] | None = None


NO_HINTS = CacheHints()
"""Cache hints of a response that gives no hints on when to fetch it again."""
_MAX_HEADER_SECONDS = 10**10
"""Number of seconds as which a higher one in a header is read; Unix times of this century are lower."""
_HINT_HEADERS = ("cache-control", "expires", "retry-after")


def parse_cache_hints(headers: Mapping[str, str], *, now: int, parsed_feed: ParsedFeed | None = None) -> CacheHints:
    """Return the hints about the next poll in a response's headers (RFC 9111 §5.2.2.1, §5.3) and document.

    Names in `headers` are in lower case. `parsed_feed` is None if the document was not parsed.
    """
    if parsed_feed is None and not any(map(headers.get, _HINT_HEADERS)):
        return NO_HINTS
    max_age_seconds = None
    if cache_control := headers.get("cache-control"):
        age_seconds = _parse_seconds(headers.get("age", "")) or 0
        for directive in cache_control.split(","):
            name, _, directive_value = directive.strip().partition("=")
            if name.lower() == "max-age" and (seconds := _parse_seconds(directive_value.strip('" '))) is not None:
                max_age_seconds = max(0, seconds - age_seconds)
    expires_seconds = None
    if max_age_seconds is None and (expires_at := _parse_date(headers.get("expires", ""))) is not None:
        expires_seconds = max(0, expires_at - (_parse_date(headers.get("date", "")) or now))
    return CacheHints(
        max_age_seconds=max_age_seconds,
        expires_seconds=expires_seconds,
        retry_after_seconds=parse_retry_after(headers.get("retry-after"), now=now),
        ttl=parsed_feed.ttl or 0 if parsed_feed else None,
        skip_hours=parsed_feed.skip_hours if parsed_feed else None,
        skip_days=parsed_feed.skip_days if parsed_feed else None,
    )


def parse_retry_after(header: str | None, *, now: int) -> int | None:
    """Return a `Retry-After` header in seconds from now, at most a week, or None if it is absent or invalid.

    The header is a number of seconds or a date (RFC 9110 §10.2.3).
    """
    if not header:
        return None
    seconds = _parse_seconds(header)
    if seconds is None and (moment := _parse_date(header)) is not None:
        seconds = moment - now
    return None if seconds is None else max(0, min(seconds, MAX_RETRY_AFTER_SECONDS))


def parse_rate_limit_wait(headers: Mapping[str, str], *, now: int) -> int:
    """Return the number of seconds until a host accepts another request, or 0 if it accepts one now.

    That is what the headers `X-RateLimit-Remaining` and `X-RateLimit-Reset` say (Reddit), or those without
    `X-` (IETF draft); `Reset` is a number of seconds or a Unix time. At most `MAX_RATE_LIMIT_WAIT_SECONDS`
    are returned.
    """
    remaining_header = headers.get("x-ratelimit-remaining") or headers.get("ratelimit-remaining")
    if remaining_header is None or remaining_header.partition(".")[0] != "0":
        return 0
    reset_header = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
    reset_number = _parse_seconds(reset_header.partition(".")[0]) or 0
    return max(0, min(reset_number if reset_number <= now // 2 else reset_number - now, MAX_RATE_LIMIT_WAIT_SECONDS))


def apply_document_hints(feed: Feed, parsed_feed: ParsedFeed) -> Feed:
    """Return the feed with the polling hints of its document, for later polls that do not parse it again."""
    return replace(
        feed,
        ttl=parsed_feed.ttl,
        skip_hour_bits=sum(1 << hour for hour in parsed_feed.skip_hours),
        skip_day_bits=sum(1 << day for day in parsed_feed.skip_days),
    )


def schedule_after_success(
    feed: Feed | DueFeed,
    *,
    now: int,
    hints: CacheHints,
    published_times: Sequence[int],
    has_changes: bool,
    random: Random,
    has_no_known_entries: bool = False,
    is_over_quota: bool = False,
) -> tuple[int, int]:
    """Return a feed's new interval in seconds, and its next poll (Unix time), after a successful poll.

    `feed` is as before this poll. `published_times` are those of the new articles. `has_changes`: the
    document differs from the last one. `has_no_known_entries`: no entry was known, so that entries may have been
    missed. `is_over_quota`: the feed had more entries than its quota.

    After the first poll, the interval is a quarter of the mean time between articles. Later it halves with news.
    Without, it grows by two minutes (by a quarter for a feed sent in full each time), up to a fraction of the time
    without news. The publisher's hints lengthen the wait; only if they ask for no more than `MIN_INTERVAL_SECONDS`, the
    interval may be as short as that. A feed over quota is polled half as often each time, down to four times a day.
    """
    publisher_wait_seconds = _get_publisher_min_wait(feed, hints)
    min_interval_seconds = (
        MIN_INTERVAL_SECONDS
        if _allows_min_interval(feed, now, published_times, publisher_wait_seconds)
        else USUAL_MIN_INTERVAL_SECONDS
    )
    is_resent_unchanged = not (feed.validators.etag or feed.validators.last_modified) and not has_changes
    max_interval_seconds = _compute_max_interval(
        feed, now, published_times, _UNCONDITIONAL_SILENCE_DIVISOR if is_resent_unchanged else _SILENCE_DIVISOR
    )
    if feed.last_success_at is None and published_times:
        interval_seconds = min(_compute_mean_publish_gap(published_times) // 4, max_interval_seconds)
    elif published_times:
        interval_seconds = 0 if has_no_known_entries else min(feed.interval // 2, max_interval_seconds)
    else:
        step_seconds = (
            max(_UNCHANGED_STEP_SECONDS, feed.interval // 4) if is_resent_unchanged else _UNCHANGED_STEP_SECONDS
        )
        interval_seconds = max(feed.interval, min(feed.interval + step_seconds, max_interval_seconds))
    if is_over_quota:
        interval_seconds = min(max(2 * feed.interval, MIN_OVER_QUOTA_INTERVAL_SECONDS), MAX_OVER_QUOTA_INTERVAL_SECONDS)
    interval_seconds = min(max(interval_seconds, min_interval_seconds), MAX_INTERVAL_SECONDS)
    wait_seconds = max(min(_add_jitter(interval_seconds, random), MAX_INTERVAL_SECONDS), MIN_INTERVAL_SECONDS)
    if publisher_wait_seconds:
        wait_seconds = max(wait_seconds, _add_positive_jitter(publisher_wait_seconds, random))
    if hints.retry_after_seconds:
        wait_seconds = max(wait_seconds, _add_positive_jitter(hints.retry_after_seconds, random))
    return interval_seconds, _move_outside_skipped_times(feed, hints, now + wait_seconds, random)


def schedule_safety_net_poll(next_poll_at: int, *, now: int) -> int:
    """Return when to poll a pushed (WebSub) feed instead of at `next_poll_at`; all are Unix times in seconds."""
    return now + min(PUSHED_FEED_INTERVAL_FACTOR * (next_poll_at - now), max(MAX_INTERVAL_SECONDS, next_poll_at - now))


def schedule_after_failure(feed: Feed, *, now: int, error: FeedError, random: Random) -> tuple[int, int]:
    """Return a feed's unchanged interval in seconds, and when to retry (Unix time), after a failed poll.

    `feed` is as before this failure. Each consecutive failure doubles the wait, up to a day. `Retry-After` is
    obeyed; a response 429 without it means four hours. After a response 410 the caller stops polling.
    """
    wait_seconds = min(
        max(feed.interval, USUAL_MIN_INTERVAL_SECONDS) << min(feed.failure_count, 10), MAX_INTERVAL_SECONDS
    )
    wait_seconds = min(_add_jitter(wait_seconds, random), MAX_INTERVAL_SECONDS)
    if error.retry_after is not None:
        wait_seconds = max(wait_seconds, _add_positive_jitter(error.retry_after, random))
    elif error.code == RATE_LIMITED:
        wait_seconds = max(wait_seconds, _add_positive_jitter(DEFAULT_429_BACKOFF_SECONDS, random))
    return feed.interval, now + wait_seconds


def _get_publisher_min_wait(feed: Feed | DueFeed, hints: CacheHints) -> int:
    """Return the longest wait in seconds that the publisher asks for, at most a day."""
    ttl_seconds = hints.ttl if hints.ttl is not None else feed.ttl
    if hints is NO_HINTS and not ttl_seconds:
        return 0
    return min(max(hints.max_age_seconds or 0, hints.expires_seconds or 0, ttl_seconds or 0), MAX_INTERVAL_SECONDS)


def _allows_min_interval(
    feed: Feed | DueFeed, now: int, published_times: Sequence[int], publisher_wait_seconds: int
) -> bool:
    """Return whether a feed may be polled every `MIN_INTERVAL_SECONDS`.

    That is so if its publisher asks for so short a wait, or publishes that often.
    """
    if 0 < publisher_wait_seconds <= MIN_INTERVAL_SECONDS:
        return True
    if published_times and feed.last_success_at is not None:
        return (now - feed.last_success_at) <= _BUSY_FEED_GAP_SECONDS * len(published_times)
    return feed.interval < USUAL_MIN_INTERVAL_SECONDS and now - (feed.last_article_at or 0) <= _BUSY_FEED_GAP_SECONDS


def _compute_max_interval(feed: Feed | DueFeed, now: int, published_times: Sequence[int], silence_divisor: int) -> int:
    """Return the longest poll interval of a feed in seconds: its time without news divided, within bounds."""
    last_news_at = feed.last_article_at or feed.added_at
    if published_times and feed.last_success_at is None:
        last_news_at = max(published_times)
    return min(max((now - last_news_at) // silence_divisor, USUAL_MIN_INTERVAL_SECONDS), MAX_INTERVAL_SECONDS)


def _compute_mean_publish_gap(published_times: Sequence[int]) -> int:
    newest_times = sorted(published_times, reverse=True)[:10]
    return (newest_times[0] - newest_times[-1]) // max(1, len(newest_times) - 1)


def _add_jitter(seconds: int, random: Random) -> int:
    return round(seconds * (0.9 + 0.2 * random.random()))


def _add_positive_jitter(seconds: int, random: Random) -> int:
    return min(round(seconds * (1.0 + 0.1 * random.random())), max(seconds, MAX_INTERVAL_SECONDS))


def _move_outside_skipped_times(feed: Feed | DueFeed, hints: CacheHints, due_at: int, random: Random) -> int:
    """Return `due_at`, or a time soon after the hours and days that the publisher asks to skip (RSS 2.0)."""
    skipped_hours, skipped_days = hints.skip_hours, hints.skip_days
    if skipped_hours is None and feed.skip_hour_bits:
        skipped_hours = frozenset(hour for hour in range(24) if feed.skip_hour_bits >> hour & 1)
    if skipped_days is None and feed.skip_day_bits:
        skipped_days = frozenset(day for day in range(7) if feed.skip_day_bits >> day & 1)
    if not (skipped_hours or skipped_days):
        return due_at
    moment = datetime.fromtimestamp(due_at, UTC)
    latest_moment = moment + timedelta(seconds=MAX_RETRY_AFTER_SECONDS)
    skipped_hours, skipped_days = skipped_hours or frozenset(), skipped_days or frozenset()
    while moment.hour in skipped_hours or moment.weekday() in skipped_days:
        moment = moment.replace(minute=0, second=0) + timedelta(hours=1)
        if moment > latest_moment:  # every hour is to be skipped
            return due_at
    first_allowed_at = int(moment.timestamp())
    return due_at if first_allowed_at <= due_at else first_allowed_at + random.randrange(MIN_INTERVAL_SECONDS)


def _parse_seconds(text: str) -> int | None:
    return parse_clamped_integer(text, maximum=_MAX_HEADER_SECONDS)


def _parse_date(text: str) -> int | None:
    try:
        return parse_integer(parsedate_to_datetime(text).timestamp()) if text else None
    except (ValueError, OverflowError):
        return None
