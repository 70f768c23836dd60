"""Time expressions in a question, in English and French: their positions and the periods they mean."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

from bot.text.times import periods
from bot.text.times.periods import Period

RECENT_SECONDS = 7 * 86400
"""Length in seconds of the period, until now, that "recently" and "these days" mean."""


class TimeExpression(NamedTuple):
    """Time expression, such as "last week", in a folded text (no case or accents).

    Attributes:
        start: Index of the first character of the expression.
        end: Index after the last character of the expression.
        is_relative: Whether the expression counts from now ("this week", "mardi") or lasts until now ("depuis 2020")
            rather than naming a date.
    """

    start: int
    end: int
    period: Period
    is_relative: bool


_MONTH_PATTERN = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|janvier|fevrier"
    r"|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre|decembre)"
)
_SHORT_MONTH_PATTERN = r"(?:janv?|feb|fevr?|mar|apr|avr|jun|jul|juil|aug|aou|sept?|oct|nov|dec)\.?"
_ENGLISH_WEEKDAY_PATTERN = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_FRENCH_WEEKDAY_PATTERN = r"(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche)"
_WEEKDAY_PATTERN = rf"(?:{_ENGLISH_WEEKDAY_PATTERN}|{_FRENCH_WEEKDAY_PATTERN})"
_UNIT_PATTERN = r"(?:minutes?|mins?|hours?|heures?|h|days?|jours?|weeks?|semaines?|months?|mois|years?|annees?|ans?)"
_NUMBER_PATTERN = (
    r"(?:\d{1,3}|an?|une?|one|two|three|four|five|six|seven|eight|nine|ten|deux|trois|quatre|cinq|sept|huit"
    r"|neuf|dix)"
)
_YEAR_PATTERN = periods.YEAR_PATTERN
_DAY_OF_MONTH_PATTERN = r"\d{1,2}(?:st|nd|rd|th|er)?"
_SINCE_PATTERN = r"(?P<since>since|depuis|after|apres|a partir de|a compter de)"
_PREPOSITION_PATTERN = (
    r"(?:in|within|over|during|for|across|from|of|on|en|au|du|de|le|dans|sur|pendant|au cours|au mois)"
)
_LAST_PATTERN = r"(?:last|past|previous)"
_FRENCH_LAST_PATTERN = r"(?:derni(?:er|ers|ere|eres)|passe(?:e|s|es)?)"
_PART_OF_DAY_PATTERN = r"(?: (?:soir|matin|apres-midi|night|morning|evening|afternoon))?"
_PART_OF_PERIOD_PATTERN = r"(?:(?:early|late|mid|(?:beginning|start|middle|end) of|debut|mi|milieu|fin)[ -](?:de |d')?)"
# Excludes expressions such as "the last year of the war".
_NOT_BEFORE_OF_PATTERN = r"(?!,? (?:of|de|du|des)\b| d')"
_ENGLISH_SEASON_PATTERN = r"(?:spring|summer|autumn|fall|winter)"
_FRENCH_SEASON_PATTERN = r"(?:printemps|ete|automne|hiver)"
_ORDINAL_PATTERN = r"(?:first|second|third|fourth|[1-4](?:st|nd|rd|th|er|e)|premier|deuxieme|troisieme|quatrieme)"
_QUARTER_PATTERN = rf"(?:[qt][1-4]|{_ORDINAL_PATTERN} (?:quarter|trimestre))"
_UNUSUAL_YEAR_PATTERN = re.compile(r"(?<!\d)(?:1[0-8]\d\d|2100)$")
_AFTER_UNUSUAL_YEAR_PATTERN = re.compile(
    r" ?(?:$|[^\w ])| (?:and|at|by|did|do|does|for|from|had|has|have|in|into|on|or|that|the|to|was|were|when"
    r"|who|with|a|au|aux|avec|chez|contre|dans|de|des|du|en|est|et|la|le|les|ou|par|pour|qui|selon|sous|sur)\b"
    r"| [dl]'"
)
"""Pattern of the text that may follow a year before 1900, or 2100.

Most numbers of that size are quantities: "en 1200 exemplaires".
"""
_COUNTED_NOUN_PATTERN = re.compile(
    r" (?:euros?|dollars?|livres|pounds?|yens?|francs?|people|persons?|personnes|employees|employes?|salaries"
    r"|workers|jobs?|emplois|postes|users?|utilisateurs|copies|exemplaires|shares|actions|units|unites|km|kg|m"
    r"|met(?:er|re)s?|kilomet(?:er|re)s?|miles?|points?|mots|words|pages|ans|years?|magasins|stores)\b"
)

# Patterns that count back from now. A named group says how its text becomes a period:
# - as_is: `periods.parse_period` understands the text unchanged.
# - n, unit: so many units, until now.
# - rolling: one unit, until now ("the past week" is not the calendar week).
# - ago: the calendar day, week, month or year that was so long ago.
# - few: a unit, of which `_DEFAULT_COUNTS_BY_UNIT` has the number.
# - lately: the last `RECENT_SECONDS`.
# - week: a day, which stands for its calendar week.
_RELATIVE_PATTERNS = (
    # the last 3 days, ces 3 derniers jours, les derniers 7 jours, depuis deux semaines
    (
        rf"(?:{_LAST_PATTERN}|derniers|dernieres) (?P<n>{_NUMBER_PATTERN}) "
        rf"(?P<unit>{_UNIT_PATTERN}){_NOT_BEFORE_OF_PATTERN}"
    ),
    (
        rf"(?P<n>{_NUMBER_PATTERN}) (?:{_LAST_PATTERN}|{_FRENCH_LAST_PATTERN}) "
        rf"(?P<unit>{_UNIT_PATTERN}){_NOT_BEFORE_OF_PATTERN}"
    ),
    rf"(?:{_LAST_PATTERN}|dernieres) (?P<n>\d{{1,3}}) ?(?P<unit>h)",
    rf"(?<=since )(?P<n>{_NUMBER_PATTERN}) (?P<unit>{_UNIT_PATTERN})(?: ago)?",
    rf"(?<=depuis )(?P<n>{_NUMBER_PATTERN}) (?P<unit>{_UNIT_PATTERN})",
    # in the past week: the last seven days, not the calendar week
    rf"(?<=the )(?:last|past) (?P<rolling>day|week|month|year){_NOT_BEFORE_OF_PATTERN}",
    (
        rf"(?P<as_is>{_LAST_PATTERN} hour){_NOT_BEFORE_OF_PATTERN}|(?:(?<=\bla )|(?<=cette "
        rf"))(?P<as_is>derniere heure)"
    ),
    # two days ago, il y a deux jours
    rf"(?P<ago>{_NUMBER_PATTERN} {_UNIT_PATTERN}) ago",
    rf"il y a (?P<ago>{_NUMBER_PATTERN} {_UNIT_PATTERN})",
    # this week, la semaine derniere, l'an passe, today
    r"(?P<as_is>(?:this|current) (?:week-?end|week|month|quarter|year))",
    r"(?P<as_is>(?:ce|cet|cette) (?:week-?end|semaine|mois|trimestre|annee))(?:-ci)?",
    rf"(?P<as_is>{_LAST_PATTERN} (?:week-?end|week|month|quarter|year)){_NOT_BEFORE_OF_PATTERN}",
    rf"(?P<as_is>(?:week-?end|semaine|mois|trimestre|annee|an) {_FRENCH_LAST_PATTERN})",
    (
        rf"(?P<as_is>(?:this|{_LAST_PATTERN}) "
        rf"{_ENGLISH_SEASON_PATTERN}){_NOT_BEFORE_OF_PATTERN}|(?P<as_is>(?:ce|cet) {_FRENCH_SEASON_PATTERN})"
    ),
    rf"(?P<as_is>cette nuit)|(?P<as_is>(?:nuit|{_FRENCH_SEASON_PATTERN}) {_FRENCH_LAST_PATTERN})",
    r"(?<=of the )(?P<as_is>day|week|month|year)(?! \w*\d)",
    r"(?<=de la )(?P<as_is>semaine)|(?<=\bdu )(?P<as_is>jour|mois|week-?end)|(?<=de l')(?P<as_is>annee)",
    r"(?P<as_is>(?:the )?day before yesterday|avant[- ]hier)",
    (
        rf"(?P<as_is>today|tonight|last "
        rf"night|yesterday{_PART_OF_DAY_PATTERN}|aujourd'hui|hier{_PART_OF_DAY_PATTERN})"
    ),
    r"(?P<as_is>this (?:morning|evening|afternoon)|ce (?:matin|soir))",
    r"(?P<as_is>(?<=the )week-?end)(?! \w*\d)",
    (
        r"(?P<lately>recently|lately|recemment|derniers temps|ces temps-ci|ces jours-ci|dernierement"
        r"|en ce moment|du moment)"
    ),
    r"(?:these|recent|(?:last|past) few) (?P<few>days|weeks|months)",
    r"derniers (?P<few>jours|mois)|dernieres (?P<few>semaines)",
    # last monday, lundi dernier, since friday, on tuesday, mardi
    (
        rf"(?P<as_is>{_LAST_PATTERN} {_ENGLISH_WEEKDAY_PATTERN}{_PART_OF_DAY_PATTERN}"
        rf"|{_FRENCH_WEEKDAY_PATTERN}{_PART_OF_DAY_PATTERN} {_FRENCH_LAST_PATTERN})"
    ),
    (
        rf"(?<!black )(?<!cyber )(?<!good )(?P<as_is>{_WEEKDAY_PATTERN}{_PART_OF_DAY_PATTERN})"
        rf"(?! {_DAY_OF_MONTH_PATTERN}\b| {_MONTH_PATTERN}\b|,? {_MONTH_PATTERN}\b)"
    ),
)
# Patterns that name a date.
_ABSOLUTE_PATTERNS = (
    (
        rf"(?:semaine du|week of) (?P<week>{_DAY_OF_MONTH_PATTERN} {_MONTH_PATTERN}(?: {_YEAR_PATTERN})?"
        rf"|{_MONTH_PATTERN} {_DAY_OF_MONTH_PATTERN}(?:,? {_YEAR_PATTERN})?)(?!\d)"
    ),
    rf"(?P<as_is>{_YEAR_PATTERN}-\d\d(?:-\d\d)?|\d{{1,2}}[/.]\d{{1,2}}[/.]{_YEAR_PATTERN})",
    rf"(?P<as_is>{_DAY_OF_MONTH_PATTERN} {_MONTH_PATTERN}(?: {_YEAR_PATTERN})?)",
    rf"(?P<as_is>{_MONTH_PATTERN} {_DAY_OF_MONTH_PATTERN}(?:,? {_YEAR_PATTERN})?)(?!\d)",
    (
        rf"(?P<as_is>{_MONTH_PATTERN} {_YEAR_PATTERN})|(?P<as_is>(?:{_DAY_OF_MONTH_PATTERN} "
        rf")?{_SHORT_MONTH_PATTERN} {_YEAR_PATTERN})"
    ),
    rf"(?P<as_is>{_SHORT_MONTH_PATTERN} {_DAY_OF_MONTH_PATTERN},? {_YEAR_PATTERN})",
    rf"(?P<as_is>{_PART_OF_PERIOD_PATTERN}{_MONTH_PATTERN}(?: {_YEAR_PATTERN})?)",
    rf"(?<=\bin )(?P<as_is>(?!mars\b|mai\b){_MONTH_PATTERN})",
    (
        rf"(?<=since )(?P<as_is>{_MONTH_PATTERN})|(?<=depuis )(?P<as_is>{_MONTH_PATTERN})|(?<=\bof "
        rf")(?P<as_is>{_MONTH_PATTERN})"
    ),
    (
        rf"(?<=\ben )(?P<as_is>{_MONTH_PATTERN})|(?<=au mois de )(?P<as_is>{_MONTH_PATTERN})|(?<=au "
        rf"mois d')(?P<as_is>{_MONTH_PATTERN})"
    ),
    (
        rf"(?<=\bin )(?P<as_is>{_YEAR_PATTERN})|(?<=\ben )(?P<as_is>{_YEAR_PATTERN})|(?<=\bof "
        rf")(?P<as_is>{_YEAR_PATTERN})"
    ),
    rf"(?<=since )(?P<as_is>{_YEAR_PATTERN})|(?<=depuis )(?P<as_is>{_YEAR_PATTERN})",
    rf"(?<=during )(?P<as_is>{_YEAR_PATTERN})|(?<=pendant )(?P<as_is>{_YEAR_PATTERN})",
    rf"(?<=year )(?P<as_is>{_YEAR_PATTERN})|(?<=annee )(?P<as_is>{_YEAR_PATTERN})",
    # Q3 2026, au 3e trimestre, summer 2025, l'ete 2025
    (
        rf"(?P<as_is>{_QUARTER_PATTERN}(?: of| de)? {_YEAR_PATTERN})|(?<=\bin "
        rf")(?P<as_is>q[1-4])|(?<=\bau )(?P<as_is>t[1-4])"
    ),
    r"(?<=\ben )(?P<as_is>t[1-4])",
    (
        rf"(?:(?<=the )|(?<=\bau )|(?<=\bdu ))(?P<as_is>{_ORDINAL_PATTERN} "
        rf"(?:quarter|trimestre)){_NOT_BEFORE_OF_PATTERN}"
    ),
    rf"(?P<as_is>(?:spring|summer|autumn|fall|printemps|automne)(?: of| de)? {_YEAR_PATTERN})",
    rf"(?<=l')(?P<as_is>ete(?: de)? {_YEAR_PATTERN})",
)
_DEFAULT_COUNTS_BY_UNIT = {"days": 7, "jours": 7, "weeks": 4, "semaines": 4, "months": 3, "mois": 3}
"""Number of days, weeks or months that "the last few …" means, by unit."""
_GROUP_PATTERN = re.compile(r"\?P<(\w+)>")
_LEADING_WORDS_PATTERN = re.compile(
    rf"(?:\b{_SINCE_PATTERN} |\b{_PREPOSITION_PATTERN} "
    rf")?(?:\b(?:the|les|ces|ce|cette|la|le|des|de|du) |\b[ld]')?\Z"
)
_DATE_PATTERN = (
    rf"(?:{_YEAR_PATTERN}(?:-\d\d-\d\d)?|{_MONTH_PATTERN} {_DAY_OF_MONTH_PATTERN}(?!\d)(?:,? "
    rf"{_YEAR_PATTERN})?"
    rf"|{_DAY_OF_MONTH_PATTERN}(?: {_MONTH_PATTERN})?(?: {_YEAR_PATTERN})?|{_MONTH_PATTERN}(?: "
    rf"{_YEAR_PATTERN})?|{_WEEKDAY_PATTERN})"
)
_RANGE_PATTERN = re.compile(
    rf"(?<![\w'-])(?:between|entre|from|du|de) (?:le |l')?(?P<first>{_DATE_PATTERN})"
    rf" (?:and|et|to|until|au|a) (?:le |l')?(?P<last>{_DATE_PATTERN})(?![\w-])"
)
_TRAILING_YEAR_PATTERN = re.compile(rf" {_YEAR_PATTERN}$")
_DAY_ONLY_PATTERN = re.compile(_DAY_OF_MONTH_PATTERN)
_BEFORE_WORDS_PATTERN = re.compile(r"\b(?:before|until|by|avant|jusqu'(?:a|en|au)|d'ici) (?:the |le |la |l')?\Z")
_MAX_PRECEDING_LENGTH = 30
"""Number of characters before an expression that are searched for a preposition or an article."""
_END_OF_EXPRESSION_PATTERN = r"(?=$|[^\w'’-]|-ci\b|'s\b)"


class _ExpressionRule(NamedTuple):
    """Pattern of a time expression; `is_relative` if the expression counts from now rather than naming a date."""

    pattern: re.Pattern[str]
    is_relative: bool


def _compile_rule(pattern: str, *, is_relative: bool) -> _ExpressionRule:
    """Compile a pattern, numbering its group names, because `re` allows each group name only once."""
    group_counts: dict[str, int] = {}

    def number_group(match: re.Match[str]) -> str:
        group_counts[match[1]] = group_counts.get(match[1], 0) + 1
        return f"?P<{match[1]}_{group_counts[match[1]]}>"

    numbered_pattern = _GROUP_PATTERN.sub(number_group, pattern)
    return _ExpressionRule(
        re.compile(rf"(?<![\w-])(?<![^ld]')(?:{numbered_pattern}){_END_OF_EXPRESSION_PATTERN}"),
        is_relative,
    )


_EXPRESSION_RULES = (
    *(_compile_rule(pattern, is_relative=True) for pattern in _RELATIVE_PATTERNS),
    *(_compile_rule(pattern, is_relative=False) for pattern in _ABSOLUTE_PATTERNS),
)


def find_time_expression(folded_text: str, now: int, zone: tzinfo = UTC) -> TimeExpression | None:
    """Return the longest time expression in a text folded by `words.fold`, or None.

    `now` is Unix time in seconds; days begin at midnight in `zone`. An expression that only ends a period
    ("before 2020") does not count.
    """
    expressions = list(_find_ranges(folded_text, now, zone))
    for rule in _EXPRESSION_RULES:
        for match in rule.pattern.finditer(folded_text):
            time_expression = _to_time_expression(folded_text, match, now, zone, is_relative=rule.is_relative)
            if time_expression is not None:
                expressions.append(time_expression)
    return max(
        expressions,
        key=lambda expression: (expression.end - expression.start, -expression.start),
        default=None,
    )


def _find_ranges(folded_text: str, now: int, zone: tzinfo) -> Iterator[TimeExpression]:
    """Find ranges of dates in a text: "between Monday and Wednesday", "du 3 au 5 juin"."""
    for match in _RANGE_PATTERN.finditer(folded_text):
        if _is_quantity(folded_text, match):
            continue
        first_date_text, last_date_text = match["first"], match["last"]
        if _DAY_ONLY_PATTERN.fullmatch(first_date_text):
            first_date_text = f"{first_date_text} {last_date_text.partition(' ')[2]}"
        elif _DAY_ONLY_PATTERN.fullmatch(last_date_text):
            last_date_text = f"{first_date_text.partition(' ')[0]} {last_date_text}"
        year_match = _TRAILING_YEAR_PATTERN.search(last_date_text)
        if year_match and not (_TRAILING_YEAR_PATTERN.search(first_date_text) or "-" in first_date_text):
            first_date_text += year_match[0]
        first_period, last_period = (
            periods.parse_period(first_date_text, now, zone),
            periods.parse_period(last_date_text, now, zone),
        )
        if first_period and last_period and first_period.start < last_period.end:
            is_relative = not any(map(str.isdecimal, last_date_text)) and any(map(str.isalpha, last_date_text))
            yield TimeExpression(match.start(), match.end(), Period(first_period.start, last_period.end), is_relative)


def _is_quantity(folded_text: str, match: re.Match[str]) -> bool:
    """Return whether a number that looks like a year is a quantity, as in "in 1500 euros"."""
    if not folded_text[match.end() - 1].isdecimal():
        return False
    if _UNUSUAL_YEAR_PATTERN.search(match[0]):
        return _AFTER_UNUSUAL_YEAR_PATTERN.match(folded_text, match.end()) is None
    return _COUNTED_NOUN_PATTERN.match(folded_text, match.end()) is not None


def _to_time_expression(
    folded_text: str, match: re.Match[str], now: int, zone: tzinfo, *, is_relative: bool
) -> TimeExpression | None:
    if _BEFORE_WORDS_PATTERN.search(
        folded_text, max(0, match.start() - _MAX_PRECEDING_LENGTH), match.start()
    ) or _is_quantity(folded_text, match):
        return None
    leading_words_match = _LEADING_WORDS_PATTERN.search(
        folded_text, max(0, match.start() - _MAX_PRECEDING_LENGTH), match.start()
    )
    start = leading_words_match.start() if leading_words_match else match.start()
    text_by_group = {
        group_name.rsplit("_", 1)[0]: group_text for group_name, group_text in match.groupdict().items() if group_text
    }
    period = _parse_period(text_by_group, now, zone)
    if period is None:
        return None
    if leading_words_match and leading_words_match["since"]:
        is_relative = True
        period = Period(period.start, max(now, period.start) + 1)
    return TimeExpression(start, match.end(), period, is_relative)


def _parse_period(text_by_group: dict[str, str], now: int, zone: tzinfo) -> Period | None:
    if "as_is" in text_by_group:
        period_text = text_by_group["as_is"].removeprefix("the ")
        return periods.parse_period({"jour": "aujourd'hui", "day": "today"}.get(period_text, period_text), now, zone)
    if "week" in text_by_group:
        day_period = periods.parse_period(text_by_group["week"], now, zone)
        return day_period and _build_week_period(day_period.start, zone)
    if "lately" in text_by_group:
        return Period(now - RECENT_SECONDS, now + 1)
    if "few" in text_by_group:
        return periods.parse_period(f"{_DEFAULT_COUNTS_BY_UNIT[text_by_group['few']]} {text_by_group['few']}", now)
    if "ago" in text_by_group:
        return _parse_period_ago(text_by_group["ago"], now, zone)
    duration_text = (
        f"1 {text_by_group['rolling']}"
        if "rolling" in text_by_group
        else f"{text_by_group['n']} {text_by_group['unit']}"
    )
    period = periods.parse_period(duration_text, now)
    return period and period._replace(end=period.end + 1)


def _parse_period_ago(expression: str, now: int, zone: tzinfo) -> Period | None:
    """Return the calendar day, week, month or year that an expression such as "two weeks ago" means.

    "Two hours ago" means the time since then.
    """
    period = periods.parse_period(expression, now)
    if period is None:
        return None
    period_start = datetime.fromtimestamp(period.start, zone)
    unit = expression.rpartition(" ")[2]
    if unit.startswith(("week", "semaine")):
        monday = period_start.date() - timedelta(days=period_start.weekday())
        day_period = periods.parse_period(monday.isoformat(), now, zone)
        return day_period and _build_week_period(day_period.start, zone)
    if unit.startswith(("month", "mois")):
        return periods.parse_period(f"{period_start:%Y-%m}", now, zone)
    if unit.startswith(("year", "an")):
        return periods.parse_period(f"{period_start:%Y}", now, zone)
    return periods.parse_period(f"{period_start:%Y-%m-%d}", now, zone) if unit.startswith(("day", "jour")) else period


def _build_week_period(start: int, zone: tzinfo) -> Period:
    return Period(start, periods.add_local_seconds(start, 7 * 86400, zone))
