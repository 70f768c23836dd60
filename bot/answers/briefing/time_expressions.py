"""Expressions of time within a question, in English and in French: where they stand and what they mean.

What `periods` reads as a whole is one, the longest there is, unless it may as well mean something else: a
year, a month or a unit by itself is one behind a preposition, so many days behind "since" or before "ago".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, tzinfo
from itertools import pairwise
from typing import NamedTuple

from bot.text.stopwords import EMPTY
from bot.text.times import periods
from bot.text.times.calendar_names import MONTHS, WEEKDAYS
from bot.text.times.periods import YEAR, Period

LATELY = 7 * 86400
"""Seconds that `recently` and `these days` reach back."""
_MOST = 7
"""Words of an expression."""
_SHORT = 3  # letters of an abbreviated day, which is a word of its own too


class Moment(NamedTuple):
    """An expression of time: its characters from `start` to `end` in the folded text, and what it means.

    A `relative` one is counted from now (`this week`, `depuis lundi`), others name a date (`in 2024`).
    """

    start: int
    end: int
    period: Period
    relative: bool


_START = re.compile(r"(?<![\w'-])\w|(?<=\b[ld]')\w")
_END = re.compile(r"\w(?=$|[^\w'-]|-ci\b|'s\b)")
_LEAD = re.compile(
    r"(?P<preposition>(?P<since>since|depuis|after|apres|a partir de) "
    r"|(?:between|entre|in|within|over|during|from|of|year|en|au|du|de|dans|pendant|annee"
    r"|au cours de|au mois de) )?"
    r"(?:on )?(?:(?:the|le|la|les|ces|des|du) |[ld]')?"
)
_OTHER_THING = r"\b(?:before|until|by|avant|jusqu'(?:a|en|au)|d'ici|black|cyber|good) (?:the |le |la |l')?"
"""What makes the end of a time, or a name, of what follows."""
_IN_OTHER_THING, _BEHIND = re.compile(_OTHER_THING), re.compile(rf"{_OTHER_THING}\Z")
_OF = re.compile(r",? (?:of|de|du|des)\b| d'")  # the last year of the war
_UP_TO = re.compile(r" (?:(?:and|et|to|until) )?")
_LATELY = re.compile(
    r"recently|lately|recemment|dernierement|derniers temps|temps-ci|jours-ci|these days|ce moment"
)
_FEW = re.compile(
    r"(?:these |recent |(?:last|past) few |dernier(?:e?)s )(?:(?P<days>days|jours)|(?P<weeks>weeks|semaines)"
    r"|(?P<months>months|mois))"
)
_HOW_MANY = {"days": 7, "weeks": 4, "months": 3}
_ROLLING = re.compile(r"(?:last|past) (day|week|month|year)")  # in the past week: not the calendar's
_PAST = re.compile(r"\b(?:ago|il y a|last|past|previous|derni\w+|passe\w*)\b")
_ALONE = re.compile(r"today|tonight|yesterday|hier|aujourd'hui|avant-hier")
_BEHIND_A_PREPOSITION = re.compile(rf"{YEAR}|[qt][1-4]|week-?end|week|semaine|month|mois|year|annee")
_DATE = re.compile(r"\d{4}|\d[/.-]\d|^[qt]\d")
_DAY = {"jour": "aujourd'hui", "day": "today"}


def find(folded: str, now: int, zone: tzinfo = UTC) -> Moment | None:
    """The expression of time in a text that was folded by `words.fold`; of several the longest.

    `now` is in seconds since 1970 in UTC; days begin at midnight in `zone`. What only ends a span
    (`before 2020`) is none.
    """
    found = list(_all(folded, now, zone))
    for first, last in pairwise(found):  # from March to May
        if _UP_TO.fullmatch(folded, first.end, last.start) and first.period.start < last.period.end:
            span = Period(first.period.start, last.period.end)
            found.append(Moment(first.start, last.end, span, first.relative and last.relative))
    return max(found, key=lambda each: (each.end - each.start, -each.start), default=None)


def _all(folded: str, now: int, zone: tzinfo) -> Iterator[Moment]:
    ends = [match.end() for match in _END.finditer(folded)]
    reached = 0
    for start in (match.start() for match in _START.finditer(folded)):
        is_other = _IN_OTHER_THING.match(folded, start) or _BEHIND.search(folded, max(0, start - 30), start)
        for end in reversed([end for end in ends if end > start][:_MOST]):
            lead = _LEAD.match(folded, start, end)
            if start < reached or is_other or lead is None or lead.end() == end:
                continue
            found = _read(folded, lead, folded[lead.end() : end], now, zone)
            if found is not None:
                reached = end
                yield found


def _read(folded: str, lead: re.Match[str], core: str, now: int, zone: tzinfo) -> Moment | None:
    """What words behind their preposition and article mean, if that is a time."""
    since, end = lead["since"], lead.end() + len(core)
    if _LATELY.fullmatch(core) or lead[0] + core == "du moment":
        return Moment(lead.start(), end, Period(now - LATELY, now + 1), relative=True)
    period = periods.parse(_counted(core, lead[0]), now, zone)
    if period is None or not _is_meant(core, lead, period, now) or _OF.match(folded, end):
        return None
    names_a_date = _DATE.search(core) is not None or not MONTHS.keys().isdisjoint(core.split())
    following = re.match(r" (\w+)", folded[end:])
    if core.isdecimal() and following is not None and following[1] not in EMPTY:
        return None  # in 1500 euros
    if since:
        period = Period(period.start, max(now, period.start) + 1)
    elif period.end == now:
        period = period._replace(end=now + 1)
    return Moment(lead.start(), end, period, relative=bool(since) or not names_a_date)


def _counted(core: str, lead: str) -> str:
    """An expression as `periods` reads it: a few days are so many, and the day is today."""
    if few := _FEW.fullmatch(core):
        unit = str(few.lastgroup)
        return f"{_HOW_MANY[unit]} {unit}"
    if (rolling := _ROLLING.fullmatch(core)) and "the " in lead:
        return f"1 {rolling[1]}"
    return _DAY.get(core, core) if lead.endswith(("du ", "of the ")) else core


def _is_meant(core: str, lead: re.Match[str], period: Period, now: int) -> bool:
    """Whether words that may mean a time do."""
    if period.end == now and not (_PAST.search(core) or _FEW.fullmatch(core)):
        return lead["since"] is not None  # since three days
    if " " in core or "-" in core or _DATE.search(core[1:]):
        return True
    is_name = len(core) > _SHORT and core in MONTHS
    if lead["preposition"] and (is_name or core in _DAY or _BEHIND_A_PREPOSITION.fullmatch(core)):
        return True
    return _ALONE.fullmatch(core) is not None or (len(core) > _SHORT + 1 and core in WEEKDAYS)
