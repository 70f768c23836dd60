"""Parsing of the end of something that begins now, such as "until 20 July" or "pendant 3 jours"."""

import re
from datetime import UTC, datetime, tzinfo

from bot.text.times.period_rules import DAY_SECONDS
from bot.text.times.periods import Period, add_local_seconds, parse_period
from bot.text.words import fold

_MAX_TEXT_LENGTH = 80
_WEEK_SECONDS = 7 * DAY_SECONDS
_YEAR_SECONDS = 366 * DAY_SECONDS
_PREPOSITIONS_PATTERN = re.compile(
    r"(?:(?:until|till|through|to|for|in|within|on|the|jusqu'(?:au|aux|a|en)|d'ici|dans|pendant|pour|les?|la|l'|au|a)"
    r"(?:\b|(?<=')) ?)+"
)
_PAST_PATTERN = re.compile(r"\b(?:ago|last|past|previous|yesterday|il y a|hier|derni\w+|passe\w*)\b")
_NEXT_PATTERN = re.compile(r"\b(?:next|coming|prochaine?s?)\b")
_DAYS_AHEAD_BY_NAME = {
    "tomorrow": 1,
    "demain": 1,
    "day after tomorrow": 2,
    "apres-demain": 2,
    "apres demain": 2,
}
_DAY_AND_MONTH_PATTERN = re.compile(r"(?P<day>[0-9]{1,2})[-/.](?P<month>[0-9]{1,2})")


def parse_end(text: str, now: int, zone: tzinfo = UTC) -> int | None:
    """Return when the period that a text names ends, as Unix time in seconds, or None if it names none.

    A text of more than 80 characters names none. `now` is Unix time; days end at midnight in `zone`. A day or month
    without a year is the next one, a duration such as `3 days` begins now. The end may be in the past: of `yesterday`,
    or of a date with a year.
    """
    if len(text) > _MAX_TEXT_LENGTH:
        return None
    folded_text = " ".join(fold(text).split()).strip(" ,.;!?")
    bare_text = folded_text[match.end() :] if (match := _PREPOSITIONS_PATTERN.match(folded_text)) else folded_text
    if bare_text in _DAYS_AHEAD_BY_NAME:
        today = parse_period("today", now, zone)
        return (
            None if today is None else add_local_seconds(today.end, _DAYS_AHEAD_BY_NAME[bare_text] * DAY_SECONDS, zone)
        )
    if _PAST_PATTERN.search(folded_text):
        period = parse_period(folded_text, now, zone)
        return None if period is None else min(period.end, now)
    period = _find_coming_period(bare_text, now, zone)
    return None if period is None else period.end


def _find_coming_period(text: str, now: int, zone: tzinfo) -> Period | None:
    """Return the period that a text names: the current or next one, with a word such as `next` only the next one.

    A past one is returned if there is no other, and None if the text names none.
    """
    if match := _DAY_AND_MONTH_PATTERN.fullmatch(text):
        year = datetime.fromtimestamp(now, zone).year
        dates = [parse_period(f"{match['day']}/{match['month']}/{year + offset}", now, zone) for offset in (0, 1)]
        return next((date for date in dates if date is not None and date.end > now), None)
    period_name = " ".join(_NEXT_PATTERN.sub(" ", text).split())
    period, later_period = parse_period(period_name, now, zone), parse_period(period_name, now + 1, zone)
    if period is None or later_period is None:
        return None
    if period.end == now and later_period.end == now + 1:  # A duration, which is read as the time before now.
        return Period(now, now + period.end - period.start)
    reference_time = period.end if period_name != text and period.end > now else now
    for shift_seconds in (0, _WEEK_SECONDS, _YEAR_SECONDS):
        coming_period = parse_period(period_name, reference_time + shift_seconds, zone)
        if coming_period is not None and coming_period.end > reference_time:
            return coming_period
    return period
