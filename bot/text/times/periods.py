"""Parsing of time expressions in English and French, and formatting of periods.

The rules are Telex's own, because dateparser (15 MB, 50 ms to import) returns moments instead of periods,
reads `this week` as now and knows neither `lundi dernier` nor `depuis lundi`.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from babel.dates import format_date, format_interval, format_skeleton, format_time

from bot.text.times.period_rules import (
    DAY_SECONDS,
    MONTH_PATTERN,
    PERIOD_RULES,
    WEEKDAY_PATTERN,
    YEAR_PATTERN,
    ZONE_AWARE_PARSERS,
    Period,
    make_period,
)
from bot.text.words import fold

__all__ = ["YEAR_PATTERN", "Period", "add_local_seconds", "format_period", "parse_period"]

_LEADING_PREPOSITION_PATTERN = re.compile(
    r"(?:(?:since|from|before|until|on|in|over|during|the"
    r"|depuis|avant|jusqu'a|le|la|les|l'|du|de|des|en|au|ces|cours|d') ?\b)+"
)


_WEEKDAY_OF_DATE_PATTERN = re.compile(rf"\b(?:{WEEKDAY_PATTERN}),? (?:le |the )?(?=[0-9]|{MONTH_PATTERN} [0-9])")
_TIME_OF_DAY_PATTERN = re.compile(r" (?:soir|matin|apres-midi|midi|night|morning|evening|afternoon)$")
_PART_PATTERN = re.compile(
    r"(?P<part>debut|mi|milieu|fin|beginning|start|early|middle|mid|late|end)(?:-| )(?:of |de |du |d')?"
    r"(?:the |la |l')?(?P<whole>.+)"
)
_THIRD_INDEX_BY_PART = {"debut": 0, "beginning": 0, "start": 0, "early": 0, "fin": 2, "late": 2, "end": 2}


def parse_period(text: str, now: int, zone: tzinfo = UTC) -> Period | None:
    """Return the period that a text such as `7d`, `2020-06-10` or `depuis lundi` means, or None.

    `now` is Unix time in seconds; days begin at midnight in `zone`, weeks on Monday. A day or month without a year is
    the latest that has begun. A beginning, middle or end ("early June") is a third of a period. Only the first 80
    characters of the text are read. None is returned if the text is no time expression, or for a date that does not
    exist.
    """
    folded_text = " ".join(fold(text[:80]).split()).strip(" ,.;!?")
    preposition_match = _LEADING_PREPOSITION_PATTERN.match(folded_text)
    for candidate in dict.fromkeys(
        (folded_text, folded_text[preposition_match.end() :].strip() if preposition_match else folded_text)
    ):
        if period := _match_rules(candidate, datetime.fromtimestamp(now, zone)):
            return period
        if (part_match := _PART_PATTERN.fullmatch(candidate)) and (
            whole_period := parse_period(part_match["whole"], now, zone)
        ):
            third_seconds = (whole_period.end - whole_period.start) // 3
            third_seconds -= third_seconds % DAY_SECONDS if third_seconds > DAY_SECONDS else 0  # whole days
            third_index = _THIRD_INDEX_BY_PART.get(part_match["part"], 1)
            third_start = add_local_seconds(whole_period.start, third_index * third_seconds, zone)
            is_last = third_index == max(_THIRD_INDEX_BY_PART.values())
            third_end = whole_period.end if is_last else add_local_seconds(third_start, third_seconds, zone)
            return Period(third_start, third_end)
    return None


def add_local_seconds(timestamp: int, seconds: int, zone: tzinfo) -> int:
    """Return a Unix time plus seconds of local time, so that midnight stays midnight across clock changes."""
    return int((datetime.fromtimestamp(timestamp, zone) + timedelta(seconds=seconds)).timestamp())


def _move_to_zone(period: Period, zone: tzinfo | None) -> Period:
    """Return the period with the same local times in `zone` as the given period has in UTC."""
    start, end = (datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=zone) for timestamp in period)
    return make_period(start, end)


def _match_rules(folded_text: str, now: datetime) -> Period | None:
    """Return the period of a folded expression, or None if no rule matches or the date does not exist.

    A time of day, such as "evening", is ignored: the period is the day.
    """
    text_without_weekday = _WEEKDAY_OF_DATE_PATTERN.sub("", folded_text, count=1)
    for candidate in dict.fromkeys((text_without_weekday, _TIME_OF_DAY_PATTERN.sub("", text_without_weekday))):
        for pattern, parse_match in PERIOD_RULES:
            match = pattern.fullmatch(candidate)
            if match:
                try:
                    if parse_match in ZONE_AWARE_PARSERS:
                        return parse_match(match, now)
                    # Rules compute days as if the local time were UTC.
                    return _move_to_zone(parse_match(match, now.replace(tzinfo=UTC)), now.tzinfo)
                except (ValueError, OverflowError):  # such as 31 June or year 0
                    return None
    return None


_MIN_SECONDS_WITHOUT_HOURS = 2 * 86400
"""Length in seconds from which on a period is formatted without hours, even if it does not begin at midnight."""


def format_period(period: Period, zone: tzinfo, language: str) -> str:
    """Return a text for a period: its days, months or years, or its hours, in the local time of `zone`."""
    start, end = (datetime.fromtimestamp(timestamp, zone) for timestamp in period)
    if start.time() != time() and period.end - period.start < _MIN_SECONDS_WITHOUT_HOURS:
        return f"{_format_hour_range(start, end, language)} {zone}"
    first_day, last_day = start.date(), (end - timedelta(seconds=1)).date()
    day_after = last_day + timedelta(days=1)
    if first_day.day == day_after.day == 1:
        skeleton = "y" if first_day.month == day_after.month == 1 else "yMMMM"
        return _format_day_range(first_day, last_day, skeleton, language)
    return str(format_interval(first_day, last_day, "yMMMd", locale=language))


def _format_day_range(first_day: date, last_day: date, skeleton: str, language: str) -> str:
    first_label = str(format_skeleton(skeleton, first_day, locale=language))
    if first_label == format_skeleton(skeleton, last_day, locale=language):
        return first_label
    return str(format_interval(first_day, last_day, skeleton, locale=language))


def _format_hour_range(start: datetime, end: datetime, language: str) -> str:
    first_date, last_date = (str(format_date(moment, "medium", locale=language)) for moment in (start, end))
    start_time, end_time = (str(format_time(moment.time(), "HH:mm", locale=language)) for moment in (start, end))
    return (
        f"{first_date} {start_time} – {end_time}"
        if first_date == last_date
        else f"{first_date} {start_time} – {last_date} {end_time}"
    )
