"""Spans of time in words: `Nov 16 – 22, 2026`, `novembre 2026`, `26 nov. 2026 18:00 – 23:00 UTC`."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from babel.dates import format_date, format_interval, format_skeleton, format_time

from bot.text.times.periods import Period

_SHORT = 2 * 86400
"""Seconds: of a shorter span that does not begin at midnight the hours are told too."""


def named(period: Period, zone: tzinfo, language: str) -> str:
    """The days of a period, or its hours, as clocks in `zone` show them."""
    start, end = (datetime.fromtimestamp(moment, zone) for moment in period)
    if start.time() != time() and period.end - period.start < _SHORT:
        return f"{_hours(start, end, language)} {zone}"
    first, last = start.date(), (end - timedelta(seconds=1)).date()
    after = last + timedelta(days=1)
    if first.day == after.day == 1:
        skeleton = "y" if first.month == after.month == 1 else "yMMMM"
        return _from_to(first, last, skeleton, language)
    return str(format_interval(first, last, "yMMMd", locale=language))


def _from_to(first: date, last: date, skeleton: str, language: str) -> str:
    one = str(format_skeleton(skeleton, first, locale=language))
    if one == format_skeleton(skeleton, last, locale=language):
        return one
    return str(format_interval(first, last, skeleton, locale=language))


def _hours(start: datetime, end: datetime, language: str) -> str:
    first, last = (str(format_date(moment, "medium", locale=language)) for moment in (start, end))
    begin, until = (str(format_time(moment.time(), "HH:mm", locale=language)) for moment in (start, end))
    return f"{first} {begin} – {until}" if first == last else f"{first} {begin} – {last} {until}"
