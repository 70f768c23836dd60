"""Poll intervals: as short as readers profit from, and no shorter than publishers wish.

All functions are pure; all durations are in seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random

from bot.core.models import DueFeed, Feed, ParsedFeed
from bot.feeds.fetch_errors import RATE_LIMITED, FeedError

MIN_INTERVAL_SECONDS = 300
"""Shortest interval of a feed; only frequently updated feeds get it."""
DEFAULT_INTERVAL_SECONDS = 600
"""Shortest interval of other feeds."""
MAX_INTERVAL_SECONDS = 86_400
"""Longest interval of a feed."""
DEFAULT_429_BACKOFF_SECONDS = 4 * 3_600
"""Wait after a 429 without `Retry-After`."""
MAX_RETRY_AFTER_SECONDS = 7 * 86_400
"""Longest wait for `Retry-After` or for days to skip."""

PUSHED_FEED_INTERVAL_FACTOR = 4
"""Factor by which the interval of a pushed (WebSub) feed is lengthened; its polls are a safety net."""
MAX_RATE_LIMIT_WAIT_SECONDS = 3_600
"""Longest wait for a rate limit to reset."""

STRAINED_LEAST, STRAINED_MOST = 1_800, 21_600
"""Shortest and longest interval of a feed that is over quota."""

_STEP = 120
"""Seconds that an unchanged poll adds to the interval."""
_SILENCE_DIVISOR = 48
"""Polls in the time for which a feed has had no news."""
_PATIENCE_UNCONDITIONAL = 12
"""Polls in that time of a feed without validators, which is sent in full each time."""
_BUSY_FEED_SECONDS = 900
"""Mean time between articles up to which a feed gets the shortest interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheHints:
    """Hints of a publisher about the next poll, in seconds from now.

    `ttl`, `skip_hours` and `skip_days` come with a document; None if it was not parsed: then the
    stored ones count.
    """

    max_age: int | None = None
    expires: int | None = None
    ttl: int | None = None
    retry_after: int | None = None
    skip_hours: frozenset[int] | None = None
    skip_days: frozenset[int] | None = None


NO_HINTS = CacheHints()
"""The hints of a response without any."""
_TELLING = ("cache-control", "expires", "retry-after")


def parse_cache_hints(
    headers: Mapping[str, str], *, now: int, parsed: ParsedFeed | None = None
) -> CacheHints:
    """Return the hints of a response's headers (RFC 9111 §5.2.2.1, §5.3) and its document.

    Names of headers are in lower case.
    """
    if parsed is None and not any(map(headers.get, _TELLING)):
        return NO_HINTS
    max_age = None
    if control := headers.get("cache-control"):
        age = _number(headers.get("age", "")) or 0
        for directive in control.split(","):
            name, _, value = directive.strip().partition("=")
            if name.lower() == "max-age" and (seconds := _number(value.strip('" '))) is not None:
                max_age = max(0, seconds - age)
    expires = None
    if max_age is None and (until := _date(headers.get("expires", ""))) is not None:
        expires = max(0, until - (_date(headers.get("date", "")) or now))
    return CacheHints(
        max_age=max_age,
        expires=expires,
        retry_after=retry_after(headers.get("retry-after"), now=now),
        ttl=parsed.ttl or 0 if parsed else None,
        skip_hours=parsed.skip_hours if parsed else None,
        skip_days=parsed.skip_days if parsed else None,
    )


def retry_after(value: str | None, *, now: int) -> int | None:
    """Return `Retry-After` in seconds from now, at most a week; None if absent or invalid.

    It is a number of seconds or a date (RFC 9110 §10.2.3).
    """
    if not value:
        return None
    seconds = _number(value)
    if seconds is None and (moment := _date(value)) is not None:
        seconds = moment - now
    return None if seconds is None else max(0, min(seconds, MAX_RETRY_AFTER_SECONDS))


def rate_limit_wait(headers: Mapping[str, str], *, now: int) -> int:
    """Return the seconds until the host accepts another request, 0 if it does now.

    Reads `X-RateLimit-Remaining` and `X-RateLimit-Reset` (Reddit) or the IETF draft's names without `X-`.
    `Reset` may be a number of seconds or a timestamp. At most `MAX_RATE_LIMIT_WAIT_SECONDS`.
    """
    left = headers.get("x-ratelimit-remaining") or headers.get("ratelimit-remaining")
    if left is None or left.partition(".")[0] != "0":
        return 0
    told = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
    reset = _number(told.partition(".")[0]) or 0
    return max(0, min(reset if reset <= now // 2 else reset - now, MAX_RATE_LIMIT_WAIT_SECONDS))


def with_document_hints(feed: Feed, parsed: ParsedFeed) -> Feed:
    """Return the feed with the hints of its document, for polls that do not parse it again."""
    return replace(
        feed,
        ttl=parsed.ttl,
        skip_hours=sum(1 << hour for hour in parsed.skip_hours),
        skip_days=sum(1 << day for day in parsed.skip_days),
    )


def after_success(
    feed: Feed | DueFeed,
    *,
    now: int,
    hints: CacheHints,
    new_articles: Sequence[int],
    changed: bool,
    random: Random,
    no_known_entries: bool = False,
    over_quota: bool = False,
) -> tuple[int, int]:
    """Return the feed's new interval in seconds and its next poll (seconds of UTC) after a successful poll.

    `feed` is as before this poll. `published_times` are those of the new articles. `has_changes`: the
    document differs from the last one. `no_known_entries`: no entry was known, so that others may have been
    missed. `is_over_quota`: it had more entries than its quota.

    The interval halves with news. Without, it grows by two minutes (by a quarter for a feed sent in full each
    time), up to a fraction of the time without news. The publisher's hints can only lengthen the wait. A feed
    over quota is polled half as often each time, down to four times a day.
    """
    wish = _publisher_min_wait(feed, hints)
    floor = (
        MIN_INTERVAL_SECONDS
        if _allows_min_interval(feed, now, new_articles, wish)
        else DEFAULT_INTERVAL_SECONDS
    )
    whole = not (feed.validators.etag or feed.validators.last_modified) and not changed
    ceiling = _ceiling(feed, now, new_articles, _PATIENCE_UNCONDITIONAL if whole else _SILENCE_DIVISOR)
    if feed.last_success is None and new_articles:
        interval = min(_mean_publish_gap(new_articles) // 4, ceiling)
    elif new_articles:
        interval = 0 if no_known_entries else min(feed.interval // 2, ceiling)
    else:
        step = max(_STEP, feed.interval // 4) if whole else _STEP
        interval = max(feed.interval, min(feed.interval + step, ceiling))
    if over_quota:
        interval = min(max(2 * feed.interval, STRAINED_LEAST), STRAINED_MOST)
    interval = min(max(interval, floor), MAX_INTERVAL_SECONDS)
    wait = max(min(_jitter(interval, random), MAX_INTERVAL_SECONDS), MIN_INTERVAL_SECONDS)
    if wish:
        wait = max(wait, _jitter_up(wish, random))
    if hints.retry_after:
        wait = max(wait, _jitter_up(hints.retry_after, random))
    return interval, _outside_skipped(feed, hints, now + wait, random)


def safety_net_poll_at(next_poll: int, *, now: int) -> int:
    """Return when to poll a pushed (WebSub) feed that would otherwise be polled at `next_poll`."""
    return now + min(
        PUSHED_FEED_INTERVAL_FACTOR * (next_poll - now), max(MAX_INTERVAL_SECONDS, next_poll - now)
    )


def after_failure(feed: Feed, *, now: int, error: FeedError, random: Random) -> tuple[int, int]:
    """Return the feed's unchanged interval and the time of the retry (seconds of UTC).

    `feed` is as before this failure. Each consecutive failure doubles the wait, up to a day. `Retry-After` is
    obeyed; a 429 without one means four hours. After a 410 the caller stops polling.
    """
    wait = min(max(feed.interval, DEFAULT_INTERVAL_SECONDS) << min(feed.failures, 10), MAX_INTERVAL_SECONDS)
    wait = min(_jitter(wait, random), MAX_INTERVAL_SECONDS)
    if error.retry_after is not None:
        wait = max(wait, _jitter_up(error.retry_after, random))
    elif error.code == RATE_LIMITED:
        wait = max(wait, _jitter_up(DEFAULT_429_BACKOFF_SECONDS, random))
    return feed.interval, now + wait


def _publisher_min_wait(feed: Feed | DueFeed, hints: CacheHints) -> int:
    """Return the longest wait that the publisher asks for, at most a day."""
    ttl = hints.ttl if hints.ttl is not None else feed.ttl
    if hints is NO_HINTS and not ttl:
        return 0
    return min(max(hints.max_age or 0, hints.expires or 0, ttl or 0), MAX_INTERVAL_SECONDS)


def _allows_min_interval(feed: Feed | DueFeed, now: int, new_articles: Sequence[int], wish: int) -> bool:
    """Return whether a feed may be polled every `MIN_INTERVAL_SECONDS`.

    Its publisher names so short a time, or publishes that often.
    """
    if 0 < wish <= MIN_INTERVAL_SECONDS:
        return True
    if new_articles and feed.last_success is not None:
        return (now - feed.last_success) <= _BUSY_FEED_SECONDS * len(new_articles)
    return feed.interval < DEFAULT_INTERVAL_SECONDS and now - (feed.last_article or 0) <= _BUSY_FEED_SECONDS


def _ceiling(feed: Feed | DueFeed, now: int, new_articles: Sequence[int], patience: int) -> int:
    """Return the longest interval of a feed, by the time it had no news before this poll."""
    last = feed.last_article or feed.added
    if new_articles and feed.last_success is None:
        last = max(new_articles)
    return min(max((now - last) // patience, DEFAULT_INTERVAL_SECONDS), MAX_INTERVAL_SECONDS)


def _mean_publish_gap(published: Sequence[int]) -> int:
    newest = sorted(published, reverse=True)[:10]
    return (newest[0] - newest[-1]) // max(1, len(newest) - 1)


def _jitter(seconds: int, random: Random) -> int:
    return round(seconds * (0.9 + 0.2 * random.random()))


def _jitter_up(seconds: int, random: Random) -> int:
    return min(round(seconds * (1.0 + 0.1 * random.random())), max(seconds, MAX_INTERVAL_SECONDS))


def _outside_skipped(feed: Feed | DueFeed, hints: CacheHints, due: int, random: Random) -> int:
    """Return `due_at`, or the first moment after it outside the hours and days to skip (RSS 2.0)."""
    hours, days = hints.skip_hours, hints.skip_days
    if hours is None and feed.skip_hours:
        hours = frozenset(hour for hour in range(24) if feed.skip_hours >> hour & 1)
    if days is None and feed.skip_days:
        days = frozenset(day for day in range(7) if feed.skip_days >> day & 1)
    if not (hours or days):
        return due
    moment = datetime.fromtimestamp(due, UTC)
    last = moment + timedelta(seconds=MAX_RETRY_AFTER_SECONDS)
    hours, days = hours or frozenset(), days or frozenset()
    while moment.hour in hours or moment.weekday() in days:
        moment = moment.replace(minute=0, second=0) + timedelta(hours=1)
        if moment > last:  # every hour is to be skipped
            return due
    first = int(moment.timestamp())
    return due if first <= due else first + random.randrange(MIN_INTERVAL_SECONDS)


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text[:9]) if text.isascii() and text.isdecimal() else None  # at most 31 years


def _date(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp()) if text else None
    except (ValueError, OverflowError):
        return None
