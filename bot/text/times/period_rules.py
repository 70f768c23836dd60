"""Patterns of time expressions, each with the function that makes a period of the match.

Days are computed as if in UTC; `periods` converts them to a zone.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bot.text.times.calendar_names import MONTHS, WEEKDAYS


class Period(NamedTuple):
    """A period in seconds since 1970 in UTC; `end` is exclusive."""

    start: int
    end: int


_UNITS = {
    "minute": "min|mins|minute|minutes",
    "hour": "h|hour|hours|heure|heures",
    "day": "d|j|day|days|jour|jours",
    "week": "w|week|weeks|sem|semaine|semaines",
    "month": "m|mo|month|months|mois",
    "year": "y|year|years|an|ans|annee|annees",
}
_SECONDS = {
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}
DAY = _SECONDS["day"]
"""Seconds of a day."""
_NUMBERS = (
    "zero 0",
    "a an un une one 1",
    "two deux 2",
    "three trois 3",
    "four quatre 4",
    "five cinq 5",
    "six 6",
    "seven sept 7",
    "eight huit 8",
    "nine neuf 9",
    "ten dix 10",
    "eleven onze 11",
    "twelve douze 12",
    "thirteen treize 13",
    "fourteen quatorze 14",
    "fifteen quinze 15",
)
_UNIT = {name: unit for unit, names in _UNITS.items() for name in names.split("|")}
_NUMBER = {name: number for number, names in enumerate(_NUMBERS) for name in names.split()}

_SEASONS = ("spring printemps", "summer ete", "autumn automne fall", "winter hiver")
_SEASON = {name: 3 + 3 * number for number, names in enumerate(_SEASONS) for name in names.split()}
"""First months of the seasons; a winter lies in two years."""
_QUARTERS = (
    "first premier 1st 1er",
    "second deuxieme 2nd 2e",
    "third troisieme 3rd 3e",
    "fourth quatrieme 4th 4e",
)
_QUARTER = {name: number for number, names in enumerate(_QUARTERS, 1) for name in names.split()}
_HOLIDAYS = {
    "christmas|christmas day|xmas|noel|jour de noel": (12, 25),
    "christmas eve|veille de noel": (12, 24),
    "new year|new year's day|nouvel an|jour de l'an": (1, 1),
    "valentine's day|saint-valentin|saint valentin": (2, 14),
    "halloween": (10, 31),
    "all saints' day|toussaint": (11, 1),
}
_FEAST = {name: date for names, date in _HOLIDAYS.items() for name in names.split("|")}
"""Holidays with the same month and day in every year."""
_DECEMBER = 12
_EVENING, _MORNING = 18, 6
"""Hours at which night begins and ends."""

MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
"""Pattern of the names of months."""
WEEKDAY = "|".join(sorted(WEEKDAYS, key=len, reverse=True))
"""Pattern of the names of weekdays."""
_UNIT_PATTERN = "|".join(sorted(_UNIT, key=len, reverse=True))
_NUMBER_PATTERN = "[0-9]{1,5}|" + "|".join(
    sorted((name for name in _NUMBER if name.isalpha()), key=len, reverse=True)
)
_PAST_EN_PATTERN = "last|past|previous"
_PAST_FR_PATTERN = "dernier|derniere|derniers|dernieres|passe|passee|passes|passees"


def _utc(*date: int) -> datetime:
    return datetime(*date, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day by position


def span(start: datetime, end: datetime) -> Period:
    """Return the period between two moments."""
    return Period(int(start.timestamp()), int(end.timestamp()))


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _days(start: datetime, count: int = 1) -> Period:
    return span(start, start + timedelta(days=count))


def _whole_month(year: int, month: int) -> Period:
    return _days(_utc(year, month, 1), monthrange(year, month)[1])


def _whole_year(year: int) -> Period:
    return span(_utc(year, 1, 1), _utc(year + 1, 1, 1))


def _ago(match: re.Match[str], now: datetime) -> Period:
    number = match["n"]
    count = _NUMBER[number] if number in _NUMBER else int(number)
    end = int(now.timestamp())
    return Period(max(0, end - count * _SECONDS[_UNIT[match["unit"]]]), end)


def _named_day(match: re.Match[str], now: datetime) -> Period:
    back = {"today": 0, "tonight": 0, "aujourd": 0, "this": 0, "ce": 0, "yesterday": 1, "hier": 1}
    return _days(_midnight(now) - timedelta(days=back.get(re.split(r"\W", match["day"])[0], 2)))


def _weekday_of(match: re.Match[str], now: datetime) -> Period:
    back = (now.weekday() - WEEKDAYS[match["weekday"]]) % 7
    if back == 0 and (match["last"] or match["dernier"]):
        back = 7
    return _days(_midnight(now) - timedelta(days=back))


def _night(match: re.Match[str], now: datetime) -> Period:
    """Return the last night that has begun, for `last night` the one before today."""
    evening = _midnight(now) + timedelta(hours=_EVENING)
    if evening > now or match["dernier"] or match["last"]:
        evening -= timedelta(days=1)
    return span(evening, evening + timedelta(hours=24 - _EVENING + _MORNING))


def _hour(match: re.Match[str], now: datetime) -> Period:
    end = int(now.timestamp())
    return Period(max(0, end - _SECONDS[_UNIT[match["unit"]]]), end)


def _months(year: int, month: int, count: int) -> Period:
    """Return the period of `count` months from one on, possibly into later years."""
    end = year * 12 + month - 1 + count
    return span(_utc(year, month, 1), _utc(end // 12, end % 12 + 1, 1))


def _season_of(match: re.Match[str], now: datetime) -> Period:
    """Return the three months of a season: the last one that has begun, or that is over."""
    month = _SEASON[match["season"]]
    if match["year"]:
        return _months(int(match["year"]), month, 3)
    over = bool(match["last"] or match["dernier"])
    seasons = (_months(year, month, 3) for year in range(now.year, now.year - 3, -1))
    moment = now.timestamp()
    return next(each for each in seasons if (each.end if over else each.start) <= moment)


def _quarter(match: re.Match[str], now: datetime) -> Period:
    """Return a quarter by its number; without a year the last one that has begun."""
    number = int(match["number"]) if match["number"] else _QUARTER[match["ordinal"]]
    month = 3 * number - 2
    year = int(match["year"] or now.year - (_utc(now.year, month, 1) > now))
    return _months(year, month, 3)


def _calendar(match: re.Match[str], now: datetime) -> Period:
    before = bool(match["last"] or match["dernier"])
    name = match["unit"]
    today = _midnight(now)
    monday = today - timedelta(days=today.weekday())
    if name.startswith("week") and name.endswith("end"):
        saturday = monday + timedelta(days=5)
        return _days(saturday - timedelta(days=7 if before or saturday > today else 0), 2)
    if name in {"quarter", "trimestre"}:
        quarters = today.year * 4 + (today.month - 1) // 3 - before
        return _months(quarters // 4, quarters % 4 * 3 + 1, 3)
    unit = _UNIT[name]
    if unit == "week":
        return _days(monday - timedelta(days=7 * before), 7)
    if unit == "month":
        months = today.year * 12 + today.month - 1 - before
        return _whole_month(months // 12, months % 12 + 1)
    return _whole_year(today.year - before)


def _date(match: re.Match[str], now: datetime) -> Period:
    found = match.groupdict()
    month = MONTHS[found["name"]] if found.get("name") else int(found.get("month") or 0)
    day = int(found.get("day") or 0)
    latest = now.year - (not found.get("year") and _utc(now.year, month, max(1, day)) > now)
    year = int(found.get("year") or latest)
    if year < 100:  # noqa: PLR2004 - two digits
        year += 2000
    if not month:
        return _whole_year(year)
    return _days(_utc(year, month, day)) if day else _whole_month(year, month)


def _parse_holiday(match: re.Match[str], now: datetime) -> Period:
    month, day = _FEAST[match["feast"]]
    year = int(match["year"] or now.year - (_utc(now.year, month, day) > now))
    return _days(_utc(year, month, day))


def _moment(match: re.Match[str], now: datetime) -> Period:
    moment = datetime.fromisoformat(match["iso"].upper())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=now.tzinfo)
    return Period(int(moment.timestamp()), int(moment.timestamp()) + 1)


YEAR = r"(?:1[0-9]{3}|20[0-9]{2}|2100)"
"""Pattern of a number that may be a year."""
_year = rf"(?P<year>{YEAR})"
_short_year = rf"(?P<year>{YEAR}|[0-9]{{2}})"
_day = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th|er)?(?: of)?"
_NAMED_DAY_PATTERN = (
    "today|tonight|yesterday|day before yesterday|aujourd'hui|avant[- ]hier|hier"
    "|this (?:morning|evening|afternoon)|ce (?:matin|soir|jour)"
)
_CALENDAR_UNIT_PATTERN = "week-?end|week|semaine|month|mois|quarter|trimestre|year|annee|an"
_ordinal = "|".join(_QUARTER)
_season = "|".join(_SEASON)
_feast = "|".join(sorted(_FEAST, key=len, reverse=True))
_season_in_a_year = "|".join(name for name, month in _SEASON.items() if month != _DECEMBER)
_RULES: tuple[tuple[str, Callable[[re.Match[str], datetime], Period]], ...] = (
    (
        r"(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:z|[+-][0-9]{2}:[0-9]{2})?)",
        _moment,
    ),
    (_year + r"[-/.](?P<month>[0-9]{1,2})(?:[-/.](?P<day>[0-9]{1,2}))?", _date),
    (r"(?P<day>[0-9]{1,2})[-/.](?P<month>[0-9]{1,2})[-/.]" + _short_year, _date),
    (rf"{_year}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})", _date),
    (rf"{_day} (?P<name>{MONTH})\.?(?:,? {_year})?", _date),
    (rf"(?P<name>{MONTH})\.? {_day}(?:,? {_year})?", _date),
    (rf"(?P<name>{MONTH})\.?(?: {_year})?", _date),
    (_year, _date),
    (
        rf"(?:(?:{_PAST_EN_PATTERN}) )?(?P<feast>{_feast})(?: (?:{_PAST_FR_PATTERN}))?(?: {_year})?",
        _parse_holiday,
    ),
    (
        rf"(?:(?P<last>{_PAST_EN_PATTERN}) )?(?P<weekday>{WEEKDAY})(?: (?P<dernier>{_PAST_FR_PATTERN}))?",
        _weekday_of,
    ),
    (rf"(?P<day>{_NAMED_DAY_PATTERN})", _named_day),
    (rf"(?P<last>{_PAST_EN_PATTERN}) night|(?:cette )?nuit(?: (?P<dernier>{_PAST_FR_PATTERN}))?", _night),
    (rf"(?:{_PAST_EN_PATTERN}|derniere) (?P<unit>minute|hour|heure)", _hour),
    (
        (
            rf"(?:(?:this|cet?|(?P<last>{_PAST_EN_PATTERN})) )?(?P<season>{_season})(?: "
            rf"(?P<dernier>{_PAST_FR_PATTERN}))?(?P<year>)"
        ),
        _season_of,
    ),
    (rf"(?P<season>{_season_in_a_year})(?: of| de)? {_year}(?P<last>)(?P<dernier>)", _season_of),
    (rf"[qt](?P<number>[1-4])(?P<ordinal>)(?:(?: of| de)?[ -]{_year})?", _quarter),
    (rf"(?P<ordinal>{_ordinal})(?P<number>) (?:quarter|trimestre)(?:(?: of| de)? {_year})?", _quarter),
    (
        (
            rf"(?:this|current|cette|cet|ce|(?P<last>{_PAST_EN_PATTERN}))? "
            rf"?(?P<unit>{_CALENDAR_UNIT_PATTERN})(?: (?P<dernier>{_PAST_FR_PATTERN}))?"
        ),
        _calendar,
    ),
    (
        (
            rf"(?:il y a |(?:{_PAST_EN_PATTERN}) )?(?P<n>{_NUMBER_PATTERN}) "
            rf"?(?P<unit>{_UNIT_PATTERN})(?: ago| (?:{_PAST_FR_PATTERN}))?"
        ),
        _ago,
    ),
    (rf"(?:{_PAST_EN_PATTERN}|derniers|dernieres) (?P<n>{_NUMBER_PATTERN}) (?P<unit>{_UNIT_PATTERN})", _ago),
    (rf"(?P<n>{_NUMBER_PATTERN}) (?:{_PAST_EN_PATTERN}|derniers|dernieres) (?P<unit>{_UNIT_PATTERN})", _ago),
)
PERIOD_RULES = tuple((re.compile(pattern), read) for pattern, read in _RULES)
"""Patterns of folded expressions with the functions that make periods of their matches."""
ZONE_FREE_PARSERS = (_ago, _hour, _moment)
"""Functions of `PERIOD_RULES` whose periods do not depend on the zone."""
