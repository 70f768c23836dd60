"""Expressions of time that people type, in English and in French, as spans of time; spans told in words.

A table of our own: dateparser (15 MB, 50 ms to import) gives moments instead of spans, reads `this week` as
now and knows neither `lundi dernier` nor `depuis lundi`.
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
    """The span of time that `text` as a whole names: `7d`, `2020-06-10`, `last monday`, `depuis lundi`.

    `now` is in seconds since 1970 in UTC; days begin at midnight in `zone`, weeks on Monday. A day or month
    without a year is the latest one that has begun; a beginning, middle or end is a third. None when it is no
    expression of time or names no day there is.
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
    """The moment at which clocks in `zone` show so much more: midnight again where they were changed."""
    return int((datetime.fromtimestamp(moment, zone) + timedelta(seconds=seconds)).timestamp())


def _in_zone(period: Period, zone: tzinfo | None) -> Period:
    """The span between the moments at which clocks in `zone` show what a period gives in UTC."""
    start, end = (datetime.fromtimestamp(each, UTC).replace(tzinfo=zone) for each in period)
    return span(start, end)


def _match_rules(folded: str, now: datetime) -> Period | None:
    """The span that a folded expression names; of a time of day, that of its day."""
    whole = _WEEKDAY_OF_DATE.sub("", folded, count=1)
    for candidate in dict.fromkeys((whole, _HOUR.sub("", whole))):
        for pattern, read in PERIOD_RULES:
            match = pattern.fullmatch(candidate)
            if match:
                try:
                    if read in ZONE_FREE_PARSERS:
                        return read(match, now)
                    # Days are found as if it were UTC: the time that the clocks of the zone show.
                    return _in_zone(read(match, now.replace(tzinfo=UTC)), now.tzinfo)
                except (ValueError, OverflowError):  # 31 June, year 0
                    return None
    return None


_SHORT = 2 * 86400
"""Seconds: of a shorter span that does not begin at midnight the hours are told too."""


def format_period(period: Period, zone: tzinfo, language: str) -> str:
    """The days of a period, or its hours, as clocks in `zone` show them."""
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
