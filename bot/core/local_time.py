"""Hours of the day in a server's time zone: quiet hours, and when something is due each day or week.

Where a clock is put forward, an hour that it leaves out begins where the gap ends; where it is put back, an
hour that comes twice is the first of the two (PEP 495).
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

MINUTES_PER_DAY = 24 * 60
"""Minutes of a day."""

FIRST, LAST = 8 * 60, 22 * 60
"""Minutes of the day between which most people are awake."""

_QUIET = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_LONGEST_NAME = 100
_LOOKAHEAD_DAYS = 9  # to look ahead for a weekday


def format_iso(moment: int) -> str:
    """A time, in seconds of UTC, as ISO 8601, such as `2020-06-10T08:30:00Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def load_zone(name: str) -> ZoneInfo:
    """The time zone of a name of the IANA database; UTC where this machine knows none of that name."""
    try:
        return ZoneInfo(name[:_LONGEST_NAME])
    except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
        return ZoneInfo("UTC")


def format_quiet_hours(begin: int, end: int) -> str:
    """Quiet hours as a text: from one minute of the day until another, such as `22:00-07:00`."""
    return f"{format_clock(begin)}-{format_clock(end)}"


def format_clock(minute: int) -> str:
    """A minute of the day as a clock shows it."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


@lru_cache(maxsize=1024)
def parse_quiet_hours(text: str) -> tuple[int, int]:
    """The minutes of the day at which quiet hours begin and end, past midnight if the end is earlier.

    Raises ValueError for a text that `quiet` does not write.
    """
    match = _QUIET.fullmatch(text)
    if match is None:
        raise ValueError("no quiet hours")
    hour, minute, end_hour, end_minute = map(int, match.groups())
    begin, end = hour * 60 + minute, end_hour * 60 + end_minute
    if begin == end:
        raise ValueError("quiet hours that never end")
    return begin, end


def quiet_hours_end(now: int, text: str | None, zone_name: str) -> int:
    """When the quiet hours end that a moment lies in (seconds of UTC); 0 where it lies in none."""
    if text is None:
        return 0
    begin, end = parse_quiet_hours(text)
    where = load_zone(zone_name)
    today = datetime.fromtimestamp(now, where).date()
    for day in (today - timedelta(days=1), today):
        starts = local_minute_to_timestamp(day, begin, where)
        ends = local_minute_to_timestamp(day if begin < end else day + timedelta(days=1), end, where)
        if starts <= now < ends:
            return ends
    return 0


def local_minute_to_timestamp(day: date, minute: int, where: ZoneInfo) -> int:
    """The second of UTC in which a minute of a day begins."""
    local = datetime.combine(day, time(minute // 60, minute % 60), where)
    utc = local.astimezone(UTC)
    if utc.astimezone(where).replace(tzinfo=None) != local.replace(tzinfo=None):  # left out that day
        before, after = local.utcoffset(), local.replace(fold=1).utcoffset()
        assert before is not None
        assert after is not None
        utc = _end_of_gap(utc + (before - after), utc, where)
    return int(utc.timestamp())


def _end_of_gap(low: datetime, high: datetime, where: ZoneInfo) -> datetime:
    offset = low.astimezone(where).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        low, high = (middle, high) if middle.astimezone(where).utcoffset() == offset else (low, middle)
    return high.replace(microsecond=0)


def next_occurrence(after: int, minute: int, weekday: int | None, zone_name: str) -> int:
    """The first moment after another in which a minute of the day begins, on a weekday (Monday: 0) or any."""
    where = load_zone(zone_name)
    day = datetime.fromtimestamp(after, where).date()
    for ahead in range(_LOOKAHEAD_DAYS):
        one = day + timedelta(days=ahead)
        if (
            weekday in {None, one.weekday()}
            and (due := local_minute_to_timestamp(one, minute, where)) > after
        ):
            return due
    raise AssertionError("every weekday comes within eight days")


def next_occurrence_of_any(after: int, minutes: Iterable[int], zone_name: str) -> int:
    """The first moment after another in which one of some minutes of the day begins."""
    return min(next_occurrence(after, minute, None, zone_name) for minute in minutes)


def spread_over_waking_hours(count: int) -> list[int]:
    """So many minutes of the day, evenly over its waking hours from the first on."""
    return [FIRST + (LAST - FIRST) * number // count for number in range(count)]


def format_local_time(seconds: int, zone_name: str) -> str:
    """The time of day of a moment as a clock in a time zone shows it."""
    return datetime.fromtimestamp(seconds, load_zone(zone_name)).strftime("%H:%M")
