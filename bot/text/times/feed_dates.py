"""Parsing of dates in feeds.

The standard library parses the two standards; a few patterns parse the other forms of real feeds. dateutil
and dateparser guess more, read `10/06/2020` as October and take megabytes.
"""

import re
import unicodedata
from calendar import timegm
from datetime import UTC, datetime
from email.utils import parsedate_tz

from bot.text.times.calendar_names import MONTH_NUMBERS

EARLIEST_TIMESTAMP = 631_152_000
"""Unix time in seconds of 1 January 1990; an earlier date is a mistake, most often the start of an epoch."""
LATEST_TIMESTAMP = 4_102_444_800
"""Unix time in seconds of 1 January 2100; this date and later ones are mistakes."""

_MAX_DATE_CHARS = 100
_ZONE_OFFSET_MINUTES = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "met": 60, "cest": 120,
    "mest": 120, "eet": 120, "eest": 180, "msk": 180, "est": -300, "edt": -240, "cst": -360, "cdt": -300,
    "mst": -420, "mdt": -360, "pst": -480, "pdt": -420, "akst": -540, "akdt": -480, "hst": -600, "ist": 330,
    "jst": 540, "kst": 540, "aest": 600, "aedt": 660, "acst": 570, "awst": 480, "nzst": 720, "nzdt": 780,
}  # fmt: skip
"""Offsets of time zones in minutes east of Greenwich, by name.

An ambiguous name has the meaning of RFC 822, or else the commonest.
"""

_WEEKDAY_PATTERN = r"(?:[^\W\d]+\.?,?\s+)?"
_YEAR_PATTERN = r"\d{4}|\d{2}(?!\d)"
_TIME_SUFFIX_PATTERN = r"(?:(?:[t,\s]|-\s)+(?:a\s+|at\s+)?(?P<time>.*))?"
_DATE_PATTERNS = tuple(
    re.compile(date_pattern + _TIME_SUFFIX_PATTERN)
    for date_pattern in (
        rf"{_WEEKDAY_PATTERN}(?P<year>\d{{4}})[-/.](?P<month>\d{{1,2}})[-/.](?P<day>\d{{1,2}})",
        rf"{_WEEKDAY_PATTERN}(?P<day>\d{{1,2}})[-/.](?P<month>\d{{1,2}})[-/.](?P<year>\d{{4}})",
        rf"{_WEEKDAY_PATTERN}(?P<day>\d{{1,2}})(?:er|st|nd|rd|th)?[\s-]+(?P<month>[^\W\d]+)\.?,?[\s-]+(?P<year>{_YEAR_PATTERN})",
        rf"{_WEEKDAY_PATTERN}(?P<month>[^\W\d]+)\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<year>\d{{4}})",
    )
)
_TIME_PATTERN = re.compile(
    r"(?P<hour>\d{1,2})[:h](?P<minute>\d{2})?(?::(?P<second>\d{2})(?:[.,]\d+)?)?\s*(?P<am_or_pm>[ap]\.?m\.?)?"
    r"\s*(?P<zone>.*)"
)
_OFFSET_PATTERN = re.compile(r"(?:gmt|utc)?\s*([+-])(\d{1,2}):?(\d{2})?\b.*")
_EXPLICIT_ZONE_PATTERN = re.compile(r"(?:gmt|utc)?\s*[+-]\d{1,2}(?::?\d{2})?(?:\s*\([a-z ]+\))?")
_TRUNCATED_TIME_PATTERN = re.compile(r"[\d:.,+-]*z?")
"""Pattern of an incomplete time, such as `12:`; of a date with such a time, only the day is read."""
_ASCTIME_PATTERN = re.compile(r"[^\W\d]{3} [^\W\d]{3} \d{1,2} \d{2}:\d{2}:\d{2} \d{4}")
_EPOCH_SECONDS_PATTERN = re.compile(r"(\d{9,10})(?:\d{3}|\.\d+)?")
_MONTHS_PER_YEAR = 12
_CENTURY_PIVOT_YEAR = 50
_MAX_UTC_OFFSET_HOURS = 14


def parse_date(text: str | None, *, must_be_only_date: bool = False) -> int | None:
    """Return the Unix time in seconds of a date, or None if it is no date from 1970 to 2099.

    The date may be in ISO 8601 (RFC 3339) or RFC 2822 with its obsolete forms, numeric (year first, or day
    first unless only the other order is valid), or with an English or French month; the time may have `am` or
    `pm`, the form `14h30`, an offset or the name of a zone. A number of seconds or milliseconds since 1970
    is read, too. A time without a zone is UTC. Other text after a date is ignored, unless `must_be_only_date`: then
    None is returned for it, except for an incomplete time. Raises nothing.
    """
    if not text:
        return None
    text = " ".join(text[:_MAX_DATE_CHARS].split())
    if must_be_only_date and not _is_date_only(text):
        return None
    for parse_format in (_parse_iso, _parse_written_date, _parse_rfc2822, _parse_epoch):
        try:
            timestamp = parse_format(text)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        if timestamp is not None:
            return timestamp if 0 < timestamp < LATEST_TIMESTAMP else None
    return None


def clamp_publication_time(published_at: int | None, found_at: int) -> int:
    """Return a publication time (Unix time in seconds), but at most `found_at`.

    Return `found_at` if the time is unknown, later than `found_at`, or before `EARLIEST_TIMESTAMP`.
    """
    return found_at if published_at is None or not EARLIEST_TIMESTAMP <= published_at <= found_at else published_at


def _is_date_only(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        folded_text = _fold_accents(text)
        if _EPOCH_SECONDS_PATTERN.fullmatch(text) or _ASCTIME_PATTERN.fullmatch(folded_text):
            return True
        match = _match_date(folded_text)
        if match is None:
            return False
        time_text = (match["time"] or "").strip()
        time_match = _TIME_PATTERN.fullmatch(time_text)
        if time_text and time_match is None:
            return _TRUNCATED_TIME_PATTERN.fullmatch(time_text) is not None
        zone = "" if time_match is None else time_match["zone"].strip()
        return (
            not zone or zone.strip("().") in _ZONE_OFFSET_MINUTES or _EXPLICIT_ZONE_PATTERN.fullmatch(zone) is not None
        )
    return True


def _fold_accents(text: str) -> str:
    return "".join(
        character for character in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(character)
    )


def _match_date(folded_text: str) -> re.Match[str] | None:
    return next((match for date_pattern in _DATE_PATTERNS if (match := date_pattern.fullmatch(folded_text))), None)


def _parse_iso(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return timegm(moment.utctimetuple())


def _parse_rfc2822(text: str) -> int | None:
    date_parts = parsedate_tz(text)
    return timegm((*date_parts[:6], 0, 1, 0)) - (date_parts[9] or 0) if date_parts else None


def _parse_epoch(text: str) -> int | None:
    match = _EPOCH_SECONDS_PATTERN.fullmatch(text)
    return int(match[1]) if match else None


def _parse_written_date(text: str) -> int | None:
    match = _match_date(_fold_accents(text))
    if match is None:
        return None
    month_name, day, year = match["month"], int(match["day"]), int(match["year"])
    month = int(month_name) if month_name.isdecimal() else MONTH_NUMBERS.get(month_name, 0)
    if month_name.isdecimal() and month > _MONTHS_PER_YEAR >= day:
        month, day = day, month
    if len(match["year"]) == len("yy"):  # RFC 2822, section 4.3
        year += 2000 if year < _CENTURY_PIVOT_YEAR else 1900
    hour, minute, second, offset_minutes = _parse_time(match["time"] or "")
    moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    return timegm(moment.timetuple()) - offset_minutes * 60


def _parse_time(text: str) -> tuple[int, int, int, int]:
    """Return hour, minute, second, and zone (minutes east of Greenwich) of a time; zeros if it is none."""
    match = _TIME_PATTERN.fullmatch(text.strip())
    if match is None:
        return 0, 0, 0, 0
    hour = int(match["hour"])
    if match["am_or_pm"]:
        hour = hour % 12 + (12 if match["am_or_pm"].startswith("p") else 0)
    return hour, int(match["minute"] or 0), int(match["second"] or 0), _parse_offset_minutes(match["zone"])


def _parse_offset_minutes(zone: str) -> int:
    if match := _OFFSET_PATTERN.fullmatch(zone):
        minutes = min(int(match[2]), _MAX_UTC_OFFSET_HOURS) * 60 + int(match[3] or 0)
        return -minutes if match[1] == "-" else minutes
    return _ZONE_OFFSET_MINUTES.get(zone.partition(" ")[0].strip("()."), 0)
