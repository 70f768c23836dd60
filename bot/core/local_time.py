"""Times of day in a server's time zone: quiet hours, and daily or weekly schedules.

A time skipped by a clock change begins where the gap ends; a repeated one is the first of the two (PEP 495).
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTES_PER_DAY = 24 * 60
"""Number of minutes of a day."""
SECONDS_PER_DAY = 24 * 60 * 60
"""Number of seconds of a day in UTC."""

WAKING_START_MINUTE = 8 * 60
"""Minute of the day at which most people have become awake."""
WAKING_END_MINUTE = 22 * 60
"""Minute of the day until which most people are awake."""

_QUIET_HOURS_PATTERN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_MAX_ZONE_NAME_LENGTH = 100
_LOOKAHEAD_DAYS = 9
"""Number of days to search for a weekday: all seven, with a day of margin on both sides."""


def format_iso(timestamp: int) -> str:
    """Format a Unix time in seconds as ISO 8601, such as `2020-06-10T08:30:00Z`."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def load_zone(name: str) -> ZoneInfo:
    """Return the IANA time zone with a name, or UTC if this machine does not know the name."""
    try:
        return ZoneInfo(name[:_MAX_ZONE_NAME_LENGTH])
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
        return ZoneInfo("UTC")


def format_quiet_hours(begin_minute: int, end_minute: int) -> str:
    """Format quiet hours, given as minutes of the day, such as `22:00-07:00`."""
    return f"{format_clock(begin_minute)}-{format_clock(end_minute)}"


def format_clock(minute_of_day: int) -> str:
    """Format a minute of the day as a time of day, `HH:MM`."""
    return f"{minute_of_day // 60:02d}:{minute_of_day % 60:02d}"


@lru_cache(maxsize=1024)
def parse_quiet_hours(text: str) -> tuple[int, int]:
    """Return the begin and end of quiet hours in minutes of the day; an end before the begin is a day later.

    Raises ValueError unless the text has the form that `format_quiet_hours` writes, such as `22:00-07:00`, with two
    different times.
    """
    match = _QUIET_HOURS_PATTERN.fullmatch(text)
    if match is None:
        raise ValueError("no quiet hours")
    begin_hour, minute_of_begin_hour, end_hour, minute_of_end_hour = map(int, match.groups())
    begin_minute, end_minute = begin_hour * 60 + minute_of_begin_hour, end_hour * 60 + minute_of_end_hour
    if begin_minute == end_minute:
        raise ValueError("quiet hours that never end")
    return begin_minute, end_minute


def find_quiet_hours_end(now: int, quiet_hours_text: str | None, zone_name: str) -> int:
    """Return the Unix time in seconds at which quiet hours around `now` end, or 0 outside of quiet hours."""
    if quiet_hours_text is None:
        return 0
    for starts_at, ends_at in _list_quiet_periods(now // SECONDS_PER_DAY, quiet_hours_text, zone_name):
        if starts_at <= now < ends_at:
            return ends_at
    return 0


@lru_cache(maxsize=4096)
def _list_quiet_periods(days_since_1970: int, quiet_hours_text: str, zone_name: str) -> tuple[tuple[int, int], ...]:
    """Return begin and end, in Unix seconds, of all quiet hours that may include a moment of a day in UTC.

    The periods are cached, because thousands of channels are checked for their quiet hours at one moment.
    """
    begin_minute, end_minute = parse_quiet_hours(quiet_hours_text)
    zone = load_zone(zone_name)
    utc_day = date(1970, 1, 1) + timedelta(days=days_since_1970)
    local_days = [utc_day + timedelta(days=offset) for offset in (-2, -1, 0, 1)]
    return tuple(
        (
            local_minute_to_timestamp(day, begin_minute, zone),
            local_minute_to_timestamp(day if begin_minute < end_minute else day + timedelta(days=1), end_minute, zone),
        )
        for day in local_days
    )


def local_minute_to_timestamp(day: date, minute_of_day: int, zone: ZoneInfo) -> int:
    """Return the Unix time in seconds at which a minute of a local day begins.

    A time skipped by a clock change begins where the gap ends; a repeated one is the first of the two.
    """
    local_datetime = datetime.combine(day, time(minute_of_day // 60, minute_of_day % 60), zone)
    utc_datetime = local_datetime.astimezone(UTC)
    if utc_datetime.astimezone(zone).replace(tzinfo=None) != local_datetime.replace(
        tzinfo=None
    ):  # A skipped local time
        offset_before_gap, offset_after_gap = (
            local_datetime.utcoffset(),
            local_datetime.replace(fold=1).utcoffset(),
        )
        assert offset_before_gap is not None
        assert offset_after_gap is not None
        utc_datetime = _find_end_of_gap(utc_datetime + (offset_before_gap - offset_after_gap), utc_datetime, zone)
    return int(utc_datetime.timestamp())


def _find_end_of_gap(earliest: datetime, latest: datetime, zone: ZoneInfo) -> datetime:
    """Return the second, between two moments, at which the zone's offset from UTC changes."""
    offset = earliest.astimezone(zone).utcoffset()
    while latest - earliest > timedelta(seconds=1):
        middle = earliest + (latest - earliest) // 2
        earliest, latest = (middle, latest) if middle.astimezone(zone).utcoffset() == offset else (earliest, middle)
    return latest.replace(microsecond=0)


def find_next_occurrence(after: int, minute: int, weekday: int | None, zone_name: str) -> int:
    """Return the first Unix time in seconds after `after` at which a minute of the day begins.

    `weekday` is 0 (Monday) to 6, or None for any day.
    """
    zone = load_zone(zone_name)
    first_day = datetime.fromtimestamp(after, zone).date()
    for days_ahead in range(_LOOKAHEAD_DAYS):
        candidate_day = first_day + timedelta(days=days_ahead)
        if (
            weekday in {None, candidate_day.weekday()}
            and (due_at := local_minute_to_timestamp(candidate_day, minute, zone)) > after
        ):
            return due_at
    raise AssertionError("every weekday comes within eight days")


def find_next_month_start(after: int, minute: int, zone_name: str) -> int:
    """Return the first Unix time in seconds after `after` at which a minute of the first day of a month begins."""
    zone = load_zone(zone_name)
    month_start = datetime.fromtimestamp(after, zone).date().replace(day=1)
    while (starts_at := local_minute_to_timestamp(month_start, minute, zone)) <= after:
        month_start = (month_start + timedelta(days=31)).replace(day=1)
    return starts_at


def find_next_occurrence_of_any(after: int, minutes: Iterable[int], zone_name: str) -> int:
    """Return the first Unix time in seconds after `after` at which one of the minutes of the day begins."""
    return min(find_next_occurrence(after, minute, None, zone_name) for minute in minutes)


def spread_over_waking_hours(count: int) -> list[int]:
    """Return `count` minutes of the day, evenly spaced from `WAKING_START_MINUTE` on."""
    return [
        WAKING_START_MINUTE + (WAKING_END_MINUTE - WAKING_START_MINUTE) * number // count for number in range(count)
    ]


def format_local_time(timestamp: int, zone_name: str) -> str:
    """Format a Unix time in seconds as a time of day, `HH:MM`, in a time zone."""
    return datetime.fromtimestamp(timestamp, load_zone(zone_name)).strftime("%H:%M")
