"""Patterns of time expressions ("last week"), each with the function that makes a period of its match.

Days are computed as if in UTC; the module `periods` converts them to a zone.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bot.text.times.calendar_names import MONTH_NUMBERS, WEEKDAY_NUMBERS


class Period(NamedTuple):
    """Period of time; `start` and `end` are Unix times in seconds, and `end` is exclusive."""

    start: int
    end: int


_NAME_PATTERN_BY_UNIT = {
    "minute": "min|mins|minute|minutes",
    "hour": "h|hour|hours|heure|heures",
    "day": "d|j|day|days|jour|jours",
    "week": "w|week|weeks|sem|semaine|semaines",
    "month": "m|mo|month|months|mois",
    "year": "y|year|years|an|ans|annee|annees",
}
_UNIT_SECONDS = {
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 7 * 86400,
    "month": 30 * 86400,
    "year": 365 * 86400,
}
DAY_SECONDS = _UNIT_SECONDS["day"]
"""Number of seconds of a day."""
_NAMES_BY_NUMBER = (
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
_UNIT_BY_NAME = {name: unit for unit, name_pattern in _NAME_PATTERN_BY_UNIT.items() for name in name_pattern.split("|")}
_NUMBER_BY_NAME = {name: number for number, names in enumerate(_NAMES_BY_NUMBER) for name in names.split()}

_SEASON_NAMES = ("spring printemps", "summer ete", "autumn automne fall", "winter hiver")
_FIRST_MONTH_BY_SEASON = {name: 3 + 3 * number for number, names in enumerate(_SEASON_NAMES) for name in names.split()}
"""Number of the first month of each season, by its name; a winter lies in two years."""
_QUARTER_NAMES = (
    "first premier 1st 1er",
    "second deuxieme 2nd 2e",
    "third troisieme 3rd 3e",
    "fourth quatrieme 4th 4e",
)
_QUARTER_BY_NAME = {name: number for number, names in enumerate(_QUARTER_NAMES, 1) for name in names.split()}
_HOLIDAY_DATE_BY_NAMES = {
    "christmas|christmas day|xmas|noel|jour de noel": (12, 25),
    "christmas eve|veille de noel": (12, 24),
    "new year|new year's day|nouvel an|jour de l'an": (1, 1),
    "valentine's day|saint-valentin|saint valentin": (2, 14),
    "halloween": (10, 31),
    "all saints' day|toussaint": (11, 1),
}
_HOLIDAY_DATE_BY_NAME = {name: date for names, date in _HOLIDAY_DATE_BY_NAMES.items() for name in names.split("|")}
"""Month and day, by name, of the holidays that have the same date in every year."""
_DECEMBER = 12
_NIGHT_START_HOUR = 18
"""Hour of the day at which the night begins, for words such as "tonight"."""
_NIGHT_END_HOUR = 6
"""Hour of the day at which the night ends, for words such as "tonight"."""

MONTH_PATTERN = "|".join(sorted(MONTH_NUMBERS, key=len, reverse=True))
"""Regular expression, as text, for the names of months."""
WEEKDAY_PATTERN = "|".join(sorted(WEEKDAY_NUMBERS, key=len, reverse=True))
"""Regular expression, as text, for the names of weekdays."""
_UNIT_PATTERN = "|".join(sorted(_UNIT_BY_NAME, key=len, reverse=True))
_NUMBER_PATTERN = "[0-9]{1,5}|" + "|".join(
    sorted((name for name in _NUMBER_BY_NAME if name.isalpha()), key=len, reverse=True)
)
_PAST_EN_PATTERN = "last|past|previous"
_PAST_FR_PATTERN = "dernier|derniere|derniers|dernieres|passe|passee|passes|passees"


def _make_utc(*date: int) -> datetime:
    return datetime(*date, tzinfo=UTC)  # type: ignore[arg-type, misc]  # year, month, day by position


def make_period(start: datetime, end: datetime) -> Period:
    """Return the period that begins at `start` and ends before `end`."""
    return Period(int(start.timestamp()), int(end.timestamp()))


def _get_midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _make_days(start: datetime, count: int = 1) -> Period:
    return make_period(start, start + timedelta(days=count))


def _make_month(year: int, month: int) -> Period:
    return _make_days(_make_utc(year, month, 1), monthrange(year, month)[1])


def _make_year(year: int) -> Period:
    return make_period(_make_utc(year, 1, 1), _make_utc(year + 1, 1, 1))


def _parse_ago(match: re.Match[str], now: datetime) -> Period:
    number_text = match["count"]
    count = _NUMBER_BY_NAME[number_text] if number_text in _NUMBER_BY_NAME else int(number_text)
    end = int(now.timestamp())
    return Period(max(0, end - count * _UNIT_SECONDS[_UNIT_BY_NAME[match["unit"]]]), end)


def _parse_named_day(match: re.Match[str], now: datetime) -> Period:
    days_back = {"today": 0, "tonight": 0, "aujourd": 0, "this": 0, "ce": 0, "yesterday": 1, "hier": 1}
    return _make_days(_get_midnight(now) - timedelta(days=days_back.get(re.split(r"\W", match["day"])[0], 2)))


def _parse_weekday(match: re.Match[str], now: datetime) -> Period:
    days_back = (now.weekday() - WEEKDAY_NUMBERS[match["weekday"]]) % 7
    if days_back == 0 and (match["last"] or match["dernier"]):
        days_back = 7
    return _make_days(_get_midnight(now) - timedelta(days=days_back))


def _parse_night(match: re.Match[str], now: datetime) -> Period:
    """Return the period of the last night that has begun; of "last night", the night before today."""
    evening = _get_midnight(now) + timedelta(hours=_NIGHT_START_HOUR)
    if evening > now or match["dernier"] or match["last"]:
        evening -= timedelta(days=1)
    return make_period(evening, evening + timedelta(hours=24 - _NIGHT_START_HOUR + _NIGHT_END_HOUR))


def _parse_last_unit(match: re.Match[str], now: datetime) -> Period:
    end = int(now.timestamp())
    return Period(max(0, end - _UNIT_SECONDS[_UNIT_BY_NAME[match["unit"]]]), end)


def _make_three_months(year: int, month: int) -> Period:
    """Return the period of three months from the given month on, possibly into the next year."""
    end_month_index = year * 12 + month + 2
    return make_period(_make_utc(year, month, 1), _make_utc(end_month_index // 12, end_month_index % 12 + 1, 1))


def _parse_season(match: re.Match[str], now: datetime) -> Period:
    """Return the three months of a season: of the named year, or the last that has begun or is over."""
    month = _FIRST_MONTH_BY_SEASON[match["season"]]
    if match["year"]:
        return _make_three_months(int(match["year"]), month)
    is_over = bool(match["last"] or match["dernier"])
    seasons = (_make_three_months(year, month) for year in range(now.year, now.year - 3, -1))
    moment = now.timestamp()
    return next(season for season in seasons if (season.end if is_over else season.start) <= moment)


def _parse_quarter(match: re.Match[str], now: datetime) -> Period:
    """Return the period of a quarter by its number or ordinal; without a year, of the last one that has begun."""
    number = int(match["number"]) if match["number"] else _QUARTER_BY_NAME[match["ordinal"]]
    month = 3 * number - 2
    year = int(match["year"] or now.year - (_make_utc(now.year, month, 1) > now))
    return _make_three_months(year, month)


def _parse_calendar_unit(match: re.Match[str], now: datetime) -> Period:
    is_previous = bool(match["last"] or match["dernier"])
    unit_name = match["unit"]
    today = _get_midnight(now)
    monday = today - timedelta(days=today.weekday())
    if unit_name.startswith("week") and unit_name.endswith("end"):
        saturday = monday + timedelta(days=5)
        return _make_days(saturday - timedelta(days=7 if is_previous or saturday > today else 0), 2)
    if unit_name in {"quarter", "trimestre"}:
        quarter_index = today.year * 4 + (today.month - 1) // 3 - is_previous
        return _make_three_months(quarter_index // 4, quarter_index % 4 * 3 + 1)
    unit = _UNIT_BY_NAME[unit_name]
    if unit == "week":
        return _make_days(monday - timedelta(days=7 * is_previous), 7)
    if unit == "month":
        month_index = today.year * 12 + today.month - 1 - is_previous
        return _make_month(month_index // 12, month_index % 12 + 1)
    return _make_year(today.year - is_previous)


def _parse_date(match: re.Match[str], now: datetime) -> Period:
    groups = match.groupdict()
    month = MONTH_NUMBERS[groups["month_name"]] if groups.get("month_name") else int(groups.get("month") or 0)
    day = int(groups.get("day") or 0)
    latest_year = now.year - (not groups.get("year") and _make_utc(now.year, month, max(1, day)) > now)
    year = int(groups.get("year") or latest_year)
    if year < 100:  # noqa: PLR2004 - two digits
        year += 2000
    if not month:
        return _make_year(year)
    return _make_days(_make_utc(year, month, day)) if day else _make_month(year, month)


def _parse_holiday(match: re.Match[str], now: datetime) -> Period:
    month, day = _HOLIDAY_DATE_BY_NAME[match["holiday"]]
    year = int(match["year"] or now.year - (_make_utc(now.year, month, day) > now))
    return _make_days(_make_utc(year, month, day))


def _parse_moment(match: re.Match[str], now: datetime) -> Period:
    moment = datetime.fromisoformat(match["iso"].upper())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=now.tzinfo)
    return Period(int(moment.timestamp()), int(moment.timestamp()) + 1)


YEAR_PATTERN = r"(?:1[0-9]{3}|20[0-9]{2}|2100)"
"""Regular expression, as text, for a number that may be a year."""
_YEAR_GROUP = rf"(?P<year>{YEAR_PATTERN})"
_SHORT_YEAR_GROUP = rf"(?P<year>{YEAR_PATTERN}|[0-9]{{2}})"
_DAY_GROUP = r"(?P<day>[0-9]{1,2})(?:st|nd|rd|th|er)?(?: of)?"
_NAMED_DAY_PATTERN = (
    "today|tonight|yesterday|day before yesterday|aujourd'hui|avant[- ]hier|hier"
    "|this (?:morning|evening|afternoon)|ce (?:matin|soir|jour)"
)
_CALENDAR_UNIT_PATTERN = "week-?end|week|semaine|month|mois|quarter|trimestre|year|annee|an"
_ORDINAL_PATTERN = "|".join(_QUARTER_BY_NAME)
_SEASON_PATTERN = "|".join(_FIRST_MONTH_BY_SEASON)
_HOLIDAY_PATTERN = "|".join(sorted(_HOLIDAY_DATE_BY_NAME, key=len, reverse=True))
_SINGLE_YEAR_SEASON_PATTERN = "|".join(name for name, month in _FIRST_MONTH_BY_SEASON.items() if month != _DECEMBER)
# The groups `last` and `dernier` are the English and the French word for a past period.
_RULES: tuple[tuple[str, Callable[[re.Match[str], datetime], Period]], ...] = (
    (
        r"(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}[t ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:z|[+-][0-9]{2}:[0-9]{2})?)",
        _parse_moment,
    ),
    (_YEAR_GROUP + r"[-/.](?P<month>[0-9]{1,2})(?:[-/.](?P<day>[0-9]{1,2}))?", _parse_date),
    (r"(?P<day>[0-9]{1,2})[-/.](?P<month>[0-9]{1,2})[-/.]" + _SHORT_YEAR_GROUP, _parse_date),
    (rf"{_YEAR_GROUP}(?P<month>[0-9]{{2}})(?P<day>[0-9]{{2}})", _parse_date),
    (rf"{_DAY_GROUP} (?P<month_name>{MONTH_PATTERN})\.?(?:,? {_YEAR_GROUP})?", _parse_date),
    (rf"(?P<month_name>{MONTH_PATTERN})\.? {_DAY_GROUP}(?:,? {_YEAR_GROUP})?", _parse_date),
    (rf"(?P<month_name>{MONTH_PATTERN})\.?(?: {_YEAR_GROUP})?", _parse_date),
    (_YEAR_GROUP, _parse_date),
    (
        (
            rf"(?:(?:{_PAST_EN_PATTERN}) )?(?P<holiday>{_HOLIDAY_PATTERN})(?: "
            rf"(?:{_PAST_FR_PATTERN}))?(?: {_YEAR_GROUP})?"
        ),
        _parse_holiday,
    ),
    (
        (
            rf"(?:(?P<last>{_PAST_EN_PATTERN}) )?(?P<weekday>{WEEKDAY_PATTERN})(?: "
            rf"(?P<dernier>{_PAST_FR_PATTERN}))?"
        ),
        _parse_weekday,
    ),
    (rf"(?P<day>{_NAMED_DAY_PATTERN})", _parse_named_day),
    (
        rf"(?P<last>{_PAST_EN_PATTERN}) night|(?:cette )?nuit(?: (?P<dernier>{_PAST_FR_PATTERN}))?",
        _parse_night,
    ),
    (rf"(?:{_PAST_EN_PATTERN}|derniere) (?P<unit>minute|hour|heure)", _parse_last_unit),
    (
        (
            rf"(?:(?:this|cet?|(?P<last>{_PAST_EN_PATTERN})) )?(?P<season>{_SEASON_PATTERN})(?: "
            rf"(?P<dernier>{_PAST_FR_PATTERN}))?(?P<year>)"
        ),
        _parse_season,
    ),
    (
        rf"(?P<season>{_SINGLE_YEAR_SEASON_PATTERN})(?: of| de)? {_YEAR_GROUP}(?P<last>)(?P<dernier>)",
        _parse_season,
    ),
    (rf"[qt](?P<number>[1-4])(?P<ordinal>)(?:(?: of| de)?[ -]{_YEAR_GROUP})?", _parse_quarter),
    (
        rf"(?P<ordinal>{_ORDINAL_PATTERN})(?P<number>) (?:quarter|trimestre)(?:(?: of| de)? {_YEAR_GROUP})?",
        _parse_quarter,
    ),
    (
        (
            rf"(?:this|current|cette|cet|ce|(?P<last>{_PAST_EN_PATTERN}))? "
            rf"?(?P<unit>{_CALENDAR_UNIT_PATTERN})(?: (?P<dernier>{_PAST_FR_PATTERN}))?"
        ),
        _parse_calendar_unit,
    ),
    (
        (
            rf"(?:il y a |(?:{_PAST_EN_PATTERN}) )?(?P<count>{_NUMBER_PATTERN}) "
            rf"?(?P<unit>{_UNIT_PATTERN})(?: ago| (?:{_PAST_FR_PATTERN}))?"
        ),
        _parse_ago,
    ),
    (
        rf"(?:{_PAST_EN_PATTERN}|derniers|dernieres) (?P<count>{_NUMBER_PATTERN}) (?P<unit>{_UNIT_PATTERN})",
        _parse_ago,
    ),
    (
        rf"(?P<count>{_NUMBER_PATTERN}) (?:{_PAST_EN_PATTERN}|derniers|dernieres) (?P<unit>{_UNIT_PATTERN})",
        _parse_ago,
    ),
)
PERIOD_RULES = tuple((re.compile(pattern), parse_match) for pattern, parse_match in _RULES)
"""Pairs of a pattern of expressions in lower case without accents, and the function that makes a period of a match."""
ZONE_AWARE_PARSERS = (_parse_ago, _parse_last_unit, _parse_moment)
"""Functions that make periods which, not being whole days, need no conversion to a time zone ("2 hours ago")."""
