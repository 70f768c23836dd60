"""Time expressions in a question, in English and French: their positions and the periods they mean."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from bot.text.times import periods
from bot.text.times.periods import Period

RECENT_SECONDS = 7 * 86400
"""Length in seconds of the period that "recently" and "these days" mean."""


class TimeExpression(NamedTuple):
    """Time expression, such as "last week", in a folded text (no case or accents).

    Attributes:
        start: Index of the first character of the expression.
        end: Index after the last character of the expression.
        is_relative: Whether the expression counts from now ("this week", "depuis lundi") rather than naming a
            date.
    """

    start: int
    end: int
    period: Period
    is_relative: bool


_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|janvier|fevrier"
    r"|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre)"
)
_SHORT_MONTH = r"(?:janv?|feb|fevr?|mar|apr|avr|jun|jul|juil|aug|aou|sept?|oct|nov|dec)\.?"
_ENGLISH_DAY = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_FRENCH_DAY = r"(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)"
_DAY = rf"(?:{_ENGLISH_DAY}|{_FRENCH_DAY})"
_UNIT = r"(?:minutes?|mins?|hours?|heures?|h|days?|jours?|weeks?|semaines?|months?|mois|years?|annees?|ans?)"
_NUMBER = (
    r"(?:\d{1,3}|an?|une?|one|two|three|four|five|six|seven|eight|nine|ten|deux|trois|quatre|cinq|sept|huit"
    r"|neuf|dix)"
)
_YEAR = periods.YEAR_PATTERN
_NUMBERED_DAY = r"\d{1,2}(?:st|nd|rd|th|er)?"
_SINCE = r"(?P<since>since|depuis|after|apres|a partir de|a compter de)"
_IN = r"(?:in|within|over|during|for|across|from|of|on|en|au|du|de|le|dans|sur|pendant|au cours|au mois)"
_LAST = r"(?:last|past|previous)"
_LAST_FRENCH = r"(?:derni(?:er|ers|ere|eres)|passe(?:e|s|es)?)"
_HOUR = r"(?: (?:soir|matin|apres-midi|night|morning|evening|afternoon))?"
_PART_OF_PERIOD = (
    r"(?:(?:early|late|mid|(?:beginning|start|middle|end) of|debut|mi|milieu|fin)[ -](?:de |d')?)"
)
# Excludes expressions such as "the last year of the war".
_NOT_OF = r"(?!,? (?:of|de|du|des)\b| d')"
_SEASON = r"(?:spring|summer|autumn|fall|winter)"
_SAISON = r"(?:printemps|ete|automne|hiver)"
_ORDINAL = r"(?:first|second|third|fourth|[1-4](?:st|nd|rd|th|er|e)|premier|deuxieme|troisieme|quatrieme)"
_QUARTER = rf"(?:[qt][1-4]|{_ORDINAL} (?:quarter|trimestre))"
_OLD_YEAR = re.compile(r"(?<!\d)(?:1[0-8]\d\d|2100)$")
_AFTER_OLD_YEAR = re.compile(
    r" ?(?:$|[^\w ])| (?:and|at|by|did|do|does|for|from|had|has|have|in|into|on|or|that|the|to|was|were|when"
    r"|who|with|a|au|aux|avec|chez|contre|dans|de|des|du|en|est|et|la|le|les|ou|par|pour|qui|selon|sous|sur)\b"
    r"| [dl]'"
)
"""Pattern of the text that may follow a year before 1900.

Most numbers of that size are quantities: "en 1200 exemplaires".
"""
_COUNTED_NOUNS = re.compile(
    r" (?:euros?|dollars?|livres|pounds?|yens?|francs?|people|persons?|personnes|employees|employes?|salaries"
    r"|workers|jobs?|emplois|postes|users?|utilisateurs|copies|exemplaires|shares|actions|units|unites|km|kg|m"
    r"|met(?:er|re)s?|kilomet(?:er|re)s?|miles?|points?|mots|words|pages|ans|years?|magasins|stores)\b"
)

# Patterns that count back from now. The named groups hold the text that `periods.parse` understands.
_RELATIVE_PATTERNS = (
    # the last 3 days, ces 3 derniers jours, les derniers 7 jours, depuis deux semaines
    rf"(?:{_LAST}|derniers|dernieres) (?P<n>{_NUMBER}) (?P<unit>{_UNIT}){_NOT_OF}",
    rf"(?P<n>{_NUMBER}) (?:{_LAST}|{_LAST_FRENCH}) (?P<unit>{_UNIT}){_NOT_OF}",
    rf"(?:{_LAST}|dernieres) (?P<n>\d{{1,3}}) ?(?P<unit>h)",
    rf"(?<=since )(?P<n>{_NUMBER}) (?P<unit>{_UNIT})(?: ago)?",
    rf"(?<=depuis )(?P<n>{_NUMBER}) (?P<unit>{_UNIT})",
    # in the past week: the last seven days, not the calendar week
    rf"(?<=the )(?:last|past) (?P<rolling>day|week|month|year){_NOT_OF}",
    rf"(?P<as_is>{_LAST} hour){_NOT_OF}|(?:(?<=\bla )|(?<=cette ))(?P<as_is>derniere heure)",
    # two days ago, il y a deux jours
    rf"(?P<ago>{_NUMBER} {_UNIT}) ago",
    rf"il y a (?P<ago>{_NUMBER} {_UNIT})",
    # this week, la semaine derniere, l'an passe, today
    r"(?P<as_is>(?:this|current) (?:week-?end|week|month|quarter|year))",
    r"(?P<as_is>(?:ce|cet|cette) (?:week-?end|semaine|mois|trimestre|annee))(?:-ci)?",
    rf"(?P<as_is>{_LAST} (?:week-?end|week|month|quarter|year)){_NOT_OF}",
    rf"(?P<as_is>(?:week-?end|semaine|mois|trimestre|annee|an) {_LAST_FRENCH})",
    rf"(?P<as_is>(?:this|{_LAST}) {_SEASON}){_NOT_OF}|(?P<as_is>(?:ce|cet) {_SAISON})",
    rf"(?P<as_is>cette nuit)|(?P<as_is>(?:nuit|{_SAISON}) {_LAST_FRENCH})",
    r"(?<=of the )(?P<as_is>day|week|month|year)(?! \w*\d)",
    r"(?<=de la )(?P<as_is>semaine)|(?<=\bdu )(?P<as_is>jour|mois|week-?end)|(?<=de l')(?P<as_is>annee)",
    r"(?P<as_is>(?:the )?day before yesterday|avant[- ]hier)",
    rf"(?P<as_is>today|tonight|last night|yesterday{_HOUR}|aujourd'hui|hier{_HOUR})",
    r"(?P<as_is>this (?:morning|evening|afternoon)|ce (?:matin|soir))",
    r"(?P<as_is>(?<=the )week-?end)(?! \w*\d)",
    (
        r"(?P<lately>recently|lately|recemment|derniers temps|ces temps-ci|ces jours-ci|dernierement"
        r"|en ce moment|du moment)"
    ),
    r"(?:these|recent|(?:last|past) few) (?P<few>days|weeks|months)",
    r"derniers (?P<few>jours|mois)|dernieres (?P<few>semaines)",
    # last monday, lundi dernier, since friday, on tuesday, mardi
    rf"(?P<as_is>{_LAST} {_ENGLISH_DAY}{_HOUR}|{_FRENCH_DAY}{_HOUR} {_LAST_FRENCH})",
    (
        rf"(?<!black )(?<!cyber )(?<!good )(?P<as_is>{_DAY}{_HOUR})"
        rf"(?! {_NUMBERED_DAY}\b| {_MONTH}\b|,? {_MONTH}\b)"
    ),
)
# Patterns that name a date.
_ABSOLUTE_PATTERNS = (
    (
        rf"(?:semaine du|week of) (?P<week>{_NUMBERED_DAY} {_MONTH}(?: {_YEAR})?"
        rf"|{_MONTH} {_NUMBERED_DAY}(?:,? {_YEAR})?)(?!\d)"
    ),
    rf"(?P<as_is>{_YEAR}-\d\d(?:-\d\d)?|\d{{1,2}}[/.]\d{{1,2}}[/.]{_YEAR})",
    rf"(?P<as_is>{_NUMBERED_DAY} {_MONTH}(?: {_YEAR})?)",
    rf"(?P<as_is>{_MONTH} {_NUMBERED_DAY}(?:,? {_YEAR})?)(?!\d)",
    rf"(?P<as_is>{_MONTH} {_YEAR})|(?P<as_is>(?:{_NUMBERED_DAY} )?{_SHORT_MONTH} {_YEAR})",
    rf"(?P<as_is>{_SHORT_MONTH} {_NUMBERED_DAY},? {_YEAR})",
    rf"(?P<as_is>{_PART_OF_PERIOD}{_MONTH}(?: {_YEAR})?)",
    rf"(?<=\bin )(?P<as_is>(?!mars\b|mai\b){_MONTH})",
    rf"(?<=since )(?P<as_is>{_MONTH})|(?<=depuis )(?P<as_is>{_MONTH})|(?<=\bof )(?P<as_is>{_MONTH})",
    rf"(?<=\ben )(?P<as_is>{_MONTH})|(?<=au mois de )(?P<as_is>{_MONTH})|(?<=au mois d')(?P<as_is>{_MONTH})",
    rf"(?<=\bin )(?P<as_is>{_YEAR})|(?<=\ben )(?P<as_is>{_YEAR})|(?<=\bof )(?P<as_is>{_YEAR})",
    rf"(?<=since )(?P<as_is>{_YEAR})|(?<=depuis )(?P<as_is>{_YEAR})",
    rf"(?<=during )(?P<as_is>{_YEAR})|(?<=pendant )(?P<as_is>{_YEAR})",
    rf"(?<=year )(?P<as_is>{_YEAR})|(?<=annee )(?P<as_is>{_YEAR})",
    # Q3 2026, au 3e trimestre, summer 2025, l'ete 2025
    rf"(?P<as_is>{_QUARTER}(?: of| de)? {_YEAR})|(?<=\bin )(?P<as_is>q[1-4])|(?<=\bau )(?P<as_is>t[1-4])",
    r"(?<=\ben )(?P<as_is>t[1-4])",
    rf"(?:(?<=the )|(?<=\bau )|(?<=\bdu ))(?P<as_is>{_ORDINAL} (?:quarter|trimestre)){_NOT_OF}",
    rf"(?P<as_is>(?:spring|summer|autumn|fall|printemps|automne)(?: of| de)? {_YEAR})",
    rf"(?<=l')(?P<as_is>ete(?: de)? {_YEAR})",
)
_DEFAULT_COUNTS_BY_UNIT = {"days": 7, "jours": 7, "weeks": 4, "semaines": 4, "months": 3, "mois": 3}
"""Number of days, weeks, months or years that "the last few …" means, by unit."""
_GROUP_PATTERN = re.compile(r"\?P<(\w+)>")
_LEADING_WORDS = re.compile(
    rf"(?:\b{_SINCE} |\b{_IN} )?(?:\b(?:the|les|ces|ce|cette|la|le|des|de|du) |\b[ld]')?\Z"
)
_DATE = (
    rf"(?:{_YEAR}(?:-\d\d-\d\d)?|{_MONTH} {_NUMBERED_DAY}(?!\d)(?:,? {_YEAR})?"
    rf"|{_NUMBERED_DAY}(?: {_MONTH})?(?: {_YEAR})?|{_MONTH}(?: {_YEAR})?|{_DAY})"
)
_RANGE_PATTERN = re.compile(
    rf"(?<![\w'-])(?:between|entre|from|du|de) (?:le |l')?(?P<first>{_DATE})"
    rf" (?:and|et|to|until|au|a) (?:le |l')?(?P<last>{_DATE})(?![\w-])"
)
_TRAILING_YEAR = re.compile(rf" {_YEAR}$")
_DAY_ONLY = re.compile(_NUMBERED_DAY)
_BEFORE_WORDS = re.compile(r"\b(?:before|until|by|avant|jusqu'(?:a|en|au)|d'ici) (?:the |le |la |l')?\Z")
_END_OF_EXPRESSION = r"(?=$|[^\w'’-]|-ci\b|'s\b)"


class _Rule(NamedTuple):
    pattern: re.Pattern[str]
    is_relative: bool


def _compile_rule(pattern: str, *, is_relative: bool) -> _Rule:
    """Compile a pattern, numbering its group names, because `re` allows each group name only once."""
    group_counts: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        group_counts[match[1]] = group_counts.get(match[1], 0) + 1
        return f"?P<{match[1]}_{group_counts[match[1]]}>"

    return _Rule(
        re.compile(rf"(?<![\w-])(?<![^ld]')(?:{_GROUP_PATTERN.sub(numbered, pattern)}){_END_OF_EXPRESSION}"),
        is_relative,
    )


_RULES = (
    *(_compile_rule(pattern, is_relative=True) for pattern in _RELATIVE_PATTERNS),
    *(_compile_rule(pattern, is_relative=False) for pattern in _ABSOLUTE_PATTERNS),
)


def find_time_expression(folded: str, now: int, zone: tzinfo = UTC) -> TimeExpression | None:
    """Return the longest time expression in a text folded by `words.fold`, or None.

    `now` is Unix time in seconds; days begin at midnight in `zone`. An expression that only ends a period
    ("before 2020") does not count.
    """
    expressions = list(_find_ranges(folded, now, zone))
    for rule in _RULES:
        for match in rule.pattern.finditer(folded):
            time_expression = _to_time_expression(folded, match, now, zone, is_relative=rule.is_relative)
            if time_expression is not None:
                expressions.append(time_expression)
    return max(
        expressions,
        key=lambda expression: (expression.end - expression.start, -expression.start),
        default=None,
    )


def _find_ranges(folded: str, now: int, zone: tzinfo) -> Iterator[TimeExpression]:
    """Find ranges of dates in a text: "between Monday and Wednesday", "du 3 au 5 juin"."""
    for match in _RANGE_PATTERN.finditer(folded):
        if _is_quantity(folded, match):
            continue
        first, last = match["first"], match["last"]
        if _DAY_ONLY.fullmatch(first):
            first = f"{first} {last.partition(' ')[2]}"
        elif _DAY_ONLY.fullmatch(last):
            last = f"{first.partition(' ')[0]} {last}"
        year = _TRAILING_YEAR.search(last)
        if year and not (_TRAILING_YEAR.search(first) or "-" in first):
            first += year[0]
        begin, end = periods.parse(first, now, zone), periods.parse(last, now, zone)
        if begin and end and begin.start < end.end:
            is_relative = not any(map(str.isdecimal, last)) and any(map(str.isalpha, last))
            yield TimeExpression(match.start(), match.end(), Period(begin.start, end.end), is_relative)


def _is_quantity(folded: str, match: re.Match[str]) -> bool:
    """Return whether a number that looks like a year is a quantity, as in "in 1500 euros"."""
    if not folded[match.end() - 1].isdecimal():
        return False
    if _OLD_YEAR.search(match[0]):
        return _AFTER_OLD_YEAR.match(folded, match.end()) is None
    return _COUNTED_NOUNS.match(folded, match.end()) is not None


def _to_time_expression(
    folded: str, match: re.Match[str], now: int, zone: tzinfo, *, is_relative: bool
) -> TimeExpression | None:
    if _BEFORE_WORDS.search(folded, max(0, match.start() - 30), match.start()) or _is_quantity(folded, match):
        return None
    leading_words = _LEADING_WORDS.search(folded, max(0, match.start() - 30), match.start())
    start = leading_words.start() if leading_words else match.start()
    matched_text = {name.rsplit("_", 1)[0]: groups for name, groups in match.groupdict().items() if groups}
    period = _parse_period(matched_text, now, zone)
    if period is None:
        return None
    if leading_words and leading_words["since"]:
        is_relative = True
        period = Period(period.start, max(now, period.start) + 1)
    return TimeExpression(start, match.end(), period, is_relative)


def _parse_period(groups: dict[str, str], now: int, zone: tzinfo) -> Period | None:
    if "as_is" in groups:
        words = groups["as_is"].removeprefix("the ")
        return periods.parse({"jour": "aujourd'hui", "day": "today"}.get(words, words), now, zone)
    if "week" in groups:
        day = periods.parse(groups["week"], now, zone)
        return day and _week_from(day.start, zone)
    if "lately" in groups:
        return Period(now - RECENT_SECONDS, now + 1)
    if "few" in groups:
        return periods.parse(f"{_DEFAULT_COUNTS_BY_UNIT[groups['few']]} {groups['few']}", now)
    if "ago" in groups:
        return _parse_period_ago(groups["ago"], now, zone)
    count = f"1 {groups['rolling']}" if "rolling" in groups else f"{groups['n']} {groups['unit']}"
    period = periods.parse(count, now)
    return period and period._replace(end=period.end + 1)


def _parse_period_ago(expression: str, now: int, zone: tzinfo) -> Period | None:
    """Return the calendar day, week, month or year that an expression such as "two weeks ago" means."""
    period = periods.parse(expression, now)
    if period is None:
        return None
    moment = datetime.fromtimestamp(period.start, zone)
    unit = expression.rpartition(" ")[2]
    if unit.startswith(("week", "semaine")):
        monday = moment.date() - timedelta(days=moment.weekday())
        day = periods.parse(monday.isoformat(), now, zone)
        return day and _week_from(day.start, zone)
    if unit.startswith(("month", "mois")):
        return periods.parse(f"{moment:%Y-%m}", now, zone)
    if unit.startswith(("year", "an")):
        return periods.parse(f"{moment:%Y}", now, zone)
    return periods.parse(f"{moment:%Y-%m-%d}", now, zone) if unit.startswith(("day", "jour")) else period


def _week_from(start: int, zone: tzinfo) -> Period:
    return Period(start, periods.add_local_seconds(start, 7 * 86400, zone))
