"""Parsing of time expressions in English and French, and formatting of periods.

Own rules, because dateparser (15 MB, 50 ms to import) returns moments instead of periods, reads `this week`
as now and knows neither `lundi dernier` nor `depuis lundi`.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from babel.dates import format_date, format_interval, format_skeleton, format_time

from bot.text.times.period_rules import (
    DAY,
    MONTH,
    PERIOD_RULES,
    WEEKDAY,
    YEAR,
    ZONE_FREE_PARSERS,
    Period,
    span,
)
from bot.text.words import fold

__all__ = ["YEAR", "Period", "add_local_seconds", "format_period", "parse"]

_LEADING_PREPOSITION = re.compile(
    r"(?:(?:since|from|before|until|on|in|over|during|the"
    r"|depuis|avant|jusqu'a|le|la|les|l'|du|de|des|en|au|ces|cours|d') ?\b)+"
)


_WEEKDAY_OF_DATE = re.compile(rf"\b(?:{WEEKDAY}),? (?:le |the )?(?=[0-9]|{MONTH} [0-9])")
_HOUR = re.compile(r" (?:soir|matin|apres-midi|midi|night|morning|evening|afternoon)$")
_PART = re.compile(
    r"(?P<part>debut|mi|milieu|fin|beginning|start|early|middle|mid|late|end)(?:-| )(?:of |de |du |d')?"
    r"(?:the |la |l')?(?P<whole>.+)"
)
_THIRDS = {"debut": 0, "beginning": 0, "start": 0, "early": 0, "fin": 2, "late": 2, "end": 2}


def parse(text: str, now: int, zone: tzinfo = UTC) -> Period | None:
    """Parse an expression such as `7d`, `2020-06-10`, `last monday`, `depuis lundi`; None if it is none.

    `now` is in seconds of UTC; days begin at midnight in `zone`, weeks on Monday. A day or month without a
    year is the latest one that has begun; a beginning, middle or end is a third. A date that does not exist
    gives None.
    """
    folded = " ".join(fold(text[:80]).split()).strip(" ,.;!?")
    lead = _LEADING_PREPOSITION.match(folded)
    for candidate in dict.fromkeys((folded, folded[lead.end() :].strip() if lead else folded)):
        if period := _match_rules(candidate, datetime.fromtimestamp(now, zone)):
            return period
        if (part := _PART.fullmatch(candidate)) and (whole := parse(part["whole"], now, zone)):
            third = (whole.end - whole.start) // 3
            third -= third % DAY if third > DAY else 0  # whole days
            which = _THIRDS.get(part["part"], 1)
            start = add_local_seconds(whole.start, which * third, zone)
            return Period(start, add_local_seconds(start, third, zone) if which < 2 else whole.end)  # noqa: PLR2004 - the last
    return None


def add_local_seconds(moment: int, seconds: int, zone: tzinfo) -> int:
    """Add seconds of local time to a moment, so that midnight stays midnight across clock changes."""
    return int((datetime.fromtimestamp(moment, zone) + timedelta(seconds=seconds)).timestamp())


def _in_zone(period: Period, zone: tzinfo | None) -> Period:
    """Return the period whose local times in `zone` are the given times in UTC."""
    start, end = (datetime.fromtimestamp(each, UTC).replace(tzinfo=zone) for each in period)
    return span(start, end)


def _match_rules(folded: str, now: datetime) -> Period | None:
    """Return the period of a folded expression, None without one; a time of day counts as its day."""
    whole = _WEEKDAY_OF_DATE.sub("", folded, count=1)
    for candidate in dict.fromkeys((whole, _HOUR.sub("", whole))):
        for pattern, read in PERIOD_RULES:
            match = pattern.fullmatch(candidate)
            if match:
                try:
                    if read in ZONE_FREE_PARSERS:
                        return read(match, now)
                    # Rules compute days as if the local time were UTC.
                    return _in_zone(read(match, now.replace(tzinfo=UTC)), now.tzinfo)
                except (ValueError, OverflowError):  # such as 31 June or year 0
                    return None
    return None


_SHORT = 2 * 86400
"""Seconds below which a period that does not begin at midnight is formatted with hours."""


def format_period(period: Period, zone: tzinfo, language: str) -> str:
    """Return the days of a period, or its hours, in the local time of `zone`."""
    start, end = (datetime.fromtimestamp(moment, zone) for moment in period)
    if start.time() != time() and period.end - period.start < _SHORT:
        return f"{_format_hour_range(start, end, language)} {zone}"
    first, last = start.date(), (end - timedelta(seconds=1)).date()
    after = last + timedelta(days=1)
    if first.day == after.day == 1:
        skeleton = "y" if first.month == after.month == 1 else "yMMMM"
        return _format_day_range(first, last, skeleton, language)
    return str(format_interval(first, last, "yMMMd", locale=language))


def _format_day_range(first: date, last: date, skeleton: str, language: str) -> str:
    one = str(format_skeleton(skeleton, first, locale=language))
    if one == format_skeleton(skeleton, last, locale=language):
        return one
    return str(format_interval(first, last, skeleton, locale=language))


def _format_hour_range(start: datetime, end: datetime, language: str) -> str:
    first, last = (str(format_date(moment, "medium", locale=language)) for moment in (start, end))
    begin, until = (str(format_time(moment.time(), "HH:mm", locale=language)) for moment in (start, end))
    return f"{first} {begin} – {until}" if first == last else f"{first} {begin} – {last} {until}"
