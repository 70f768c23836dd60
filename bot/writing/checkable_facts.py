"""Checkable facts of a sentence in English or French: numbers, dates, times, durations, money.

"1,5 million", "1.5 million" and "1 500 000" are one number; "10 juin" and "June 10" are one date, and "20h40"
and "8:40 p.m." are one time.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from bot.text.words import fold


class CheckableFacts(NamedTuple):
    """Checkable facts of a text: numbers, dates, times, durations and money.

    `numbers` holds for each number its possible values ("1.500" has two in French). `fact_pairs` are pairs
    that must occur together: day and month, month and year, number and unit of time; or a kind and one value,
    such as a currency or a weekday.
    """

    numbers: tuple[frozenset[Decimal], ...]
    fact_pairs: frozenset[tuple[str, str]]

    @property
    def possible_values(self) -> frozenset[Decimal]:
        """Possible values of all numbers together."""
        return frozenset[Decimal]().union(*self.numbers)


_MONTHS = {
    name: number
    for number, names in enumerate(
        "january janvier,february fevrier,march mars,april avril,may mai,june juin,july juillet,august aout,"
        "september septembre,october octobre,november novembre,december decembre".split(","),
        1,
    )
    for name in names.split()
}
_AMBIGUOUS_MONTHS = frozenset({"may", "march", "mars"})
"""Names of months that are also other words; they count as dates only beside a number or a preposition."""
_WEEKDAYS = {
    name: english
    for english, french in zip(
        "monday tuesday wednesday thursday friday saturday sunday".split(),
        "lundi mardi mercredi jeudi vendredi samedi dimanche".split(),
        strict=True,
    )
    for name in (english, french)
}
_UNITS = {
    name: names.split()[0]
    for names in (
        "second seconds seconde secondes", "minute minutes", "hour hours heure heures h",
        "day days jour jours", "week weeks semaine semaines", "month months mois",
        "year years an ans annee annees",
        "decade decades decennie decennies", "century centuries siecle siecles",
    )
    for name in names.split()
}  # fmt: skip
_CURRENCIES = {
    name: names.split()[0]
    for names in (
        "$ dollar dollars usd", "€ euro euros eur", "£ pound pounds sterling gbp", "¥ yen yens yuan yuans",
        "% percent pourcent pourcents", "£ livres",
    )
    for name in names.split()
}  # fmt: skip
_SCALES = {
    "hundred": 100, "hundreds": 100, "cent": 100, "cents": 100, "centaine": 100, "centaines": 100,
    "thousand": 1000, "thousands": 1000, "mille": 1000, "millier": 1000, "milliers": 1000, "k": 1000,
    "million": 10**6, "millions": 10**6, "mn": 10**6, "m": 10**6,
    "billion": 10**9, "billions": 10**9, "bn": 10**9, "milliard": 10**9, "milliards": 10**9, "md": 10**9,
    "mds": 10**9, "trillion": 10**12, "trillions": 10**12,
}  # fmt: skip
_NUMBER_WORDS = {
    name: value
    for value, names in {
        1: "one", 2: "two deux", 3: "three trois", 4: "four quatre", 5: "five cinq", 6: "six",
        7: "seven sept", 8: "eight huit", 9: "nine neuf", 10: "ten dix dizaine", 11: "eleven onze",
        12: "twelve douze douzaine dozen", 13: "thirteen treize", 14: "fourteen quatorze",
        15: "fifteen quinze quinzaine", 16: "sixteen seize", 17: "seventeen", 18: "eighteen", 19: "nineteen",
        20: "twenty vingt vingts vingtaine", 30: "thirty trente trentaine", 40: "forty quarante quarantaine",
        50: "fifty cinquante cinquantaine", 60: "sixty soixante soixantaine", 70: "seventy septante",
        80: "eighty octante", 90: "ninety nonante",
    }.items()
    for name in names.split()
}  # fmt: skip
_NOON = 12
_ARTICLES = frozenset({"a", "an", "un", "une"})
_QUATRE_VINGT = 4
"""Value of "quatre" in "quatre-vingt", the French word for 80."""
_THOUSANDS_GROUP_DIGITS = 3

_month = "|".join(_MONTHS)
_YEAR = r"(?:1[0-9]|20)\d\d"
_DATE = re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|e)?(?: of)? (?P<month>{_month})\b")
_DATE_ENGLISH = re.compile(rf"\b(?P<month>{_month}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\w.,]*\d)")
_MONTH_YEAR = re.compile(
    rf"\b(?P<month>{_month})(?: \d{{1,2}}(?:st|nd|rd|th)?)?,? (?:of |de )?(?P<year>{_YEAR})\b"
)
_MONTH = re.compile(rf"\b(?P<before>in |en |of |de |d'|since |depuis |until )?(?P<month>{_month})\b")
_NUMERIC_DATE = re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b")
_TIME = re.compile(
    r"(?<![\w.,:])(?P<hour>\d{1,2})(?: ?h ?|:)(?P<minute>\d\d)(?!\d|:\d)(?: ?(?P<half>[ap])\.? ?m\b)?"
)
_DOTTED_DATE = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
_ISO_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_ROMAN = re.compile(r"\b([ivx]{1,5})(?:e|eme)? (?=siecles?\b)")
_scale = "|".join(sorted(_SCALES, key=len, reverse=True))
_unit = "|".join(sorted(_UNITS, key=len, reverse=True))
_NUMBER = re.compile(
    r"(?<![\w.,])[v$€£¥]?(?P<digits>\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*)"
    rf"(?: ?(?P<scale>{_scale})(?![^\W\d_]))?"
    rf"(?:(?: |-)?(?P<unit>{_unit})(?![^\W\d_]))?"
)
_VERSION_NUMBER = re.compile(r"\d+(?:\.\d+){2,}(?<!\.\d{3})")
_WORD = re.compile(r"[^\W\d_]+|[$€£¥%]")
_POUR_CENT = re.compile(r"\bp(?:ou|e)r ?cent\b")


def extract_facts(text: str, language: str | None = None) -> CheckableFacts:
    """Return the checkable facts of a text.

    `language` (ISO 639-1) determines how numbers are written; with None, the English and the French way are
    allowed.
    """
    folded = _DOTTED_DATE.sub(r"\1/\2/\3", text)
    folded = _POUR_CENT.sub("percent", " ".join(fold(folded).split()))
    numbers: list[frozenset[Decimal]] = []
    facts: set[tuple[str, str]] = {*_date_facts(folded), *map(_time_fact, _TIME.finditer(folded))}
    folded = _TIME.sub(" ", folded)
    for match in _NUMBER.finditer(folded):
        digits = match["digits"].replace(" ", "")
        if _VERSION_NUMBER.fullmatch(digits):
            facts.add(("release", digits))
            continue
        candidate_values = _possible_values(digits, match["scale"], language)
        numbers.append(candidate_values)
        if match["unit"]:
            facts.update((f"{unit_value:f}", _UNITS[match["unit"]]) for unit_value in candidate_values)
    spelled_numbers = list(_spelled_numbers(_WORD.findall(_NUMBER.sub(" ", folded).replace("'", " "))))
    facts.update((str(spelled_value), unit) for spelled_value, unit in spelled_numbers if unit)
    numbers += (
        frozenset({Decimal(spelled_number)})
        for spelled_number, _unit in spelled_numbers
        if spelled_number > 1
    )  # "un" may be an article
    numbers += (frozenset({Decimal(_parse_roman(match[1]))}) for match in _ROMAN.finditer(folded))
    words = _WORD.findall(folded)
    facts.update(("unit", _CURRENCIES[word]) for word in words if word in _CURRENCIES)
    facts.update(("weekday", _WEEKDAYS[word]) for word in words if word in _WEEKDAYS)
    return CheckableFacts(tuple(numbers), frozenset(facts))


def is_number_or_date(word: str) -> bool:
    """Return whether a word is part of a number or date that `extract_facts` recognises.

    The word must be folded: in lower case and without accents.
    """
    return any(
        word in vocabulary for vocabulary in (_MONTHS, _WEEKDAYS, _UNITS, _CURRENCIES, _SCALES, _NUMBER_WORDS)
    ) or (word[:1].isdecimal())


def extract_time_units(text: str) -> frozenset[str]:
    """Return the units of time that a text names, in English, such as "hour"."""
    return frozenset(_UNITS[word] for word in _WORD.findall(fold(text)) if word in _UNITS)


def has_unsupported_fact(claimed: CheckableFacts, supported: CheckableFacts) -> bool:
    """Return whether a text claims a fact that the supported facts do not include."""
    supported_values = supported.possible_values
    return not claimed.fact_pairs <= supported.fact_pairs or any(
        supported_values.isdisjoint(number) for number in claimed.numbers
    )


def _time_fact(match: re.Match[str]) -> tuple[str, str]:
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % _NOON + (_NOON if match["half"] == "p" else 0)
    return "time", f"{hour}:{match['minute']}"


def _date_facts(folded: str) -> Iterator[tuple[str, str]]:
    for pattern in (_DATE, _DATE_ENGLISH):
        for match in pattern.finditer(folded):
            yield f"day {int(match['day'])}", f"month {_MONTHS[match['month']]}"
            yield "month", str(_MONTHS[match["month"]])
    for match in _MONTH_YEAR.finditer(folded):
        yield f"month {_MONTHS[match['month']]}", match["year"]
        yield "month", str(_MONTHS[match["month"]])
    for match in _MONTH.finditer(folded):
        if match["before"] or match["month"] not in _AMBIGUOUS_MONTHS:
            yield "month", str(_MONTHS[match["month"]])
    numeric = [tuple(map(int, match.groups())) for match in _ISO_DATE.finditer(folded)]
    for match in _NUMERIC_DATE.finditer(folded):
        first, second, year = map(int, match.groups())
        numeric += [(year, second, first), (year, first, second)]
    for year, month, day in numeric:
        yield f"day {day}", f"month {month}"
        yield f"month {month}", str(year)
        yield "month", str(month)


def _possible_values(digits: str, scale: str | None, language: str | None) -> frozenset[Decimal]:
    """Return the values that a number written in digits may have in a language."""
    *groups, last_group = re.split("[.,]", digits)
    separator = digits[-len(last_group) - 1 : -len(last_group)]
    candidates = set()
    if not groups:
        candidates.add(Decimal(digits))
    elif len(groups) > 1:
        is_single_separator = len(set(re.findall("[.,]", digits))) == 1
        candidates.add(
            Decimal(
                "".join([*groups, last_group]) if is_single_separator else "".join(groups) + "." + last_group
            )
        )
    else:
        may_be_thousands = (
            len(last_group) == _THOUSANDS_GROUP_DIGITS
            and len(groups[0]) <= _THOUSANDS_GROUP_DIGITS
            and groups[0] != "0"
        )
        if (
            may_be_thousands
            and not (separator == "," and language == "fr")
            and not (separator == "." and language == "en")
        ):
            candidates.add(Decimal(groups[0] + last_group))
        if not (may_be_thousands and separator == "," and language == "en"):
            candidates.add(Decimal(f"{groups[0]}.{last_group}"))
    if scale:
        factor = 10**12 if scale.startswith("billion") and language == "fr" else _SCALES[scale]
        scaled = {unscaled * factor for unscaled in candidates}
        candidates = scaled | (candidates if len(scale) == 1 else set())  # "5 m" may be metres.
    return frozenset(candidate.normalize() for candidate in candidates)


def _spelled_numbers(words: Sequence[str]) -> Iterator[tuple[int, str | None]]:
    """Yield the numbers that are spelled in words, each with the unit of time after it, or None.

    An article before a unit of time counts as 1 ("an hour").
    """
    position = 0
    while position < len(words):
        number, end = _parse_number_words(words, position)
        if end == position and words[position] in _ARTICLES:
            number, end = 1, position + 1
            if words[end : end + 1] and words[end] not in _UNITS:
                position = end
                continue
        if end > position:
            yield number, _UNITS.get(words[end]) if end < len(words) else None
        position = max(end, position + 1)


def _parse_number_words(words: Sequence[str], start: int) -> tuple[int, int]:
    """Return the number that the words from `start` on spell, and the position after its last word.

    If there is no number, that position is `start`.
    """
    total = current = 0
    position = start
    for word in words[start:]:
        if word in _NUMBER_WORDS:
            four_twenties = current == _QUATRE_VINGT and word in {"vingt", "vingts"}
            current = 80 if four_twenties else current + _NUMBER_WORDS[word]
        elif word in _SCALES and len(word) > 1:
            scaled = max(current, 1) * _SCALES[word]
            total, current = (total, scaled) if scaled < _SCALES["thousand"] else (total + scaled, 0)
        elif not (
            word in {"et", "and"} and current and _NUMBER_WORDS.keys() & words[position + 1 : position + 2]
        ):
            break
        position += 1
    return total + current, position


def _parse_roman(text: str) -> int:
    digit_values = [{"i": 1, "v": 5, "x": 10}[character] for character in text]
    pairs = zip(digit_values, [*digit_values[1:], 0], strict=True)
    return sum(-digit_value if digit_value < next_value else digit_value for digit_value, next_value in pairs)
